"""Subsets of faces: from a list of image names, or from a column of a csv file."""

from pathlib import Path

import numpy as np

from data_tools.files import read_text
from data_tools.metrics import subset_masks
from data_tools.readers import read_rows
from features.errors import InputError

_MAX_BYTES = 1 << 26


def read_subsets(path, files):
    """The subsets that a file names.

    Parameters
    ----------
    path : str or Path
        A .csv file with file names in the column ``image`` and subset labels ("common",
        "challenging"; empty for none) in every other column; or a text file with one image name per
        line, which defines one subset named after the file. Image names may omit folder and suffix.
    files : list of str
        Image file of each face.

    Returns
    -------
    dict of str to ndarray of shape (n,), bool

    Raises
    ------
    InputError
        If the file cannot be read, has no column ``image`` or rows of different lengths, or names
        none of the faces.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        labels = _columns(path)
        names = labels.pop("image")
    else:
        names = read_text(path, _MAX_BYTES).splitlines()
        labels = {path.stem: [path.stem] * len(names)}
    masks = {}
    for column in labels.values():
        known = {Path(name.strip()).stem: label.strip()
                 for name, label in zip(names, column, strict=True) if name.strip()}  # fmt: skip
        masks |= subset_masks([known.get(Path(file).stem, "") for file in files])
    masks = {name: mask for name, mask in masks.items() if np.any(mask)}
    if not masks:
        raise InputError(f"{path}: names none of the {len(files)} faces; check its image names")
    return masks


def _columns(path):
    """The cells of each column of a csv file by its name; one is called ``image``."""
    rows = read_rows(path)
    where, header = next(rows, (f"{path}, line 1", []))
    if "image" not in header:
        raise InputError(f"{where}: need a header with the column image, and rows")
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        raise InputError(f"{where}: two columns have one name; rename one")
    cells = []
    for where, row in rows:
        if len(row) != len(header):
            raise InputError(f"{where}: expected {len(header)} columns, found {len(row)}")
        cells.append(row)
    columns = zip(*cells, strict=True) if cells else [()] * len(header)
    return {name: column for name, column in zip(header, columns, strict=True) if name}
