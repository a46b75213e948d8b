"""Numba kernels of the HOG descriptors: eight landmarks side by side, one a lane.

Arrays of a block of eight landmarks are flat with the lane last, so that the inner loops are long
and contiguous and LLVM vectorises them: grey levels are (row, column, lane), the resolved gradients
of a row (direction, column, lane), histograms (cell, direction, lane).
"""

import numpy as np
from numba import njit

from ._float_lanes import add_scaled_lanes
from ._lanes import LANES
from ._pixel_kernels import similarity_to

# Directions 0°, 45°, …, 315° that gradients are resolved into.
DIRECTIONS = 8
CELL = DIRECTIONS * LANES
_EPSILON = np.float32(1e-5)
_MAX_OCTAVE = 6


@njit(nogil=True, cache=True)
def octave(spacing):
    """How often to halve an image so that samples `spacing` pixels apart are less than two."""
    level = 0
    while spacing >= 2 and level < _MAX_OCTAVE:
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
def pack(image, level, out):
    """`image`, halved `level` times, one word a pixel; returns its height and width.

    A word holds a pixel and its neighbours to the right, below, and both: one load interpolates.
    """
    for _ in range(level):
        if min(image.shape) > 1:
            image = halve(image)
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
        last = np.uint32(upper[width - 1]) | np.uint32(lower[width - 1]) << np.uint32(16)
        row[width - 1] = last | last << np.uint32(8)
    return height, width


@njit(nogil=True, cache=True)
def read_row(words, height, width, xs, ys, dx, dy, at, fractions, out):
    """Grey levels at (xs + dx, ys + dy), interpolated linearly, the border repeated.

    Three loops, because LLVM vectorises all but the loads from anywhere; `at` (2, n) uint32 and
    `fractions` (2, n) float32 keep what passes between them.
    """
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    zero, stride = np.float32(0), np.int32(width)
    index, word = at[0], at[1]
    fx, fy = fractions[0], fractions[1]
    for q in range(index.shape[0]):
        x, y = xs[q] + dx, ys[q] + dy
        # Written so that NaN ends at 0: whatever a shape holds, no pixel outside is read.
        x = x if x > zero else zero
        y = y if y > zero else zero
        x = x if x < right else right
        y = y if y < bottom else bottom
        column, row = np.int32(x), np.int32(y)
        index[q] = row * stride + column
        fx[q] = x - np.float32(column)
        fy[q] = y - np.float32(row)
    for q in range(index.shape[0]):
        word[q] = words[index[q]]
    for q in range(index.shape[0]):
        packed = word[q]
        a = np.float32(np.int32(packed & np.uint32(255)))
        b = np.float32(np.int32((packed >> np.uint32(8)) & np.uint32(255)))
        c = np.float32(np.int32((packed >> np.uint32(16)) & np.uint32(255)))
        d = np.float32(np.int32(packed >> np.uint32(24)))
        upper, lower = a + fx[q] * (b - a), c + fx[q] * (d - c)
        out[q] = upper + fy[q] * (lower - upper)


@njit(nogil=True, cache=True)
def resolve(above, row, below, out):
    """Resolve the gradients of a row into the nearer two of eight directions.

    ``g = α e_o + β e_(o + 1)`` with α, β >= 0: what linear interpolation between directions is
    after, in closed form and without an arctangent.
    """
    n = out.shape[0] // DIRECTIONS
    root = np.float32(np.sqrt(2.0))
    zero = np.float32(0)
    for q in range(n):
        gx = row[q + 2 * LANES] - row[q]
        gy = below[q + LANES] - above[q + LANES]
        plus, minus = gx + gy, gx - gy
        out[q] = max(min(plus, minus), zero)
        out[q + 2 * n] = max(min(plus, -minus), zero)
        out[q + 4 * n] = max(min(-plus, -minus), zero)
        out[q + 6 * n] = max(min(-plus, minus), zero)
        gx *= root
        gy *= root
        out[q + n] = max(min(gx, gy), zero)
        out[q + 3 * n] = max(min(-gx, gy), zero)
        out[q + 5 * n] = max(min(-gx, -gy), zero)
        out[q + 7 * n] = max(min(gx, -gy), zero)


@njit(nogil=True, cache=True)
def add_scaled(total, row, scale):
    """``total += scale * row``."""
    for q in range(row.shape[0]):
        total[q] += scale * row[q]


@njit(nogil=True, cache=True)
def normalize(histogram):
    """L1-sqrt in each lane: the square roots of the shares in the sum."""
    scale = np.zeros(CELL, np.float32)
    for first in range(0, histogram.shape[0], CELL):
        add_scaled(scale, histogram[first : first + CELL], np.float32(1))
    for k in range(LANES):
        total = _EPSILON
        for o in range(DIRECTIONS):
            total += scale[o * LANES + k]
        for o in range(DIRECTIONS):
            scale[o * LANES + k] = np.float32(1) / total
    for first in range(0, histogram.shape[0], CELL):
        cell = histogram[first : first + CELL]
        for q in range(CELL):
            cell[q] = np.sqrt(cell[q] * scale[q])


