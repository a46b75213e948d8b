"""Drawings that notebooks show as pictures."""

import cv2
import numpy as np


class Picture(np.ndarray):
    """A drawing: an array (H, W, 3) uint8, BGR, that a notebook shows as a picture.

    It behaves as any other array. Slices and results that are not images are shown as numbers.

    Examples
    --------
    >>> drawing = np.zeros((4, 6, 3), np.uint8).view(Picture)
    >>> drawing._repr_png_()[:4]
    b'\\x89PNG'
    >>> drawing[0, 0]._repr_png_() is None
    True
    """

    def _repr_png_(self):
        if self.dtype != np.uint8 or self.ndim != 3 or self.shape[2] != 3 or not self.size:
            return None
        return cv2.imencode(".png", np.ascontiguousarray(self))[1].tobytes()
