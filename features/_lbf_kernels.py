"""Numba kernels that grow local forests and walk through them.

A point of a forest is a displacement in whole pixels from the pixel of its landmark: the pool of
offsets is turned and scaled once a shape and serves all landmarks, so a node costs two table
look-ups and two pixels. Training and inference place points by the same functions.

A tree grows level by level: `histograms` are sums over samples, `best_splits` decides by them, and
`descend` moves the samples on.

Residuals are packed: one 64-bit integer holds x in its lowest 23 bits, y in the next 23, and the
number of samples above, so that one add fills a histogram. The bits of a sum borrow from the
next field where a field is negative, and `_unpack` gives them back. Sums of integers do not depend
on their order, nor the forests on the number of threads or of members that hold the samples.
"""

import numpy as np

from ._pixel_kernels import similarity_to
from .jit import njit

BINS = 32
BIN_WIDTH = 8  # grey levels a bin; differences are clamped to ±128
# Above any pixel difference: sends every sample to the left.
NEVER = 256
# Bits of a packed coordinate: sums lie within ±2**22, and up to 2**17 samples can be counted.
PACK_BITS = 23
MAX_COUNT = 1 << 17
_TILE = 2048
_READ_TILE = 64
# No image has a longer side.
_FAR = np.float32(1 << 24)


@njit(nogil=True, cache=True)
def _floor(x):
    """Greatest integer below a float32; far away where it does not fit, or is NaN."""
    x = x if x < _FAR else _FAR
    x = x if x > -_FAR else -_FAR
    whole = np.int32(x)
    return np.int32(whole - np.int32(x < whole))


@njit(nogil=True, cache=True)
def place_pool(placement, a, b, points, width, dx, dy, step):
    """Displacements of the pool in pixels, and how far they reach.

    `points` (2, P) holds the offsets. `dx`, `dy` (P,) int32 are overwritten; so is `step` (P,)
    int64, the same as steps in an image `width` pixels wide.
    """
    side, half, line = placement[2], np.float32(0.5), np.int64(width)
    u, v = points[0], points[1]
    for p in range(u.shape[0]):
        dx[p] = _floor(side * (a * u[p] - b * v[p]) + half)
        dy[p] = _floor(side * (b * u[p] + a * v[p]) + half)
    reach_x, reach_y = np.int32(0), np.int32(0)
    for p in range(u.shape[0]):
        step[p] = np.int64(dy[p]) * line + np.int64(dx[p])
        reach_x = max(reach_x, dx[p] if dx[p] > 0 else np.int32(-dx[p]))
        reach_y = max(reach_y, dy[p] if dy[p] > 0 else np.int32(-dy[p]))
    return reach_x, reach_y


@njit(nogil=True, cache=True)
def landmark_pixel(placement, shape, k):
    """The pixel (x, y) that holds landmark `k`, inside the image or not."""
    x = placement[0] + np.float32(0.5) + placement[2] * shape[k, 0]
    y = placement[1] + np.float32(0.5) + placement[2] * shape[k, 1]
    return np.int64(_floor(x)), np.int64(_floor(y))


@njit(nogil=True, cache=True)
def border_pixel(image, x, y):
    """Grey level at (x, y), the border repeated."""
    x = min(max(x, 0), image.shape[1] - 1)
    y = min(max(y, 0), image.shape[0] - 1)
    return image[np.uint64(y), np.uint64(x)]


@njit(nogil=True, cache=True)
def read_pool(
    images, index, placements, shapes, reference, points, rows, low, high, start, stop, out
):
    """Grey levels of the pool around the landmarks [low, high).

    Parameters
    ----------
    points : (2, P) float32
    rows : (n,) intp
        Samples to read, of which only [start, stop) are.
    out : (high - low, P, n) uint8
    """
    n_points, width, height = points.shape[1], images.shape[2], images.shape[1]
    dx, dy = np.empty(n_points, np.int32), np.empty(n_points, np.int32)
    step = np.empty(n_points, np.int64)
    tile = np.empty((high - low, _READ_TILE, n_points), np.uint8)
    for first in range(start, stop, _READ_TILE):
        size = min(_READ_TILE, stop - first)
        for j in range(size):
            i = rows[first + j]
            image, placement = images[index[i]], placements[i]
            flat = image.reshape(-1)
            a, b = similarity_to(reference, shapes[i])
            reach_x, reach_y = place_pool(placement, a, b, points, width, dx, dy, step)
            for k in range(high - low):
                x, y = landmark_pixel(placement, shapes[i], low + k)
                line = tile[k, j]
                if reach_x <= x < width - reach_x and reach_y <= y < height - reach_y:
                    base = y * width + x
                    for p in range(n_points):
                        line[p] = flat[np.uint64(base + step[p])]
                else:
                    for p in range(n_points):
                        line[p] = border_pixel(image, x + dx[p], y + dy[p])
        for k in range(high - low):
            for p in range(n_points):
                for j in range(size):
                    out[k, p, first + j] = tile[k, j, p]


