"""Numba kernels that grow boosted random ferns.

The state is laid out as in `cascade.stages.trees._grow_kernels`: ``pixels (P, N) uint8``
feature-major, and ``coefs (N, width) int16``, residuals in the stage's basis. ``leaf (N,) uint8``
is the bin of each sample. All sums are integers, so their order, and with it the number of threads
and of members that hold the samples, does not matter.
"""

import numpy as np

from features._lanes import LANES, subtract_lanes
from features.jit import njit

# Rows handled at a time: sums of as many products fit 32 bits, see `PROJECTION_MAX`. Tiles are
# counted over the rows of all members of a training, so that a choice of tiles means the same rows
# however they are divided.
TILE = 2048
#: Bound of a projected residual: TILE * 255 * PROJECTION_MAX < 2**31.
PROJECTION_MAX = 2047
#: Weights of samples are whole numbers of this part.
WEIGHT_ONE = 64


@njit(nogil=True, cache=True)
def cross_sums(pixels, coefs, directions, shift, row, start, step, out):
    """Sums over rows of projected residual times grey level.

    Parameters
    ----------
    pixels : (P, N) uint8
    coefs : (N, width) int16
    directions : (F, width) int16
        What residuals are projected on; the projections are divided by ``2**shift`` and clamped.
    row : int
        Number of the first row among those of all members.
    start, step : int
        First tile to read, and how many tiles to go on: (0, 1) reads all.
    out : (F, P + 1) int64
        Overwritten; the last column takes the sums of the projections.
    """
    n_directions, n_points = directions.shape[0], pixels.shape[0]
    width = coefs.shape[1]
    projected = np.empty((n_directions, TILE), np.int16)
    out[:] = 0
    behind = row % (step * TILE)  # rows between the last tile with number 0, step, … and ours
    for tile in range(start * TILE - behind, coefs.shape[0], step * TILE):
        here, end = max(tile, 0), min(tile + TILE, coefs.shape[0])
        if here >= end:
            continue
        rows = coefs[here:end]
        for i in range(end - here):
            line = rows[i]
            for f in range(n_directions):
                direction = directions[f]
                value = np.int32(0)
                for c in range(width):
                    value = np.int32(value + np.int32(line[c]) * np.int32(direction[c]))
                short = min(max(value >> shift, -PROJECTION_MAX), PROJECTION_MAX)
                projected[f, i] = short
                out[f, n_points] += short
        for p in range(n_points):
            grey = pixels[p, here:end]
            for f in range(n_directions):
                y = projected[f]
                value = np.int32(0)
                for i in range(end - here):
                    # back to 32 bits at every step, or Numba would add in 64
                    value = np.int32(value + np.int32(grey[i]) * np.int32(y[i]))
                out[f, p] += value


@njit(nogil=True, cache=True)
def best_pairs(covariance, precision, first, second):
    """The pair of pixels whose difference correlates most with each direction.

    Cao et al. (2012, section 3.2.2): the correlation of a difference follows from the covariances
    of its two pixels, so P² pairs cost P sums over the samples.

    Parameters
    ----------
    covariance : (F, P) float32
        Of each pixel with each projection.
    precision : (P, P) float32
        1 / variance of the differences, 0 for those never to be taken.
    first, second : (F,) int64
        Overwritten. The first correlates more than the second.
    """
    n_points = covariance.shape[1]
    best, partner = np.empty(n_points, np.float32), np.empty(n_points, np.int32)
    for f in range(covariance.shape[0]):
        c = covariance[f]
        for j in range(n_points):
            best[j], partner[j] = -1, 0
        for i in range(n_points):
            own, row, here = c[i], precision[i], np.int32(i)
            for j in range(n_points):
                square = (own - c[j]) * (own - c[j]) * row[j]
                better = square > best[j]
                best[j] = square if better else best[j]
                partner[j] = here if better else partner[j]
        j = best.argmax()
        i = partner[j]
        first[f], second[f] = (i, j) if c[i] >= c[j] else (j, i)


@njit(nogil=True, cache=True)
def largest_differences(pixels, first, second, out):
    """Largest absolute difference of each pair of pixels over the rows, into `out` (F,) int16."""
    for f in range(first.shape[0]):
        a, b = pixels[first[f]], pixels[second[f]]
        largest = np.int16(0)
        for i in range(pixels.shape[1]):
            difference = abs(np.int16(np.int16(a[i]) - np.int16(b[i])))
            largest = difference if difference > largest else largest
        out[f] = largest


@njit(nogil=True, cache=True)
def find_bins(pixels, first, second, threshold, leaf):
    """Bin of every sample: the outcomes of the comparisons as binary digits, the first highest."""
    for tile in range(0, leaf.shape[0], TILE):
        end = min(tile + TILE, leaf.shape[0])
        code = leaf[tile:end]
        code[:] = 0
        for f in range(first.shape[0]):
            a, b, t = pixels[first[f], tile:end], pixels[second[f], tile:end], threshold[f]
            for i in range(end - tile):
                difference = np.int16(np.int16(a[i]) - np.int16(b[i]))
                code[i] = np.uint8(code[i] + code[i]) + np.uint8(difference >= t)


@njit(nogil=True, cache=True)
def subtract(coefs, leaf, values):
    """Leave a fern's values (bins, width) out of the residuals."""
    width = np.uint64(coefs.shape[1])
    flat, rows = coefs.reshape(-1), values.reshape(-1)
    for i in range(coefs.shape[0]):
        at, value = np.uint64(i) * width, np.uint64(leaf[i]) * width
        for group in range(0, coefs.shape[1], LANES):
            lane = np.uint64(group)
            subtract_lanes(flat, at + lane, rows, value + lane)


@njit(nogil=True, cache=True)
def subtract_weighted(coefs, leaf, values, weights):
    """As `subtract`, the values of row i times ``weights[i] / WEIGHT_ONE``."""
    low, high = np.int32(-32767), np.int32(32767)
    for i in range(coefs.shape[0]):
        row, value, weight = coefs[i], values[leaf[i]], np.int32(weights[i])
        for c in range(coefs.shape[1]):
            step = np.int32(weight * np.int32(value[c]) + np.int32(WEIGHT_ONE // 2)) >> 6
            left = np.int32(np.int32(row[c]) - step)
            row[c] = min(max(left, low), high)
