"""The fused inference kernel of SDM: descriptors, linear map and shape update in one pass."""

import numpy as np
from numba import njit

from features._hog_kernels import describe, make_room, octave, pack
from features._pixel_kernels import similarity_to

# Rows of weights added at a time: they share one load and store of the sums.
GROUP = 8


@njit(nogil=True, cache=True)
def add_products(numbers, weights, total):
    """``total += numbers @ weights`` for flat int8 `weights` (numbers, components)."""
    width = total.shape[0]
    for f in range(0, numbers.shape[0], GROUP):
        x0, x1, x2, x3 = numbers[f], numbers[f + 1], numbers[f + 2], numbers[f + 3]
        x4, x5, x6, x7 = numbers[f + 4], numbers[f + 5], numbers[f + 6], numbers[f + 7]
        rows = weights[f * width : (f + GROUP) * width]
        w0, w1, w2, w3 = rows, rows[width:], rows[2 * width :], rows[3 * width :]
        w4, w5 = rows[4 * width :], rows[5 * width :]
        w6, w7 = rows[6 * width :], rows[7 * width :]
        for r in range(width):
            left = x0 * np.float32(w0[r]) + x1 * np.float32(w1[r])
            left += x2 * np.float32(w2[r]) + x3 * np.float32(w3[r])
            right = x4 * np.float32(w4[r]) + x5 * np.float32(w5[r])
            right += x6 * np.float32(w6[r]) + x7 * np.float32(w7[r])
            total[r] += left + right


@njit(nogil=True, cache=True)
def run_hog(images, index, placements, shapes, mean, steps, pooling, weights, basis, bias,
            start, stop, staged):  # fmt: skip
    """Move the shapes [start, stop) through T stages, in place.

    Parameters
    ----------
    images, index, placements, shapes, mean, pooling
        As in `features._hog_kernels.extract`.
    steps : (T,) float32
    weights : (T, blocks, numbers * components) int8
        In the order of the histograms of a block: cell, direction, lane; then component.
    basis : (T, components, 2L) float32
    bias : (T, 2L) float32
    staged : (T or 0, N, L, 2) float32
        Takes the shapes after each stage.
    """
    n_landmarks = mean.shape[0]
    room = make_room(pooling, n_landmarks)
    histograms = room[5]
    words = np.empty(images.shape[1] * images.shape[2], np.uint32)
    total = np.empty(basis.shape[1], np.float32)
    delta = np.empty(2 * n_landmarks, np.float32)
    packed, level = -1, -1
    height, width = 0, 0
    for i in range(start, stop):
        placement, shape = placements[i], shapes[i]
        for t in range(steps.shape[0]):
            wanted = octave(steps[t] * placement[2])
            if packed != index[i] or level != wanted:
                packed, level = index[i], wanted
                height, width = pack(images[packed], level, words)
            a, b = similarity_to(mean, shape)
            describe(words, height, width, level, placement, shape, a, b, steps[t], pooling, room)
            total[:] = 0
            for block in range(histograms.shape[0]):
                add_products(histograms[block], weights[t, block], total)
            delta[:] = bias[t]
            for r in range(total.shape[0]):
                row = basis[t, r]
                for c in range(2 * n_landmarks):
                    delta[c] += total[r] * row[c]
            for k in range(n_landmarks):
                x, y = delta[2 * k], delta[2 * k + 1]
                shape[k, 0] += a * x - b * y
                shape[k, 1] += b * x + a * y
            if staged.shape[0] > 0:
                staged[t, i] = shape
