"""One linear regression on the leaves of all forests (Ren et al. 2014, section 3.2).

The code of a sample is a long row of zeros with a one for the leaf that each tree ends in. Nothing
here writes that row down: products with it are sums of a weight matrix's rows.
"""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from features.parameters import Parameters
from features.workers import SERIAL

from ..basis import ResidualBasis
from . import _ridge_kernels as kernels
from .predictor import SparseLinear, whole_lanes

_WEIGHT_MAX = 127
# Parts in which sums over samples are made; fixed, so that the order of adding does not depend on
# the number of threads.
_N_PARTS = 8


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
        Penalty of the squared weights, in numbers of samples.
    n_components : int
        Principal components of the residuals that are regressed.
    tol : float
        Relative residual of the normal equations at which the solver stops; see `solve_ridge`.
    """

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
        basis, coefficients = ResidualBasis.fit(residuals, n_components)
        targets = coefficients * np.float32(basis.step)
        alpha = self.alpha_per_sample * len(residuals)
        weights = solve_ridge(leaves, n_leaves, targets, alpha, tol=self.tol, workers=workers)
        scale = np.maximum(np.abs(weights).max(0), 1e-12) / _WEIGHT_MAX
        rounded = np.rint(weights / scale).astype(np.int8)
        return SparseLinear(
            weights=rounded.reshape(leaves.shape[1], n_leaves, -1),
            basis=basis.components * scale[:, None].astype(np.float32),
            bias=basis.mean,
        )


def solve_ridge(leaves, n_leaves, targets, alpha, *, tol=1e-6, max_iterations=500, workers=SERIAL):
    """Ridge regression without intercept on a binary code given as leaf indices.

    Solves ``(X'X + alpha I) W = X'Y`` by conjugate gradients with the diagonal as preconditioner
    (Shewchuk 1994), all columns side by side. X is never built.

    Parameters
    ----------
    leaves : ndarray of shape (N, K), uint8
    n_leaves : int
    targets : ndarray of shape (N, R), float32
    alpha : float
        Above 0.
    tol : float
        Stops when ``|X'Y - (X'X + alpha I) W| <= tol * |X'Y|`` holds for every column. Sums are
        made in float32, which supports about 1e-6.
    max_iterations : int
    workers : Workers
        Their number does not change the result, bit for bit.

    Returns
    -------
    ndarray of shape (K * n_leaves, R), float32

    Raises
    ------
    InputError
        If alpha is not above 0, or a leaf is not below `n_leaves`.
    """
    if not alpha > 0:
        raise InputError(f"alpha is {alpha}; the ridge needs a number above 0")
    if leaves.size and leaves.max() >= n_leaves:
        raise InputError(f"leaf {leaves.max()} is not below n_leaves, {n_leaves}")
    codes = np.ascontiguousarray(leaves.T)
    n_components = targets.shape[1]
    targets = whole_lanes(np.asarray(targets, np.float32))
    size = len(leaves) // _N_PARTS + 1
    spans = [(start, min(len(leaves), start + size)) for start in range(0, len(leaves), size)]

    def add_parts(kernel, rows):
        parts = np.zeros((len(spans), codes.shape[0] * n_leaves, targets.shape[1]), np.float32)

        def add(share):
            for k in range(*share):
                kernel(codes, n_leaves, rows, *spans[k], parts[k])

        workers.map(add, workers.ranges(len(spans)))
        return parts.sum(0)

    counts = np.concatenate([np.bincount(code, minlength=n_leaves) for code in codes])
    diagonal = (counts + alpha).astype(np.float32)[:, None]
    residual = add_parts(kernels.add_transposed, targets)
    enough = (tol * _norms(residual)) ** 2
    weights, direction = np.zeros_like(residual), residual / diagonal
    rho = _dots(residual, direction)
    for _ in range(max_iterations):
        if (_dots(residual, residual) <= enough).all():
            break
        product = add_parts(kernels.add_normal, direction) + np.float32(alpha) * direction
        step = _ratio(rho, _dots(direction, product))
        weights += step * direction
        residual -= step * product
        scaled = residual / diagonal
        before, rho = rho, _dots(residual, scaled)
        direction = scaled + _ratio(rho, before) * direction
    return weights[:, :n_components]


def _dots(left, right):
    return np.einsum("ij,ij->j", left, right, dtype=np.float64)


def _norms(rows):
    return np.sqrt(_dots(rows, rows))


def _ratio(above, below):
    """Quotient, 0 where a column is solved or empty."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0).astype(np.float32)
