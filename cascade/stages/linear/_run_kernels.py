"""The fused inference kernel of SDM: descriptors, linear map and shape update in one pass."""

import numpy as np

from features._hog_kernels import describe, make_plane, make_room, make_table, octave, place
from features._hog_lanes import GROUP, add_pairs_lanes
from features._lanes import LANES
from features._pixel_kernels import similarity_to
from features.jit import njit

from .._update_kernels import apply_basis, keep, move


@njit(nogil=True, cache=True)
def add_product(numbers, weights, total):
    """``total += numbers @ weights`` for flat int8 `weights`, two numbers interleaved.

    The numbers are a multiple of eight, the components one of `GROUP`.
    """
    width = np.uint64(2 * total.shape[0])
    for f in range(0, numbers.shape[0], LANES):
        row = np.uint64(f // 2) * width
        for r in range(0, total.shape[0], GROUP):
            at = np.uint64(r)
            first = row + np.uint64(2) * at
            add_pairs_lanes(total, at, numbers, np.uint64(f), weights, first, width)


@njit(nogil=True, cache=True)
def predict_rows(features, weights, basis, bias, out):
    """``out = features @ weights @ basis + bias``, each row in the same order of adding.

    BLAS would add those of some rows in another order, as their number wants it.

    Parameters
    ----------
    features : (N, F) float32
    weights : (F, R) int8
    basis : (R, K) float32
    bias : (K,) float32
    out : (N, K) float32
        Overwritten.
    """
    total = np.empty(weights.shape[1], np.float32)
    for i in range(features.shape[0]):
        row, answer = features[i], out[i]
        total[:] = 0
        for f in range(row.shape[0]):
            value, line = row[f], weights[f]
            for r in range(total.shape[0]):
                total[r] += value * np.float32(line[r])
        answer[:] = bias
        for r in range(total.shape[0]):
            value, line = total[r], basis[r]
            for k in range(answer.shape[0]):
                answer[k] += value * line[k]


@njit(nogil=True, cache=True)
def run_hog(images, index, placements, shapes, reference, spacings, cells, gains, weights, basis,
            bias, start, stop, staged):  # fmt: skip
    """Move the shapes [start, stop) through T stages, in place.

    Parameters
    ----------
    images, index, placements, shapes, reference
        As in `features._hog_kernels.extract`.
    spacings : (T,) float32
    cells : (T, C, 2) float32
    gains : (T,) float32
        As in `place`; a stage of 0 does not read the shape.
    weights : (T, at least L * C * 8 * components) int8
        As in `add_product`; those of the shape's coordinates, whole lanes, come last.
    basis : (T, components, 2L) float32
        For products with numbers in whole steps: divided by `STEPS`.
    bias : (T, 2L) float32
    staged : (T or 0, N, L, 2) float32
        Takes the shapes after each stage.
    """
    n_landmarks = reference.shape[0]
    room = make_room(images)
    planes = room[3]
    table = make_table(n_landmarks, cells.shape[1])
    numbers = table[6]
    n_weights = numbers.shape[0] * basis.shape[1]
    placed = np.empty((2 * n_landmarks + LANES - 1) // LANES * LANES, np.int16)
    placed[:] = 0
    total = np.empty(basis.shape[1], np.int32)
    delta = np.empty(2 * n_landmarks, np.float32)
    # Which image the plane of each level shows, and its height and width.
    shown = np.empty(len(planes), np.int64)
    heights, widths = np.empty(len(planes), np.int64), np.empty(len(planes), np.int64)
    shown[:] = -1
    for i in range(start, stop):
        placement, shape, image = placements[i], shapes[i], images[index[i]]
        for t in range(spacings.shape[0]):
            # The gradients of the image are pooled once, at the scale of the stage's cells.
            level = octave(spacings[t] * placement[2], image)
            if shown[level] != index[i]:
                shown[level] = index[i]
                heights[level], widths[level] = make_plane(image, level, room)
            # The descriptors turn and scale with the shape.
            a, b = similarity_to(reference, shape)
            height, width = heights[level], widths[level]
            plane = planes[level]
            describe(plane, height, width, level, placement, shape, a, b, cells[t], table)
            # Descriptors, and the shape where the stage reads it, times weights: components.
            total[:] = 0
            add_product(numbers, weights[t], total)
            if gains[t] > 0:
                place(shape, reference, a, b, gains[t], placed)
                add_product(placed, weights[t, n_weights:], total)
            # From components to coordinates, which turn with the shape and move it.
            apply_basis(total, basis[t], bias[t], delta)
            move(shape, a, b, delta)
            keep(shape, staged, t, i)
