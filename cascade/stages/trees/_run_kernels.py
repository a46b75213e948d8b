"""The fused inference kernel of tree cascades: pixels, trees and shape update in one pass."""

import numpy as np

from features._float_rows import prefetch
from features._lanes import WIDE, add_wide_rows
from features._pixel_kernels import read_points, similarity_to
from features.jit import njit

from .._update_kernels import apply_basis, keep, move
from ._walk_kernels import find_leaves

# Trees whose leaves are added in registers before they join the total.
ABREAST = 8


@njit(nogil=True, cache=True)
def run_trees(images, index, placements, shapes, reference, anchors, offsets, nodes, leaves, basis,
              bias, start, stop, staged):  # fmt: skip
    """Move the shapes of the samples [start, stop) through T stages, in place.

    Parameters
    ----------
    images : (m, H, W) uint8
    index : (N,) intp
    placements : (N, 3) float32
    shapes : (N, L, 2) float32
        In the box frame.
    reference : (L, 2) float32
        The centred mean shape.
    anchors, offsets : (T, P) uint16, (T, 2, P) float32
    nodes : (T, K * (leaves a tree - 1)) uint64
        See `find_leaves`.
    leaves : (T, K * leaves a tree, R) int8
        R is a multiple of `WIDE`, K of `ABREAST`.
    basis, bias : (T, R', 2L) float32, (T, 2L) float32
        R' is up to R.
    staged : (T, N, L, 2) float32, or of no length
        Takes the shapes after each stage.
    """
    n_stages, n_points = anchors.shape
    n_leaves, width = leaves.shape[1], leaves.shape[2]
    n_trees = n_leaves - nodes.shape[1]
    n_landmarks = reference.shape[0]
    pixel = np.empty(n_points, np.uint8)
    scratch, where = np.empty((2, n_points), np.float32), np.empty(n_points, np.int64)
    total = np.empty(width, np.int32)
    place = np.empty(n_trees, np.uint32)
    delta = np.empty(2 * n_landmarks, np.float32)
    for i in range(start, stop):
        image, placement, shape = images[index[i]], placements[i], shapes[i]
        for t in range(n_stages):
            # The points turn and scale with the shape; their pixels are read.
            a, b = similarity_to(reference, shape)
            read_points(
                image, placement, shape, a, b, anchors[t], offsets[t], scratch, where, pixel
            )
            # Each tree leads to a leaf, whose components are added.
            find_leaves(pixel, nodes[t], n_leaves, place)
            values = leaves[t].reshape(-1)
            # The leaves of a model are larger than the nearer caches: all are asked for at once.
            for k in range(n_trees):
                place[k] *= np.uint32(width)
                prefetch(values, np.uint64(place[k]))
                prefetch(values, np.uint64(place[k]) + np.uint64(width - 1))
            for r in range(width):
                total[r] = 0
            for k in range(0, n_trees, ABREAST):
                for lane in range(0, width, WIDE):
                    add_wide_rows(total, np.uint64(lane), values, place, np.uint64(k))
            # From components to coordinates, which turn with the shape and move it.
            apply_basis(total, basis[t], bias[t], delta)
            move(shape, a, b, delta)
            keep(shape, staged, t, i)
