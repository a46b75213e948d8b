"""The grower against slow twins, scikit-learn, and itself for other numbers of threads."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from cascade.stages._basis_kernels import most_probable
from cascade.stages.basis import ResidualBasis, leaf_units
from cascade.stages.registry import plan
from cascade.stages.trees import _grow_kernels as kernels
from cascade.stages.trees.regressor import BoostedTrees, sample_pairs
from features._lanes import LANES
from features.workers import Workers
from tests.cascade.slow import slow_predict
from tests.members import run_members


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5000, 30)).astype(np.uint8)
    difference = pixels[:, ::2].astype(float) - pixels[:, 1::2]
    residuals = np.tanh(difference / 60) @ rng.normal(0, 0.02, (15, 20))
    return pixels, residuals.astype(np.float32), rng.uniform(-0.5, 0.5, (30, 2))


def grow(data, n_jobs=1, seed=1, **options):
    pixels, residuals, positions = data
    options = {"n_trees": 8, "depth": 3, "n_components": 10} | options
    with Workers(n_jobs) as workers:
        rng = np.random.default_rng(seed)
        return BoostedTrees(**options).fit(pixels, residuals, positions, rng, workers)


def test_all_roots_split_few_samples(data):
    """Fewer than a tile of samples cannot be divided between trees."""
    pixels, residuals, positions = data
    few = grow((pixels[:500], residuals[:500], positions))
    assert (few.threshold[:, 0] < 256).all()


def test_histograms_equal_numpy(data):
    pixels = np.ascontiguousarray(data[0].T)
    rng = np.random.default_rng(1)
    n = pixels.shape[1]
    node = rng.integers(0, 4, n).astype(np.uint8)
    sketch = rng.integers(-2000, 2000, (n, LANES)).astype(np.int16)
    first, second = rng.integers(0, 30, (2, 6)).astype(np.uint16)
    totals = np.empty((6, 4 * kernels.BINS * LANES), np.int32)
    kernels.histograms(pixels, first, second, node, sketch, 0, 0, 1, totals)
    for c in range(6):
        difference = pixels[first[c]].astype(int) - pixels[second[c]]
        bins = (np.clip(difference, -128, 127) + 128) // kernels.BIN_WIDTH
        expected = np.zeros((4, kernels.BINS, LANES), int)
        np.add.at(expected, (node, bins), sketch)
        np.testing.assert_array_equal(totals[c], expected.ravel())


def test_tiles_split_the_rows(data):
    pixels = np.ascontiguousarray(data[0].T)
    n = pixels.shape[1]
    sketch = np.ones((n, LANES), np.int16)
    first, second = np.uint16([0]), np.uint16([1])
    totals = np.empty((3, 1, kernels.BINS * LANES), np.int32)
    node = np.zeros(n, np.uint8)
    for out, tiles in zip(totals, ((0, 2), (1, 2), (0, 1)), strict=True):
        kernels.histograms(pixels, first, second, node, sketch, 0, *tiles, out)
    np.testing.assert_array_equal(totals[0] + totals[1], totals[2])
    assert totals[0].sum() > 0 and totals[1].sum() > 0


def test_score_finds_the_best_bin():
    """Against the plain formula, on the sums of one node each of several candidates."""
    rng = np.random.default_rng(2)
    bins = np.sort(rng.integers(0, kernels.BINS, (5, 400)), axis=1)
    values = rng.normal(0, 500, (5, 400, LANES - 1)) + 300 * (bins[..., None] > 11)
    totals = np.zeros((5, kernels.BINS, LANES), np.int32)
    for c in range(5):
        np.add.at(
            totals[c], bins[c], np.column_stack([np.rint(values[c]), np.ones(400)]).astype(int)
        )
    gains, best = np.empty((5, 1), np.float32), np.empty((5, 1), np.int16)
    kernels.score(totals.reshape(5, -1), 1, 20, gains, best)
    for c in range(5):
        expected = []
        for b in range(kernels.BINS - 1):
            left, right = totals[c, : b + 1].sum(0), totals[c, b + 1 :].sum(0)
            allowed = left[-1] >= 20 and right[-1] >= 20
            gain = (left[:-1].astype(float) ** 2).sum() / max(left[-1], 1)
            gain += (right[:-1].astype(float) ** 2).sum() / max(right[-1], 1)
            expected.append(gain if allowed else -1)
        assert best[c, 0] == np.argmax(expected)
        np.testing.assert_allclose(gains[c, 0], max(expected), rtol=1e-5)


def test_first_split_equals_scikit_learn():
    """One pair, one tree of depth 1 in the full basis: the stump that scikit-learn finds."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (1500, 2)).astype(np.uint8)
    difference = pixels[:, 0].astype(int) - pixels[:, 1]
    residuals = np.where(difference[:, None] >= 24, 1.0, -0.5) + rng.normal(0, 0.1, (1500, 3))
    data = pixels, residuals.astype(np.float32), np.zeros((2, 2))
    trees = grow(data, n_trees=1, depth=1, n_components=3, learning_rate=1.0, n_pairs=4)
    # The pair may be drawn either way round; the tree compares accordingly.
    flipped = trees.first[0, 0] == 1
    assert trees.threshold[0, 0] in ((-16, -24) if flipped else (24,))
    binned = (-difference if flipped else difference).clip(-128, 127)
    binned = binned // kernels.BIN_WIDTH * kernels.BIN_WIDTH
    stump = DecisionTreeRegressor(max_depth=1).fit(binned[:, None], residuals)
    expected = stump.predict(binned[:, None])
    np.testing.assert_allclose(slow_predict(trees, pixels), expected, atol=0.02)


