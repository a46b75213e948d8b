"""The fused inference kernel of LBF: walks, sparse sums and shape update in one pass."""

import numpy as np

from features._float_rows import prefetch
from features._lanes import LANES, add_lanes, add_rows
from features._lbf_kernels import walk_shape
from features._pixel_kernels import similarity_to
from features.jit import njit

from .._update_kernels import apply_basis, keep, move


@njit(nogil=True, cache=True)
def run_lbf(images, index, placements, shapes, reference, points, nodes, weights, basis, bias,
            start, stop, staged):  # fmt: skip
    """Move the shapes [start, stop) through stages of equal size, in place.

    Parameters
    ----------
    images, index, placements, shapes, reference
        As in `features._pixel_kernels.sample_points`.
    points : (T, 2, P) float32
    nodes : (T, K, nodes) uint32
    weights : (T, K * leaves, width) int8
        `width` is a whole number of lanes, as in the two that follow.
    basis : (T, width, 2L) float32
    bias : (T, 2L) float32
    staged : (T, N, L, 2) float32
        Takes the shapes after each stage, unless it is empty.
    """
    n_stages, n_codes, n_leaves = nodes.shape[0], nodes.shape[1], nodes.shape[2] + 1
    width = weights.shape[2]
    total = np.empty(width, np.int32)
    leaves, rows = np.empty(n_codes, np.uint8), np.empty(n_codes, np.uint64)
    delta = np.empty(bias.shape[1], np.float32)
    scratch = np.empty((2, points.shape[2]), np.int32)
    step, base = np.empty(points.shape[2], np.int64), np.empty(n_codes, np.int64)
    for i in range(start, stop):
        image, placement, shape = images[index[i]], placements[i], shapes[i]
        for t in range(n_stages):
            # The points turn and scale with the shape; each tree leads to a leaf.
            a, b = similarity_to(reference, shape)
            walk_shape(image, placement, shape, a, b, points[t], nodes[t], scratch, step, base,
                       leaves)  # fmt: skip
            # The leaves are the ones of a sparse code: its product is a sum of their weights.
            total[:] = 0
            values = weights[t].reshape(-1)
            # The weights of a model are larger than the nearer caches: all are asked for at once.
            for k in range(n_codes):
                row = np.uint64(k) * np.uint64(n_leaves) + np.uint64(leaves[k])
                rows[k] = row * np.uint64(width)
                prefetch(values, rows[k])
                prefetch(values, rows[k] + np.uint64(width - 1))
            whole = n_codes - n_codes % LANES
            for k in range(0, whole, LANES):
                for group in range(0, width, LANES):
                    add_rows(total, np.uint64(group), values, rows, np.uint64(k))
            for k in range(whole, n_codes):
                for group in range(0, width, LANES):
                    lane = np.uint64(group)
                    add_lanes(total, lane, values, rows[k] + lane)
            # From components to coordinates, which turn with the shape and move it.
            apply_basis(total, basis[t], bias[t], delta)
            move(shape, a, b, delta)
            keep(shape, staged, t, i)