@njit(nogil=True, cache=True)
def _unpack(total):
    """(x, y, count) of a packed sum."""
    shift = np.int64(64 - PACK_BITS)
    x = (total << shift) >> shift
    total = (total - x) >> np.int64(PACK_BITS)
    y = (total << shift) >> shift
    return np.float64(x), np.float64(y), (total - y) >> np.int64(PACK_BITS)


@njit(nogil=True, cache=True)
def _histogram(first, second, node, packed, total):
    """Packed sums by (node, bin of the pixel difference); `total` is overwritten."""
    low, high = np.int16(0), np.int16(255)
    keys = np.empty(_TILE, np.uint16)
    total[:] = 0
    for start in range(0, node.shape[0], _TILE):
        # slices from 0: an index that might be negative would keep the loops from vectorising
        end = min(start + _TILE, node.shape[0])
        a, b, at, value = first[start:end], second[start:end], node[start:end], packed[start:end]
        for i in range(end - start):
            level = np.int16(np.int16(a[i]) - np.int16(b[i]) + np.int16(128))
            level = level if level > low else low
            level = level if level < high else high
            keys[i] = np.uint16(np.uint16(level) >> 3) + (np.uint16(at[i]) << 5)
        for i in range(end - start):
            total[np.uint64(keys[i])] += value[i]


@njit(nogil=True, cache=True)
def _best_bin(bins, smallest):
    """Largest gain ``|left|²/n_left + |right|²/n_right`` over the thresholds of one node."""
    whole = np.int64(0)
    for k in range(BINS):
        whole += bins[k]
    x, y, count = _unpack(whole)
    best, best_bin = -1.0, -1
    left = np.int64(0)
    for k in range(BINS - 1):
        if bins[k] == 0:  # the same split as the bin before
            continue
        left += bins[k]
        left_x, left_y, n_left = _unpack(left)
        n_right = count - n_left
        if n_left >= smallest and n_right >= smallest:
            right_x, right_y = x - left_x, y - left_y
            gain = (left_x * left_x + left_y * left_y) / n_left
            gain += (right_x * right_x + right_y * right_y) / n_right
            if gain > best:
                best, best_bin = gain, k
    return best, best_bin


@njit(nogil=True, cache=True)
def histograms(pixels, packed, candidates, node, out):
    """Packed sums by (candidate, node, bin of the pixel difference).

    Parameters
    ----------
    pixels : (P, n) uint8
        Grey levels of the pool, for the samples of the tree's bag.
    packed : (n,) int64
        Their packed residuals.
    candidates : (C, 2) uint8
        Pairs of points tried at every node of a level.
    node : (n,) uint8
        Where each sample is on that level.
    out : (C, n_nodes * BINS) int64
        Overwritten.
    """
    for c in range(candidates.shape[0]):
        _histogram(pixels[candidates[c, 0]], pixels[candidates[c, 1]], node, packed, out[c])


@njit(nogil=True, cache=True)
def best_splits(totals, candidates, smallest, first, second, threshold):
    """The best candidate and threshold of each node of a level.

    Parameters
    ----------
    totals : (C, n_nodes * BINS) int64
        From `histograms`, of all samples.
    candidates : (C, 2) uint8
    smallest : int
        Fewest samples on either side of a split.
    first, second : (n_nodes,) uint8
        Overwritten, as is `threshold` (n_nodes,) int16.
    """
    for j in range(first.shape[0]):
        first[j], second[j], threshold[j] = 0, 0, NEVER
        best = -1.0
        for c in range(candidates.shape[0]):
            gain, k = _best_bin(totals[c, j * BINS : (j + 1) * BINS], smallest)
            if gain > best:
                best = gain
                first[j], second[j] = candidates[c, 0], candidates[c, 1]
                threshold[j] = (k + 1) * BIN_WIDTH - 128


@njit(nogil=True, cache=True)
def descend(pixels, first, second, threshold, node):
    """Move the samples from their nodes (n,) uint8 on one level to those on the next."""
    for i in range(node.shape[0]):
        at = node[i]
        difference = np.int16(pixels[first[at], i]) - np.int16(pixels[second[at], i])
        node[i] = 2 * at + (difference >= threshold[at])


@njit(nogil=True, cache=True, inline="always")
def _next(word, at, first, second):
    """Child of node `at` for the two grey levels that its word compares."""
    right = np.int16(first) - np.int16(second) >= np.int16(word >> np.uint32(16))
    return at + at + np.uint64(1) + np.uint64(right)


@njit(nogil=True, cache=True, inline="always")
def _step(words, tree, at, flat, base, step):
    """One step of a walk whose pixels all lie inside the image."""
    word = words[tree + at]
    first = flat[np.uint64(base + step[word & np.uint32(0xFF)])]
    second = flat[np.uint64(base + step[(word >> np.uint32(8)) & np.uint32(0xFF)])]
    return _next(word, at, first, second)


