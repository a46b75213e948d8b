"""Reduced-rank ridge against scikit-learn's Ridge."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from cascade.stages.linear.normal_equations import NormalEquations
from cascade.stages.linear.regressor import (
    CANDIDATES,
    ReducedLinear,
    ReducedRidge,
    clipped,
    quantize,
    ridge,
)
from cascade.stages.linear.rounding import Rounding, sampled
from features.errors import InputError
from features.workers import SERIAL, Workers

N, F, K = 1500, 40, 10


def data(seed=0):
    """Correlated features far from zero, and residuals that depend on them."""
    rng = np.random.default_rng(seed)
    features = 5 + rng.normal(size=(N, F)) @ rng.normal(size=(F, F)) / F
    weights = rng.normal(size=(F, 3)) @ rng.normal(size=(3, K))
    residuals = features @ weights + rng.normal(0, 0.5, (N, K)) + 2
    return features.astype(np.float32), residuals.astype(np.float32)


def solve(features, residuals, rank=K, alpha=0.03, n_jobs=1):
    with Workers(n_jobs) as workers:
        return ReducedRidge(alpha, rank).solve(lambda rows: features[rows], residuals, workers)[0]


def as_read(features):
    """Features in the whole steps that the sums are made of."""
    rounding = Rounding.fit(features[sampled(0, len(features))], 64, 2047)
    return rounding.value(rounding.whole(features))


def predict(features, solution):
    weights, basis, feature_mean, target_mean, _ = solution
    return (features - feature_mean) @ weights @ basis + target_mean


def fit_stage(ridge, features, residuals, n_numbers=F, blocks=None, rng=None, n_jobs=1):
    """What the ridge makes of features at hand."""
    feature = SimpleNamespace(
        extract=lambda samples, mean, workers: features[samples], n_numbers=n_numbers
    )
    blocks = np.arange(N) // 10 if blocks is None else blocks
    samples = SimpleNamespace(rows=lambda rows: rows, blocks=blocks)
    with Workers(n_jobs) as workers:
        return ridge.fit_stage(feature, samples, residuals, None, rng, workers)


def test_full_rank_equals_sklearn():
    features, residuals = data()
    solution = solve(features, residuals)
    weights, basis, *_ = solution
    read = as_read(features)
    ridge = Ridge(alpha=0.03 * N).fit(read, residuals.astype(float))
    np.testing.assert_allclose(weights @ basis, ridge.coef_.T, atol=1e-3)
    np.testing.assert_allclose(predict(read, solution), ridge.predict(read), atol=2e-3)


def test_rounding_the_features_costs_little():
    features, residuals = data()
    want = Ridge(alpha=0.03 * N).fit(features, residuals).predict(features)
    got = predict(features, solve(features, residuals))
    assert 0 < np.abs(as_read(features) - features).max() < 0.02 * features.std(0).max()
    assert np.abs(got - want).max() < 0.003 * want.std()


def test_reduced_rank_is_the_best_of_its_rank():
    """Ridge of rank r is full ridge projected on the strongest directions of its fit to the data
    with √α added below (Mukherjee & Zhu 2011), here by an SVD of that fit."""
    features, residuals = data(1)
    rank = 2
    weights, basis, *_ = solve(features, residuals, rank)
    read, residuals = as_read(features), residuals.astype(float)
    coef = Ridge(alpha=0.03 * N).fit(read, residuals).coef_.T
    augmented = np.vstack([read - read.mean(0), np.sqrt(0.03 * N) * np.eye(F)])
    directions = np.linalg.svd(augmented @ coef)[2][:rank]
    assert weights.shape == (F, rank)
    np.testing.assert_allclose(weights @ basis, coef @ directions.T @ directions, atol=5e-4)


def test_rounding_costs_little_and_keeps_the_mean():
    features, residuals = data(2)
    exact = predict(features, solve(features, residuals, rank=3))
    rounded = fit_stage(ReducedRidge(0.03, 3), features, residuals)
    assert rounded.weights.dtype == np.int8
    got = rounded.predict(features)
    assert np.abs(got - exact).max() < 0.05 * exact.std()
    np.testing.assert_allclose(got.mean(0), residuals.mean(0), atol=2e-3)


def test_missing_residuals_weigh_nothing():
    """Gaps lead to nearly the answer of the whole data; their values cannot matter, for they are
    gone; and a sample with nothing to say keeps the map finite."""
    features, residuals = data(3)
    gappy = residuals.copy()
    rng = np.random.default_rng(0)
    gappy[rng.random(N) < 0.2, 4:6] = np.nan
    gappy[7] = np.nan
    got, want = (predict(features, solve(features, known)) for known in (gappy, residuals))
    assert np.isfinite(got).all()
    assert np.abs(got - want)[:, [0, 1, 2, 3]].mean() < 0.02 * want.std()
    # The filled-in coordinates lose some of the signal, but far less than zeros would.
    assert np.abs(got - want)[:, 4:6].mean() < 0.1 * want.std()


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_change_nothing(n_jobs, monkeypatch):
    monkeypatch.setattr("cascade.stages.linear.normal_equations._PANEL", 16)
    features, residuals = data(4)
    for one, many in zip(
        solve(features, residuals), solve(features, residuals, n_jobs=n_jobs), strict=True
    ):
        np.testing.assert_array_equal(one, many)


def test_panels_and_batches_change_nothing(monkeypatch):
    features, residuals = data(5)
    want = solve(features, residuals)
    monkeypatch.setattr("cascade.stages.linear.normal_equations._PANEL", 7)
    monkeypatch.setattr("cascade.stages.linear.regressor._BATCH", 11)
    for got, same in zip(solve(features, residuals), want, strict=True):
        np.testing.assert_array_equal(got, same)


def test_refuses_more_components_than_coordinates():
    with pytest.raises(InputError, match="components"):
        ReducedLinear(*[None] * 4).check({"components": 5, "coordinates": 4})


def test_quantize_survives_zero_weights():
    fields = quantize(np.zeros((4, 2), np.float32), np.eye(2), np.zeros(4), np.zeros(2))
    rounded = ReducedLinear(*fields)
    assert (rounded.predict(np.ones((1, 4))) == 0).all()


def by_hand(features, residuals, judges, alphas):
    """Squared error of each candidate on the judges, by scikit-learn."""
    errors = []
    for alpha in alphas:
        fitted = Ridge(alpha * (~judges).sum()).fit(features[~judges], residuals[~judges])
        errors.append(np.square(residuals[judges] - fitted.predict(features[judges])).sum())
    return errors


@pytest.mark.parametrize("noise", [0.3, 4.0, 30.0])
def test_penalty_is_that_with_the_least_error_on_the_judges(noise):
    features, residuals = data(6)
    residuals = residuals + np.random.default_rng(1).normal(0, noise, residuals.shape)
    features, residuals = features[:, :30].astype(float), residuals.astype(np.float32)
    judges = np.random.default_rng(0).random(N) < 0.2
    alphas = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
    x = features.astype(np.float32)
    known = Rounding.fit(x, 64, 2047)
    errors = by_hand(known.value(known.whole(x)), residuals.astype(float), judges, alphas)
    roundings = known, Rounding.fit(residuals, 256, 8191)
    normal, other = NormalEquations(*roundings), NormalEquations(*roundings)
    normal.add(x[~judges], residuals[~judges])
    other.add(x[judges], residuals[judges])
    means = normal.means()
    moments = normal.moments(means)
    got = [other.error(ridge(moments, alpha), means) for alpha in alphas]
    np.testing.assert_allclose(got, errors, rtol=2e-4)
    parts = [np.flatnonzero(judges), np.flatnonzero(~judges)]
    solution, apart = ReducedRidge(alphas, K).solve(lambda rows: x[rows], residuals, SERIAL, parts)
    *solution, alpha = solution
    assert apart == []
    assert alpha == alphas[int(np.argmin(errors))]
    # With the judges among the samples in the end.
    want = solve(x, residuals, K, alpha)
    got = predict(x, (*solution, alpha))
    np.testing.assert_allclose(got, predict(x, want), atol=1e-3 * noise)


def test_penalty_is_the_same_for_any_number_of_threads():
    features, residuals = data(7)
    chosen = [fit_stage(ReducedRidge("auto", 4), features, residuals, n_jobs=n) for n in (1, 2)]
    assert chosen[0].facts["alpha_per_sample"] in CANDIDATES
    for name in ReducedLinear.LAYOUT:
        np.testing.assert_array_equal(getattr(chosen[0], name), getattr(chosen[1], name))


def test_cross_fitting_equals_ridge_on_the_other_parts():
    features, residuals = data(11)
    blocks = np.random.default_rng(3).integers(0, 12, N).astype(np.int32)
    whole, parts = fit_stage(ReducedRidge(0.03, K, n_parts=3), features, residuals, blocks=blocks)
    assert len(parts) == 3
    for k, part in enumerate([whole, *parts]):
        others = blocks % 3 != k - 1
        want = Ridge(alpha=0.03 * others.sum()).fit(features[others], residuals[others])
        want = want.predict(features)
        assert np.abs(part.predict(features) - want).max() < 0.03 * want.std()


def test_without_cross_fitting_the_map_is_the_same():
    features, residuals = data(12)
    plain = fit_stage(ReducedRidge(0.03, 4), features, residuals)
    whole, _ = fit_stage(ReducedRidge(0.03, 4, n_parts=2), features, residuals)
    want = plain.predict(features)
    assert np.abs(whole.predict(features) - want).max() < 0.03 * want.std()


@pytest.mark.parametrize("n_parts", [0, 21, 2.5])
def test_refuses_parts_that_cannot_be(n_parts):
    with pytest.raises(InputError, match="n_parts"):
        fit_stage(ReducedRidge(n_parts=n_parts), *data())


@pytest.mark.parametrize("alpha", ["best", (), (0.1, -1), 0, [None]])
def test_refuses_what_is_no_penalty(alpha):
    with pytest.raises(InputError, match="alpha_per_sample"):
        _ = ReducedRidge(alpha).candidates


def test_all_components_of_the_descriptors_change_nothing():
    """Ridge does not care how the features are turned."""
    features, residuals = data(8)
    plain = fit_stage(ReducedRidge(0.03, 4), features, residuals, 10)
    turned = fit_stage(ReducedRidge(0.03, 4, 10), features, residuals, 10)
    want = plain.predict(features)
    assert np.abs(turned.predict(features) - want).max() < 0.03 * want.std()


def test_few_components_of_the_descriptors_equal_ridge_on_those_of_sklearn():
    features, residuals = data(9)
    got = fit_stage(ReducedRidge(0.03, K, 3), features, residuals, 10)
    parts = np.concatenate(
        [PCA(3).fit_transform(part) for part in np.split(features.astype(float), 4, 1)], 1
    )
    want = Ridge(alpha=0.03 * N).fit(parts, residuals).predict(parts)
    assert np.abs(got.predict(features) - want).max() < 0.03 * want.std()
    mean = got.predict(features).mean(0)
    np.testing.assert_allclose(mean, residuals.mean(0), atol=1e-3 * residuals.std())


def test_refuses_more_components_than_a_descriptor_has_numbers():
    with pytest.raises(InputError, match="n_descriptor_components is 11"):
        fit_stage(ReducedRidge(0.03, 4, 11), *data(), 10)


def test_clipped_residuals_keep_their_direction():
    lengths = np.arange(1, 12, dtype=np.float32)
    first = lengths[:, None] * np.array([0.6, -0.8], np.float32)
    second = np.tile(np.float32([3, 4]), (11, 1))
    residuals = np.hstack([first, second])
    residuals[4, 2:] = np.nan
    residuals[0, :2] = 0
    got = clipped(residuals, 0.8)
    # Of the lengths 0, 2, 3, …, 11 of the first landmark, the quantile 0.8 is 9.
    want = np.minimum(lengths, 9)[:, None] * np.array([0.6, -0.8])
    want[0] = 0
    np.testing.assert_allclose(got[:, :2], want, atol=1e-5)
    np.testing.assert_allclose(got[:, 2:], residuals[:, 2:], atol=1e-5)
    assert got.dtype == np.float32


def test_clipping_frees_the_map_from_lost_samples():
    """Nearer the map of whole data than without, where one in fifty residuals is far off."""
    features, residuals = data(8)
    lost = residuals.copy()
    lost[::50] += 100
    want = predict(features, solve(features, residuals))
    plain, freed = (
        fit_stage(ReducedRidge(0.03, K, clip=clip), features, lost).predict(features)
        for clip in (None, 0.9)
    )
    assert np.abs(freed - want).mean() < 0.5 * np.abs(plain - want).mean()


def test_refuses_a_clip_that_is_no_quantile():
    features, residuals = data()
    with pytest.raises(InputError, match="clip"):
        fit_stage(ReducedRidge(clip=93), features, residuals)
