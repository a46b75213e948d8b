"""The fused inference kernels of fern cascades: pixels, ferns and shape updates in one pass.

Eight samples go side by side, for example the starts of one face: their grey levels at a point lie
together, so that each comparison of a fern is one vector operation for all eight.
"""

import numpy as np

from features._compare_lanes import bin_lanes
from features._float_rows import prefetch
from features._lanes import LANES, WIDE, add_wide_rows
from features._line_kernels import read_line_points
from features._pixel_kernels import read_points, similarity_to
from features.jit import njit

from .._update_kernels import apply_basis, keep, move

# Ferns whose leaves are added together.
ABREAST = 8


@njit(nogil=True, cache=True)
def add_ferns(pixel, first, second, threshold, leaves, start, stop, n_samples, scratch, totals):
    """Add the leaves of the ferns [start, stop) to `totals` (8, R) int32, a row a sample.

    The leaves of a model are larger than the nearer caches. So they are asked for while the bins of
    the next eight ferns are computed, and added only then.

    Parameters
    ----------
    pixel : (P * 8,) int16
    first, second, threshold : (K, F) uint16, uint16 and int16
    leaves : (K, 2**F, R) int8
        R is a multiple of `WIDE`; `start` and `stop` are of `ABREAST`.
    n_samples : int
        How many of the eight there are.
    scratch : (3, 64) uint64
    """
    n_tests = np.uint64(first.shape[1])
    n_bins, width = np.uint64(leaves.shape[1]), np.uint64(leaves.shape[2])
    values = leaves.reshape(-1)
    tests = first.reshape(-1), second.reshape(-1), threshold.reshape(-1)
    bins = scratch[2].view(np.uint16)
    for k in range(start, stop + ABREAST, ABREAST):
        turn = (k // ABREAST) & 1
        if k < stop:
            here = scratch[turn]
            for j in range(ABREAST):
                test, to = np.uint64(k + j) * n_tests, np.uint64(LANES * j)
                bin_lanes(pixel, *tests, test, n_tests, bins, to)
            for s in range(n_samples):
                for j in range(ABREAST):
                    leaf = np.uint64(k + j) * n_bins + np.uint64(bins[LANES * j + s])
                    here[ABREAST * s + j] = leaf * width
                    prefetch(values, leaf * width)
        if k > start:
            before = scratch[1 - turn]
            for s in range(n_samples):
                for lane in range(0, leaves.shape[2], WIDE):
                    add_wide_rows(
                        totals[s], np.uint64(lane), values, before, np.uint64(ABREAST * s)
                    )


@njit(nogil=True, cache=True)
def run_ferns(images, index, placements, shapes, reference, anchors, offsets, first, second,
              threshold, leaves, basis, bias, start, stop, staged):  # fmt: skip
    """Move the shapes of the samples [start, stop) through T stages, in place.

    Parameters
    ----------
    images, index, placements, shapes, reference
        As in `features._pixel_kernels.sample_points`.
    anchors, offsets : (T, P) uint16, (T, 2, P) float32
    first, second, threshold, leaves : (T, K, F), (T, K, F), (T, K, F), (T, K, 2**F, R)
        See `add_ferns`.
    basis, bias : (T, R', 2L) float32, (T, 2L) float32
        R' is up to R.
    staged : (T, N, L, 2) float32, or of no length
        Takes the shapes after each stage.
    """
    n_stages, n_points = anchors.shape
    n_ferns, width = leaves.shape[1], leaves.shape[3]
    pixel = np.zeros((n_points, LANES), np.int16)
    scratch, where = np.empty((2, n_points), np.float32), np.empty(n_points, np.int64)
    turns = np.empty((LANES, 2), np.float32)
    totals = np.empty((LANES, width), np.int32)
    places = np.empty((3, ABREAST * LANES), np.uint64)
    delta = np.empty(bias.shape[1], np.float32)
    for block in range(start, stop, LANES):
        n_samples = min(LANES, stop - block)
        for t in range(n_stages):
            # The points turn and scale with each shape; their pixels are read.
            for s in range(n_samples):
                i = block + s
                a, b = similarity_to(reference, shapes[i])
                turns[s, 0], turns[s, 1] = a, b
                read_points(
                    images[index[i]], placements[i], shapes[i], a, b, anchors[t], offsets[t],
                    scratch, where, pixel[:, s],
                )  # fmt: skip
            # Each fern adds the components of the bin that its comparisons lead to.
            totals[:] = 0
            add_ferns(
                pixel.reshape(-1), first[t], second[t], threshold[t], leaves[t], 0, n_ferns,
                n_samples, places, totals,
            )  # fmt: skip
            # From components to coordinates, which turn with the shape and move it.
            for s in range(n_samples):
                apply_basis(totals[s], basis[t], bias[t], delta)
                move(shapes[block + s], turns[s, 0], turns[s, 1], delta)
                keep(shapes[block + s], staged, t, block + s)


@njit(nogil=True, cache=True)
def run_zoned_ferns(images, index, placements, shapes, visibility, reference, points, fractions,
                    zones, spans, first, second, threshold, leaves, basis, bias, start, stop,
                    staged):  # fmt: skip
    """As `run_ferns`, on points between landmarks, with visibility and ferns of several zones.

    Parameters
    ----------
    visibility : (N, L) float32, or of no length
        Moved along with the shapes where the stages predict it.
    points, fractions : (T, 2, P) uint16, (T, P) float32
        See `features._line_kernels.read_line_points`.
    zones : (T, L) uint8
        Zone of each landmark.
    spans : (T, Z + 1) int64
        Ferns ``spans[t, z]`` to ``spans[t, z + 1]`` read the points of zone z.
    bias : (T, 3L) float32, or (T, 2L) where there is no visibility
        Three for each landmark, visibility last, or two; `basis` likewise.
    """
    n_stages, n_points = fractions.shape
    n_landmarks, n_zones = shapes.shape[1], spans.shape[1] - 1
    width = leaves.shape[3]
    sees = bias.shape[1] > 2 * n_landmarks
    pixel = np.zeros((n_points, LANES), np.int16)
    where = np.empty(n_points, np.int64)
    totals = np.empty((LANES, width), np.int32)
    sums = np.empty((LANES, width), np.float32)
    weights = np.ones((LANES, n_zones), np.float32)
    places = np.empty((3, ABREAST * LANES), np.uint64)
    delta = np.empty(bias.shape[1], np.float32)
    for block in range(start, stop, LANES):
        n_samples = min(LANES, stop - block)
        for t in range(n_stages):
            # The points lie between landmarks; their pixels are read.
            for s in range(n_samples):
                i = block + s
                read_line_points(
                    images[index[i]], placements[i], shapes[i], points[t], fractions[t], where,
                    pixel[:, s],
                )  # fmt: skip
                if sees:
                    zone_weights(visibility[i], zones[t], weights[s])
            # The ferns of each zone add up, and count as much as the zone is seen.
            sums[:] = 0
            for z in range(n_zones):
                if spans[t, z + 1] <= spans[t, z]:
                    continue
                totals[:] = 0
                add_ferns(
                    pixel.reshape(-1), first[t], second[t], threshold[t], leaves[t], spans[t, z],
                    spans[t, z + 1], n_samples, places, totals,
                )  # fmt: skip
                for s in range(n_samples):
                    for r in range(width):
                        sums[s, r] += weights[s, z] * np.float32(totals[s, r])
            # From components to coordinates, which turn with the shape and move it.
            for s in range(n_samples):
                i = block + s
                a, b = similarity_to(reference, shapes[i])
                apply_basis(sums[s], basis[t], bias[t], delta)
                move(shapes[i], a, b, delta)
                if sees:
                    for k in range(n_landmarks):
                        visibility[i, k] += delta[2 * n_landmarks + k]
                keep(shapes[i], staged, t, i)


@njit(nogil=True, cache=True)
def zone_weights(visibility, zones, out):
    """How much the ferns of each zone count: its visibility over the mean of all, at most 2.

    Burgos-Artizzu et al. (2013, section 3.2) weight regressors by 1 - occlusion. A zone without
    landmarks counts as much as the mean.

    Parameters
    ----------
    visibility : (L,) float32
    zones : (L,) uint8
    out : (Z,) float32
    """
    seen, count = np.zeros(out.shape[0], np.float32), np.zeros(out.shape[0], np.float32)
    total = np.float32(0)
    for k in range(zones.shape[0]):
        v = min(max(visibility[k], np.float32(0.02)), np.float32(1))
        seen[zones[k]] += v
        count[zones[k]] += np.float32(1)
        total += v
    mean = total / np.float32(zones.shape[0])
    for z in range(out.shape[0]):
        out[z] = min(seen[z] / (count[z] * mean), np.float32(2)) if count[z] > 0 else np.float32(1)
