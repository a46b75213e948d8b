"""Leaves of float32 packed to half their size without changing the sums they are added to.

A cascade adds its leaves in float32 to coordinates of the size of the face box. Such a sum keeps
only bits above the coordinate's last place, so the leaf's bits far below it do not matter, with one
exception: which way it rounds. Cutting a leaf two bits below the last place of the smallest
coordinate it may be added to, and setting the last kept bit wherever something was cut
("rounding to odd", Boldo & Melquiond 2008), leaves every such sum as it was. How many bits that
is differs from coordinate to coordinate; where a coordinate passes through zero nothing could be
cut exactly, and 2**-34 is kept, far below what a prediction can show.

The integers that are left are predicted from the coordinates before them in the same leaf, and the
errors are written in Rice codes.
"""

import numpy as np

from features.errors import InputError
from features.threads import one_blas_thread

from . import _leaf_codec_kernels as kernels

REACH = kernels.REACH
# How far from the initial shape a coordinate may move before sums can change in their last bit.
_MOVEMENT = 0.2
_FINEST, _COARSEST = 34, 24
_NUMBER_BITS = 32
# The most bits a code takes, with room for the header of its row.
_MOST_BITS = 72


def choose_grid(initial, largest=0.0):
    """Exponents (2L,) int8 of the grid that each coordinate's leaves are cut to.

    Parameters
    ----------
    initial : ndarray of shape (L, 2)
        Where the cascade starts.
    largest : float or ndarray of shape (2L,)
        The largest leaf. Leaves beyond a quarter of the box, which no training yields, get a
        coarser grid: their numbers must fit.

    Examples
    --------
    >>> choose_grid(np.float32([[0.95, 0.5], [0.1, -0.4]])).tolist()
    [26, 27, 34, 28]
    """
    least = np.maximum(np.abs(np.ravel(initial).astype(np.float64)) - _MOVEMENT, 2.0**-20)
    last_place = 23 - np.floor(np.log2(least))
    grid = np.clip(last_place + 2, _COARSEST, _FINEST)
    fits = _NUMBER_BITS - np.ceil(np.log2(np.maximum(largest, 2.0**-20)))
    return np.minimum(grid, fits).astype(np.int8)


def pack(leaves, grid):
    """Weights, scale and stream of leaves (rows, 2L) float32; see `unpack`."""
    numbers = np.empty(leaves.shape, np.int64)
    kernels.to_grid(leaves, grid, numbers)
    weights = _weights(numbers.astype(np.float64))
    left_over = np.empty_like(numbers)
    kernels.errors(numbers, weights, left_over)
    if np.abs(left_over).max() >= kernels.MAX_NUMBER:  # predictions that are none
        weights[:] = 0
        left_over[:] = numbers
    scale = np.rint(np.log2(np.maximum(np.abs(left_over).mean(0), 1))).astype(np.int8)
    stream = np.zeros(leaves.size * _MOST_BITS // 8 + 8, np.uint8)
    n_bits = kernels.pack(left_over, scale, stream)
    return weights, scale, stream[: -(-n_bits // 8)].copy()


def unpack(stream, grid, weights, scale, shape):
    """The leaves of a stream.

    Parameters
    ----------
    stream : ndarray of shape (bytes,), uint8
    grid : ndarray of shape (2L,), int8
        A leaf's numbers count ``2**-grid``.
    weights : ndarray of shape (2L, 8), int32
        Of the coordinates before each, nearest first, in 1/4096.
    scale : ndarray of shape (2L,), int8
        Logarithm of the usual error of each prediction.
    shape : (rows, 2L)

    Returns
    -------
    ndarray of shape (rows, 2L), float32

    Raises
    ------
    InputError
        If the stream ends early or holds numbers that no leaf has.
    """
    rows, width = shape
    if rows * width > 8 * len(stream):
        raise InputError("the packed leaves are shorter than the trees need")
    largest = np.abs(weights.astype(np.int64)).max()
    if grid.max() > _FINEST or largest > kernels.MAX_WEIGHT:
        raise InputError("the units of the packed leaves are out of range")
    leaves = np.empty(shape, np.float32)
    if not kernels.unpack(stream, grid, weights, scale, leaves):
        raise InputError("the packed leaves end early or are damaged")
    if not np.isfinite(leaves).all():
        raise InputError("a packed leaf is not finite")
    return leaves


@one_blas_thread()
def _weights(numbers):
    """Least-squares weights of the `REACH` coordinates before each."""
    covariance = numbers.T @ numbers
    width = len(covariance)
    weights = np.zeros((width, kernels.REACH), np.int32)
    for c in range(1, width):
        before = np.arange(c - 1, max(c - 1 - kernels.REACH, -1), -1)
        normal = covariance[np.ix_(before, before)]
        normal.flat[:: len(before) + 1] += 1e-9 * np.trace(normal) / len(before) + 1e-30
        found = np.linalg.solve(normal, covariance[before, c]) * (1 << kernels.WEIGHT_BITS)
        limit = kernels.MAX_WEIGHT
        weights[c, : len(before)] = np.clip(np.rint(found), -limit, limit)
    return weights
