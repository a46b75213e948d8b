"""Places of points in a map, from small text files of the user."""

import numpy as np

from features.errors import InputError
from features.files import read_bytes

MAX_BYTES = 1 << 20
MAX_POINTS = 4096


def take_places(spec):
    """The places that the file of the option ``index`` holds.

    Numbers between spaces or commas: a line ``u v`` for each point, or one line of all u and one of
    all v, as in PRNet's ``uv_kpt_ind.txt``.

    Returns
    -------
    ndarray of shape (P, 2), float64

    Raises
    ------
    InputError
        If the option is not there, or the file is not such a table.
    """
    path = spec.take("index", None)
    if path is None:
        raise InputError(
            f"{spec.text}: add index=FILE, the places of the points in the map, a line 'u v' each"
        )
    text = read_bytes(path, MAX_BYTES).decode("latin-1").replace(",", " ")
    try:
        table = np.array([list(map(float, line.split())) for line in text.splitlines() if
                          line.strip()])  # fmt: skip
    except ValueError as error:  # no number, or lines of different lengths
        raise InputError(f"{path}: must be a table of numbers, a line 'u v' a point") from error
    if table.ndim == 2 and table.shape[1] != 2 and table.shape[0] == 2:
        table = table.T
    if table.ndim != 2 or table.shape[1] != 2 or not 1 <= len(table) <= MAX_POINTS:
        raise InputError(f"{path}: must hold two numbers for each of at most {MAX_POINTS} points")
    if not np.isfinite(table).all() or table.min() < 0:
        raise InputError(f"{path}: places in a map are finite numbers from 0")
    return table
