"""Numba kernels between the box frame and the mean-shape frame."""

import numpy as np

from ._pixel_kernels import similarity_to
from .jit import njit


@njit(nogil=True, cache=True)
def residuals(shapes, truth, reference, start, stop, out):
    """What samples [start, stop) have left to move, in the mean-shape frame.

    With M the similarity that aligns the centred `reference` (L, 2) with a shape,
    ``out[i] = M⁻¹ (truth[i] - shapes[i])``, flat (2L,); NaN where the truth is. A shape that has
    shrunk to a point cannot be turned back, and has nothing left to move.
    """
    for i in range(start, stop):
        a, b = similarity_to(reference, shapes[i])
        energy = a * a + b * b
        energy = energy if energy > 0 else np.float32(1)
        a, b = a / energy, b / energy
        for k in range(reference.shape[0]):
            x, y = truth[i, k, 0] - shapes[i, k, 0], truth[i, k, 1] - shapes[i, k, 1]
            out[i, 2 * k] = a * x + b * y
            out[i, 2 * k + 1] = a * y - b * x


@njit(nogil=True, cache=True)
def move(shapes, updates, reference, start, stop):
    """Add `updates` (N, 2L), given in the mean-shape frame, to the shapes, in place."""
    for i in range(start, stop):
        a, b = similarity_to(reference, shapes[i])
        for k in range(reference.shape[0]):
            x, y = np.float32(updates[i, 2 * k]), np.float32(updates[i, 2 * k + 1])
            shapes[i, k, 0] += a * x - b * y
            shapes[i, k, 1] += b * x + a * y
