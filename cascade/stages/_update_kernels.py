"""The end of a stage in the fused kernels: from a sum of leaves or components to a moved shape.

Plain loops in place of assignments of whole rows, which take numba over a second to compile.
"""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def apply_basis(total, basis, bias, delta):
    """Write ``bias + total @ basis`` to `delta`, one row of `basis` after the other.

    The order is part of the result: other programs that run exported models add in the same one.

    Parameters
    ----------
    total : (R,) int32 or float32
    basis : (R, n) float32
    bias, delta : (n,) float32
    """
    for c in range(delta.shape[0]):
        delta[c] = bias[c]
    for r in range(basis.shape[0]):
        component, row = np.float32(total[r]), basis[r]
        for c in range(delta.shape[0]):
            delta[c] += component * row[c]


@njit(nogil=True, cache=True)
def move(shape, a, b, delta):
    """Add the update `delta` (2L,) or longer, given in the mean-shape frame, to one shape."""
    for k in range(shape.shape[0]):
        x, y = delta[2 * k], delta[2 * k + 1]
        shape[k, 0] += a * x - b * y
        shape[k, 1] += b * x + a * y


@njit(nogil=True, cache=True)
def keep(shape, staged, t, i):
    """Copy the shape of sample i after stage t to `staged`, if that has room for stages."""
    if staged.shape[0] > 0:
        for k in range(shape.shape[0]):
            staged[t, i, k, 0], staged[t, i, k, 1] = shape[k, 0], shape[k, 1]
