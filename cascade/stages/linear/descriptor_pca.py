"""Principal components of the descriptors at each landmark, from moments alone."""

import numpy as np

from features.errors import InputError
from features.threads import one_blas_thread

# Samples that the components are found from, and how many of them lie in memory at a time.
_N_SAMPLES = 4096
_BATCH = 512


class DescriptorPCA:
    """Descriptors reduced to their principal components, landmark by landmark.

    Xiong & De la Torre (2013, section 4) reduce SIFT this way before they regress. A linear map of
    the components is one of the descriptors, so that a trained stage needs no components (see
    `unfolded`): they save time in training, and regularise.

    Parameters
    ----------
    n_components : int
        Of each landmark.
    n_numbers : int
        Length of a descriptor.

    Attributes
    ----------
    components_ : ndarray of shape (L, n_numbers, n_components), float32
        Orthonormal columns, strongest first.
    """

    def __init__(self, n_components, n_numbers):
        if not 1 <= n_components <= n_numbers:
            raise InputError(
                f"n_descriptor_components is {n_components}; a descriptor has {n_numbers} numbers"
            )
        self.n_components = n_components
        self.n_numbers = n_numbers

    def fit(self, extract, n_samples):
        """Find the components.

        Parameters
        ----------
        extract : callable
            Of a slice of samples, their features (n, L * n_numbers) float32.
        n_samples : int
            Of which an even choice is read.
        """
        step = max(1, n_samples // _N_SAMPLES)
        count, total, moments = 0, 0.0, 0.0
        with one_blas_thread():
            for start in range(0, n_samples, step * _BATCH):
                rows = slice(start, min(n_samples, start + step * _BATCH), step)
                x = self._by_landmark(extract(rows))
                total = total + x.sum(1, dtype=np.float64)
                moments = moments + (x.swapaxes(1, 2) @ x).astype(np.float64)
                count += x.shape[1]
            mean = total / count
            covariance = moments / count - mean[:, :, None] * mean[:, None]
            _, vectors = np.linalg.eigh(covariance)
        strongest = vectors[:, :, ::-1][:, :, : self.n_components]
        self.components_ = np.ascontiguousarray(strongest, np.float32)
        self._total, self._n = np.zeros(self.components_.shape[:2]), 0
        return self

    def transform(self, features):
        """Components (n, L * n_components) of features (n, L * n_numbers), float32."""
        x = self._by_landmark(features)
        self._total += x.sum(1, dtype=np.float64)
        self._n += len(features)
        with one_blas_thread():
            components = x @ self.components_
        return components.swapaxes(0, 1).reshape(len(features), -1)

    def unfolded(self, weights, basis, feature_mean, target_mean, alpha):
        """What `ReducedRidge.solve` returned of the components, for the features themselves.

        `feature_mean`, that of the components, gives way to that of the features transformed.
        """
        weights = weights.reshape(len(self.components_), self.n_components, -1)
        weights = (self.components_ @ weights).reshape(-1, weights.shape[-1])
        feature_mean = (self._total / self._n).ravel().astype(np.float32)
        return weights, basis, feature_mean, target_mean, alpha

    def _by_landmark(self, features):
        return features.reshape(len(features), -1, self.n_numbers).swapaxes(0, 1)
