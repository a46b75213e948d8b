"""Reduced-rank ridge against scikit-learn's Ridge."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cascade.parallel import Workers
from cascade.regressors.linear import ReducedLinear, ReducedRidge, quantize
from features.errors import InputError

N, F, K = 1500, 40, 10


def data(seed=0):
    """Correlated features far from zero, and residuals that depend on them."""
    rng = np.random.default_rng(seed)
    features = 5 + rng.normal(size=(N, F)) @ rng.normal(size=(F, F)) / F
    weights = rng.normal(size=(F, 3)) @ rng.normal(size=(3, K))
    residuals = features @ weights + rng.normal(0, 0.5, (N, K)) + 2
    return features.astype(np.float32), residuals.astype(np.float32)


def solve(features, residuals, rank=K, alpha=0.03, n_jobs=1, batch=400):
    batches = (features[start : start + batch] for start in range(0, len(features), batch))
    with Workers(n_jobs) as workers:
        return ReducedRidge(alpha, rank).solve(batches, residuals, workers)


def predict(features, solution):
    weights, basis, feature_mean, target_mean = solution
    return (features - feature_mean) @ weights @ basis + target_mean


def test_full_rank_equals_sklearn():
    features, residuals = data()
    solution = solve(features, residuals)
    weights, basis, *_ = solution
    ridge = Ridge(alpha=0.03 * N).fit(features.astype(float), residuals.astype(float))
    np.testing.assert_allclose(weights @ basis, ridge.coef_.T, atol=2e-4)
    np.testing.assert_allclose(predict(features, solution), ridge.predict(features), atol=1e-3)


def test_reduced_rank_is_the_best_of_its_rank():
    """Ridge of rank r is full ridge projected on the strongest directions of its fit to the data
    with √α added below (Mukherjee & Zhu 2011), here by an SVD of that fit."""
    features, residuals = (array.astype(float) for array in data(1))
    rank = 2
    weights, basis, *_ = solve(features.astype(np.float32), residuals.astype(np.float32), rank)
    coef = Ridge(alpha=0.03 * N).fit(features, residuals).coef_.T
    augmented = np.vstack([features - features.mean(0), np.sqrt(0.03 * N) * np.eye(F)])
    directions = np.linalg.svd(augmented @ coef)[2][:rank]
    assert weights.shape == (F, rank)
    np.testing.assert_allclose(weights @ basis, coef @ directions.T @ directions, atol=5e-4)


def test_rounding_costs_little_and_keeps_the_mean():
    features, residuals = data(2)
    exact = predict(features, solve(features, residuals, rank=3))
    rounded = ReducedRidge(0.03, 3).fit_stage(
        SimpleNamespace(extract=lambda samples, mean, workers: features[samples]),
        SimpleNamespace(part=lambda start, stop: slice(start, stop)),
        residuals, None, None, Workers(1),
    )  # fmt: skip
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
    monkeypatch.setattr("cascade.regressors.linear._PANEL", 16)
    features, residuals = data(4)
    for one, many in zip(
        solve(features, residuals), solve(features, residuals, n_jobs=n_jobs), strict=True
    ):
        np.testing.assert_array_equal(one, many)


def test_panels_and_batches_add_up(monkeypatch):
    features, residuals = data(5)
    want = solve(features, residuals)[0]
    monkeypatch.setattr("cascade.regressors.linear._PANEL", 7)
    got = solve(features, residuals, batch=11)[0]
    np.testing.assert_allclose(got @ got.T, want @ want.T, atol=1e-3)


def test_refuses_more_components_than_coordinates():
    with pytest.raises(InputError, match="components"):
        ReducedLinear(*[None] * 3).check({"components": 5, "coordinates": 4})


def test_quantize_survives_zero_weights():
    rounded = quantize(np.zeros((4, 2), np.float32), np.eye(2), np.zeros(4), np.zeros(2))
    assert (rounded.predict(np.ones((1, 4))) == 0).all()
