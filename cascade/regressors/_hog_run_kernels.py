"""The fused inference kernel of SDM: descriptors, linear map and shape update in one pass."""

import numpy as np
from numba import njit

from features._float_lanes import add_product_lanes
from features._hog_kernels import describe, make_room, octave, pack
from features._lanes import LANES
from features._pixel_kernels import similarity_to


@njit(nogil=True, cache=True)
def add_product(numbers, weights, total):
    """``total += numbers @ weights`` for flat int8 `weights` (numbers, components).

    Both lengths are multiples of eight.
    """
    width = np.uint64(total.shape[0])
    for f in range(0, numbers.shape[0], LANES):
        row = np.uint64(f) * width
        for r in range(0, total.shape[0], LANES):
            at = np.uint64(r)
            add_product_lanes(total, at, numbers, np.uint64(f), weights, row + at, width)


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
        In the order of the histograms of a block: cell, direction, lane; then component, of which
        there are a multiple of eight.
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
                add_product(histograms[block], weights[t, block], total)
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
