"""The residuals of one stage in fixed point, in the basis of their principal components."""

from dataclasses import dataclass

import numpy as np

from features.threads import one_blas_thread

# Bound of the absolute sum of one row's coefficients: any signed fold of them fits 16 bits, with
# as much room again for residuals that grow while trees are added.
_ROW_LIMIT = 2**14
# Bound of the absolute sum over all rows: any histogram of folds fits 32 bits.
_TOTAL_LIMIT = 2**30
_LEAF_MAX = 127


@dataclass(frozen=True)
class ResidualBasis:
    """Principal components of residuals, and the step of their fixed-point coefficients.

    Attributes
    ----------
    mean : ndarray of shape (2L,), float32
    components : ndarray of shape (R, 2L), float32
        Orthonormal rows, strongest first.
    step : float
        Value of one unit of an integer coefficient, in box sides.
    """

    mean: np.ndarray
    components: np.ndarray
    step: float

    @classmethod
    def fit(cls, residuals, n_components):
        """Basis of `residuals` (N, 2L), and their integer coefficients (N, R) int16.

        See `principal_components`.
        """
        mean, components, coefficients = principal_components(residuals, n_components)
        magnitude = np.abs(coefficients).sum(1, dtype=np.float64)
        step = max(magnitude.max() / _ROW_LIMIT, magnitude.sum() / _TOTAL_LIMIT, 1e-12)
        basis = cls(mean, components, float(step))
        return basis, np.rint(coefficients / step).astype(np.int16)


def leaf_units(coefficients, reach):
    """What one step of an int8 leaf is worth in each component.

    A power of two of the coefficients' step, such that `reach` standard deviations fit.

    Parameters
    ----------
    coefficients : ndarray of shape (N, R), int16
    reach : float

    Returns
    -------
    ndarray of shape (R,), int16
    """
    spread = reach * coefficients.std(0, dtype=np.float64)
    return (1 << np.ceil(np.log2(np.maximum(spread / _LEAF_MAX, 1))).astype(int)).astype(np.int16)


def to_leaves(values, units):
    """Values in coefficients' steps as int8 leaves in `units`, clipped where they do not fit."""
    return np.clip(np.rint(values / units), -_LEAF_MAX, _LEAF_MAX).astype(np.int8)


def principal_components(residuals, n_components):
    """Principal components of residuals in which NaN, a missing landmark, weighs nothing.

    The covariance is that of the pairs of coordinates that are both there.

    Parameters
    ----------
    residuals : ndarray of shape (N, 2L), float32
    n_components : int

    Returns
    -------
    mean : ndarray of shape (2L,), float32
    components : ndarray of shape (R, 2L), float32
        Orthonormal rows, strongest first.
    coefficients : ndarray of shape (N, R), float32
        Of residuals with gaps, the most probable.
    """
    seen = np.isfinite(residuals)
    whole = seen.all()
    count = np.maximum(seen.sum(0), 1)
    mean = (np.where(seen, residuals, 0).sum(0, dtype=np.float64) / count).astype(np.float32)
    centred = np.where(seen, residuals - mean, np.float32(0))
    with one_blas_thread():
        covariance = (centred.T @ centred).astype(np.float64)
        if whole:
            covariance /= len(centred)
        else:
            pairs = seen.astype(np.float32)
            covariance /= np.maximum(pairs.T @ pairs, 1)
        values, vectors = np.linalg.eigh(covariance)
        order = np.argsort(-values, kind="stable")[:n_components]
        components = _signed(vectors[:, order].T).astype(np.float32)
        coefficients = centred @ components.T
        if not whole:
            partial = ~seen.all(1)
            # What the basis leaves over, spread evenly, is the noise of one coordinate.
            left = np.delete(values, order).clip(0).sum() / max(len(values) - len(order), 1)
            coefficients[partial] = _project(
                centred[partial], seen[partial], components, values[order], left
            )
    return mean, components, coefficients


def _signed(components):
    """Fix the sign of each row by its largest entry: eigenvectors come with either."""
    largest = np.abs(components).argmax(1)
    sign = np.sign(components[np.arange(len(components)), largest])
    return components * np.where(sign == 0, 1, sign)[:, None]


def _project(residuals, seen, components, variances, noise):
    """Most probable coefficients of residuals with gaps, under a Gaussian of `variances`.

    The missing coordinates drop out of the likelihood; where nothing is seen the answer is 0.
    """
    floor = 1e-6 * max(variances[0], 1e-12)
    prior = np.diag(max(noise, floor) / np.maximum(variances, floor))
    out = np.empty((len(residuals), len(components)), np.float32)
    for row, (residual, there) in enumerate(zip(residuals, seen, strict=True)):
        visible = components[:, there].astype(np.float64)
        out[row] = np.linalg.solve(visible @ visible.T + prior, visible @ residual[there])
    return out
