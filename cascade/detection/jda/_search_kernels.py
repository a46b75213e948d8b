"""Numba kernels that search an image for windows that pass a soft cascade."""

import numpy as np

from features.jit import njit

from ._window_kernels import offsets_of


@njit(nogil=True, cache=True)
def run_trees(pixels, centre, offsets, nodes, leaves, limits, first, last, score):
    """Add up the trees [first, last) of one window until the sum falls below a limit.

    A node sends a window to the right where ``a * w >= b * v``, for the pixels a and b of its two
    points: for ``w = 64 - t`` and ``v = 64 + t`` that is ``(a - b) / (a + b) >= t / 64`` without a
    division, the normalised pixel difference of Liao, Jain & Li (2016).

    Parameters
    ----------
    pixels : (n,) uint8
    centre : int
        Place of the window's centre in `pixels`.
    offsets : (P,) int32
    nodes : (T, n_nodes, 4) int16
        Two points, w and v of each node.
    leaves : (T, n_nodes + 1) int32
    limits : (T,) int32
    score : int
        Of the trees before.

    Returns
    -------
    n : int
        Trees that were added; `last` where the window passes.
    score : int
    """
    n_nodes = nodes.shape[1]
    for t in range(first, last):
        i = 0
        while i < n_nodes:
            node = nodes[np.uint64(t), np.uint64(i)]
            a = np.int32(pixels[centre + offsets[np.uint64(node[0])]])
            b = np.int32(pixels[centre + offsets[np.uint64(node[1])]])
            i = 2 * i + 1 + np.int64(a * np.int32(node[2]) >= b * np.int32(node[3]))
        score += leaves[np.uint64(t), np.uint64(i - n_nodes)]
        if score < limits[t]:
            return t, score
    return last, score


@njit(nogil=True, cache=True)
def scan(pixels, table, plan, grid, nodes, leaves, limits, out):
    """Search an image at all sizes.

    Parameters
    ----------
    pixels, table
        As of `fill_levels`.
    plan : (n_sizes, 8) float64
        Level, side in its pixels, cosine and sine of the angle; first centre x and y, step between
        centres, share of the side by which windows may reach beyond the image.
    grid : (P, 2) float32
    nodes, leaves, limits
        As of `run_trees`.
    out : (n, 4) int32
        Overwritten: row of the plan, centre x and y in pixels of the level, score.

    Returns
    -------
    n_found : int
        Windows that passed; where there are more than `out` has room for, the others are left out.
    n_windows, n_trees : int
        Windows that were tried, and trees that were added for them.
    """
    offsets = np.empty(grid.shape[0], np.int32)
    n_found, n_windows, n_trees = 0, 0, 0
    n = nodes.shape[0]
    for row in range(plan.shape[0]):
        place, stride, height, width = table[np.int64(plan[row, 0])]
        side, step, margin = plan[row, 1], plan[row, 6], plan[row, 7] * plan[row, 1]
        offsets_of(grid, side, plan[row, 2], plan[row, 3], stride, offsets)
        left, top = margin + plan[row, 4] * step, margin + plan[row, 5] * step
        for v in range(np.int64(np.floor((height - 1 - margin - top) / step)) + 1):
            y = top + v * step
            line = place + np.int64(y) * stride
            for u in range(np.int64(np.floor((width - 1 - margin - left) / step)) + 1):
                x = left + u * step
                passed, score = run_trees(
                    pixels, line + np.int64(x), offsets, nodes, leaves, limits, 0, n, 0
                )
                n_windows += 1
                n_trees += passed
                if passed == n:
                    if n_found < out.shape[0]:
                        out[n_found, 0] = row
                        out[n_found, 1], out[n_found, 2] = np.int64(x), np.int64(y)
                        out[n_found, 3] = score
                    n_found += 1
    return n_found, n_windows, n_trees


@njit(nogil=True, cache=True)
def score_patches(patches, nodes, leaves, limits, first, last, scores, passed):
    """Add the trees [first, last) to the scores of windows that were read before.

    Parameters
    ----------
    patches : (P, N) uint8
    scores : (N,) int64
        Added to.
    passed : (N,) bool
        Set to False where a sum falls below a limit; the sum goes on.
    """
    n_nodes = nodes.shape[1]
    for t in range(first, last):
        for k in range(patches.shape[1]):
            i = 0
            while i < n_nodes:
                node = nodes[t, i]
                a, b = np.int32(patches[node[0], k]), np.int32(patches[node[1], k])
                i = 2 * i + 1 + np.int64(a * np.int32(node[2]) >= b * np.int32(node[3]))
            scores[k] += leaves[t, i - n_nodes]
            if scores[k] < limits[t]:
                passed[k] = False
