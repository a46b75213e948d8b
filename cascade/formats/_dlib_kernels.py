"""Numba kernels that read and write the integers of dlib's serialisation.

An integer is a control byte (bit 7 the sign, the low bits the number of bytes) and its magnitude,
little-endian; a float is a mantissa and an exponent of two, both such integers.
"""

import math

import numpy as np

from features.jit import njit

# What kernels return instead of a position.
TRUNCATED, BAD_NUMBER, BAD_SIZE = -1, -2, -3
# The most bytes that an integer and a float take.
MAX_INT, MAX_FLOAT = 9, 9

_DIGITS = 24  # of a float's mantissa
_SMALLEST, _LARGEST = -1074, 1023
_POWERS = 2.0 ** np.arange(_SMALLEST, _LARGEST + 1)
_FLOAT_MAX = float(np.finfo(np.float32).max)


@njit(nogil=True, cache=True)
def read_int(data, at):
    """The integer at `at`, and the position after it, or a negative error."""
    if at < 0 or at >= data.shape[0]:
        return np.int64(0), np.int64(at if at < 0 else TRUNCATED)
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
        if at < 0:
            return at
        if count != n_nodes:
            return np.int64(BAD_SIZE)
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


@njit(nogil=True, cache=True)
def write_int(out, at, number):
    """Write `number` at `at`; the position after it."""
    value = np.uint64(abs(number))
    size = 0
    while True:
        size += 1
        out[at + size] = np.uint8(value & np.uint64(0xFF))
        value >>= np.uint64(8)
        if value == 0:
            break
    out[at] = np.uint8(size | (0x80 if number < 0 else 0))
    return at + 1 + size


@njit(nogil=True, cache=True)
def write_float(out, at, number):
    """Write `number` with a mantissa of 24 bits, whole zero bytes at its end cut off, as dlib."""
    fraction, exponent = math.frexp(np.float64(number))
    mantissa = np.int64(fraction * (1 << _DIGITS))
    exponent -= _DIGITS
    for _ in range(8):
        if mantissa & 0xFF:
            break
        mantissa >>= 8
        exponent += 8
    return write_int(out, write_int(out, at, mantissa), exponent)


@njit(nogil=True, cache=True)
def write_ints(out, at, numbers):
    """Write `numbers` (n,) int64; the position after them."""
    for i in range(numbers.shape[0]):
        at = write_int(out, at, numbers[i])
    return at


@njit(nogil=True, cache=True)
def write_floats(out, at, numbers):
    """Write `numbers` (n,) float32; the position after them."""
    for i in range(numbers.shape[0]):
        at = write_float(out, at, numbers[i])
    return at


@njit(nogil=True, cache=True)
def write_trees(out, at, first, second, threshold, leaves):
    """Write the trees of one stage, arrays as in `read_trees`; the position after them."""
    n_trees, n_nodes = first.shape
    for k in range(n_trees):
        at = write_int(out, at, np.int64(n_nodes))
        for j in range(n_nodes):
            at = write_int(out, at, np.int64(first[k, j]))
            at = write_int(out, at, np.int64(second[k, j]))
            at = write_float(out, at, threshold[k, j])
        at = write_int(out, at, np.int64(n_nodes + 1))
        for j in range(n_nodes + 1):
            at = write_int(out, at, np.int64(-leaves.shape[2]))
            at = write_int(out, at, np.int64(-1))
            at = write_floats(out, at, leaves[k, j])
    return at
