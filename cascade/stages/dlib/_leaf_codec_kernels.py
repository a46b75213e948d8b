"""Numba kernels of the lossless packing of leaves; see `leaf_codec`."""

import numpy as np

from features.jit import njit

# Earlier coordinates of a row that a coordinate is predicted from, and their weights' unit.
REACH = 8
WEIGHT_BITS = 12
MAX_WEIGHT = 1 << 24
# Numbers beyond this are in no file that was written here; below it, no prediction overflows.
MAX_NUMBER = 1 << 33

_SPREAD_BITS = 6
_ESCAPE, _ESCAPED_BITS = 24, 40


@njit(nogil=True, cache=True)
def to_grid(leaves, grid, numbers):
    """Leaves (rows, width) float32 in units of ``2**-grid``, rounded to odd where inexact."""
    for i in range(leaves.shape[0]):
        for c in range(leaves.shape[1]):
            value = np.float64(leaves[i, c]) * 2.0 ** grid[c]
            number = np.int64(np.floor(value))
            if number != value:
                number |= 1
            numbers[i, c] = number


@njit(nogil=True, cache=True)
def _predicted(row, c, weights):
    total = np.int64(0)
    for k in range(min(c, REACH)):
        total += weights[c, k] * row[c - 1 - k]
    return total >> WEIGHT_BITS


@njit(nogil=True, cache=True)
def errors(numbers, weights, out):
    """What prediction leaves over: (rows, width) int64."""
    for i in range(numbers.shape[0]):
        for c in range(numbers.shape[1]):
            out[i, c] = numbers[i, c] - _predicted(numbers[i], c, weights)


@njit(nogil=True, cache=True)
def _put(out, at, value, size):
    """Write `size` bits of `value` at bit `at`, lowest first; the position after them."""
    value &= (np.uint64(1) << np.uint64(size)) - np.uint64(1)
    to, used = at >> 3, at & 7
    if size > 0:
        out[to] |= np.uint8(value << np.uint64(used) & np.uint64(0xFF))
    done = 8 - used
    while done < size:
        to += 1
        out[to] = np.uint8(value >> np.uint64(done) & np.uint64(0xFF))
        done += 8
    return at + size


@njit(nogil=True, cache=True)
def _spread(row, scale):
    """Of a row's errors, the rounded logarithm of the mean size in units of ``2**scale``."""
    total = 0.0
    for c in range(row.shape[0]):
        total += abs(np.float64(row[c])) * 2.0 ** -scale[c]
    level = np.int64(np.rint(np.log2(max(total / row.shape[0], 1e-9))))
    half = 1 << (_SPREAD_BITS - 1)
    return min(max(level, -half), half - 1) + half


@njit(nogil=True, cache=True)
def _rice(spread, scale):
    return min(max(spread - (1 << (_SPREAD_BITS - 1)) + scale, 0), _ESCAPED_BITS)


@njit(nogil=True, cache=True)
def pack(left_over, scale, out):
    """Rice codes of the errors, each row with a parameter of its own; the number of bits."""
    at = 0
    for i in range(left_over.shape[0]):
        spread = _spread(left_over[i], scale)
        at = _put(out, at, np.uint64(spread), _SPREAD_BITS)
        for c in range(left_over.shape[1]):
            error = left_over[i, c]
            code = np.uint64((error << 1) ^ (error >> 63))
            low = _rice(spread, np.int64(scale[c]))
            high = np.int64(code >> np.uint64(low))
            if high >= _ESCAPE:
                at = _put(out, at, np.uint64((1 << _ESCAPE) - 1), _ESCAPE)
                at = _put(out, at, code, _ESCAPED_BITS)
            else:
                at = _put(out, at, np.uint64((1 << high) - 1), high + 1)
                at = _put(out, at, code, low)
    return at


@njit(nogil=True, cache=True)
def _peek(stream, at):
    """The 64 bits from bit `at` on, at least 56 of them valid; zeros after the end."""
    byte = at >> 3
    word = np.uint64(0)
    if byte + 8 <= stream.shape[0]:
        for i in range(8):
            word |= np.uint64(stream[np.uint64(byte + i)]) << np.uint64(8 * i)
    else:
        for i in range(max(0, stream.shape[0] - byte)):
            word |= np.uint64(stream[byte + i]) << np.uint64(8 * i)
    return word >> np.uint64(at & 7)


@njit(nogil=True, cache=True)
def unpack(stream, grid, weights, scale, leaves):
    """Inverse of `to_grid`, `errors` and `pack`; whether `stream` was whole and sound."""
    row = np.empty(leaves.shape[1], np.int64)
    units = 2.0 ** -grid.astype(np.float64)
    n_bits = 8 * stream.shape[0]
    at = 0
    for i in range(leaves.shape[0]):
        spread = np.int64(_peek(stream, at) & np.uint64((1 << _SPREAD_BITS) - 1))
        at += _SPREAD_BITS
        for c in range(leaves.shape[1]):
            if at >= n_bits:
                return False
            word = _peek(stream, at)
            high = np.int64(0)
            while high < _ESCAPE and word & np.uint64(1):
                word >>= np.uint64(1)
                high += 1
            if high == _ESCAPE:
                at += _ESCAPE
                code = _peek(stream, at) & np.uint64((1 << _ESCAPED_BITS) - 1)
                at += _ESCAPED_BITS
            else:
                at += high + 1
                low = _rice(spread, np.int64(scale[c]))
                code = _peek(stream, at) & np.uint64((1 << low) - 1)
                code |= np.uint64(high) << np.uint64(low)
                at += low
            error = np.int64(code >> np.uint64(1)) ^ -np.int64(code & np.uint64(1))
            row[c] = error + _predicted(row, c, weights)
            if abs(row[c]) > MAX_NUMBER:
                return False
            leaves[i, c] = row[c] * units[c]
    return at <= n_bits
