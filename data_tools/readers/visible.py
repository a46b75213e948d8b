"""Which landmarks of many images can be seen, in one csv file."""

import numpy as np

from features.errors import InputError

from ..schemes import MAX_POINTS
from ._rows import read_rows


def read_visible(path):
    """Read visibility flags from a csv file.

    The first line is ``image,0,1,2,…``: the landmarks counted from 0. Every further line is an
    image file name and one flag per landmark: 1 if it can be seen, 0 if something covers it. The
    flag that COFW (Burgos-Artizzu et al. 2013) stores is the opposite, 1 for covered.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to ndarray of shape (L,), bool
        By image file name.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB or has another header, or a line does not
        fit it or repeats an image; the message names the line.
    """
    rows, visible = read_rows(path), {}
    where, header = next(rows, (f"{path}, line 1", []))
    n_points = len(header) - 1
    if not 1 <= n_points <= MAX_POINTS or header != ["image", *map(str, range(n_points))]:
        raise InputError(
            f"{where}: the header must be image,0,1,2,… up to the last landmark, "
            f"not {','.join(header)[:60]!r}"
        )
    for where, row in rows:
        name, flags = _flags(where, row, n_points)
        if name in visible:
            raise InputError(f"{where}: repeats {name[:60]!r}; keep one line an image")
        visible[name] = flags
    return visible


def _flags(where, row, n_points):
    name, *flags = row
    if len(flags) != n_points:
        raise InputError(f"{where}: expected {n_points} flags, found {len(flags)}")
    if not set(flags) <= {"0", "1"}:
        wrong = next(flag for flag in flags if flag not in ("0", "1"))
        raise InputError(f"{where}: a flag must be 0 or 1, not {wrong[:20]!r}")
    return name, np.array([flag == "1" for flag in flags])
