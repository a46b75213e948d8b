"""Numba kernels that grow and evaluate boosted regression trees.

Layout of the training state, N samples wide:

- ``pixels (P, N) uint8``: feature-major, so a candidate pair reads two contiguous rows.
- ``coefs (N, G * 8) int16``: residuals in the stage's basis. Lanes 0 to 6 of every group of eight
  hold components, lane 7 is zero: it is where the sketch counts samples.
- ``sketch (N, 8) int16``: the groups folded into one with random signs, lane 7 one.
- ``node (N,) uint8``: position of each sample among the nodes of the current level.

All sums are integers, so their order, and with it the number of threads, does not matter.
"""

import numpy as np

from features._lanes import LANES, add_lanes, fold_lanes, subtract_lanes
from features.jit import njit

BINS = 32
BIN_WIDTH = 8  # grey levels a bin; differences are clamped to ±128
# Rows handled at a time. Tiles are counted over the rows of all members of a training, so that a
# choice of tiles means the same rows however they are divided.
TILE = 2048
_COUNT = LANES - 1


@njit(nogil=True, cache=True)
def advance(coefs, leaf, leaves, signs, sketch):
    """Subtract the leaf values of the last tree, then fold the residuals into a fresh sketch."""
    width = coefs.shape[1]
    flat, values, folded = coefs.reshape(-1), leaves.reshape(-1), sketch.reshape(-1)
    for i in range(coefs.shape[0]):
        at, value = np.uint64(i) * np.uint64(width), np.uint64(leaf[i]) * np.uint64(width)
        to = np.uint64(i) * np.uint64(LANES)
        sketch[i] = 0
        for group in range(0, width, LANES):
            lane = np.uint64(group)
            subtract_lanes(flat, at + lane, values, value + lane)
            fold_lanes(folded, to, flat, at + lane, signs, lane)
        sketch[i, _COUNT] = 1


@njit(nogil=True, cache=True)
def histograms(pixels, first, second, node, sketch, row, start, step, out):
    """Sums of the sketch by (candidate, node, bin of the pixel difference).

    Parameters
    ----------
    first, second : (C,) uint16
        The candidate pairs of pixels.
    row : int
        Number of the first row among those of all members.
    start, step : int
        First tile to read, and how many tiles to go on: (0, 1) reads all.
    out : (C, n_nodes * BINS * LANES) int32
        Overwritten.
    """
    low, high = np.int16(0), np.int16(255)
    keys = np.empty(TILE, np.uint16)
    behind = row % (step * TILE)  # rows between the last tile with number 0, step, … and ours
    for c in range(first.shape[0]):
        total = out[c]
        total[:] = 0
        for tile in range(start * TILE - behind, node.shape[0], step * TILE):
            # slices from 0: an index that might be negative would keep the loops from vectorising
            here, end = max(tile, 0), min(tile + TILE, node.shape[0])
            if here >= end:
                continue
            a, b, at = pixels[first[c], here:end], pixels[second[c], here:end], node[here:end]
            rows = sketch[here:end].reshape(-1)
            for i in range(end - here):
                level = np.int16(np.int16(a[i]) - np.int16(b[i]) + np.int16(128))
                level = level if level > low else low
                level = level if level < high else high
                keys[i] = np.uint16(np.uint16(level) >> 3) + (np.uint16(at[i]) << 5)
            for i in range(end - here):
                key = np.uint64(keys[i]) * np.uint64(LANES)
                add_lanes(total, key, rows, np.uint64(i) * np.uint64(LANES))


@njit(nogil=True, cache=True)
def score(totals, n_nodes, smallest, gains, bins):
    """Best bin of every candidate and node by the variance that a split there removes.

    The gain is ``|left|²/n_left + |right|²/n_right`` of the sketched sums, which estimates that of
    the whole residual (Kazemi & Sullivan 2014, Eq. 7); a constant of the node is left out. A split
    at bin b sends differences of bin > b to the right.
    """
    for c in range(totals.shape[0]):
        # lane-major, so that every loop below runs over contiguous bins
        left = np.empty((LANES, BINS), np.float32)
        gain = np.empty(BINS, np.float32)
        square = np.empty((2, BINS), np.float32)
        for j in range(n_nodes):
            node = totals[c, j * BINS * LANES : (j + 1) * BINS * LANES]
            for lane in range(LANES):
                total = np.int32(0)
                for b in range(BINS):
                    total += node[b * LANES + lane]
                    left[lane, b] = total
            square[:] = 0
            for lane in range(_COUNT):
                whole = left[lane, BINS - 1]
                for b in range(BINS):
                    s = left[lane, b]
                    square[0, b] += s * s
                    square[1, b] += (whole - s) * (whole - s)
            count = left[_COUNT, BINS - 1]
            for b in range(BINS):
                n_left = max(left[_COUNT, b], np.float32(0.5))
                n_right = max(count - left[_COUNT, b], np.float32(0.5))
                gain[b] = square[0, b] / n_left + square[1, b] / n_right
            best, best_bin = np.float32(-1), -1
            for b in range(BINS - 1):
                n_left = left[_COUNT, b]
                if gain[b] > best and n_left >= smallest and count - n_left >= smallest:
                    best, best_bin = gain[b], b
            gains[c, j] = best
            bins[c, j] = best_bin


@njit(nogil=True, cache=True)
def descend(pixels, first, second, threshold, node):
    """Move every sample from its node j to 2j, or to 2j + 1 where the difference reaches the
    threshold. One masked pass a node: eight straight compares beat one gather."""
    child = np.empty(TILE, np.uint8)
    for tile in range(0, node.shape[0], TILE):
        end = min(tile + TILE, node.shape[0])
        at = node[tile:end]
        child[:] = 0
        for j in range(first.shape[0]):
            a, b, t = pixels[first[j], tile:end], pixels[second[j], tile:end], threshold[j]
            here, left, right = np.uint8(j), np.uint8(2 * j), np.uint8(2 * j + 1)
            for i in range(end - tile):
                difference = np.int16(np.int16(a[i]) - np.int16(b[i]))
                side = right if difference >= t else left
                child[i] |= side if at[i] == here else np.uint8(0)
        for i in range(end - tile):
            at[i] = child[i]


@njit(nogil=True, cache=True)
def leaf_sums(coefs, leaf, sums, counts):
    """Add the residual coefficients by leaf to `sums` (leaves, width), int64."""
    width = coefs.shape[1]
    part = np.zeros(sums.shape, np.int32)
    flat, total = coefs.reshape(-1), part.reshape(-1)
    for tile in range(0, coefs.shape[0], TILE):  # 2048 values of 16 bits cannot overflow 32
        part[:] = 0
        for i in range(tile, min(coefs.shape[0], tile + TILE)):
            counts[leaf[i]] += 1
            to, at = np.uint64(leaf[i]) * np.uint64(width), np.uint64(i) * np.uint64(width)
            for group in range(0, width, LANES):
                lane = np.uint64(group)
                add_lanes(total, to + lane, flat, at + lane)
        for leaf_id in range(sums.shape[0]):
            for k in range(width):
                sums[leaf_id, k] += part[leaf_id, k]