def test_error_falls_with_every_tree(data):
    pixels, residuals, _ = data
    errors = []
    for n_trees in (1, 10, 60):
        trees = grow(data, n_trees=n_trees)
        errors.append(((slow_predict(trees, pixels[:500]) - residuals[:500]) ** 2).mean())
    assert errors[2] < 0.7 * errors[1] < 0.7 * errors[0]


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_change_no_bit(data, n_jobs):
    one, many = grow(data), grow(data, n_jobs)
    for name in one.LAYOUT:
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


@pytest.mark.parametrize("weights", [[1, 1], [5, 0, 1], [0, 3, 2, 4]])
def test_members_change_no_bit(data, weights):
    """Whatever rows each holds, an empty share among them."""
    pixels, residuals, positions = data
    one = grow(data)

    def member(group):
        with Workers(1, group) as workers:
            first, stop = workers.share(len(pixels))
            rng = np.random.default_rng(1)
            grower = BoostedTrees(n_trees=8, depth=3, n_components=10)
            mine = pixels[first:stop], residuals[first:stop], positions
            return grower.fit(*mine, rng, workers, first=first)

    for trees in run_members(member, weights):
        for name in one.LAYOUT:
            np.testing.assert_array_equal(getattr(one, name), getattr(trees, name))


def test_seed_decides(data):
    assert (grow(data, seed=1).first != grow(data, seed=2).first).any()


def test_leaves_respect_their_smallest_size(data):
    pixels = data[0]
    trees = grow(data, n_trees=3, smallest_leaf=300)
    for k in range(3):
        at = np.zeros(len(pixels), int)
        for _ in range(3):
            difference = (
                pixels[np.arange(len(pixels)), trees.first[k, at]].astype(int)
                - pixels[np.arange(len(pixels)), trees.second[k, at]]
            )
            at = 2 * at + 1 + (difference >= trees.threshold[k, at])
        counts = np.bincount(at - 7, minlength=8)
        assert counts[counts > 0].min() >= 300


def test_pairs_follow_the_prior():
    positions = np.array([[0, 0], [0.1, 0], [1.0, 0]])
    pairs = sample_pairs(positions, np.random.default_rng(0).random(20_000), 0.1)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    near = (pairs.max(1) == 1).mean()
    weights = np.exp(-np.array([0.1, 0.9, 1.0]) / 0.1)
    np.testing.assert_allclose(near, weights[0] / weights.sum(), atol=0.01)


