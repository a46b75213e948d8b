"""Boosted random ferns with many outputs (Dollár et al. 2010; Cao et al. 2012, section 3.2).

A fern compares F pairs of pixels, and the outcomes, read as a binary number, name one of 2^F bins.
Pairs are chosen by correlation: residuals are projected on a random direction, and the pair whose
difference correlates most with the projection is taken. As with the trees, residuals are integers
in the basis of their principal components, leaves are int8, and all sums are sums of integers: one
thread or eight, one member of a training or many, grow the same ferns, bit for bit.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError, require_range
from features.line_pixels import LineIndexedPixels
from features.parameters import Parameters
from features.threads import one_blas_thread

from ..basis import ResidualBasis, leaf_units, to_leaves
from ..trees._grow_kernels import leaf_sums
from . import _grow_kernels as kernels
from ._run_kernels import zone_weights
from .predictor import GRID, Ferns, ZonedFerns

# Standard deviations of the residuals that a leaf can hold, at a learning rate of 1. Leaves are far
# smaller, and what does not fit is left to later ferns; a coarser step would round most to 0.
_REACH = 0.5
# What coefficients are scaled up to, and the most they are, in powers of two.
_LARGEST, _RAISED_MAX = 2**14, 6
# Rows that pairs are chosen by; more choose no better.
_N_SELECTION = 8192
# Size of a random direction's components, and what the projections are scaled to.
_DIRECTION, _PROJECTION = 64.0, 256.0


@dataclass(eq=False, repr=False)
class BoostedFerns(Parameters):
    """Grower of the boosted ferns of one stage.

    Parameters
    ----------
    n_ferns : int
        Ferns K.
    depth : int
        Tests F of a fern, at most 8; it has ``2**depth`` bins.
    shrinkage : float
        β: a bin's value is the sum of its n residuals divided by ``n + β``.
    learning_rate : float
        Factor on every bin's value.
    threshold : float
        Thresholds are drawn within this share of the largest difference of a pair of pixels.
    n_components : int
        Principal components in which the residuals are fitted.
    """

    #: The ferns are the same however the samples are divided over the members of a training.
    over_members: ClassVar[bool] = True

    n_ferns: int = 500
    depth: int = 5
    shrinkage: float = 1000.0
    learning_rate: float = 1.0
    threshold: float = 0.2
    n_components: int = 28

    def fit_stage(self, feature, samples, residuals, reference, rng, workers, tick=None):
        """Grow the ferns on the grey levels that `feature` reads; see `fit`."""
        pixels = feature.extract(samples, reference, workers)
        return self.fit(pixels, residuals, rng, workers, tick, first=samples.first)

    def fit(self, pixels, residuals, rng, workers, tick=None, *, first=0):
        """Grow the ferns.

        Parameters
        ----------
        pixels : ndarray of shape (N, P), uint8
            Grey levels; fastest where each point's are contiguous.
        residuals : ndarray of shape (N, 2L), float32
            In the mean-shape frame; NaN where a landmark is missing.
        rng : numpy.random.Generator
        workers : Workers
        tick : callable, optional
            Called after each fern with the share of ferns that are grown.
        first : int
            Number of the first row among those of all members of the training.

        Returns
        -------
        Ferns
        """
        self._check()
        basis, coefficients = self._basis(residuals, self.n_components, workers)
        grower = self._grower(pixels, coefficients, rng, workers, first)
        rows = []
        for k in range(self.n_ferns):
            (row,) = grower.grow([(0, pixels.shape[1])], self.learning_rate)
            rows.append(row)
            if tick is not None:
                tick((k + 1) / self.n_ferns)
        return Ferns(
            **grower.arrays(rows),
            basis=basis.components * (basis.step * grower.units)[:, None].astype(np.float32),
            bias=basis.mean,
        )

    def _check(self):
        require_range("n_ferns", self.n_ferns, 1, 100_000)
        require_range("depth", self.depth, 1, 8)
        require_range("shrinkage", self.shrinkage, 0, 1e9)
        require_range("learning_rate", self.learning_rate, 1e-6, 1.0)
        require_range("threshold", self.threshold, 0, 1)
        require_range("n_components", self.n_components, 1, 10_000)

    def _basis(self, residuals, n_components, workers):
        return ResidualBasis.fit(residuals, min(n_components, residuals.shape[1]), workers)

    def _grower(self, pixels, coefficients, rng, workers, first):
        return FernGrower(
            np.ascontiguousarray(pixels.T), coefficients, self.depth, self.shrinkage,
            self.learning_rate, self.threshold, rng, workers, first,
        )  # fmt: skip


@dataclass(eq=False, repr=False)
class OcclusionFerns(BoostedFerns):
    """Grower of ferns that learn visibility along with the shape (Burgos-Artizzu et al. 2013).

    Where the training set says which landmarks are visible, the face is cut into a 3x3 grid. Each
    step grows several ferns, each on points of one random zone, and averages them weighted by how
    visible their zones are by what the cascade believes so far. Elsewhere the ferns are those of
    `BoostedFerns`.

    Parameters
    ----------
    n_ferns, depth, shrinkage, learning_rate, threshold, n_components
        As in `BoostedFerns`; `n_ferns` counts all ferns of all zones.
    n_zones : int
        Ferns grown a step, S_tot of the paper.
    n_visibility : int
        Principal components in which visibility is fitted.
    """

    n_zones: int = 3
    n_visibility: int = 12

    def fit_stage(self, feature, samples, residuals, reference, rng, workers, tick=None):
        """Grow `ZonedFerns` where `samples` have visibility, else `Ferns`.

        Raises
        ------
        InputError
            If there is visibility but `feature` is not made by `LinePixels`.
        """
        if samples.visible is None:
            return super().fit_stage(feature, samples, residuals, reference, rng, workers, tick)
        if not isinstance(feature, LineIndexedPixels):
            raise InputError(
                "ferns that learn visibility need points between landmarks; use LinePixels"
            )
        self._check()
        require_range("n_zones", self.n_zones, 1, GRID**2)
        require_range("n_visibility", self.n_visibility, 1, 10_000)
        shape, moves = self._basis(residuals, self.n_components, workers)
        samples.believe_visible()
        unknown = samples.visible - samples.visibility
        seen, changes = self._basis(unknown, self.n_visibility, workers)
        zone_of = zones(reference, reference)
        zone_of_point = zones(feature.positions(reference), reference)
        # The points of a zone side by side, so that its ferns are grown on a slice.
        order = np.argsort(zone_of_point, kind="stable")
        edges = np.searchsorted(zone_of_point[order], np.arange(GRID**2 + 1)).tolist()
        usable = [z for z in range(GRID**2) if edges[z + 1] - edges[z] > 1]
        if not usable:
            raise InputError("no zone of the face has two points to compare; raise n_points")
        weights = _weights(samples.visibility, zone_of)

        pixels = feature.extract(samples, reference, workers)[:, order]
        grower = self._grower(pixels, np.hstack([moves, changes]), rng, workers, samples.first)
        rows, of_rows = [], []
        while len(rows) < self.n_ferns:
            n = min(self.n_zones, len(usable), self.n_ferns - len(rows))
            chosen = rng.choice(usable, n, replace=False)
            spans = [(edges[z], edges[z + 1]) for z in chosen]
            rows += grower.grow(spans, self.learning_rate / n, weights[chosen])
            of_rows += list(chosen)
            if tick is not None:
                tick(len(rows) / self.n_ferns)
        by_zone = np.argsort(of_rows, kind="stable")
        arrays = grower.arrays([rows[k] for k in by_zone])
        arrays["first"] = order[arrays["first"]].astype(np.uint16)
        arrays["second"] = order[arrays["second"]].astype(np.uint16)
        step = np.repeat([shape.step, seen.step], [len(shape.components), len(seen.components)])
        basis = np.zeros((len(step), residuals.shape[1] + len(reference)), np.float32)
        basis[: len(shape.components), : residuals.shape[1]] = shape.components
        basis[len(shape.components) :, residuals.shape[1] :] = seen.components
        return ZonedFerns(
            **arrays,
            zone=np.array(of_rows, np.uint8)[by_zone],
            zone_of=zone_of,
            basis=basis * (step * grower.units)[:, None].astype(np.float32),
            bias=np.concatenate([shape.mean, seen.mean]),
        )


def zones(points, mean):
    """Zone of each of `points` (n, 2) in the 3x3 grid on the mean shape (L, 2): (n,) uint8."""
    low, high = mean.min(0), mean.max(0)
    cell = np.clip((points - low) / (high - low) * GRID, 0, GRID - 1).astype(np.uint8)
    return cell[:, 1] * np.uint8(GRID) + cell[:, 0]


def _weights(visibility, zone_of):
    """Weights (9, N) int16 of the zones for each sample, in parts of `kernels.WEIGHT_ONE`."""
    weights = np.empty((len(visibility), GRID**2), np.float32)
    for row, out in zip(visibility, weights, strict=True):
        zone_weights(row, zone_of, out)
    return np.rint(weights.T * kernels.WEIGHT_ONE).astype(np.int16)


class FernGrower:
    """Training state of one stage's ferns.

    Parameters
    ----------
    pixels : ndarray of shape (P, N), uint8
    coefficients : ndarray of shape (N, R), int16
        Residuals in the stage's basis.
    depth, shrinkage, learning_rate, threshold
        As in `BoostedFerns`.
    rng : numpy.random.Generator
    workers : Workers
    first : int
        Number of the first row among those of all members of the training.

    Attributes
    ----------
    units : ndarray of shape (R,), float64
        What one step of a leaf is worth, in steps of `coefficients`.
    """

    def __init__(self, pixels, coefficients, depth, shrinkage, learning_rate, threshold, rng,
                 workers, first=0):  # fmt: skip
        n_rows, self.n_components = coefficients.shape
        self.depth, self.shrinkage, self.threshold = depth, shrinkage, threshold
        self.rng, self.workers = rng, workers
        # Each component uses the 16 bits it has, so that leaves of the weak ones are not all 0.
        largest = np.abs(coefficients.astype(np.int32)).max(0, initial=1)
        raised = (np.frexp(_LARGEST / workers.largest(largest))[1] - 1).clip(0, _RAISED_MAX)
        raised = raised.astype(np.int16)
        coefficients = coefficients << raised
        self._steps = leaf_units(coefficients, _REACH * learning_rate, workers)
        self.units = self._steps / 2.0**raised
        # Directions lower what is raised: projections are those of the residuals.
        self._lowered = 2.0 ** (_RAISED_MAX - raised)
        # Every so many tiles of rows, in turns, choose the pairs.
        n_all = int(workers.total(np.array(n_rows)))
        self._stride = max(1, n_all // _N_SELECTION)
        tile = self._stride * kernels.TILE
        self._shards = [
            Shard(pixels[:, start:stop], coefficients[start:stop], first + start)
            for start, stop in workers.ranges(n_rows, tile) or [(0, 0)]
        ]
        spread = _spread(coefficients, self._lowered, workers)
        # The next power of two by the parts of the number, which are exact; logarithms are not.
        fraction, exponent = np.frexp(max(_DIRECTION * spread / _PROJECTION, 1))
        self._shift = int(exponent) - (fraction == 0.5)
        self._mean, self._precision = _pixel_statistics(pixels, first, n_all, workers)
        self._count = 0

    def grow(self, spans, rate, weights=None):
        """Grow one fern on each range of pixels, all on the same residuals, and leave them out.

        Parameters
        ----------
        spans : list of (int, int)
            First pixel, and the one after the last, that each fern may compare.
        rate : float
            Factor on the bins' values.
        weights : ndarray of shape (len(spans), N), int16, optional
            How much each sample heeds each fern, in parts of ``_fern_kernels.WEIGHT_ONE``.

        Returns
        -------
        list of (first, second, threshold, leaves)
        """
        rows = [self._grow(j, *span, rate) for j, span in enumerate(spans)]
        start = 0
        jobs = []
        for shard in self._shards:
            stop = start + len(shard.coefs)
            jobs.append((shard, None if weights is None else weights[:, start:stop]))
            start = stop
        values = [self._values(leaves) for *_, leaves in rows]
        self.workers.map(lambda job: job[0].subtract(values, job[1]), jobs)
        self._count += 1
        return rows

    def arrays(self, rows):
        """The fields of `Ferns` that grown ferns make up."""
        first, second, threshold, leaves = (np.stack(column) for column in zip(*rows, strict=True))
        return {
            "first": first.astype(np.uint16),
            "second": second.astype(np.uint16),
            "threshold": threshold,
            "leaves": leaves,
        }

    def _grow(self, j, start, stop, rate):
        first, second = self._pairs(start, stop)
        largest = np.max(self._ask(lambda shard: shard.largest(first, second)), axis=0)
        largest = self.workers.largest(largest)
        drawn = self.rng.uniform(-self.threshold, self.threshold, self.depth)
        threshold = np.rint(drawn * largest).astype(np.int16)
        sums = sum(self._ask(lambda shard: shard.sums(j, first, second, threshold)))
        sums = self.workers.total(sums)
        # The rounded value is what inference adds, so it is what is left out of the residual.
        values = rate * sums[:, :-1] / np.maximum(sums[:, -1:] + self.shrinkage, 1)
        return first, second, threshold, to_leaves(values, self._steps)

    def _pairs(self, start, stop):
        """The pairs of pixels in [start, stop) that correlate most with random directions."""
        directions = np.zeros((self.depth, self._shards[0].coefs.shape[1]), np.int16)
        drawn = self.rng.normal(0, _DIRECTION, (self.depth, self.n_components)).clip(-255, 255)
        directions[:, : self.n_components] = np.rint(drawn * self._lowered)
        tiles = self._count % self._stride, self._stride
        totals = sum(
            self._ask(lambda shard: shard.cross(directions, self._shift, tiles, start, stop))
        )

        def best(totals):
            covariance = totals[:, :-1] - self._mean[start:stop] * totals[:, -1:]
            pairs = np.empty((2, self.depth), np.int64)
            precision = np.ascontiguousarray(self._precision[start:stop, start:stop])
            kernels.best_pairs(covariance.astype(np.float32), precision, *pairs)
            return pairs + start

        return self.workers.decide(best, totals)

    def _values(self, leaves):
        width = self._shards[0].coefs.shape[1]
        values = np.zeros((len(leaves), width), np.int16)
        values[:, : self.n_components] = leaves.astype(np.int16) * self._steps
        return values

    def _ask(self, question):
        return self.workers.map(question, self._shards)


class Shard:
    """The rows that one thread answers for; `first` is the number of the first of them."""

    def __init__(self, pixels, coefficients, first):
        n, self.n_components = coefficients.shape
        n_components = self.n_components
        self.pixels, self.first = pixels, first
        self.coefs = np.zeros((n, -(-n_components // 8) * 8), np.int16)
        self.coefs[:, :n_components] = coefficients
        self.leaf = {}

    def cross(self, directions, shift, tiles, start, stop):
        """Sums of projected residuals times the pixels [start, stop)."""
        out = np.empty((len(directions), stop - start + 1), np.int64)
        kernels.cross_sums(
            self.pixels[start:stop], self.coefs, directions, shift, self.first, *tiles, out
        )
        return out

    def largest(self, first, second):
        """Largest differences of the pairs."""
        out = np.empty(len(first), np.int16)
        kernels.largest_differences(self.pixels, first, second, out)
        return out

    def sums(self, j, first, second, threshold):
        """Put the rows into the bins of the step's fern j; sums of the residuals by bin, and
        numbers of rows in the last column."""
        leaf = self.leaf.setdefault(j, np.empty(len(self.coefs), np.uint8))
        kernels.find_bins(self.pixels, first, second, threshold, leaf)
        sums = np.zeros((1 << len(first), self.coefs.shape[1]), np.int64)
        counts = np.zeros(1 << len(first), np.int64)
        leaf_sums(self.coefs, leaf, sums, counts)
        return np.column_stack([sums[:, : self.n_components], counts])

    def subtract(self, values, weights):
        """Leave the step's ferns out of the residuals."""
        for j, value in enumerate(values):
            if weights is None:
                kernels.subtract(self.coefs, self.leaf[j], value)
            else:
                kernels.subtract_weighted(self.coefs, self.leaf[j], value, weights[j])


