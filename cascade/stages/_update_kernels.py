"""The end of a stage in the fused kernels: from a sum of leaves or components to a moved shape.

Plain loops in place of assignments of whole rows, which take numba over a second to compile.
"""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def apply_basis(total, unit, basis, bias, delta):
    """The update ``unit * total @ basis + bias`` into `delta`, row by row of the basis.

    In this order: the files of ONNX add in the same.

    Parameters
    ----------
    total : (R,) int32 or float32
    unit : float32
        What one step of `total` is worth.
    basis, bias : (R, 2L) float32, (2L,) float32
    delta : (2L,) float32
        Overwritten.
    """
    for c in range(delta.shape[0]):
        delta[c] = bias[c]
    for r in range(basis.shape[0]):
        weight, row = np.float32(total[r]) * unit, basis[r]
        for c in range(delta.shape[0]):
            delta[c] += weight * row[c]


@njit(nogil=True, cache=True)
def move(shape, a, b, delta):
    """Add the update `delta` (2L,) or longer, given in the mean-shape frame, to one shape."""
    for k in range(shape.shape[0]):
        x, y = delta[2 * k], delta[2 * k + 1]
        shape[k, 0] += a * x - b * y
        shape[k, 1] += b * x + a * y


@njit(nogil=True, cache=True)
def keep(shape, out):
    """Copy one shape (L, 2)."""
    for k in range(shape.shape[0]):
        out[k, 0] = shape[k, 0]
        out[k, 1] = shape[k, 1]
