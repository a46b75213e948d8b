"""Numba kernels of the stages that know the landmarks."""

import numpy as np

from features._lanes import LANES, add_lanes
from features._pixel_kernels import read_points, similarity_to
from features.jit import njit

from ...stages._update_kernels import apply_basis, move
from ._window_kernels import PAD

#: Half of the side of the crops that training keeps of windows, in pixels of the finer level.
HALF_CROP = 64


@njit(nogil=True, cache=True)
def copy_crops(pixels, tables, index, levels, centres, out):
    """Copy the surroundings of windows out of levels.

    Parameters
    ----------
    pixels, tables, index, levels
        As of `read_patches`.
    centres : (N, 2) int64
        Pixel x and y of the level that becomes pixel 64 of each crop, inside of the level.
    out : (N, 128, 128) uint8
        Overwritten; the border of the level is repeated.
    """
    for i in range(index.shape[0]):
        place, stride, height, width = tables[index[i], levels[i]]
        for v in range(2 * HALF_CROP):
            y = min(max(centres[i, 1] + v - HALF_CROP, -PAD), height + PAD - 1)
            line = place + y * stride
            for u in range(2 * HALF_CROP):
                x = min(max(centres[i, 0] + u - HALF_CROP, -PAD), width + PAD - 1)
                out[i, v, u] = pixels[line + x]


@njit(nogil=True, cache=True)
def run_stages(pixels, table, placements, levels, shapes, reference, anchors, offsets, nodes,
               leaves, limits, weights, basis, bias, scores):  # fmt: skip
    """Add the trees of all stages to windows that passed the first part, and move their shapes.

    Parameters
    ----------
    pixels, table
        As of `fill_levels`.
    placements : (n, 3) float32
        Centre and side of each window's box in pixels of its level.
    levels : (n,) int64
    shapes : (n, L, 2) float32
        In the box frame; moved in place.
    reference : (L, 2) float32
        Centred mean shape.
    anchors : (S, P) uint16
    offsets : (S, 2, P) float32
    nodes : (S, K, n_nodes, 4) int16
    leaves : (S, K, n_leaves) int32
    limits : (S, K) int32
    weights : (S, K * n_leaves, width) int8
    basis : (S, width, 2 L) float32
    bias : (S, 2 L) float32
        `width` is a whole number of lanes.
    scores : (n,) int64
        Of the first part; overwritten with the sums, or the least int64 where a window fails.
    """
    n_stages, n_points = anchors.shape
    n_trees, n_nodes = nodes.shape[1], nodes.shape[2]
    patch, scratch = np.empty(n_points, np.uint8), np.empty((2, n_points), np.float32)
    where = np.empty(n_points, np.int64)
    total, delta = np.empty(weights.shape[2], np.int32), np.empty(bias.shape[1], np.float32)
    placement = np.empty(3, np.float32)
    for i in range(placements.shape[0]):
        start, stride, height = table[levels[i], 0], table[levels[i], 1], table[levels[i], 2]
        first, lines = start - PAD * (stride + 1), height + 2 * PAD
        view = pixels[first : first + lines * stride].reshape(lines, stride)
        placement[0] = placements[i, 0] + np.float32(PAD)
        placement[1] = placements[i, 1] + np.float32(PAD)
        placement[2] = placements[i, 2]
        shape, score = shapes[i], scores[i]
        for s in range(n_stages):
            a, b = similarity_to(reference, shape)
            read_points(view, placement, shape, a, b, anchors[s], offsets[s], scratch, where, patch)
            total[:] = 0
            values = weights[s].reshape(-1)
            passed = True
            for t in range(n_trees):
                k = 0
                while k < n_nodes:
                    node = nodes[s, np.uint64(t), np.uint64(k)]
                    left = np.int32(patch[np.uint64(node[0])]) * np.int32(node[2])
                    right = np.int32(patch[np.uint64(node[1])]) * np.int32(node[3])
                    k = 2 * k + 1 + np.int64(left >= right)
                leaf = k - n_nodes
                score += leaves[s, np.uint64(t), np.uint64(leaf)]
                if score < limits[s, t]:
                    passed = False
                    break
                row = np.uint64(t) * np.uint64(n_nodes + 1) + np.uint64(leaf)
                for group in range(0, weights.shape[2], LANES):
                    lane = np.uint64(group)
                    add_lanes(total, lane, values, row * np.uint64(weights.shape[2]) + lane)
            if not passed:
                score = np.iinfo(np.int64).min
                break
            apply_basis(total, basis[s], bias[s], delta)
            move(shape, a, b, delta)
        scores[i] = score
