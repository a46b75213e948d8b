"""The fused inference kernel of tree cascades: pixels, trees and shape update in one pass."""

import numpy as np
from numba import njit

from features._lanes import LANES, add_rows
from features._pixel_kernels import read_points, similarity_to

# Trees walked side by side, which hides the latency of one walk behind the others.
ABREAST = LANES


@njit(nogil=True, cache=True)
def run_trees(images, index, placements, shapes, mean, anchors, offsets, nodes, leaves, basis, bias,
              start, stop, staged):  # fmt: skip
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
    anchors, offsets : (T, P) uint16, (T, P, 2) float32
    nodes : (T, K, M) uint64
        First pixel, second pixel, threshold: 16 bits each from below. K is a multiple of `ABREAST`.
    leaves : (T, K, M + 1, R) int8
        R is a multiple of `LANES`.
    basis, bias : (T, R, 2L) float32, (T, 2L) float32
    staged : (T, N, L, 2) float32, or of no length
        Takes the shapes after each stage.
    """
    n_stages, n_points = anchors.shape
    n_trees, n_nodes = nodes.shape[1], nodes.shape[2]
    n_leaves, width = np.uint64(leaves.shape[2]), np.uint64(leaves.shape[3])
    depth = 0
    while (1 << depth) <= n_nodes:
        depth += 1
    n_landmarks = mean.shape[0]
    pixel = np.empty(n_points, np.uint8)
    where = np.empty(n_points, np.int32)
    total = np.empty(leaves.shape[3], np.int32)
    at = np.empty(ABREAST, np.uint64)
    delta = np.empty(2 * n_landmarks, np.float32)
    low, first_child = np.uint64(0xFFFF), np.uint64(1)
    for i in range(start, stop):
        image, placement, shape = images[index[i]], placements[i], shapes[i]
        for t in range(n_stages):
            a, b = similarity_to(mean, shape)
            read_points(image, placement, shape, a, b, anchors[t], offsets[t], where, pixel)
            total[:] = 0
            words, values = nodes[t].reshape(-1), leaves[t].reshape(-1)
            for k in range(0, n_trees, ABREAST):
                at[:] = 0
                for _ in range(depth):
                    for s in range(ABREAST):
                        word = words[np.uint64(k + s) * np.uint64(n_nodes) + at[s]]
                        first = pixel[word & low]
                        second = pixel[(word >> np.uint64(16)) & low]
                        threshold = np.int16(word >> np.uint64(32))
                        right = np.int16(first) - np.int16(second) >= threshold
                        at[s] = at[s] + at[s] + first_child + np.uint64(right)
                for s in range(ABREAST):
                    leaf = np.uint64(k + s) * n_leaves + at[s] - np.uint64(n_nodes)
                    at[s] = leaf * width
                for lane in range(0, leaves.shape[3], LANES):
                    add_rows(total, np.uint64(lane), values, at)
            delta[:] = bias[t]
            for r in range(basis.shape[1]):
                weight, row = np.float32(total[r]), basis[t, r]
                for c in range(2 * n_landmarks):
                    delta[c] += weight * row[c]
            for k in range(n_landmarks):
                x, y = delta[2 * k], delta[2 * k + 1]
                shape[k, 0] += a * x - b * y
                shape[k, 1] += b * x + a * y
            if staged.shape[0] > 0:
                staged[t, i] = shape
