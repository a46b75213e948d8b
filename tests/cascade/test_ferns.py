"""Boosted ferns against slow twins, numpy, and themselves for other numbers of threads."""

from itertools import pairwise

import numpy as np
import pytest

from cascade.stages.ferns import _grow_kernels as kernels
from cascade.stages.ferns._run_kernels import ABREAST, add_ferns, zone_weights
from cascade.stages.ferns.regressor import BoostedFerns, zones
from cascade.stages.packing import whole
from features._lanes import WIDE
from features.errors import InputError
from features.line_pixels import LinePixels
from features.workers import Workers


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5000, 30)).astype(np.uint8)
    difference = pixels[:, ::2].astype(float) - pixels[:, 1::2]
    residuals = np.tanh(difference / 60) @ rng.normal(0, 0.02, (15, 20))
    return pixels, residuals.astype(np.float32)


def grow(data, n_jobs=1, seed=1, **options):
    options = {"n_ferns": 10, "shrinkage": 10.0, "n_components": 10} | options
    with Workers(n_jobs) as workers:
        return BoostedFerns(**options).fit(*data, np.random.default_rng(seed), workers)


def test_cross_sums_equal_numpy():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (12, 5000)).astype(np.uint8)
    coefs = rng.integers(-3000, 3000, (5000, 16)).astype(np.int16)
    directions = rng.integers(-255, 255, (3, 16)).astype(np.int16)
    projected = np.clip(directions.astype(int) @ coefs.T >> 9, -2047, 2047)
    out = np.empty((3, 13), np.int64)
    kernels.cross_sums(pixels, coefs, directions, 9, 0, 0, 1, out)
    np.testing.assert_array_equal(out[:, :-1], projected @ pixels.T.astype(int))
    np.testing.assert_array_equal(out[:, -1], projected.sum(1))
    part = np.empty((2, 3, 13), np.int64)
    for start in (0, 1):
        kernels.cross_sums(pixels, coefs, directions, 9, 0, start, 2, part[start])
    np.testing.assert_array_equal(part.sum(0), out)
    assert (part != 0).all()


@pytest.mark.parametrize("cuts", [(0, 5000), (0, 1, 2100, 2100, 4095, 4097, 5000)])
def test_tiles_are_those_of_all_rows(cuts):
    """Every third tile of all rows, however these are divided."""
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 256, (4, 5000)).astype(np.uint8)
    coefs = rng.integers(-300, 300, (5000, 8)).astype(np.int16)
    directions = rng.integers(-255, 255, (2, 8)).astype(np.int16)
    tile = np.arange(5000) // kernels.TILE
    for start in range(3):
        want = (directions.astype(int) @ coefs.T >> 9)[:, tile % 3 == start]
        total, part = np.zeros((2, 5), np.int64), np.empty((2, 5), np.int64)
        for first, stop in pairwise(cuts):
            rows = slice(first, stop)
            kernels.cross_sums(pixels[:, rows], coefs[rows], directions, 9, first, start, 3, part)
            total += part
        np.testing.assert_array_equal(total[:, -1], want.sum(1))
        grey = pixels[:, tile % 3 == start].astype(int)
        np.testing.assert_array_equal(total[:, :-1], want @ grey.T)


def test_best_pair_has_the_highest_correlation():
    rng = np.random.default_rng(2)
    pixels = rng.normal(0, 30, (8, 8)) @ rng.normal(0, 1, (8, 2000))
    target = pixels[3] - pixels[6] + rng.normal(0, 40, 2000)
    covariance = np.cov(np.vstack([pixels, target]))
    own = covariance.diagonal()[:-1]
    variance = own[:, None] + own - 2 * covariance[:-1, :-1]
    precision = np.where(variance > 1e-6, 1 / np.maximum(variance, 1e-6), 0).astype(np.float32)
    first, second = np.empty((2, 1), np.int64)
    kernels.best_pairs(covariance[-1:, :-1].astype(np.float32), precision, first, second)
    pairs = [(i, j) for i in range(8) for j in range(8) if i != j]
    correlation = [np.corrcoef(pixels[i] - pixels[j], target)[0, 1] for i, j in pairs]
    assert (first[0], second[0]) == pairs[np.argmax(correlation)]


def test_bins_are_binary_numbers():
    pixels = np.random.default_rng(3).integers(0, 256, (6, 3000)).astype(np.uint8)
    first, second = np.array([0, 1, 5]), np.array([2, 3, 0])
    threshold = np.array([-20, 0, 30], np.int16)
    leaf = np.empty(3000, np.uint8)
    kernels.find_bins(pixels, first, second, threshold, leaf)
    grey = pixels.astype(int)
    expected = (grey[first] - grey[second] >= threshold[:, None]).T @ [4, 2, 1]
    np.testing.assert_array_equal(leaf, expected)


def test_weighted_subtraction():
    rng = np.random.default_rng(4)
    coefs = rng.integers(-2000, 2000, (50, 8)).astype(np.int16)
    leaf = rng.integers(0, 4, 50).astype(np.uint8)
    values = rng.integers(-500, 500, (4, 8)).astype(np.int16)
    weights = rng.integers(0, 128, 50).astype(np.int16)
    plain, weighted = coefs.copy(), coefs.copy()
    kernels.subtract(plain, leaf, values)
    np.testing.assert_array_equal(plain, coefs - values[leaf])
    kernels.subtract_weighted(weighted, leaf, values, weights)
    exact = coefs - weights[:, None] / kernels.WEIGHT_ONE * values[leaf]
    np.testing.assert_allclose(weighted, exact, atol=0.5)


