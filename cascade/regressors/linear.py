"""Linear regression of a stage: ridge of reduced rank from features that never lie in memory whole.

SDM (Xiong & De la Torre 2013, section 3) learns the average descent direction of every stage by
linear least squares. With thousands of features the normal equations are all that is needed of the
samples; they are summed over batches. The answers are then confined to the few directions that hold
nearly all of the prediction: reduced-rank ridge regression (Mukherjee & Zhu 2011).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from features.errors import InputError

from .basis import principal_components

_BATCH = 512
# Columns of the normal matrix that one thread adds at a time.
_PANEL = 1024
_WEIGHT_MAX = 127


@dataclass(frozen=True)
class ReducedLinear:
    """A linear map of reduced rank, ready to predict: ``features @ weights @ basis + bias``.

    Attributes
    ----------
    weights : ndarray of shape (F, R), int8
        In steps of their own for each component; the steps are part of `basis`.
    basis : ndarray of shape (R, 2L), float32
    bias : ndarray of shape (2L,), float32
    """

    weights: np.ndarray
    basis: np.ndarray
    bias: np.ndarray

    KIND: ClassVar = "reduced_linear"
    LAYOUT: ClassVar = {
        "weights": ("i1", "features", "components"),
        "basis": ("f4", "components", "coordinates"),
        "bias": ("f4", "coordinates"),
    }

    def check(self, sizes):
        """Refuse more components than there are coordinates."""
        if sizes["components"] > sizes["coordinates"]:
            raise InputError(
                f"{sizes['components']} components for {sizes['coordinates']} coordinates"
            )

    def predict(self, features):
        """Updates (N, 2L) float32 of features (N, F)."""
        components = np.asarray(features, np.float32) @ self.weights.astype(np.float32)
        return components @ self.basis + self.bias


class ReducedRidge(BaseEstimator):
    """Ridge regression with many outputs, of reduced rank.

    Parameters
    ----------
    alpha_per_sample : float
        Penalty of the squared weights, in numbers of samples; scikit-learn's ``Ridge(alpha)`` is
        ``alpha_per_sample * N``.
    rank : int
        Directions in which the answers lie.
    """

    def __init__(self, alpha_per_sample=0.03, rank=32):
        self.alpha_per_sample = alpha_per_sample
        self.rank = rank

    def fit_stage(self, feature, samples, residuals, mean, rng, workers, tick=None):
        """Fit to a feature of all samples, extracted batch by batch.

        Parameters
        ----------
        feature : object
            With ``extract(samples, mean, workers)``.
        samples : Samples
        residuals : ndarray of shape (N, 2L), float32
            In the mean-shape frame; NaN where a landmark is missing.
        mean : ndarray of shape (L, 2), float32
            Centred mean shape.
        rng : numpy.random.Generator
            Not used: the fit draws nothing.
        workers : Workers
        tick : callable, optional
            Called with the share of the stage that is done.

        Returns
        -------
        ReducedLinear
        """

        def batches():
            for start in range(0, len(residuals), _BATCH):
                stop = min(start + _BATCH, len(residuals))
                yield feature.extract(samples.part(start, stop), mean, workers)
                if tick is not None:
                    tick(stop / len(residuals))

        return quantize(*self.solve(batches(), residuals, workers))

    def solve(self, batches, residuals, workers):
        """The map before it is rounded.

        Parameters
        ----------
        batches : iterable of ndarray of shape (n, F), float32
            The features of all samples, in order.
        residuals : ndarray of shape (N, 2L), float32
            NaN where unknown: such a landmark is taken to be where the others make it most likely.
        workers : Workers

        Returns
        -------
        weights : ndarray of shape (F, R), float32
        basis : ndarray of shape (R, 2L), float32
        feature_mean : ndarray of shape (F,), float32
        target_mean : ndarray of shape (2L,), float32
            The answer is ``(features - feature_mean) @ weights @ basis + target_mean``.
        """
        target_mean, components, coefficients = principal_components(residuals, residuals.shape[1])
        # One thread, because the order in which BLAS adds depends on their number.
        with threadpool_limits(1):
            targets = coefficients @ components
            normal = NormalEquations(targets, workers)
            for features in batches:
                normal.add(features)
            gram, cross, feature_mean = normal.centred()
            gram[np.diag_indices_from(gram)] += np.float32(self.alpha_per_sample * len(residuals))
            factor = cho_factor(gram, overwrite_a=True, check_finite=False)
            weights = cho_solve(factor, cross, check_finite=False)
            # Of all maps of this rank, the one nearest the full one in the ridge's own norm.
            _, vectors = np.linalg.eigh((cross.T @ weights).astype(np.float64))
            basis = np.ascontiguousarray(vectors[:, ::-1][:, : self.rank].T, np.float32)
            weights = weights @ basis.T
            target_mean += targets.mean(0)
        return weights, basis, feature_mean, target_mean


class NormalEquations:
    """X'X and X'Y of centred features and targets, summed over batches.

    Parameters
    ----------
    targets : ndarray of shape (N, K), float32
        Of all samples, in the order of the batches.
    workers : Workers
        Add panels of X'X side by side; the sums do not depend on their number.
    """

    def __init__(self, targets, workers):
        self.targets = targets
        self.workers = workers
        self.n = 0

    def add(self, features):
        """Add the features (n, F) of the next samples."""
        n, n_features = features.shape
        if not self.n:
            # Any value near the mean will do: it keeps the later subtraction from cancelling.
            self.origin = features.mean(0)
            self.total = np.zeros(n_features, np.float64)
            self.gram = np.zeros((n_features, n_features), np.float32, order="F")
            self.cross = np.zeros((n_features, self.targets.shape[1]), np.float32)
        features = features - self.origin
        targets = self.targets[self.n : self.n + n]

        def add(start):
            stop = min(start + _PANEL, n_features)
            panel = features[:, start:stop]
            # Above the diagonal only: the rest is its mirror image.
            self.gram[:stop, start:stop] += (panel.T @ features[:, :stop]).T

        self.workers.map(add, range(0, n_features, _PANEL))
        self.cross += features.T @ targets
        self.total += features.sum(0, dtype=np.float64)
        self.n += n

    def centred(self):
        """X'X (above its diagonal), X'Y and the mean of X, after all batches."""
        mean = (self.total / self.n).astype(np.float32)
        gram, cross = self.gram, self.cross
        for j in range(len(gram)):
            gram[: j + 1, j] -= self.n * mean[j] * mean[: j + 1]
        cross -= np.outer(mean, self.targets.sum(0))
        return gram, cross, self.origin + mean


def quantize(weights, basis, feature_mean, target_mean):
    """What `ReducedRidge.solve` returns as a `ReducedLinear`: each component in its own step."""
    step = np.maximum(np.abs(weights).max(0) / _WEIGHT_MAX, np.float32(1e-30))
    rounded = np.rint(weights / step).astype(np.int8)
    basis = np.ascontiguousarray(step[:, None] * basis, np.float32)
    # With the rounded weights, so that the mean answer stays exact.
    bias = target_mean - feature_mean @ rounded.astype(np.float32) @ basis
    return ReducedLinear(rounded, basis, bias)
