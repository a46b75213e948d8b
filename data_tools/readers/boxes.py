"""Face boxes of many images in one csv file."""

import csv
import io
import math

from features.errors import InputError

from ..files import read_text

COLUMNS = ("image", "left", "top", "right", "bottom")
MAX_BYTES = 1 << 26


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
        The boxes of each image, in the order of the file. They are finite, but not checked to
        have an area.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB or has another header, or a line is no
        box; the message names the line.
    """
    rows = csv.reader(io.StringIO(read_text(path, MAX_BYTES), newline=""), strict=True)
    boxes = {}
    try:
        header = tuple(name.strip() for name in next(rows, ()))
        if header != COLUMNS:
            raise InputError(
                f"{path}, line 1: the header must be {','.join(COLUMNS)}, "
                f"not {','.join(header)[:60]!r}"
            )
        for row in rows:
            if row:
                name, box = _box(f"{path}, line {rows.line_num}", row)
                boxes.setdefault(name, []).append(box)
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: not csv ({error})") from error
    return boxes


def _box(where, row):
    if len(row) != len(COLUMNS):
        raise InputError(f"{where}: expected {len(COLUMNS)} columns, found {len(row)}")
    try:
        box = tuple(float(value) for value in row[1:])
    except ValueError:
        box = (math.nan,)
    if not all(map(math.isfinite, box)):
        raise InputError(
            f"{where}: left, top, right and bottom must be finite numbers, not {row[1:]}"
        )
    return row[0].strip(), box
