"""The end of a stage in the fused kernels: from a sum of leaves or components to a moved shape."""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def update_of(total, basis, bias, delta):
    """``total @ basis + bias`` into `delta`; `basis` has a multiple of four rows."""
    delta[:] = bias
    for r in range(0, basis.shape[0], 4):
        # Four rows a pass, for a quarter of the loads and stores of `delta`.
        first, second, third, fourth = basis[r], basis[r + 1], basis[r + 2], basis[r + 3]
        a, b = np.float32(total[r]), np.float32(total[r + 1])
        c, d = np.float32(total[r + 2]), np.float32(total[r + 3])
        for i in range(delta.shape[0]):
            delta[i] += a * first[i] + b * second[i] + c * third[i] + d * fourth[i]


@njit(nogil=True, cache=True)
def move(shape, a, b, delta):
    """Add the update `delta` (2L,) or longer, given in the mean-shape frame, to one shape."""
    for k in range(shape.shape[0]):
        x, y = delta[2 * k], delta[2 * k + 1]
        shape[k, 0] += a * x - b * y
        shape[k, 1] += b * x + a * y
