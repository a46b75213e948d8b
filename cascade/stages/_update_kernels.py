"""The end of a stage in the fused kernels: from a sum of leaves or components to a moved shape.

Plain loops in place of assignments of whole rows, which take numba over a second to compile.
"""

import numpy as np

from features.jit import njit

# Rows of a basis that are added together.
_ROWS = np.uint64(4)


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
    n_rows = np.uint64(basis.shape[0])
    whole = n_rows - n_rows % _ROWS
    # Four rows at a time, added in order: an update is then read and written once for the four.
    for r in range(np.uint64(0), whole, _ROWS):
        i, j, k = r + np.uint64(1), r + np.uint64(2), r + np.uint64(3)
        one, two = np.float32(total[r]), np.float32(total[i])
        three, four = np.float32(total[j]), np.float32(total[k])
        first, second, third, fourth = basis[r], basis[i], basis[j], basis[k]
        for c in range(delta.shape[0]):
            value = delta[c] + one * first[c]
            value += two * second[c]
            value += three * third[c]
            delta[c] = value + four * fourth[c]
    for r in range(whole, n_rows):
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
