"""Numba kernels of the HOG descriptors: eight landmarks side by side, one a lane.

All arrays of a block are flat with the lane last, so that the inner loops are long and contiguous
and LLVM vectorises them: grey levels are (row, column, lane), the parts of the gradients
(orientation, column, lane), histograms (cell, orientation, lane).
"""

import numpy as np
from numba import njit

from ._lanes import LANES, add_scaled_lanes
from ._pixel_kernels import similarity_to

# Directions 0°, 45°, …, 315° that gradients are resolved into.
ORIENTATIONS = 8
_CELL = ORIENTATIONS * LANES
_HALF_ROOT = np.float32(np.sqrt(0.5))
_EPSILON = np.float32(1e-5)


@njit(nogil=True, cache=True)
def octave(spacing):
    """How often an image is halved so that samples `spacing` pixels apart are less than two."""
    level = 0
    while spacing >= 2 and level < 6:
        spacing /= 2
        level += 1
    return level


@njit(nogil=True, cache=True)
def halve(image):
    """`image` at half the size: the rounded means of 2x2 pixels."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        upper, lower, row = image[2 * y], image[2 * y + 1], out[y]
        for x in range(width):
            total = np.uint16(upper[2 * x]) + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]
            row[x] = (total + 2) >> 2
    return out


@njit(nogil=True, cache=True)
def pack(image, out):
    """Each pixel with its neighbours to the right and below in one word: one load interpolates."""
    height, width = image.shape
    for y in range(height):
        upper, lower = image[y], image[min(y + 1, height - 1)]
        row = out[y * width : (y + 1) * width]
        for x in range(width - 1):
            row[x] = (
                np.uint32(upper[x])
                | np.uint32(upper[x + 1]) << np.uint32(8)
                | np.uint32(lower[x]) << np.uint32(16)
                | np.uint32(lower[x + 1]) << np.uint32(24)
            )
        row[width - 1] = np.uint32(upper[width - 1]) * 257 + np.uint32(lower[width - 1]) * 16842752


@njit(nogil=True, cache=True)
def read_rows(words, width, height, xs, ys, out):
    """Grey levels at (xs, ys), interpolated linearly, the border repeated."""
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    stride = np.int32(width)
    for q in range(out.shape[0]):
        x, y = xs[q], ys[q]
        # Written so that NaN ends at 0: whatever a shape holds, no pixel outside is read.
        x = x if x > 0 else np.float32(0)
        y = y if y > 0 else np.float32(0)
        x = x if x < right else right
        y = y if y < bottom else bottom
        column, row = np.int32(x), np.int32(y)
        word = words[np.uint32(row * stride + column)]
        x -= np.float32(column)
        y -= np.float32(row)
        a = np.float32(np.int32(word & np.uint32(255)))
        b = np.float32(np.int32((word >> np.uint32(8)) & np.uint32(255)))
        c = np.float32(np.int32((word >> np.uint32(16)) & np.uint32(255)))
        d = np.float32(np.int32(word >> np.uint32(24)))
        a += x * (b - a)
        c += x * (d - c)
        out[q] = a + y * (c - a)
