"""Numba kernels that grow one boosted tree on normalised pixel differences.

Weights are integers, so that sums do not depend on their order, nor trees on the number of threads.
"""

import numpy as np

from features.jit import njit

#: Thresholds are multiples of 1 / UNIT, from -HALF / UNIT to (HALF - 1) / UNIT.
UNIT, HALF = 64, 32
BINS = 2 * HALF


@njit(nogil=True, cache=True)
def bin_table():
    """The highest threshold that a pair of pixels (256 a + b) passes, as a bin: (65536,) uint8."""
    table = np.empty(65536, np.uint8)
    for a in range(256):
        for b in range(256):
            t = -HALF
            while t < HALF - 1 and a * (UNIT - t - 1) >= b * (UNIT + t + 1):
                t += 1
            table[256 * a + b] = t + HALF
    return table


@njit(nogil=True, cache=True)
def best_splits(patches, rows, ends, wanted, weights, labels, pairs, start, stop, table, least,
                best):  # fmt: skip
    """The best split of each node among some pairs of points.

    The split that leaves the least weighted variance of the labels is that with the largest sum of
    ``(positive - negative)² / (positive + negative)`` over both sides.

    Parameters
    ----------
    patches : (P, N) uint8
    rows : (n,) int32
        Samples, those of one node beside one another.
    ends : (n_nodes + 1,) int64
        Where the samples of each node begin.
    wanted : (n_nodes,) bool
        Nodes that are looked at.
    weights : (N,) int64
    labels : (N,) uint8
        1 of a face, 0 of none.
    pairs : (n_pairs, 2) int16
        Looked at from `start` to `stop`.
    table : (65536,) uint8
        See `bin_table`.
    least : int
        Smallest weight on either side of a split.
    best : (n_nodes, 3) float64
        Gain, pair and threshold; overwritten where the gain is higher.
    """
    n_nodes = ends.shape[0] - 1
    sums = np.empty((BINS, 2), np.int64)
    for c in range(start, stop):
        first, second = patches[pairs[c, 0]], patches[pairs[c, 1]]
        for node in range(n_nodes):
            if not wanted[node]:
                continue
            sums[:] = 0
            for k in range(ends[node], ends[node + 1]):
                i = np.uint64(rows[np.uint64(k)])
                word = np.uint64(first[i]) << np.uint64(8) | np.uint64(second[i])
                sums[np.uint64(table[word]), np.uint64(labels[i])] += weights[i]
            all_negative, all_positive = np.int64(0), np.int64(0)
            for b in range(BINS):
                all_negative += sums[b, 0]
                all_positive += sums[b, 1]
            negative, positive = np.int64(0), np.int64(0)
            for b in range(BINS - 1):
                # Bins up to b go left: the threshold is the one above.
                negative += sums[b, 0]
                positive += sums[b, 1]
                left, right = negative + positive, all_negative + all_positive
                right -= left
                if left < least or right < least:
                    continue
                l_diff = np.float64(positive - negative)
                r_diff = np.float64(all_positive - all_negative) - l_diff
                gain = l_diff * l_diff / np.float64(left) + r_diff * r_diff / np.float64(right)
                if gain > best[node, 0]:
                    best[node, 0], best[node, 1], best[node, 2] = gain, c, b + 1 - HALF


@njit(nogil=True, cache=True)
def split_rows(patches, rows, ends, splits, scratch, new_ends):
    """Sort the samples of each node to its two sides, keeping their order.

    `splits` (n_nodes, 4) int16 holds nodes as in `scan`; `rows` and `new_ends`
    (2 n_nodes + 1,) are overwritten, `scratch` has the size of `rows`.
    """
    n_nodes = ends.shape[0] - 1
    new_ends[0] = ends[0]
    for node in range(n_nodes):
        first, second = patches[splits[node, 0]], patches[splits[node, 1]]
        w, v = np.int32(splits[node, 2]), np.int32(splits[node, 3])
        left, n_right = ends[node], 0
        for k in range(ends[node], ends[node + 1]):
            i = rows[k]
            if np.int32(first[i]) * w >= np.int32(second[i]) * v:
                scratch[n_right] = i
                n_right += 1
            else:
                rows[left] = i
                left += 1
        new_ends[2 * node + 1] = left
        rows[left : left + n_right] = scratch[:n_right]
        new_ends[2 * node + 2] = ends[node + 1]


@njit(nogil=True, cache=True)
def best_moves(patches, rows, ends, wanted, moves, seen, pairs, start, stop, table, least, best):
    """The best split of the nodes `wanted` for a landmark's residuals.

    That is the split that leaves the least variance of `moves` (N, 2) int64 among the samples that
    are `seen` (N,) uint8: those of faces whose landmark is known. `least` is the smallest share of
    them on either side; the other parameters are those of `best_splits`.
    """
    n_nodes = ends.shape[0] - 1
    sums = np.empty((BINS, 3), np.int64)
    for c in range(start, stop):
        first, second = patches[pairs[c, 0]], patches[pairs[c, 1]]
        for node in range(n_nodes):
            if not wanted[node]:
                continue
            sums[:] = 0
            for k in range(ends[node], ends[node + 1]):
                i = np.uint64(rows[np.uint64(k)])
                if seen[i]:
                    word = np.uint64(first[i]) << np.uint64(8) | np.uint64(second[i])
                    b = np.uint64(table[word])
                    sums[b, 0] += moves[i, 0]
                    sums[b, 1] += moves[i, 1]
                    sums[b, 2] += 1
            all_x, all_y, count = np.int64(0), np.int64(0), np.int64(0)
            for b in range(BINS):
                all_x += sums[b, 0]
                all_y += sums[b, 1]
                count += sums[b, 2]
            fewest = max(1.0, least * count)
            x, y, left = np.int64(0), np.int64(0), np.int64(0)
            for b in range(BINS - 1):
                x += sums[b, 0]
                y += sums[b, 1]
                left += sums[b, 2]
                right = count - left
                if left < fewest or right < fewest:
                    continue
                u, v, r, s = np.float64(x), np.float64(y), np.float64(all_x), np.float64(all_y)
                r, s = r - u, s - v
                gain = (u * u + v * v) / np.float64(left) + (r * r + s * s) / np.float64(right)
                if gain > best[node, 0]:
                    best[node, 0], best[node, 1], best[node, 2] = gain, c, b + 1 - HALF


@njit(nogil=True, cache=True)
def leaves_of(patches, nodes, out):
    """The leaf of one tree that each sample ends in: `out` (N,) uint8."""
    n_nodes = nodes.shape[0]
    for k in range(patches.shape[1]):
        i = 0
        while i < n_nodes:
            node = nodes[i]
            a, b = np.int32(patches[node[0], k]), np.int32(patches[node[1], k])
            i = 2 * i + 1 + np.int64(a * np.int32(node[2]) >= b * np.int32(node[3]))
        out[k] = i - n_nodes
