"""The .pts annotation of 300-W: one text file of landmarks a face."""

import numpy as np

from features.errors import InputError

from ..files import replace_file


def write_pts(path, shape):
    """Write the landmarks of one face; `read_pts` returns them to a millionth of a pixel.

    The file appears whole or not at all: it is written beside its place under another name and
    then renamed.

    Parameters
    ----------
    path : str or Path
    shape : array_like of shape (L, 2)
        x and y in 0-based pixels; NaN where a landmark is missing.

    Raises
    ------
    InputError
        If the shape is not (L, 2), empty or infinite, or the file cannot be written.
    """
    shape = np.asarray(shape, np.float64)
    if shape.ndim != 2 or shape.shape[1] != 2 or not len(shape):
        raise InputError(f"{path}: a face is written from landmarks (L, 2), not {shape.shape}")
    if np.isinf(shape).any():
        raise InputError(f"{path}: a landmark is infinite; mark missing ones with NaN")
    points = "".join(f"{x:.6f} {y:.6f}\n" for x, y in shape + 1)
    text = f"version: 1\nn_points: {len(shape)}\n{{\n{points}}}\n"
    replace_file(path, text.encode("ascii"))