def _spread(coefficients, factors, workers):
    """Standard deviation of coefficients (n, R) int16 times `factors` (R,), all together."""
    sums = np.zeros((3, coefficients.shape[1]), np.int64)
    sums[0] = len(coefficients)
    for start in range(0, len(coefficients), kernels.TILE):
        part = coefficients[start : start + kernels.TILE].astype(np.int64)
        sums[1] += part.sum(0)
        sums[2] += np.square(part).sum(0)
    count, total, squares = workers.total(sums)
    variance = np.maximum(squares / count - np.square(total / count), 0)
    return workers.decide(lambda: float(np.sqrt((variance * factors**2).sum())))


def _pixel_statistics(pixels, first, n_all, workers):
    """Means (P,), and 1 / variance of all differences (P, P) float32, from some of the samples."""
    stride = max(1, n_all // _N_SELECTION)
    grey = pixels[:, -first % stride :: stride].astype(np.float64)
    with one_blas_thread():
        # Products of whole numbers below 2^53: exact, whatever the order of the sums.
        products = (grey @ grey.T).astype(np.int64)

    def statistics(products, total, n):
        covariance = products * float(n) - np.outer(total, total)
        own = covariance.diagonal()
        variance = (own[:, None] + own - 2 * covariance) / float(n) ** 2
        # Differences that hardly vary would win by their noise.
        precision = np.where(variance > 1, 1 / np.maximum(variance, 1), 0)
        return total / n, precision.astype(np.float32)

    total = grey.sum(1).astype(np.int64)
    return workers.decide(statistics, products, total, np.array(grey.shape[1]))
