"""Packing of trained stages' arrays for the kernels."""

import numpy as np

_CACHE_LINE = 64


def stack(arrays):
    """`numpy.stack` into memory aligned to a cache line."""
    shape = len(arrays), *arrays[0].shape
    return np.stack(arrays, out=_aligned(shape, arrays[0].dtype))


def _aligned(shape, dtype):
    """An array aligned to a cache line, so that short rows do not span two."""
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    block = np.empty(n_bytes + _CACHE_LINE, np.uint8)
    start = -block.ctypes.data % _CACHE_LINE
    return block[start : start + n_bytes].view(dtype).reshape(shape)


def node_words(trees):
    """One 64-bit word a node: first pixel, second pixel, threshold, 16 bits each from below."""
    return node_words_of(trees.first, trees.second, trees.threshold)


def node_words_of(first, second, threshold):
    """`node_words` from the arrays (K, nodes), of which the threshold is int16."""
    words = first.astype(np.uint64) | second.astype(np.uint64) << np.uint64(16)
    return words | threshold.view(np.uint16).astype(np.uint64) << np.uint64(32)


def whole(array, axis, size):
    """`array` padded with zeros along `axis` to a multiple of `size`; unchanged if it is one."""
    if array.shape[axis] % size == 0:
        return array
    width = [(0, 0)] * array.ndim
    width[axis] = (0, -array.shape[axis] % size)
    return np.pad(array, width)
