"""Face boxes of many images in one csv file."""

import math

from features.errors import InputError

from ._rows import read_rows
from .pts import MAX_COORDINATE

COLUMNS = ("image", "left", "top", "right", "bottom")


def read_boxes(path):
    """Read the face boxes of many images from a csv file.

    The first line is ``image,left,top,right,bottom``; every other line is one box, in 0-based
    pixels of the image of that file name. An image may have several boxes.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to list of (float, float, float, float)
        The boxes of each image, in the order of the file. No edge lies beyond a million pixels,
        but they are not checked to have an area.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB or has another header, or a line is no
        box; the message names the line.
    """
    rows, boxes = read_rows(path), {}
    where, header = next(rows, (f"{path}, line 1", []))
    if tuple(header) != COLUMNS:
        raise InputError(
            f"{where}: the header must be {','.join(COLUMNS)}, not {','.join(header)[:60]!r}"
        )
    for where, row in rows:
        name, box = _box(where, row)
        boxes.setdefault(name, []).append(box)
    return boxes


def _box(where, row):
    if len(row) != len(COLUMNS):
        raise InputError(f"{where}: expected {len(COLUMNS)} columns, found {len(row)}")
    try:
        box = tuple(float(value) for value in row[1:])
    except ValueError:
        box = (math.nan,)
    if not all(abs(edge) <= MAX_COORDINATE for edge in box):  # false for NaN
        raise InputError(
            f"{where}: left, top, right and bottom must be numbers of pixels, at most "
            f"{MAX_COORDINATE:.0f}, not {[cell[:40] for cell in row[1:]]}"
        )
    return row[0], box
