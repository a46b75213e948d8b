"""The residuals of one stage in fixed point, in the basis of their principal components.

All sums over samples are sums of whole numbers, so they are exact whatever the order: the basis is
the same for any number of threads, and for any number of members that hold the samples.
"""

from dataclasses import dataclass
from threading import Lock

import numpy as np

from features.threads import one_blas_thread
from features.workers import SERIAL

from . import _basis_kernels as kernels

# Bound of the absolute sum of one row's coefficients: any signed fold of them fits 16 bits, with
# as much room again for residuals that grow while trees are added.
_ROW_LIMIT = 2**14
# Bound of the absolute sum over all rows: any histogram of folds fits 32 bits.
_TOTAL_LIMIT = 2**30
_LEAF_MAX = 127
# Residuals are rounded to so many bits of the largest, one more when centred. Products of two of
# them, added over a batch of rows, stay below 2**53, up to which float64 holds whole numbers;
# added over 2**25 samples, the worst that can be, below 2**63.
_BITS = 18
# Components are rounded to multiples of 2**-24, which float32 holds. Products of residuals and
# components, added over all coordinates, stay below 2**53 such steps.
_COMPONENT_STEP = 2.0**-24
# Rows handled at a time, so that they stay in the caches.
_BATCH = 4096


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
    def fit(cls, residuals, n_components, workers=SERIAL):
        """Basis of `residuals` (N, 2L), and their integer coefficients (N, R) int16.

        The N rows are those of this member of the training; the basis is that of all members'.
        See `principal_components`.
        """
        mean, components, coefficients, unit = _principal(residuals, n_components, workers)
        largest, total = np.zeros(1, np.int64), np.zeros(1, np.int64)
        for start in range(0, len(coefficients), _BATCH):
            part = coefficients[start : start + _BATCH]
            magnitude = np.ceil(np.abs(part) / unit).sum(1, dtype=np.int64)
            largest, total = np.maximum(largest, magnitude.max()), total + magnitude.sum()
        largest, total = workers.largest(largest), workers.total(total)
        step = max(float(largest[0] / _ROW_LIMIT), float(total[0] / _TOTAL_LIMIT)) * unit
        basis = cls(mean, components, max(step, 1e-12))
        rounded = np.empty(coefficients.shape, np.int16)
        for start in range(0, len(coefficients), _BATCH):
            rows = slice(start, start + _BATCH)
            rounded[rows] = np.rint(coefficients[rows] / np.float32(basis.step))
        return basis, rounded


def leaf_units(coefficients, reach, workers=SERIAL):
    """What one step of an int8 leaf is worth in each component.

    A power of two of the coefficients' step, such that `reach` standard deviations fit.

    Parameters
    ----------
    coefficients : ndarray of shape (N, R), int16
        Of this member's samples.
    reach : float
    workers : Workers

    Returns
    -------
    ndarray of shape (R,), int16
    """
    sums = np.zeros((3, coefficients.shape[1]), np.int64)
    sums[0] = len(coefficients)
    for start in range(0, len(coefficients), _BATCH):
        part = coefficients[start : start + _BATCH].astype(np.int64)
        sums[1] += part.sum(0)
        sums[2] += np.square(part).sum(0)
    count, total, squares = workers.total(sums)
    variance = squares / count - np.square(total / count)
    spread = reach * np.sqrt(np.maximum(variance, 0))
    # The next power of two by the parts of the number, which are exact; logarithms are not.
    fraction, exponent = np.frexp(np.maximum(spread / _LEAF_MAX, 1))
    return (1 << np.where(fraction > 0.5, exponent, exponent - 1)).astype(np.int16)


def to_leaves(values, units):
    """Values in coefficients' steps as int8 leaves in `units`, clipped where they do not fit."""
    return np.clip(np.rint(values / units), -_LEAF_MAX, _LEAF_MAX).astype(np.int8)


def principal_components(residuals, n_components, workers=SERIAL):
    """Principal components of residuals in which NaN, a missing landmark, weighs nothing.

    The covariance is that of the pairs of coordinates that are both there. It is computed from
    residuals rounded to 2**-18 of the largest.

    Parameters
    ----------
    residuals : ndarray of shape (N, 2L), float32
        Of this member's samples.
    n_components : int
    workers : Workers

    Returns
    -------
    mean : ndarray of shape (2L,), float32
    components : ndarray of shape (R, 2L), float32
        Orthonormal rows, strongest first.
    coefficients : ndarray of shape (N, R), float32
        Of this member's samples. Of residuals with gaps, the most probable.
    """
    return _principal(residuals, n_components, workers)[:3]


def _principal(residuals, n_components, workers):
    """What `principal_components` returns, and the unit that residuals are rounded to."""
    batches = _Batches(residuals, workers)
    mean = workers.decide(_rounded_mean, *batches.sums())
    batches.mean = mean.astype(np.float32)
    with one_blas_thread():
        found = workers.decide(lambda *moments: _eigen(*moments, n_components), *batches.moments())
        coefficients = batches.coefficients(*found)
    unit = batches.unit
    return batches.mean * np.float32(unit), found[0], coefficients, unit