class TestBasis:
    def test_full_basis_is_exact_to_its_step(self):
        residuals = np.random.default_rng(0).normal(0, 0.1, (300, 12)).astype(np.float32)
        basis, coefficients = ResidualBasis.fit(residuals, 12)
        back = coefficients * basis.step @ basis.components + basis.mean
        np.testing.assert_allclose(back, residuals, atol=12 * basis.step)
        assert np.abs(coefficients.astype(int)).sum(1).max() <= 2**14 + 12

    def test_components_are_those_of_scikit_learn(self):
        from sklearn.decomposition import PCA

        rng = np.random.default_rng(1)
        residuals = (rng.normal(0, 1, (500, 4)) @ rng.normal(0, 1, (4, 10))).astype(np.float32)
        basis, _ = ResidualBasis.fit(residuals, 4)
        expected = PCA(4).fit(residuals).components_
        overlap = np.abs(np.linalg.svd(basis.components @ expected.T)[1])
        np.testing.assert_allclose(overlap, 1, atol=1e-4)

    def test_missing_coordinates_weigh_nothing(self):
        rng = np.random.default_rng(2)
        residuals = (rng.normal(0, 1, (2000, 3)) @ rng.normal(0, 1, (3, 20))).astype(np.float32)
        gaps = residuals.copy()
        gaps[rng.random(gaps.shape) < 0.2] = np.nan
        basis, coefficients = ResidualBasis.fit(gaps, 3)
        back = coefficients * basis.step @ basis.components + basis.mean
        assert np.abs(back - residuals).mean() < 0.05 * np.abs(residuals).mean()

    def test_a_sample_with_nothing_seen_is_zero(self):
        residuals = np.random.default_rng(3).normal(0, 1, (50, 6)).astype(np.float32)
        residuals[7] = np.nan
        _, coefficients = ResidualBasis.fit(residuals, 4)
        assert (coefficients[7] == 0).all()

    @pytest.mark.parametrize("missing", [0.02, 0.9])
    def test_gaps_are_filled_as_numpy_solves_it(self, missing):
        rng = np.random.default_rng(4)
        values = rng.integers(-9999, 9999, (20, 30)).astype(float)
        seen = rng.random(values.shape) >= missing
        values[~seen] = 0
        components = np.linalg.qr(rng.normal(0, 1, (30, 30)))[0][:, :12]
        prior = rng.random(12) + 0.01
        found = np.empty((20, 12), np.float32)
        most_probable(values, seen, components, components.T @ components, prior, found)
        for row in range(20):
            visible = components[seen[row]].T
            expected = np.linalg.solve(
                visible @ visible.T + np.diag(prior), visible @ values[row, seen[row]]
            )
            np.testing.assert_allclose(found[row], expected, rtol=1e-5, atol=1e-2)

    @pytest.mark.parametrize("missing", [0, 0.1])
    def test_members_change_no_bit(self, missing):
        rng = np.random.default_rng(5)
        residuals = (rng.normal(0, 1, (9000, 5)) @ rng.normal(0, 1, (5, 14))).astype(np.float32)
        residuals[rng.random(len(residuals)) < missing, 4:6] = np.nan
        whole, coefficients = ResidualBasis.fit(residuals, 6)
        units = leaf_units(coefficients, 1.0)

        def member(group):
            with Workers(2, group) as workers:
                mine = slice(*workers.share(len(residuals)))
                basis, own = ResidualBasis.fit(residuals[mine], 6, workers)
                return basis, own, leaf_units(own, 1.0, workers)

        answers = run_members(member, [3, 0, 1])
        np.testing.assert_array_equal(np.concatenate([own for _, own, _ in answers]), coefficients)
        for basis, _, own_units in answers:
            assert basis.step == whole.step
            np.testing.assert_array_equal(basis.mean, whole.mean)
            np.testing.assert_array_equal(basis.components, whole.components)
            np.testing.assert_array_equal(own_units, units)

    def test_leaf_units_hold_the_spread(self):
        coefficients = np.random.default_rng(6).normal(0, [1, 300, 5000], (4000, 3))
        units = leaf_units(coefficients.astype(np.int16), 2.0)
        spread = 2 * coefficients.astype(np.int16).std(0)
        assert (127 * units >= spread).all() and (127 * units[1:] < 2 * spread[1:]).all()
        assert units[0] == 1


def test_one_large_stage_makes_no_small_stage_larger(small_ert):
    """What runners take in memory follows from the arrays of the file, not from their product."""
    stage = small_ert.stages_[0]

    def of(trees):
        fields = "first", "second", "threshold", "leaves"
        predictor = stage.predictor
        return replace(
            stage,
            predictor=replace(predictor, **{f: getattr(predictor, f)[trees] for f in fields}),
        )

    stages = [of(np.zeros(2000, int)), *[of(slice(1))] * 100, of(slice(9))]
    arrays = [stage.predictor.leaves.nbytes for stage in stages]
    tracemalloc.start()
    runners = plan(stages, small_ert.reference)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(runners) == 3
    # All stages as large as the first would take a hundred times as much.
    assert peak < 20 * sum(arrays)
