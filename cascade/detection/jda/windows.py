"""Windows of images: where they are read, and at which resolution.

An image is kept at its own size and at halves of halves of it. A window is read at the level at
which it is 20 to 40 pixels wide, so that a comparison of pixels means about the same at any size.
"""

import math

import numpy as np

from features.images import kernel_view

from . import _window_kernels as kernels

#: Windows of at least this side, in pixels of their level, and less than twice.
LEAST_SIDE = 20
#: Points a side of the grid that trees choose from.
GRID = 24
_MOST_LEVELS = 20


def grid_points():
    """The points of a window (P, 2) float32, in its sides, from its centre."""
    line = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID - 0.5
    x, y = np.meshgrid(line, line)
    return np.ascontiguousarray(np.stack([x.ravel(), y.ravel()], -1), np.float32)


def level_of(side):
    """The level at which a window of `side` pixels is read."""
    return min(_MOST_LEVELS - 1, max(0, math.floor(math.log2(max(side, 1.0) / LEAST_SIDE))))


class Levels:
    """Images at halved sizes, in one array for all.

    Parameters
    ----------
    images : sequence of ndarray of shape (H, W), uint8
    finest : int
        First level that is kept.
    largest : float, optional
        Side of the largest window that is read; without it, the image's own sides.

    Attributes
    ----------
    pixels : ndarray of shape (n,), uint8
    tables : ndarray of shape (n_images, n_levels, 4), int64
        See `fill_levels`.
    """

    def __init__(self, images, finest=0, largest=None):
        images = [kernel_view(image) for image in images]
        sides = [max(image.shape) * 2 if largest is None else largest for image in images]
        coarsest = [max(finest, level_of(side)) for side in sides]
        self.tables = np.zeros((len(images), max(coarsest, default=0) + 1, 4), np.int64)
        at = 0
        for table, image, last in zip(self.tables, images, coarsest, strict=True):
            height, width = image.shape
            for level in range(last + 1):
                if level >= finest:
                    stride = width + 2 * kernels.PAD
                    table[level] = at + kernels.PAD * (stride + 1), stride, height, width
                    at += stride * (height + 2 * kernels.PAD)
                height, width = max(1, height // 2), max(1, width // 2)
        self.pixels = np.empty(at, np.uint8)
        self.sizes = np.array([image.shape for image in images], np.int64).reshape(-1, 2)
        for table, image, last in zip(self.tables, images, coarsest, strict=True):
            kernels.fill_levels(image, self.pixels, table[: last + 1])


def to_level(centres, levels):
    """Positions in pixels of an image as those of a level of it."""
    zoom = np.exp2(-np.asarray(levels, np.float64))[..., None]
    return (np.asarray(centres, np.float64) + 0.5) * zoom - 0.5


def from_level(centres, levels):
    """The inverse of `to_level`."""
    zoom = np.exp2(np.asarray(levels, np.float64))[..., None]
    return (np.asarray(centres, np.float64) + 0.5) * zoom - 0.5
