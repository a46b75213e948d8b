"""Numba kernels that search an image for windows that pass a soft cascade."""

import numpy as np

from features.jit import njit

from ._window_kernels import offsets_of

# Windows that go through a tree side by side.
_CHUNK = 4096


@njit(nogil=True, cache=True)
def _run_trees(pixels, offsets, nodes, leaves, limits, centres, scores, which, n, first_points,
               second_points):  # fmt: skip
    """Add up the trees of some windows until their sums fall below a limit.

    All windows go through one tree before any goes through the next: windows do not wait for one
    another, and the points of a tree are looked up once for all of them.

    Parameters
    ----------
    pixels : (m,) uint8
    offsets : (P,) int32
    nodes, leaves, limits
        As of `scan`.
    centres : (N,) int64
        Place of each window's centre in `pixels`.
    scores : (N,) int64
        Overwritten with the sums.
    which : (N,) int32
        Overwritten: the windows that pass, in their order.
    n : int
        Windows.
    first_points, second_points : (n_nodes,) int64
        Scratch.

    Returns
    -------
    n_passed, n_trees : int
        Windows that pass, and trees added.
    """
    n_trees, n_nodes, added = nodes.shape[0], nodes.shape[1], 0
    for i in range(n):
        which[i], scores[i] = i, 0
    for t in range(n_trees):
        for k in range(n_nodes):
            first_points[k] = offsets[nodes[t, k, 0]]
            second_points[k] = offsets[nodes[t, k, 1]]
        tree, answers, limit = nodes[t], leaves[t], limits[t]
        passed = 0
        for j in range(n):
            i = which[j]
            centre, at = centres[i], 0
            while at < n_nodes:
                k = np.uint64(at)
                a = np.int32(pixels[np.uint64(centre + first_points[k])])
                b = np.int32(pixels[np.uint64(centre + second_points[k])])
                w, v = np.int32(tree[k, np.uint64(2)]), np.int32(tree[k, np.uint64(3)])
                at = 2 * at + 1 + np.int64(a * w >= b * v)
            score = scores[i] + answers[np.uint64(at - n_nodes)]
            scores[i] = score
            which[passed] = i
            passed += np.int64(score >= limit)
        n = passed
        added += passed
        if n == 0:
            break
    return n, added


@njit(nogil=True, cache=True)
def scan(pixels, table, plan, grid, nodes, leaves, limits, out):
    """Search an image at all sizes.

    A node sends a window to the right where ``a * w >= b * v``, for the pixels a and b of its two
    points: for ``w = 64 - t`` and ``v = 64 + t`` that is ``(a - b) / (a + b) >= t / 64`` without a
    division, the normalised pixel difference of Liao, Jain & Li (2016).

    Parameters
    ----------
    pixels, table
        As of `fill_levels`.
    plan : (n_sizes, 8) float64
        Level, side in its pixels, cosine and sine of the angle; first centre x and y, in steps,
        step between centres, share of the side by which centres stay away from the border.
    grid : (P, 2) float32
    nodes : (T, n_nodes, 4) int16
        Two points of the grid, w and v of each node.
    leaves : (T, n_nodes + 1) int32
    limits : (T,) int32
        A window whose sum falls below that of a tree is rejected.
    out : (n, 4) int32
        Overwritten: row of the plan, centre x and y in pixels of the level, score.

    Returns
    -------
    n_found : int
        Windows that passed; where there are more than `out` has room for, the others are left out.
    n_windows, n_trees : int
        Windows that were tried, and trees that they passed.
    """
    offsets = np.empty(grid.shape[0], np.int32)
    first_points = np.empty(nodes.shape[1], np.int64)
    second_points = np.empty(nodes.shape[1], np.int64)
    centres, scores = np.empty(_CHUNK, np.int64), np.empty(_CHUNK, np.int64)
    which = np.empty(_CHUNK, np.int32)
    n_found, n_windows, n_trees = 0, 0, 0
    for row in range(plan.shape[0]):
        place, stride, height, width = table[np.int64(plan[row, 0])]
        side, step, margin = plan[row, 1], plan[row, 6], plan[row, 7] * plan[row, 1]
        offsets_of(grid, side, plan[row, 2], plan[row, 3], stride, offsets)
        left, top = margin + plan[row, 4] * step, margin + plan[row, 5] * step
        columns = np.int64(np.floor((width - 1 - margin - left) / step)) + 1
        lines = np.int64(np.floor((height - 1 - margin - top) / step)) + 1
        total = max(0, columns) * max(0, lines)
        for first in range(0, total, _CHUNK):
            n = min(_CHUNK, total - first)
            v, u = first // columns, first % columns
            for i in range(n):
                y, x = np.int64(top + v * step), np.int64(left + u * step)
                centres[i] = place + y * stride + x
                u += 1
                if u == columns:
                    u, v = 0, v + 1
            passed, added = _run_trees(pixels, offsets, nodes, leaves, limits, centres, scores,
                                       which, n, first_points, second_points)  # fmt: skip
            n_windows += n
            n_trees += added
            for j in range(passed):
                if n_found < out.shape[0]:
                    centre = centres[which[j]] - place
                    # Centres lie within the lines of the level.
                    out[n_found, 0] = row
                    out[n_found, 1], out[n_found, 2] = centre % stride, centre // stride
                    out[n_found, 3] = scores[which[j]]
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
