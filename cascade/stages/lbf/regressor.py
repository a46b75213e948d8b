"""One linear regression on the leaves of all forests (Ren et al. 2014, section 3.2).

The code of a sample is a long row of zeros with a one for the leaf that each tree ends in. Nothing
here writes that row down: products with it are sums of a weight matrix's rows.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.parameters import Parameters
from features.workers import SERIAL

from ..basis import ResidualBasis
from .conjugate_gradients import solve_ridge
from .predictor import SparseLinear

_WEIGHT_MAX = 127


@dataclass(eq=False, repr=False)
class SparseRidge(Parameters):
    """Ridge regression from leaf indices to shape updates, all landmarks at once.

    Minimises ``|R - X W|² + alpha |W|²`` with ``alpha = alpha_per_sample * N`` and no intercept,
    R being the residuals less their mean, in their principal components. An L2-loss linear support
    vector regression with ``p = 0`` and ``C = 1 / N``, which LBF implementations commonly train
    with LIBLINEAR, is the same problem: ``Ridge(alpha=N / 2, fit_intercept=False)``, that is,
    ``alpha_per_sample=0.5``.

    Parameters
    ----------
    alpha_per_sample : float
        Penalty of the squared weights, as a multiple of the number of samples.
    n_components : int
        Principal components of the residuals that are regressed.
    tol : float
        Relative residual of the normal equations at which the solver stops; see `solve_ridge`.
    """

    #: The weights are the same however the samples are divided over the members of a training.
    over_members: ClassVar[bool] = True

    alpha_per_sample: float = 0.5
    n_components: int = 32
    tol: float = 0.001

    def fit_stage(self, feature, samples, residuals, reference, rng, workers, tick=None):
        """Regress on the leaves of a feature with `n_leaves`; see `fit`."""
        if tick is not None:
            tick(0.5)  # the forests are about half of the work
        leaves = feature.extract(samples, reference, workers)
        return self.fit(leaves, feature.n_leaves, residuals, workers)

    def fit(self, leaves, n_leaves, residuals, workers=SERIAL):
        """Solve for the weights, and round them to int8.

        Parameters
        ----------
        leaves : ndarray of shape (N, K), uint8
        n_leaves : int
        residuals : ndarray of shape (N, 2L), float32
            NaN where a landmark is missing; it weighs nothing.
        workers : Workers

        Returns
        -------
        SparseLinear
        """
        n_components = min(self.n_components, residuals.shape[1])
        basis, coefficients = ResidualBasis.fit(residuals, n_components, workers)
        alpha = self.alpha_per_sample * int(workers.total(np.array(len(residuals))))
        weights = solve_ridge(leaves, n_leaves, coefficients, alpha, tol=self.tol, workers=workers)
        scale = np.maximum(np.abs(weights).max(0), np.float32(1e-6)) / np.float32(_WEIGHT_MAX)
        rounded = np.rint(weights / scale).astype(np.int8)
        return SparseLinear(
            weights=rounded.reshape(leaves.shape[1], n_leaves, -1),
            basis=basis.components * (scale * np.float32(basis.step))[:, None],
            bias=basis.mean,
        )
