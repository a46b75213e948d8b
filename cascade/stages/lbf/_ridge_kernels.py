"""Numba kernels of linear regression on sparse binary codes, which are kept as leaf indices.

``codes (K, N) uint8`` is tree-major: the ones of sample i are at ``k * n_leaves + codes[k, i]``.
Rows of numbers are whole groups of lanes wide. Numbers are whole, so that sums are exact.
"""

import numpy as np

from features._lanes import LANES, add_lanes
from features.jit import njit

_TILE = 256
# Samples whose sums are made in 32 bits, before they are added in 64.
BLOCK = 2048


@njit(nogil=True, cache=True)
def _gather(codes, n_leaves, weights, start, size, rows):
    """Add the weights of the ones of the samples [start, start + size) to `rows`."""
    width = weights.shape[1]
    flat, total = weights.reshape(-1), rows.reshape(-1)
    for k in range(codes.shape[0]):
        leaf, first = codes[k, start : start + size], np.uint64(k) * np.uint64(n_leaves)
        for i in range(size):
            at = (first + np.uint64(leaf[i])) * np.uint64(width)
            to = np.uint64(i) * np.uint64(width)
            for group in range(0, width, LANES):
                lane = np.uint64(group)
                add_lanes(total, to + lane, flat, at + lane)


@njit(nogil=True, cache=True)
def _scatter(codes, n_leaves, rows, start, size, out):
    """Add each of `rows` to `out` at the ones of its sample: the transpose of `_gather`."""
    width = rows.shape[1]
    flat, total = rows.reshape(-1), out.reshape(-1)
    for k in range(codes.shape[0]):
        leaf, first = codes[k, start : start + size], np.uint64(k) * np.uint64(n_leaves)
        for i in range(size):
            to = (first + np.uint64(leaf[i])) * np.uint64(width)
            at = np.uint64(i) * np.uint64(width)
            for group in range(0, width, LANES):
                lane = np.uint64(group)
                add_lanes(total, to + lane, flat, at + lane)


@njit(nogil=True, cache=True)
def _add_all(part, total):
    """``total += part``, and `part` begins anew; both flat."""
    for at in range(0, part.shape[0], LANES):
        add_lanes(total, np.uint64(at), part, np.uint64(at))
    part[:] = 0


@njit(nogil=True, cache=True)
def add_normal(codes, n_leaves, weights, start, stop, part, out):
    """``out += X.T @ (X @ weights)`` over the samples [start, stop) of the binary code X.

    Parameters
    ----------
    weights : (K * n_leaves, width) int32
        Such that those of one sample add up to less than ``2**31 / BLOCK``.
    part : (K * n_leaves, width) int32
        Zeros, before and after.
    out : (K * n_leaves, width) int64
    """
    rows = np.empty((_TILE, weights.shape[1]), weights.dtype)
    for block in range(start, stop, BLOCK):
        end = min(block + BLOCK, stop)
        for first in range(block, end, _TILE):
            size = min(_TILE, end - first)
            rows[:] = 0
            _gather(codes, n_leaves, weights, first, size, rows)
            _scatter(codes, n_leaves, rows, first, size, part)
        _add_all(part.reshape(-1), out.reshape(-1))


@njit(nogil=True, cache=True)
def add_transposed(codes, n_leaves, targets, start, stop, part, out):
    """``out += X.T @ targets`` over the samples [start, stop); `targets` (N, width) are int16, the
    others as in `add_normal`."""
    for block in range(start, stop, BLOCK):
        end = min(block + BLOCK, stop)
        for first in range(block, end, _TILE):
            size = min(_TILE, end - first)
            _scatter(codes, n_leaves, targets[first : first + size], first, size, part)
        _add_all(part.reshape(-1), out.reshape(-1))


@njit(nogil=True, cache=True)
def predict_rows(codes, n_leaves, weights, out):
    """Sums of the int8 weights of each sample's ones: `out` (N, width) int32, overwritten."""
    out[:] = 0
    for first in range(0, codes.shape[1], _TILE):
        size = min(_TILE, codes.shape[1] - first)
        _gather(codes, n_leaves, weights, first, size, out[first : first + size])
