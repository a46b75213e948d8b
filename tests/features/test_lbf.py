"""Local forests and their binary code."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import _lbf_kernels as kernels
from features.errors import InputError
from features.geometry import similarity
from features.lbf import LocalBinaryFeatures, LocalForests, pack, pack_scale, to_csr
from features.workers import Workers

MEAN = np.array([[-0.3, -0.2], [0.3, -0.2], [0.0, 0.3]], np.float32)
MEAN -= MEAN.mean(0)
SMALL = {"n_trees": 2, "depth": 2, "n_points": 16, "bag": 1.0, "smallest_leaf": 2}


@pytest.fixture
def samples():
    """60 shapes of three landmarks, some beyond the border, on 7 images of noise."""
    rng = np.random.default_rng(0)
    shapes = MEAN + rng.normal(0, 0.15, (60, 3, 2))
    return SimpleNamespace(
        images=rng.integers(0, 256, (7, 40, 50)).astype(np.uint8),
        index=rng.integers(0, 7, 60),
        placements=np.tile(np.array([24.0, 20.0, 30.0], np.float32), (60, 1)),
        shapes=shapes.astype(np.float32),
    )


def slow_leaves(feature, samples):
    """The definition, sample by sample and node by node."""
    linear, _ = similarity(MEAN, samples.shapes)
    n_trees = len(feature.first) // len(MEAN)
    out = np.empty((len(samples.index), len(feature.first)), int)
    for i, (a, b) in enumerate(linear):
        image = samples.images[samples.index[i]]
        cx, cy, side = samples.placements[i]

        def grey(landmark, point):
            x, y = samples.shapes[i, landmark] * side + (cx, cy)  # noqa: B023
            u, v = feature.offsets[point]
            x = np.floor(x + 0.5) + np.floor(side * (a * u - b * v) + 0.5)  # noqa: B023
            y = np.floor(y + 0.5) + np.floor(side * (b * u + a * v) + 0.5)  # noqa: B023
            return int(image[int(np.clip(y, 0, 39)), int(np.clip(x, 0, 49))])  # noqa: B023

        for k in range(len(feature.first)):
            node = 0
            while node < feature.first.shape[1]:
                difference = grey(k // n_trees, feature.first[k, node])
                difference -= grey(k // n_trees, feature.second[k, node])
                node = 2 * node + 1 + (difference >= feature.threshold[k, node])
            out[i, k] = node - feature.first.shape[1]
    return out


def scale_of(residual):
    return pack_scale(float(np.nansum(np.abs(residual), axis=0).max()), len(residual))


def grow_tree(pixels, residual, candidates, smallest, first, second, threshold):
    """One tree of all samples, level by level."""
    packed, node = pack(residual, scale_of(residual)), np.zeros(len(residual), np.uint8)
    for level, pairs in enumerate(candidates):
        at = slice((1 << level) - 1, (2 << level) - 1)
        split = first[at], second[at], threshold[at]
        totals = np.empty((len(pairs), kernels.BINS << level), np.int64)
        kernels.histograms(pixels, packed, pairs, node, totals)
        kernels.best_splits(totals, pairs, smallest, *split)
        kernels.descend(pixels, *split, node)


def random_feature(n_trees, depth, seed=0):
    rng = np.random.default_rng(seed)
    shape = (3 * n_trees, (1 << depth) - 1)
    return LocalBinaryFeatures(
        rng.uniform(-0.4, 0.4, (20, 2)).astype(np.float32),
        rng.integers(0, 20, shape).astype(np.uint8),
        rng.integers(0, 20, shape).astype(np.uint8),
        rng.integers(-90, 90, shape).astype(np.int16),
    )


class TestWalk:
    @pytest.mark.parametrize(("n_trees", "depth"), [(1, 1), (3, 4), (5, 3), (9, 7)])
    def test_leaves_are_those_of_the_definition(self, samples, n_trees, depth):
        feature = random_feature(n_trees, depth)
        found = feature.extract(samples, MEAN)
        assert found.dtype == np.uint8
        # a pixel that lies on the rounding of float32 may fall on either side
        assert (found == slow_leaves(feature, samples)).mean() > 0.995

    def test_threads_change_nothing(self, samples):
        feature = random_feature(3, 4)
        with Workers(3) as workers:
            assert np.array_equal(
                feature.extract(samples, MEAN), feature.extract(samples, MEAN, workers)
            )

    def test_wild_shapes_read_the_border(self, samples):
        samples.shapes[0], samples.shapes[1], samples.shapes[2] = np.nan, 1e30, -1e9
        samples.placements[3, 2] = 1e20
        leaves = random_feature(2, 3).extract(samples, MEAN)
        assert leaves.max() < 8


class TestGrowTree:
    def best_split(self, pixels, residual, pairs, smallest):
        """All candidates and thresholds by the definition of variance reduction."""
        best = (-1.0, None)
        for p, q in pairs:
            difference = np.clip(pixels[p].astype(int) - pixels[q], -128, 127)
            for threshold in range(-120, 128, 8):
                right = difference >= threshold
                if min(right.sum(), (~right).sum()) < smallest:
                    continue
                gain = sum(
                    len(part) * (part.mean(0) ** 2).sum()
                    for part in (residual[right], residual[~right])
                )
                best = max(best, (gain, (p, q, threshold)), key=lambda each: each[0])
        return best

    def test_root_is_the_best_of_all_splits(self):
        rng = np.random.default_rng(1)
        pixels = rng.integers(0, 256, (10, 300)).astype(np.uint8)
        residual = rng.normal(0, 1, (300, 2))
        residual[:, 0] += (pixels[3].astype(int) - pixels[7] > 30) * 2
        pairs = rng.integers(0, 10, (12, 2)).astype(np.uint8)
        pairs[5] = 3, 7
        first, second = np.zeros(1, np.uint8), np.zeros(1, np.uint8)
        threshold = np.zeros(1, np.int16)
        grow_tree(pixels, residual.astype(np.float32), pairs[None], 5, first, second, threshold)
        _, (p, q, wanted) = self.best_split(pixels, residual, pairs, 5)
        assert (first[0], second[0]) == (p, q) == (3, 7)
        assert threshold[0] == wanted

    def test_no_split_smaller_than_allowed(self):
        pixels = np.random.default_rng(0).integers(0, 256, (4, 30)).astype(np.uint8)
        first, second = np.zeros(3, np.uint8), np.zeros(3, np.uint8)
        threshold = np.zeros(3, np.int16)
        residual = np.random.default_rng(0).normal(size=(30, 2))
        pairs = np.zeros((2, 1, 2), np.uint8) + np.uint8([1, 2])
        grow_tree(pixels, residual, pairs, 16, first, second, threshold)
        assert (threshold == kernels.NEVER).all()

    @given(st.integers(1, 200), st.integers(0, 1000), st.floats(1e-6, 1e6))
    def test_packed_sums_come_back(self, n, seed, spread):
        residual = np.random.default_rng(seed).normal(0, spread, (n, 2))
        residual[n // 2] = np.nan
        packed = pack(residual, scale_of(residual))
        x, y, count = kernels._unpack(packed.sum())
        there = np.isfinite(residual).all(1)
        assert count == there.sum()
        if count:
            unit = np.abs(residual[there]).sum(0).max() / (1 << (kernels.PACK_BITS - 1))
            assert np.allclose([x, y], residual[there].sum(0) / unit, atol=2 * n + 1, rtol=1e-3)


class TestLocalForests:
    def grow(self, samples, residuals, **options):
        rng = np.random.default_rng(0)
        return LocalForests(**(SMALL | options)).fit(samples, residuals, MEAN, rng)

    def residuals(self, n=60):
        return np.random.default_rng(2).normal(0, 0.1, (n, 6)).astype(np.float32)

    def test_splits_explain_the_residual(self, samples):
        """On residuals that a pixel difference makes up, leaves differ in their means."""
        feature = self.grow(samples, self.residuals(), depth=1)
        grey = feature.extract(samples, MEAN)
        residual = np.where(grey[:, :1] == 1, 0.2, -0.2).repeat(6, 1).astype(np.float32)
        again = self.grow(samples, residual, depth=1, n_tried=500)
        leaf = again.extract(samples, MEAN)[:, 0]
        assert abs(residual[leaf == 0].mean() - residual[leaf == 1].mean()) > 0.15

    def test_missing_landmarks_weigh_nothing(self, samples):
        residuals = self.residuals()
        gaps = residuals.copy()
        gaps[:20, :2] = np.nan
        whole, holed = self.grow(samples, residuals), self.grow(samples, gaps)
        assert np.array_equal(whole.first[2:], holed.first[2:])  # other landmarks keep their trees
        gaps[:, :2] = np.nan
        empty = self.grow(samples, gaps)
        assert (empty.threshold[:2] == kernels.NEVER).all()

    def test_threads_change_nothing(self, samples):
        one = self.grow(samples, self.residuals())
        with Workers(3) as workers:
            forests = LocalForests(**SMALL)
            many = forests.fit(samples, self.residuals(), MEAN, np.random.default_rng(0), workers)
        for name in LocalBinaryFeatures.LAYOUT:
            assert np.array_equal(getattr(one, name), getattr(many, name))

    @pytest.mark.parametrize(
        ("name", "value"),
        [("depth", 0), ("depth", 8), ("n_points", 257), ("bag", 0), ("radius", 0), ("n_trees", 0)],
    )
    def test_refuses(self, samples, name, value):
        with pytest.raises(InputError, match=name):
            self.grow(samples, self.residuals(), **{name: value})


class TestCode:
    @given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 8), st.integers(0, 99))
    def test_one_for_each_tree(self, n, k, n_leaves, seed):
        leaves = np.random.default_rng(seed).integers(0, n_leaves, (n, k)).astype(np.uint8)
        code = to_csr(leaves, n_leaves).toarray().reshape(n, k, n_leaves)
        assert (code.sum(2) == 1).all()
        assert np.array_equal(code.argmax(2), leaves)

    def test_check_refuses_what_would_read_elsewhere(self):
        feature = random_feature(2, 3)
        sizes = {"nodes": 7, "codes": 6, "landmarks": 3, "points": 20}
        feature.check(sizes)
        for wrong in ({"nodes": 6}, {"landmarks": 4}, {"points": int(feature.first.max())}):
            with pytest.raises(InputError):
                feature.check(sizes | wrong)
