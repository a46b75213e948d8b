"""MUCT (Milborrow et al. 2010): 3755 faces of 276 people, 76 points each."""

from pathlib import Path

import numpy as np

from features.errors import InputError
from features.files import head

from ._faces import Face
from ._lists import first_that, gather, images_below, inside, points
from ._rows import read_rows

LISTS = ("muct76-opencv.csv", "muct68-opencv.csv")
_SCHEMES = {76: "muct76", 68: "muct68"}


def recognises(path):
    """Whether `path` is, or its folder muct-landmarks or itself holds, muct76-opencv.csv."""
    return _list(Path(path)) is not None


def _list(path):
    files = [path] if path.is_file() else [
        path / folder / name for name in LISTS for folder in (".", "muct-landmarks")
    ]  # fmt: skip
    return first_that(files, lambda file: head(file, 20).startswith(b"name,tag,x00,y00"))


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read MUCT's list of landmarks for OpenCV.

    The first line is ``name,tag,x00,y00,x01,y01,…`` up to 75, or 67 for the older list; every other
    line is a face. Coordinates count from 0; 0,0 marks a missing landmark. Lines of mirrored
    images, whose names begin with ``ir``, are ignored: they are copies. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
        The list muct76-opencv.csv, or a folder with it or with muct-landmarks/muct76-opencv.csv.
    images : str or Path, optional
        Folder of the images i000qa-fn.jpg, …; without it, the folder above the list's and all
        folders in it.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme muct76 or muct68, and in `attributes` ``tag``, the list's own bits.

    Raises
    ------
    InputError
        If the list cannot be read or is not of that form, or no face is usable.
    """
    path = Path(path)
    table = _list(path)
    if table is None:
        raise InputError(f"{path}: no list {LISTS[0]} of MUCT")
    root = Path(images) if images is not None else table.parent
    if images is None and table.parent.name == "muct-landmarks":
        root = table.parent.parent
    rows = read_rows(table)
    where, header = next(rows, (f"{table}, line 1", []))
    n_points = (len(header) - 2) // 2
    expected = ["name", "tag", *(f"{axis}{i:02d}" for i in range(n_points) for axis in "xy")]
    if n_points not in _SCHEMES or header != expected:
        raise InputError(f"{where}: the header must be name,tag,x00,y00,… up to 67 or 75")
    found, annotated = images_below(root), {}
    for where, (name, *cells) in rows:
        if len(cells) != len(header) - 1:
            raise InputError(f"{where}: expected {len(header)} columns, found {len(cells) + 1}")
        shape = points(cells[1:], where)
        shape[(shape == 0).all(1)] = np.nan
        if not name.startswith("ir"):
            image = found.get(name) or inside(root, f"{name}.jpg", where)
            face = Face(where, shape, attributes={"tag": cells[0][:20]})
            annotated.setdefault(image, []).append(face)
    return gather(path, annotated, scheme=scheme or _SCHEMES[n_points], boxes=boxes,
                  detector=detector, progress=progress, own_boxes=False)  # fmt: skip
