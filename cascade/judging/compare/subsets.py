"""Subsets of faces: from a list of image names, or from a column of a csv file."""

import csv
import io
from pathlib import Path

import numpy as np

from data_tools.files import read_text
from data_tools.metrics import subset_masks
from features.errors import InputError

_MAX_BYTES = 1 << 26


def read_subsets(path, files):
    """The subsets that a file names.

    Parameters
    ----------
    path : str or Path
        A .csv file of which the column ``image`` holds file names and every other column the label
        of a subset ("common", "challenging"; empty for none); or a text file of one image name a
        line, which makes one subset of the file's own name. Names may leave out folder and suffix.
    files : list of str
        Image file of each face.

    Returns
    -------
    dict of str to ndarray of shape (n,), bool

    Raises
    ------
    InputError
        If the file cannot be read, has no column ``image``, or names none of the faces.
    """
    path = Path(path)
    text = read_text(path, _MAX_BYTES)
    if path.suffix.lower() == ".csv":
        try:
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise InputError(f"{path}: not csv ({error})") from error
        if not rows or "image" not in rows[0]:
            raise InputError(f"{path}: need a header with the column image, and rows")
        columns = [name for name in rows[0] if name and name != "image"]
        names = [row["image"] or "" for row in rows]
        labels = {column: [row[column] or "" for row in rows] for column in columns}
    else:
        names = text.splitlines()
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
