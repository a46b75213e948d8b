"""Model files: the toolkit's own, and those of others."""

from pathlib import Path

from . import dlib_dat, native
from .native import save

__all__ = ["load", "save"]


def load(path):
    """Read a trained cascade from the toolkit's own file or a ``shape_predictor`` of dlib.

    What a file is decides its content, not its name.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    BaseCascade
        Ready to predict.

    Raises
    ------
    InputError
        As `native.load` and `dlib_dat.read`.
    """
    path = Path(path)
    if path.is_file():
        try:
            with path.open("rb") as file:
                head = file.read(8)
        except OSError:
            head = b""  # the reader says what is wrong
        if dlib_dat.looks_like_dat(head, path.stat().st_size):
            return dlib_dat.read(path)
    return native.load(path)