class _Batches:
    """Residuals as whole numbers, some rows at a time; the threads share the batches."""

    def __init__(self, residuals, workers):
        self.residuals, self.workers = residuals, workers
        self.unit, self.whole, self.mean = 1.0, False, np.float32(0)
        self._lock = Lock()
        facts = np.zeros(2, np.float32)  # the largest, and whether one is missing

        def look(part):
            found = _largest_and_gaps(part)
            with self._lock:
                np.maximum(facts, found, out=facts)

        self._each(look)
        largest, missing = workers.largest(facts)
        self.whole = not missing
        exponent = np.frexp(max(float(largest), 1e-30))[1]
        self.unit = float(np.ldexp(1.0, int(exponent) - _BITS))

    def sums(self):
        """Sum of each coordinate and how often it is there: two (2L,) int64."""
        total = np.zeros((2, self.residuals.shape[1]), np.int64)

        def add(part):
            values, seen = self._values(part)
            sums = values.sum(0, dtype=np.int64)
            with self._lock:
                total[0] += sums
                total[1] += len(values) if seen is None else seen.sum(0)

        self._each(add)
        return tuple(total)

    def moments(self):
        """Sums of products of centred coordinates, and how often both are there: (2L, 2L) int64,
        or (1, 1) where nothing is missing."""
        width = self.residuals.shape[1]
        moments = np.zeros((width, width), np.int64)
        pairs = np.zeros((1, 1) if self.whole else (width, width), np.int64)

        def add(part):
            values, seen = self._values(part)
            values = values.astype(np.float64)
            products = values.T @ values
            counts = len(values) if seen is None else _counts(seen)
            with self._lock:
                moments[...] += products.astype(np.int64)
                pairs[...] += counts

        self._each(add)
        return moments, pairs

    def coefficients(self, components, variances, noise):
        """Those of all rows, (N, R) float32."""
        out = np.empty((len(self.residuals), len(components)), np.float32)
        columns = np.ascontiguousarray(components.T, np.float64)
        gram = self.workers.decide(lambda: columns.T @ columns) if not self.whole else None
        floor = 1e-6 * max(variances[0], 1e-12)
        prior = max(noise, floor) / np.maximum(variances, floor)

        def project(rows):
            values, seen = self._values(self.residuals[rows])
            values = values.astype(np.float64)
            out[rows] = values @ columns
            if seen is not None:
                partial = np.flatnonzero(~seen.all(1))
                found = np.empty((len(partial), out.shape[1]), np.float32)
                kernels.most_probable(values[partial], seen[partial], columns, gram, prior, found)
                out[rows][partial] = found
            out[rows] *= np.float32(self.unit)

        self._each(project, rows=True)
        return out

    def _values(self, part):
        """Whole numbers, 0 where missing, in float32; and where they are there, None everywhere."""
        values = np.rint(part * np.float32(1 / self.unit)) - self.mean
        if self.whole:
            return values, None
        seen = np.isfinite(values)
        return np.where(seen, values, np.float32(0)), seen

    def _each(self, function, rows=False):
        """Call `function` with each batch, or with its rows as a slice."""

        def work(start):
            here = slice(start, min(start + _BATCH, len(self.residuals)))
            function(here if rows else self.residuals[here])

        self.workers.each(work, range(0, len(self.residuals), _BATCH))


def _largest_and_gaps(part):
    magnitude = np.abs(part)
    seen = np.isfinite(magnitude)
    if seen.all():
        return np.array([magnitude.max(initial=0), 0], np.float32)
    return np.array([magnitude.max(initial=0, where=seen), 1], np.float32)


def _counts(seen):
    seen = seen.astype(np.float32)
    return (seen.T @ seen).astype(np.int64)


def _rounded_mean(sums, counts):
    return np.rint(sums / np.maximum(counts, 1)).astype(np.int64)


def _eigen(moments, pairs, n_components):
    """Components (R, 2L) float32, their variances (R,) and the variance that they leave over,
    spread evenly over the coordinates."""
    values, vectors = np.linalg.eigh(moments / np.maximum(pairs, 1))
    order = np.argsort(-values, kind="stable")[:n_components]
    components = np.rint(_signed(vectors[:, order].T) / _COMPONENT_STEP) * _COMPONENT_STEP
    left = np.delete(values, order).clip(0).sum() / max(len(values) - len(order), 1)
    return components.astype(np.float32), values[order], float(left)


def _signed(components):
    """Fix the sign of each row by its largest entry: eigenvectors come with either."""
    largest = np.abs(components).argmax(1)
    sign = np.sign(components[np.arange(len(components)), largest])
    return components * np.where(sign == 0, 1, sign)[:, None]
