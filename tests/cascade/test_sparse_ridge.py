"""Ridge regression on leaf indices against scikit-learn's on the written-out code."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cascade import InputError
from cascade.regressors import SparseRidge
from cascade.stages.lbf.conjugate_gradients import solve_ridge
from features.lbf import to_csr
from features.workers import Workers


@pytest.fixture
def problem():
    """700 samples of 12 trees with 8 leaves that share causes, and 5 targets in whole steps."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(700, 3))
    leaves = np.clip(hidden @ rng.normal(size=(3, 12)) + 4 + rng.normal(0, 0.5, (700, 12)), 0, 7)
    targets = hidden @ rng.normal(size=(3, 5)) + rng.normal(0, 0.1, (700, 5))
    return leaves.astype(np.uint8), np.rint(targets * 500).astype(np.int16)


class TestSolveRidge:
    @pytest.mark.parametrize("alpha", [0.5, 20.0, 350.0])
    def test_agrees_with_scikit_learn(self, problem, alpha):
        leaves, targets = problem
        found = solve_ridge(leaves, 8, targets, alpha, tol=1e-6)
        wanted = Ridge(alpha=alpha, fit_intercept=False, solver="cholesky")
        wanted.fit(to_csr(leaves, 8).toarray().astype(np.float64), targets.astype(np.float64))
        assert np.abs(found - wanted.coef_.T).max() < 1e-4 * np.abs(wanted.coef_).max()

    @pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-5])
    def test_keeps_its_tolerance(self, problem, tol):
        leaves, targets = problem
        found = solve_ridge(leaves, 8, targets, 5.0, tol=tol).astype(np.float64)
        code = to_csr(leaves, 8).astype(np.float64)
        right = code.T @ targets
        left = right - code.T @ (code @ found) - 5.0 * found
        assert (np.linalg.norm(left, axis=0) <= 1.5 * tol * np.linalg.norm(right, axis=0)).all()

    def test_threads_change_no_bit(self, problem):
        leaves, targets = problem
        with Workers(3) as workers:
            many = solve_ridge(leaves, 8, targets, 5.0, workers=workers)
        assert np.array_equal(solve_ridge(leaves, 8, targets, 5.0), many)

    def test_few_samples_and_a_target_of_zeros(self):
        leaves = np.array([[0, 1], [1, 1]], np.uint8)
        targets = np.array([[1, 0], [3, 0]], np.int16)
        found = solve_ridge(leaves, 2, targets, 1.0)
        wanted = Ridge(alpha=1.0, fit_intercept=False).fit(to_csr(leaves, 2).toarray(), targets)
        assert np.allclose(found, wanted.coef_.T, atol=1e-5)
        assert (found[:, 1] == 0).all()

    @pytest.mark.parametrize(("n_leaves", "alpha"), [(8, 0), (8, np.nan), (3, 1)])
    def test_refuses(self, problem, n_leaves, alpha):
        with pytest.raises(InputError):
            solve_ridge(problem[0], n_leaves, problem[1], alpha)


def as_residuals(problem):
    return problem[0], (problem[1] / 500).astype(np.float32)


class TestSparseRidge:
    def test_rounded_weights_predict_what_ridge_does(self, problem):
        leaves, targets = as_residuals(problem)
        targets = np.concatenate([targets, targets[:, :1]], 1)  # three landmarks
        found = SparseRidge(alpha_per_sample=0.01, n_components=6, tol=1e-5).fit(leaves, 8, targets)
        code = to_csr(leaves, 8)
        ridge = Ridge(alpha=7.0, fit_intercept=False).fit(code, targets - targets.mean(0))
        wanted = ridge.predict(code) + targets.mean(0)
        assert found.weights.dtype == np.int8
        assert np.abs(found.predict(leaves) - wanted).max() < 0.03 * np.abs(wanted).max()

    def test_missing_targets_weigh_nothing(self, problem):
        leaves, targets = as_residuals(problem)
        targets = np.concatenate([targets, targets[:, :1]], 1)
        holed = targets.copy()
        holed[::7, :2] = np.nan
        ridge = SparseRidge(alpha_per_sample=0.01, n_components=6)
        whole, some = ridge.fit(leaves, 8, targets), ridge.fit(leaves, 8, holed)
        difference = np.abs(whole.predict(leaves) - some.predict(leaves)).mean()
        assert difference < 0.1 * np.abs(targets).mean()

    def test_predict_is_the_sum_of_rows(self, problem):
        leaves, targets = as_residuals(problem)
        found = SparseRidge(n_components=4).fit(leaves, 8, targets[:, :4])
        rows = found.weights[np.arange(12), leaves].astype(int).sum(1)
        assert np.allclose(found.predict(leaves), rows @ found.basis + found.bias, atol=1e-6)

    def test_predict_refuses_other_trees(self, problem):
        leaves, targets = as_residuals(problem)
        found = SparseRidge(n_components=4).fit(leaves, 8, targets[:, :4])
        for wrong in (leaves[:, :5], leaves + np.uint8(1)):
            with pytest.raises(InputError, match="leaves"):
                found.predict(wrong)

    def test_check_refuses_a_feature_without_trees(self, problem):
        found = SparseRidge(n_components=4).fit(*problem[:1], 8, as_residuals(problem)[1][:, :4])
        found.check({"leaves": 8, "nodes": 7})
        for wrong in ({"leaves": 8}, {"leaves": 8, "nodes": 3}):
            with pytest.raises(InputError, match="leaves"):
                found.check(wrong)