@njit(nogil=True, cache=True)
def make_room(pooling, n_landmarks):
    """Arrays that `describe` works in; the last takes the histograms of all blocks."""
    n_samples, n_cells = pooling.shape
    n_read = (n_samples + 2) * LANES
    n_parts = DIRECTIONS * n_samples * LANES
    n_blocks = (n_landmarks + LANES - 1) // LANES
    return (
        np.empty((2, n_read), np.uint32),
        np.empty((4, n_read), np.float32),
        np.empty((n_samples + 2, n_read), np.float32),
        np.empty(n_parts, np.float32),
        np.empty(n_cells * n_parts, np.float32),
        np.empty((n_blocks, n_cells * n_cells * CELL), np.float32),
    )


@njit(nogil=True, cache=True)
def describe(words, height, width, level, placement, shape, a, b, step, pooling, room):
    """Normalised histograms of the patches around all landmarks of a shape.

    Parameters
    ----------
    words : (>= height * width,) uint32
        From `pack`, at `level`.
    placement : (3,) float32
        The box frame in the image before it was halved.
    shape : (L, 2) float32
        In the box frame.
    a, b : float32
        Scaled rotation of the patches.
    step : float32
        Distance between samples, in box sides.
    pooling : (samples, cells) float32
        What a row or column of samples gives to a row or column of cells.
    room
        From `make_room`; the histograms in it are written.
    """
    at, points, patch, parts, rows, histograms = room
    n_samples, n_cells = pooling.shape
    n_parts = parts.shape[0]
    half = np.float32(0.5)
    factor = np.float32(1) / np.float32(1 << level)
    cx, cy = (placement[0] + half) * factor - half, (placement[1] + half) * factor - half
    side = placement[2] * factor
    ux, uy = a * step * side, b * step * side
    middle = np.float32(n_samples + 1) * half
    for block in range(histograms.shape[0]):
        xs, ys = points[0], points[1]
        for k in range(LANES):
            landmark = min(block * LANES + k, shape.shape[0] - 1)
            x, y = cx + side * shape[landmark, 0], cy + side * shape[landmark, 1]
            for j in range(n_samples + 2):
                xs[j * LANES + k] = x + (np.float32(j) - middle) * ux
                ys[j * LANES + k] = y + (np.float32(j) - middle) * uy
        for i in range(n_samples + 2):
            down = np.float32(i) - middle
            read_row(words, height, width, xs, ys, -down * uy, down * ux, at, points[2:], patch[i])
        rows[:] = 0
        for i in range(n_samples):
            resolve(patch[i], patch[i + 1], patch[i + 2], parts)
            for c in range(n_cells):
                if pooling[i, c] != 0:
                    add_scaled(rows[c * n_parts : (c + 1) * n_parts], parts, pooling[i, c])
        histogram = histograms[block]
        histogram[:] = 0
        for j in range(n_samples):
            for c in range(n_cells):
                weight = pooling[j, c]
                if weight != 0:
                    for r in range(n_cells):
                        cell = np.uint64((r * n_cells + c) * CELL)
                        part = np.uint64(r * n_parts + j * LANES)
                        for o in range(DIRECTIONS):
                            add_scaled_lanes(
                                histogram, cell + np.uint64(o * LANES),
                                rows, part + np.uint64(o * n_samples * LANES), weight,
                            )  # fmt: skip
        normalize(histogram)


@njit(nogil=True, cache=True)
def extract(images, index, placements, shapes, mean, step, pooling, start, stop, out):
    """Descriptors of the samples [start, stop).

    Parameters
    ----------
    images : (m, H, W) uint8
    index : (N,) intp
        Image of each sample.
    placements : (N, 3) float32
    shapes : (N, L, 2) float32
        In the box frame.
    mean : (L, 2) float32
        Centred mean shape.
    step, pooling
        As in `describe`.
    out : (N, L * cells * cells * 8) float32
    """
    n_landmarks = mean.shape[0]
    room = make_room(pooling, n_landmarks)
    histograms = room[5]
    n_numbers = histograms.shape[1] // LANES
    words = np.empty(images.shape[1] * images.shape[2], np.uint32)
    for i in range(start, stop):
        placement, shape = placements[i], shapes[i]
        a, b = similarity_to(mean, shape)
        level = octave(step * placement[2])
        height, width = pack(images[index[i]], level, words)
        describe(words, height, width, level, placement, shape, a, b, step, pooling, room)
        for landmark in range(n_landmarks):
            histogram = histograms[landmark // LANES]
            row = out[i, landmark * n_numbers : (landmark + 1) * n_numbers]
            for f in range(n_numbers):
                row[f] = histogram[f * LANES + landmark % LANES]
