"""The .pts annotation of 300-W: one text file of landmarks a face."""

import numpy as np

from features.errors import InputError

from ..files import read_text
from ..schemes import MAX_POINTS

MAX_BYTES = 1 << 20
# Larger than any photograph, and small enough that float32 still resolves pixels.
MAX_COORDINATE = 1e6


def read_pts(path, *, first=1):
    """Read the landmarks of one face.

    The file holds one ``x y`` a line, in braces or not, below optional ``version: 1`` and
    ``n_points: L`` lines. The result counts pixels from 0.

    Parameters
    ----------
    path : str or Path
    first : int
        Index of the first pixel of a row in the file: 1, as in Matlab and 300-W, or 0.

    Returns
    -------
    ndarray of shape (L, 2), float32
        x and y in pixels; both NaN if the file has ``nan`` for either: a missing landmark.

    Raises
    ------
    InputError
        If the file cannot be read, exceeds 1 MiB or is damaged; if it has no landmark, more than
        32768 or another number than it declares; or if a coordinate is infinite or beyond a million
        pixels.
    """
    lines = read_text(path, MAX_BYTES).splitlines()
    lines = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    lines = [(number, line) for number, line in lines if line]
    declared = None
    while lines and ":" in lines[0][1]:
        number, line = lines.pop(0)
        key, value = (part.strip() for part in line.split(":", 1))
        if key == "n_points":
            if not value.isdecimal():
                raise InputError(f"{path}, line {number}: n_points must be a number, not {value!r}")
            # A text of thousands of digits would be refused by int itself.
            declared = int(value[:20])
    if lines and lines[0][1] == "{":
        if lines[-1][1] != "}":
            raise InputError(f"{path}: the closing brace is missing; the file seems cut short")
        lines = lines[1:-1]

    shape = np.array([_point(path, number, line) for number, line in lines], np.float64)
    if not 1 <= len(shape) <= MAX_POINTS:
        raise InputError(f"{path}: holds {len(shape)} landmarks; need 1 to {MAX_POINTS}")
    if declared is not None and declared != len(shape):
        raise InputError(
            f"{path}: declares {declared} landmarks but holds {len(shape)}; the file is damaged"
        )
    shape[np.isnan(shape).any(1)] = np.nan
    return (shape - first).astype(np.float32)


def _point(path, number, line):
    try:
        x, y = (float(part) for part in line.split())
    except ValueError:
        raise InputError(
            f"{path}, line {number}: expected two numbers, x and y, not {line[:40]!r}"
        ) from None
    if abs(x) > MAX_COORDINATE or abs(y) > MAX_COORDINATE:  # false for NaN
        raise InputError(f"{path}, line {number}: landmark ({x:g}, {y:g}) lies outside any image")
    return x, y
