"""The fused inference kernel of tree cascades: pixels, trees and shape update in one pass."""

import numpy as np

from features._lanes import WIDE, add_wide_rows
from features._pixel_kernels import read_points, similarity_to
from features.jit import njit

from .._update_kernels import move

# Trees whose leaves are added in registers before they join the total.
ABREAST = 8


@njit(nogil=True, cache=True)
def run_trees(images, index, placements, shapes, mean, anchors, offsets, nodes, leaves, n_trees,
              basis, bias, start, stop, staged):  # fmt: skip
    """Move the shapes of the samples [start, stop) through T stages, in place.

    Parameters
    ----------
    images : (m, H, W) uint8
    index : (N,) intp
    placements : (N, 3) float32
    shapes : (N, L, 2) float32
        In the box frame.
    mean : (L, 2) float32
        Centred mean shape.
    anchors, offsets : (T, P) uint16, (T, 2, P) float32
    nodes : (T, K * (leaves a tree - 1)) uint64
        First pixel, second pixel, threshold: 16 bits each from below. Level by level, and within
        a level tree by tree: then the children of node g of a level are 2g and 2g + 1 of the next,
        whatever the tree, and the last level's are the leaves.
    leaves : (T, K * leaves a tree, R) int8
        R is a multiple of `WIDE`, K of `ABREAST`.
    n_trees : int
        K.
    basis, bias : (T, R, 2L) float32, (T, 2L) float32
    staged : (T, N, L, 2) float32, or of no length
        Takes the shapes after each stage.
    """
    n_stages, n_points = anchors.shape
    n_leaves, width = leaves.shape[1], leaves.shape[2]
    n_landmarks = mean.shape[0]
    pixel = np.empty(n_points, np.uint8)
    scratch = np.empty((3, n_points), np.float32)
    total = np.empty(width, np.int32)
    place = np.empty(n_trees, np.uint32)
    delta = np.empty(2 * n_landmarks, np.float32)
    low = np.uint64(0xFFFF)
    for i in range(start, stop):
        image, placement, shape = images[index[i]], placements[i], shapes[i]
        for t in range(n_stages):
            a, b = similarity_to(mean, shape)
            read_points(image, placement, shape, a, b, anchors[t], offsets[t], scratch, pixel)
            for k in range(n_trees):
                place[k] = k
            # All trees take one step, then all the next: no step waits for another.
            level, size = 0, n_trees
            while size < n_leaves:
                words = nodes[t, level : level + size]
                for k in range(n_trees):
                    word = words[place[k]]
                    first = pixel[word & low]
                    second = pixel[(word >> np.uint64(16)) & low]
                    threshold = np.int16(word >> np.uint64(32))
                    right = np.int16(first) - np.int16(second) >= threshold
                    place[k] = np.uint32(place[k] << 1) | np.uint32(right)
                level, size = level + size, 2 * size
            for k in range(n_trees):
                place[k] *= np.uint32(width)
            total[:] = 0
            values = leaves[t].reshape(-1)
            for k in range(0, n_trees, ABREAST):
                for lane in range(0, width, WIDE):
                    add_wide_rows(total, np.uint64(lane), values, place, np.uint64(k))
            delta[:] = bias[t]
            for r in range(width):
                weight, row = np.float32(total[r]), basis[t, r]
                for c in range(2 * n_landmarks):
                    delta[c] += weight * row[c]
            move(shape, a, b, delta)
            if staged.shape[0] > 0:
                staged[t, i] = shape
