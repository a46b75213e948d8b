"""The numba kernel that puts all landmarks in place around those that were moved."""

import numpy as np

from features._pixel_kernels import similarity_to
from features.jit import njit

from ..stages._update_kernels import apply_basis

_TINY = np.float32(1e-12)


@njit(nogil=True, cache=True)
def complete(shapes, reference, weights, basis, mean, out):
    """Write all landmarks of each shape to `out`.

    Parameters
    ----------
    shapes : (n, A, 2) float32
        The moved landmarks.
    reference : (A, 2) float32
        Those of the mean shape, centred.
    weights : (2A, K) float32
    basis : (K, 2L) float32
    mean : (L, 2) float32
        Around the centre of `reference`.
    out : (n, L, 2) float32
    """
    n_moved, n_modes = reference.shape[0], basis.shape[0]
    modes, found = np.empty(n_modes, np.float32), np.empty(basis.shape[1], np.float32)
    for i in range(shapes.shape[0]):
        shape = shapes[i]
        cx, cy = np.float32(0), np.float32(0)
        for k in range(n_moved):
            cx += shape[k, 0]
            cy += shape[k, 1]
        cx, cy = cx / np.float32(n_moved), cy / np.float32(n_moved)
        # How far the landmarks are off the mean shape, turned and scaled back to it.
        a, b = similarity_to(reference, shape)
        energy = a * a + b * b
        energy = energy if energy > _TINY else _TINY
        back_a, back_b = a / energy, b / energy
        for r in range(n_modes):
            modes[r] = 0
        for k in range(n_moved):
            x, y = shape[k, 0] - cx, shape[k, 1] - cy
            u = back_a * x + back_b * y - reference[k, 0]
            v = back_a * y - back_b * x - reference[k, 1]
            row, next_row = weights[2 * k], weights[2 * k + 1]
            for r in range(n_modes):
                modes[r] += u * row[r] + v * next_row[r]
        # From modes to all landmarks, which turn with the shape.
        apply_basis(modes, basis, mean.reshape(-1), found)
        to = out[i]
        for k in range(to.shape[0]):
            x, y = found[2 * k], found[2 * k + 1]
            to[k, 0] = cx + a * x - b * y
            to[k, 1] = cy + b * x + a * y
