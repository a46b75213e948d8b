"""Numba kernels of linear regression on sparse binary codes, which are kept as leaf indices.

``codes (K, N) uint8`` is tree-major: the ones of sample i are at ``k * n_leaves + codes[k, i]``.
Rows of numbers are whole groups of lanes wide.
"""

import numpy as np

from features._lanes import LANES, add_lanes
from features.jit import njit

_TILE = 256


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
def add_normal(codes, n_leaves, weights, start, stop, out):
    """``out += X.T @ (X @ weights)`` over the samples [start, stop) of the binary code X."""
    rows = np.empty((_TILE, weights.shape[1]), weights.dtype)
    for first in range(start, stop, _TILE):
        size = min(_TILE, stop - first)
        rows[:] = 0
        _gather(codes, n_leaves, weights, first, size, rows)
        _scatter(codes, n_leaves, rows, first, size, out)


@njit(nogil=True, cache=True)
def add_transposed(codes, n_leaves, targets, start, stop, out):
    """``out += X.T @ targets`` over the samples [start, stop) of the binary code X."""
    for first in range(start, stop, _TILE):
        size = min(_TILE, stop - first)
        _scatter(codes, n_leaves, targets[first : first + size], first, size, out)


@njit(nogil=True, cache=True)
def predict_rows(codes, n_leaves, weights, out):
    """Sums of the int8 weights of each sample's ones: `out` (N, width) int32, overwritten."""
    out[:] = 0
    for first in range(0, codes.shape[1], _TILE):
        size = min(_TILE, codes.shape[1] - first)
        _gather(codes, n_leaves, weights, first, size, out[first : first + size])
