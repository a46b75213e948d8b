"""Model files: the toolkit's own, and those of others.

The files of OpenCV's ``FacemarkKazemi`` are not read. Before each stage it looks for the similarity
by RANSAC, with random numbers that are OpenCV's own, so that what such a model predicts belongs to
a version of OpenCV; and it reads colours in threes, grey images beyond their end. ``cascade
compare`` runs such models in OpenCV itself, and `ShapePredictor` is the same method.
"""

from pathlib import Path

from . import dlib as dlib_dat
from . import native
from . import opencv as opencv_lbf
from .native import save

__all__ = ["load", "save"]


def load(path):
    """Read a trained cascade from the toolkit's own file, a ``shape_predictor`` of dlib or a
    ``FacemarkLBF`` of OpenCV.

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
        As `native.load`, `dlib_dat.read` and `opencv_lbf.read`.
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
        if opencv_lbf.looks_like_yaml(head):
            return opencv_lbf.read(path)
    return native.load(path)
