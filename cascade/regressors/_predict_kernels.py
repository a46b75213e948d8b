"""The fused inference kernel of tree cascades: pixels, trees and shape update in one pass."""

import numpy as np
from numba import njit

from features._lanes import LANES, add_lanes
from features._pixel_kernels import read_points, similarity_to


@njit(nogil=True, cache=True)
def run_trees(images, index, placements, shapes, mean, anchors, offsets, nodes, leaves, basis, bias,
              start, stop, staged):
    n_stages, n_points = anchors.shape
    n_trees, n_nodes = nodes.shape[1], nodes.shape[2]
    n_leaves, width = n_nodes + 1, leaves.shape[3]
    depth = 0
    while (1 << depth) < n_leaves:
        depth += 1
    n_landmarks = mean.shape[0]
    pixel = np.empty(n_points, np.uint8)
    total = np.zeros(width, np.int32)
    at = np.empty(8, np.uint64)
    delta = np.empty((2 * n_landmarks), np.float32)
    for i in range(start, stop):
        image, placement, shape = images[index[i]], placements[i], shapes[i]
        for t in range(n_stages):
            a, b = similarity_to(mean, shape)
            read_points(image, placement, shape, a, b, anchors[t], offsets[t], pixel)
            total[:] = 0
            words = nodes[t].reshape(-1)
            values = leaves[t].reshape(-1)
            for k in range(0, n_trees, 8):
                # Eight trees side by side hide the latency of one walk behind the others.
                size = min(8, n_trees - k)
                for s in range(size):
                    at[s] = 0
                for level in range(depth):
                    for s in range(size):
                        word = words[np.uint64(k + s) * np.uint64(n_nodes) + at[s]]
                        first = pixel[word & np.uint64(0xFFFF)]
                        second = pixel[(word >> np.uint64(16)) & np.uint64(0xFFFF)]
                        threshold = np.int16(word >> np.uint64(32))
                        right = np.int16(first) - np.int16(second) >= threshold
                        at[s] = at[s] * np.uint64(2) + np.uint64(1) + np.uint64(right)
                for s in range(size):
                    leaf = np.uint64(k + s) * np.uint64(n_leaves) + at[s] - np.uint64(n_nodes)
                    for lane in range(0, width, LANES):
                        add_lanes(total, np.uint64(lane), values, leaf * np.uint64(width) + np.uint64(lane))
            for c in range(2 * n_landmarks):
                delta[c] = bias[t, c]
            for r in range(width):
                v = np.float32(total[r])
                row = basis[t, r]
                for c in range(2 * n_landmarks):
                    delta[c] += v * row[c]
            for l in range(n_landmarks):
                x, y = delta[2 * l], delta[2 * l + 1]
                shape[l, 0] += a * x - b * y
                shape[l, 1] += b * x + a * y
            if staged.shape[0] > 0:
                staged[t, i] = shape
