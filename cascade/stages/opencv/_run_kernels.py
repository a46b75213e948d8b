"""Numba kernels that move shapes as OpenCV's FacemarkLBF does."""

import numpy as np

from features._opencv_kernels import turn_and_size, walk_facemark
from features.jit import njit

from .._update_kernels import move


@njit(nogil=True, cache=True)
def add_leaf_weights(weights, leaves, total):
    """Sum of the rows ``weights[k, leaves[k]]`` (C,) in the order of k: `total`, overwritten.

    Four rows a pass; in float64, and one after another, a sum has the bits of OpenCV's.
    """
    n_codes, n_leaves, n = weights.shape
    rows = weights.reshape(n_codes * n_leaves, n)
    total[:] = 0.0
    whole = n_codes - n_codes % 4
    for k in range(0, whole, 4):
        first = rows[np.uint64(k * n_leaves + leaves[k])]
        second = rows[np.uint64((k + 1) * n_leaves + leaves[k + 1])]
        third = rows[np.uint64((k + 2) * n_leaves + leaves[k + 2])]
        fourth = rows[np.uint64((k + 3) * n_leaves + leaves[k + 3])]
        for c in range(n):
            total[c] = (((total[c] + first[c]) + second[c]) + third[c]) + fourth[c]
    for k in range(whole, n_codes):
        row = rows[np.uint64(k * n_leaves + leaves[k])]
        for c in range(n):
            total[c] += row[c]


@njit(nogil=True, cache=True)
def move_facemarks(
    images, index, places, windows, shapes, reference, points, threshold, weights, start, stop
):
    """Move `shapes` (N, L, 2) float64 of the samples [start, stop) through one stage, in place.

    The other arguments are those of `walk_facemark`; `weights` (K, leaves, 2L) float64.
    """
    n_landmarks = shapes.shape[1]
    pixels, leaves = np.empty((n_landmarks, 2)), np.empty(points.shape[0], np.int64)
    total = np.empty(2 * n_landmarks)
    for i in range(start, stop):
        shape = shapes[i]
        a, b = turn_and_size(reference, shape)
        walk_facemark(
            images[index[i]], places[i], windows[i], shape, a, b, points, threshold, pixels, leaves
        )
        add_leaf_weights(weights, leaves, total)
        move(shape, a, b, total)
