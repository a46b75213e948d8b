"""Numba kernels that read and write the integers of dlib's serialisation.

An integer is a control byte (bit 7 the sign, the low bits the number of bytes) and its magnitude,
little-endian; a float is a mantissa and an exponent of two, both such integers.
"""

import numpy as np
from numba import njit

# What kernels return instead of a position.
TRUNCATED, BAD_NUMBER, BAD_SIZE, BAD_INDEX = -1, -2, -3, -4

_DIGITS = 24  # of a float's mantissa
_SMALLEST, _LARGEST = -1074, 1023
_POWERS = 2.0 ** np.arange(_SMALLEST, _LARGEST + 1)
_FLOAT_MAX = float(np.finfo(np.float32).max)


@njit(nogil=True, cache=True)
def read_int(data, at):
    """The integer at `at`, and the position after it, or a negative error."""
    if at < 0 or at >= data.shape[0]:
        return np.int64(0), np.int64(min(at, TRUNCATED))
    control = data[np.uint64(at)]
    size = np.int64(control & np.uint8(0x0F))
    if size > 8 or control & np.uint8(0x70) or size == 0:
        return np.int64(0), np.int64(BAD_NUMBER)
    if at + size >= data.shape[0]:
        return np.int64(0), np.int64(TRUNCATED)
    value = np.uint64(0)
    for i in range(size):
        value |= np.uint64(data[np.uint64(at + 1 + i)]) << np.uint64(8 * i)
    if value >> np.uint64(63):
        return np.int64(0), np.int64(BAD_NUMBER)
    number = np.int64(value)
    return (-number if control & np.uint8(0x80) else number), at + 1 + size


@njit(nogil=True, cache=True)
def read_float(data, at):
    """The float at `at`, finite and of single precision's range, and the position after it."""
    mantissa, at = read_int(data, at)
    exponent, at = read_int(data, at)
    if at < 0:
        return np.float32(0), at
    if exponent < _SMALLEST or exponent > _LARGEST:
        return np.float32(0), np.int64(BAD_NUMBER)
    value = np.float64(mantissa) * _POWERS[np.uint64(exponent - _SMALLEST)]
    if not abs(value) <= _FLOAT_MAX:
        return np.float32(0), np.int64(BAD_NUMBER)
    return np.float32(value), at


@njit(nogil=True, cache=True)
def read_floats(data, at, out):
    """Fill `out` (n,) float32; the position after it, or an error."""
    for i in range(out.shape[0]):
        out[i], at = read_float(data, at)
        if at < 0:
            break
    return at


@njit(nogil=True, cache=True)
def read_ints(data, at, out):
    """Fill `out` (n,) int64; the position after it, or an error."""
    for i in range(out.shape[0]):
        out[i], at = read_int(data, at)
        if at < 0:
            break
    return at


@njit(nogil=True, cache=True)
def read_trees(data, at, first, second, threshold, leaves):
    """Read the trees of one stage.

    Parameters
    ----------
    data : (bytes,) uint8
    at : int
    first, second, threshold : (K, nodes) int64, int64, float32
    leaves : (K, nodes + 1, 2L) float32

    Returns
    -------
    int
        The position after them, or an error.
    """
    n_trees, n_nodes = first.shape
    n_values = leaves.shape[2]
    for k in range(n_trees):
        count, at = read_int(data, at)
        if at < 0 or count != n_nodes:
            return np.int64(min(at, BAD_SIZE)) if at < 0 else np.int64(BAD_SIZE)
        for j in range(n_nodes):
            first[k, j], at = read_int(data, at)
            second[k, j], at = read_int(data, at)
            threshold[k, j], at = read_float(data, at)
            if at < 0:
                return at
        count, at = read_int(data, at)
        if at >= 0 and count != n_nodes + 1:
            return np.int64(BAD_SIZE)
        for j in range(n_nodes + 1):
            rows, at = read_int(data, at)
            columns, at = read_int(data, at)
            if at < 0:
                return at
            if abs(rows) != n_values or abs(columns) != 1:
                return np.int64(BAD_SIZE)
            at = read_floats(data, at, leaves[k, j])
            if at < 0:
                return at
    return np.int64(at)
