"""Numba kernels that read pixels at points between two landmarks."""

import numpy as np

from .jit import njit

_TILE = 64


@njit(nogil=True, cache=True)
def read_line_points(image, placement, shape, points, fractions, where, out):
    """Grey levels at the points of one shape, nearest pixel, the border repeated.

    A point is ``shape[first] + fraction * (shape[second] - shape[first])`` in the box frame, with
    `points` (2, P) the first and second landmarks. `where` (P,) int64 is scratch: the
    number of each pixel, see `_pixel_kernels.read_points`.
    """
    height, width = image.shape
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    cx, cy, side = placement[0] + np.float32(0.5), placement[1] + np.float32(0.5), placement[2]
    zero = np.float32(0)
    stride = np.int64(np.int32(width))
    for p in range(fractions.shape[0]):
        k, m, t = np.uint64(points[0, p]), np.uint64(points[1, p]), fractions[p]
        x = cx + side * (shape[k, 0] + t * (shape[m, 0] - shape[k, 0]))
        y = cy + side * (shape[k, 1] + t * (shape[m, 1] - shape[k, 1]))
        # Written so that NaN ends at 0: whatever a shape holds, no pixel outside is read.
        x = x if x > zero else zero
        y = y if y > zero else zero
        x = x if x < right else right
        y = y if y < bottom else bottom
        where[p] = np.int64(np.int32(y)) * stride + np.int64(np.int32(x))
    flat = image.reshape(-1)
    for p in range(fractions.shape[0]):
        out[p] = flat[np.uint64(where[p])]


@njit(nogil=True, cache=True)
def sample_line_points(images, index, placements, shapes, points, fractions, start, stop, out):
    """Pixels of the samples [start, stop), feature-major, in tiles as `sample_points` does."""
    n_points = fractions.shape[0]
    tile = np.empty((_TILE, n_points), np.uint8)
    where = np.empty(n_points, np.int64)
    for first in range(start, stop, _TILE):
        size = min(_TILE, stop - first)
        for i in range(size):
            image, placement = images[index[first + i]], placements[first + i]
            read_line_points(image, placement, shapes[first + i], points, fractions, where, tile[i])
        for p in range(n_points):
            for i in range(size):
                out[p, first + i] = tile[i, p]