@pytest.mark.parametrize("depth", [1, 5, 8])
def test_lanes_equal_the_plain_prediction(data, depth):
    pixels, _ = data
    ferns = grow(data, depth=depth, n_ferns=11)
    tests = [whole(a, 0, ABREAST) for a in (ferns.first, ferns.second, ferns.threshold)]
    leaves = whole(whole(ferns.leaves, 0, ABREAST), 2, WIDE)
    eight = np.zeros((30, 8), np.int16)
    eight[:, :5] = pixels[:5].T
    totals = np.zeros((8, leaves.shape[2]), np.int32)
    scratch = np.empty((3, 64), np.uint64)
    add_ferns(eight.ravel(), *tests, leaves, 0, len(leaves), 5, scratch, totals)
    updates = totals[:5, :10].astype(np.float32) @ ferns.basis + ferns.bias
    np.testing.assert_allclose(updates, ferns.predict(pixels[:5]), atol=1e-6)
    assert not totals[5:].any()


def test_one_fern_is_the_shrunken_mean_of_its_bins(data):
    pixels, residuals = data
    ferns = grow(data, n_ferns=1, depth=2, shrinkage=700.0, n_components=20)
    updates = ferns.predict(pixels) - ferns.bias
    grey = pixels.astype(int)
    passed = grey[:, ferns.first[0]] - grey[:, ferns.second[0]] >= ferns.threshold[0]
    for outcome in np.unique(passed, axis=0):
        rows = (passed == outcome).all(1)
        expected = (residuals[rows] - ferns.bias).sum(0) / (rows.sum() + 700)
        np.testing.assert_allclose(updates[rows], np.tile(expected, (rows.sum(), 1)), atol=2e-3)


def test_error_falls_with_every_fern(data):
    pixels, residuals = data
    errors = [
        ((grow(data, n_ferns=n).predict(pixels) - residuals) ** 2).mean() for n in (1, 10, 60)
    ]
    assert errors[2] < 0.8 * errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("rate", [0.5, 0.05])
def test_weak_components_are_learnt(rate):
    """Leaves are int8, but fine enough for small steps towards a component of 1/2000 the size."""
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 256, (4000, 2)).astype(np.uint8)
    difference = pixels[:, 0].astype(float) - pixels[:, 1]
    residuals = np.zeros((4000, 2), np.float32)
    residuals[:, 0] = np.sign(difference) * 0.3
    residuals[:, 1] = np.sign(np.abs(difference) - 30) * 0.3 / 2000
    ferns = grow((pixels, residuals), n_ferns=60, n_components=2, learning_rate=rate)
    left = np.abs(ferns.predict(pixels) - residuals).mean(0) / np.abs(residuals).mean(0)
    assert left.max() < 0.5


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_change_no_bit(data, n_jobs):
    one, many = grow(data), grow(data, n_jobs)
    for name in one.LAYOUT:
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_seed_decides(data):
    assert (grow(data, seed=1).first != grow(data, seed=2).first).any()


@pytest.mark.parametrize("wrong", [{"depth": 9}, {"n_ferns": 0}, {"shrinkage": -1.0}])
def test_parameters_out_of_range(data, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        grow(data, **wrong)


def test_zones_of_a_grid():
    mean = np.array([[0, 0], [3, 0], [3, 3], [0, 3]], np.float32)
    points = [[0.5, 0.5], [1.5, 0.5], [2.9, 1.5], [0.1, 2.9], [9, 9], [-9, -9]]
    assert zones(np.array(points), mean).tolist() == [0, 1, 5, 6, 8, 0]


def test_zone_weights():
    out = np.empty(9, np.float32)
    zone_of = np.array([0, 0, 1, 8], np.uint8)
    zone_weights(np.array([0.8, 0.8, 0.4, 0.4], np.float32), zone_of, out)
    np.testing.assert_allclose(out, [4 / 3, 2 / 3, 1, 1, 1, 1, 1, 1, 2 / 3], rtol=1e-5)
    zone_weights(np.array([0, 0, 0, 1], np.float32), zone_of, out)
    assert out[8] == 2 and 0 < out[0] < 0.1


def test_line_points_lie_between_landmarks():
    class Faces:
        images = (np.arange(100)[None] + np.zeros((100, 1))).astype(np.uint8)[None]
        index = np.zeros(3, np.intp)
        placements = np.tile(np.array([[50, 50, 40]], np.float32), (3, 1))
        shapes = np.random.default_rng(5).uniform(-0.5, 0.5, (3, 7, 2)).astype(np.float32)

    mean = Faces.shapes[0]
    feature = LinePixels(40).fit(None, None, mean, np.random.default_rng(0))
    first, second = feature.points
    assert (first != second).all() and feature.fractions.min() >= 0 <= 1 - feature.fractions.max()
    x = Faces.shapes[..., 0]
    x = x[:, first] * (1 - feature.fractions) + x[:, second] * feature.fractions
    # The image holds its own column numbers.
    np.testing.assert_allclose(feature.extract(Faces, mean), 50 + 40 * x, atol=0.51)
    np.testing.assert_allclose(feature.positions(mean)[:, 0], x[0], atol=1e-6)