@njit(nogil=True, cache=True)
def _walk_at_border(words, tree, depth, image, x, y, dx, dy):
    """A whole walk of which some pixels may lie outside the image."""
    at = np.uint64(0)
    for _ in range(depth):
        word = words[tree + at]
        p, q = word & np.uint32(0xFF), (word >> np.uint32(8)) & np.uint32(0xFF)
        first = border_pixel(image, x + dx[p], y + dy[p])
        second = border_pixel(image, x + dx[q], y + dy[q])
        at = _next(word, at, first, second)
    return at


@njit(nogil=True, cache=True)
def walk_shape(image, placement, shape, a, b, points, nodes, scratch, step, base, leaves):
    """Leaf of every tree for one shape.

    Parameters
    ----------
    points : (2, P) float32
    nodes : (K, nodes) uint32
        First point, second point (8 bits each from below), threshold (16 bits). Trees are in the
        order of their landmarks.
    scratch : (2, P) int32
    step : (P,) int64
    base : (K,) int64
        Overwritten, like the two before it.
    leaves : (K,) uint8
        Overwritten.
    """
    height, width = image.shape
    dx, dy = scratch[0], scratch[1]
    reach_x, reach_y = place_pool(placement, a, b, points, width, dx, dy, step)
    n_codes, n_nodes = nodes.shape[0], np.uint64(nodes.shape[1])
    n_trees = n_codes // shape.shape[0]
    depth = 0
    while (1 << depth) <= nodes.shape[1]:
        depth += 1
    words, flat = nodes.reshape(-1), image.reshape(-1)
    inside = True
    for landmark in range(shape.shape[0]):
        x, y = landmark_pixel(placement, shape, landmark)
        inside &= reach_x <= x < width - reach_x and reach_y <= y < height - reach_y
        for k in range(landmark * n_trees, (landmark + 1) * n_trees):
            base[k] = y * width + x
    if not inside:
        for landmark in range(shape.shape[0]):
            x, y = landmark_pixel(placement, shape, landmark)
            for k in range(landmark * n_trees, (landmark + 1) * n_trees):
                tree = np.uint64(k) * n_nodes
                leaves[k] = _walk_at_border(words, tree, depth, image, x, y, dx, dy) - n_nodes
        return
    whole = np.uint64(n_codes - n_codes % 8)
    for k in range(np.uint64(0), whole, np.uint64(8)):
        # Eight trees side by side hide the latency of one walk behind the others.
        t = k * n_nodes
        at0 = at1 = at2 = at3 = at4 = at5 = at6 = at7 = np.uint64(0)
        for _ in range(depth):
            at0 = _step(words, t, at0, flat, base[k], step)
            at1 = _step(words, t + n_nodes, at1, flat, base[k + np.uint64(1)], step)
            at2 = _step(words, t + np.uint64(2) * n_nodes, at2, flat, base[k + np.uint64(2)], step)
            at3 = _step(words, t + np.uint64(3) * n_nodes, at3, flat, base[k + np.uint64(3)], step)
            at4 = _step(words, t + np.uint64(4) * n_nodes, at4, flat, base[k + np.uint64(4)], step)
            at5 = _step(words, t + np.uint64(5) * n_nodes, at5, flat, base[k + np.uint64(5)], step)
            at6 = _step(words, t + np.uint64(6) * n_nodes, at6, flat, base[k + np.uint64(6)], step)
            at7 = _step(words, t + np.uint64(7) * n_nodes, at7, flat, base[k + np.uint64(7)], step)
        leaves[k] = at0 - n_nodes
        leaves[k + np.uint64(1)] = at1 - n_nodes
        leaves[k + np.uint64(2)] = at2 - n_nodes
        leaves[k + np.uint64(3)] = at3 - n_nodes
        leaves[k + np.uint64(4)] = at4 - n_nodes
        leaves[k + np.uint64(5)] = at5 - n_nodes
        leaves[k + np.uint64(6)] = at6 - n_nodes
        leaves[k + np.uint64(7)] = at7 - n_nodes
    for k in range(whole, np.uint64(n_codes)):
        at0 = np.uint64(0)
        for _ in range(depth):
            at0 = _step(words, k * n_nodes, at0, flat, base[k], step)
        leaves[k] = at0 - n_nodes


@njit(nogil=True, cache=True)
def leaf_indices(images, index, placements, shapes, reference, points, nodes, start, stop, out):
    """Leaves of the samples [start, stop), tree-major: `out` (K, N) uint8."""
    n_points = points.shape[1]
    scratch, step = np.empty((2, n_points), np.int32), np.empty(n_points, np.int64)
    base = np.empty(nodes.shape[0], np.int64)
    tile = np.empty((_READ_TILE, nodes.shape[0]), np.uint8)
    for first in range(start, stop, _READ_TILE):
        size = min(_READ_TILE, stop - first)
        for j in range(size):
            i = first + j
            a, b = similarity_to(reference, shapes[i])
            walk_shape(images[index[i]], placements[i], shapes[i], a, b, points, nodes, scratch,
                       step, base, tile[j])  # fmt: skip
        for k in range(nodes.shape[0]):
            for j in range(size):
                out[k, first + j] = tile[j, k]
