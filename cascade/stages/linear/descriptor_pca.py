"""Principal components of the descriptors at each landmark, from moments alone."""

import numpy as np

from features.errors import InputError
from features.threads import one_blas_thread
from features.workers import SERIAL

from .rounding import Rounding, sampled

# Samples that the components are found from, and how many of them lie in memory at a time.
_N_SAMPLES = 4096
_BATCH = 512
# Steps that a standard deviation of the numbers has, and the step of the components. A number is
# at most 2**13 steps, whose finest and coarsest are less than 2**11 apart; products of `_BATCH`
# numbers, or of some hundred numbers and components, are sums below 2**53 of the finest.
_STEPS, _COMPONENT_STEP = 256, 2.0**-20


class DescriptorPCA:
    """Descriptors reduced to their principal components, landmark by landmark.

    Xiong & De la Torre (2013, section 4) reduce SIFT this way before they regress. A linear map of
    the components is one of the descriptors, so that a trained stage needs no components (see
    `unfolded`): they save time in training, and regularise.

    Descriptors are read in whole steps, and components are made of whole numbers, so that all sums
    and products are exact.

    Parameters
    ----------
    n_components : int
        Of each landmark.
    n_numbers : int
        Length of a descriptor.
    workers : Workers

    Attributes
    ----------
    components_ : ndarray of shape (L, n_numbers, n_components), float32
        Orthonormal columns, strongest first.
    """

    def __init__(self, n_components, n_numbers, workers=SERIAL):
        if not 1 <= n_components <= n_numbers:
            raise InputError(
                f"n_descriptor_components is {n_components}; a descriptor has {n_numbers} numbers"
            )
        self.n_components = n_components
        self.n_numbers = n_numbers
        self.workers = workers

    def fit(self, extract, n_samples, first=0):
        """Find the components.

        Parameters
        ----------
        extract : callable
            Of an array of row numbers, their features (n, L * n_numbers) float32.
        n_samples : int
            Of this member; an even choice of those of all members is read.
        first : int
            Number of this member's first sample among those of all members.
        """
        read = extract(sampled(first, n_samples, self.workers))
        self.rounding = Rounding.fit(read, _STEPS, 32 * _STEPS - 1, self.workers)
        rows = sampled(first, n_samples, self.workers, _N_SAMPLES)
        n_features, width = read.shape[1], self.n_numbers
        total = np.zeros(n_features, np.int64)
        moments = np.zeros((n_features // width, width, width), np.int64)
        with one_blas_thread():
            for start in range(0, len(rows), _BATCH):
                whole = self.rounding.whole(extract(rows[start : start + _BATCH]))
                total += whole.sum(0, dtype=np.float64).astype(np.int64)
                # In float64, the products of a batch are exact, see `_STEPS`.
                x = self._by_landmark(whole).astype(np.float64)
                moments += (x.swapaxes(1, 2) @ x).astype(np.int64)
            count = np.array(len(rows), np.int64)
            self.components_ = self.workers.decide(self._components, total, moments, count)
        self._total, self._n = np.zeros(n_features, np.int64), 0
        return self

    def _components(self, total, moments, count):
        step = self._by_landmark(self.rounding.step[None].astype(np.float64))[:, 0]
        mean = self._by_landmark(total[None] / count)[:, 0]
        covariance = moments / count - mean[:, :, None] * mean[:, None]
        _, vectors = np.linalg.eigh(covariance * step[:, :, None] * step[:, None])
        strongest = vectors[:, :, ::-1][:, :, : self.n_components]
        return (np.rint(strongest / _COMPONENT_STEP) * _COMPONENT_STEP).astype(np.float32)

    def transform(self, features):
        """Components (n, L * n_components) of features (n, L * n_numbers), float32."""
        whole = self.rounding.whole(features)
        self._total += whole.sum(0, dtype=np.float64).astype(np.int64)
        self._n += len(features)
        # Powers of two times whole numbers: products are exact in float64.
        x = self._by_landmark(whole * self.rounding.step).astype(np.float64)
        with one_blas_thread():
            components = x @ self.components_.astype(np.float64)
        shape = len(features), len(x) * self.n_components
        return components.swapaxes(0, 1).reshape(shape).astype(np.float32)

    def gather(self):
        """Add what all members transformed, for `unfolded`."""
        self._total = self.workers.total(self._total)
        self._n = int(self.workers.total(np.array(self._n, np.int64)))

    def unfolded(self, weights, basis, feature_mean, target_mean, alpha):
        """What `ReducedRidge.solve` returned of the components, for the features themselves.

        `feature_mean`, that of the components, gives way to that of the features transformed.
        """
        weights = weights.reshape(len(self.components_), self.n_components, -1)
        weights = (self.components_ @ weights).reshape(-1, weights.shape[-1])
        feature_mean = self.rounding.value(self._total / self._n).astype(np.float32)
        return weights, basis, feature_mean, target_mean, alpha

    def _by_landmark(self, features):
        shape = len(features), features.shape[1] // self.n_numbers, self.n_numbers
        return features.reshape(shape).swapaxes(0, 1)
