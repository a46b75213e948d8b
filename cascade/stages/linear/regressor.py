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

from features.errors import InputError, require_count, require_range
from features.memory import require_memory
from features.parameters import Parameters
from features.threads import one_blas_thread
from features.workers import SERIAL

from ..basis import principal_components
from ..cross_fitting import MAX_PARTS, CrossFitted, rows_of_parts
from .descriptor_pca import DescriptorPCA
from .normal_equations import NormalEquations
from .predictor import ReducedLinear
from .rounding import Rounding, sampled

# Samples multiplied at a time.
_BATCH = 512
# Steps that a standard deviation of features and of targets has, see `Rounding`: what rounding
# adds to their variance is far below any penalty that helps.
_FEATURE_STEPS, _TARGET_STEPS = 64, 256
# Samples that the quantile of `clip` is found from.
_N_LENGTHS = 1 << 14
_WEIGHT_MAX = 127
# Where penalties are chosen from several without cross-fitting, one part of so many judges them.
_HELD_OUT = 5
#: Penalties that ``alpha_per_sample="auto"`` chooses from.
CANDIDATES = (0.003, 0.01, 0.03, 0.1)


@dataclass(eq=False, repr=False)
class ReducedRidge(Parameters):
    """Ridge regression with many outputs, of reduced rank.

    Parameters
    ----------
    alpha_per_sample : float, sequence of float, or "auto"
        Penalty of the squared weights, in numbers of samples; scikit-learn's ``Ridge(alpha)`` is
        ``alpha_per_sample * N``. Of several, that with the least squared error on one part of
        the faces, held out, is taken and fitted to all; "auto" chooses from `CANDIDATES`.
    rank : int
        Rank of the linear map.
    n_descriptor_components : int, optional
        Principal components that the descriptor at each landmark is reduced to before the fit;
        without it, none are dropped. See `DescriptorPCA`.
    clip : float, optional
        Quantile of the lengths of the residuals at each landmark to which longer ones are
        shortened, so that lost faces do not pull the map; without it, all count in full.
    n_parts : int
        Parts of the faces for cross-fitting, 1 to 20: the training samples of each move on by a map
        that the others gave, see `cascade.stages.cross_fitting`; 1 is without. Sums are kept for
        each part, so memory grows with their number.
    """

    #: The weights are the same however the samples are divided over the members of a training.
    over_members: ClassVar[bool] = True

    alpha_per_sample: float = 0.03
    rank: int = 32
    n_descriptor_components: object = None
    clip: object = None
    n_parts: int = 1

    def fit_stage(self, feature, samples, residuals, reference, rng, workers, tick=None):
        """Fit to a feature of all samples, extracted batch by batch.

        Parameters
        ----------
        feature : object
            With ``extract(samples, reference, workers)``, and `n_numbers` a landmark if
            descriptors are to be reduced.
        samples : Samples
            Of this member of the training.
        residuals : ndarray of shape (N, 2L), float32
            In the mean-shape frame; NaN where a landmark is missing.
        reference : ndarray of shape (L, 2), float32
            Centred mean shape.
        rng : numpy.random.Generator
            Not used; regressors that draw random numbers take them from it.
        workers : Workers
        tick : callable, optional
            Called with the share of the stage that is done.

        Returns
        -------
        ReducedLinear, or CrossFitted of several
        """
        require_count("n_parts", self.n_parts, 1, MAX_PARTS)
        first = getattr(samples, "first", 0)

        def extract(rows):
            return feature.extract(samples.rows(rows), reference, workers)

        if self.clip is not None:
            require_range("clip", self.clip, 0, 1)
            residuals = clipped(residuals, self.clip, first, workers)
        pca = None
        if self.n_descriptor_components is not None:
            pca = DescriptorPCA(self.n_descriptor_components, feature.n_numbers, workers)
            pca.fit(extract, len(residuals), first)

        def features(rows):
            return extract(rows) if pca is None else pca.transform(extract(rows))

        n_parts = self.n_parts
        if n_parts == 1 and len(self.candidates) > 1:
            n_parts = _HELD_OUT
        parts = rows_of_parts(samples.blocks, n_parts) if n_parts > 1 else []
        # Of few files, not every part has one.
        counts = workers.total(np.array([len(rows) for rows in parts], np.int64))
        parts = [rows for rows, n in zip(parts, counts, strict=True) if 0 < n < counts.sum()]
        whole, apart = self.solve(features, residuals, workers, parts, first, tick)

        def rounded():
            solutions = [whole, *apart]
            if pca is not None:
                solutions = [pca.unfolded(*one) for one in solutions]
            return [quantize(*one) for one in solutions]

        # After `solve`, so that a mean that the solutions give way to is that of all samples.
        if pca is not None:
            pca.gather()
        whole, *apart = (ReducedLinear(*one) for one in workers.decide(rounded))
        return CrossFitted(whole, tuple(apart)) if apart else whole

    @property
    def candidates(self):
        """The penalties to choose from, as a tuple."""
        alphas = CANDIDATES if self.alpha_per_sample == "auto" else self.alpha_per_sample
        try:
            alphas = tuple(float(alpha) for alpha in np.atleast_1d(alphas))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"alpha_per_sample is {self.alpha_per_sample!r}; give a number, several, or 'auto'"
            ) from error
        if not alphas or not all(0 < alpha < np.inf for alpha in alphas):
            raise InputError(f"alpha_per_sample is {alphas}; give numbers above 0")
        return alphas

    def solve(self, extract, residuals, workers, parts=(), first=0, tick=None):
        """The map before it is rounded, and those for cross-fitting.

        Parameters
        ----------
        extract : callable
            Of an array of row numbers, the features of those samples (n, F) float32.
        residuals : ndarray of shape (N, 2L), float32
            Of this member's samples; NaN where unknown: such a landmark is taken to be where the
            others make it most likely.
        workers : Workers
        parts : list of ndarray of intp
            Rows of the samples of each part; of several candidates, the first part judges.
        first : int
            Number of this member's first sample among those of all members.
        tick : callable, optional
            Called with the share of the samples that were read.

        Returns
        -------
        solution : tuple
            weights (F, R), basis (R, 2L), feature_mean (F,), target_mean (2L,), all float32, and
            alpha. The answer is
            ``(features - feature_mean) @ weights @ basis + target_mean``.
        apart : list of tuple
            The same of the samples outside each part, where `n_parts` asks for cross-fitting.
        """
        # Targets are coefficients of principal components: turned, they are those of the residuals.
        mean, components, targets = principal_components(residuals, residuals.shape[1], workers)
        with one_blas_thread():
            sums = self._sums(extract, targets, workers, parts, first, tick)

            def solved():
                alpha = self.candidates[0]
                if len(self.candidates) > 1 and parts:
                    alpha = self._choose(NormalEquations.sum(sums[1:]), sums[0])
                apart = []
                if self.n_parts > 1:
                    for k in range(len(parts)):
                        others = NormalEquations.sum(sums[:k] + sums[k + 1 :])
                        apart.append(self._solved(others, mean, components, alpha))
                whole = NormalEquations.sum(sums, own=True)
                return self._solved(whole, mean, components, alpha), apart

            return workers.decide(solved)

    def _sums(self, extract, targets, workers, parts, first, tick):
        """`NormalEquations` of each part, or of all samples where there are none."""
        rows = sampled(first, len(targets), workers)
        read = extract(rows)
        # The sums of each part, and one that is being solved.
        require_memory(
            (max(len(parts), 1) + 1) * 4 * read.shape[1] ** 2,
            "the sums of products of the features",
            "set n_parts=1, or max_landmarks below the number of landmarks",
        )
        features = Rounding.fit(read, _FEATURE_STEPS, 32 * _FEATURE_STEPS - 1, workers)
        answers = Rounding.fit(targets[rows], _TARGET_STEPS, 32 * _TARGET_STEPS - 1, workers)
        sums, done = [], 0
        for rows in parts or [np.arange(len(targets))]:
            sums.append(NormalEquations(features, answers, workers))
            for start in range(0, len(rows), _BATCH):
                chosen = rows[start : start + _BATCH]
                sums[-1].add(extract(chosen), targets[chosen])
                done += len(chosen)
                if tick is not None:
                    tick(done / len(targets))
            sums[-1].gather()
        return sums

    def _solved(self, normal, target_mean, components, alpha):
        """What `solve` returns, of sums that are used up."""
        means = normal.means()
        moments = normal.moments(means)
        weights = ridge(moments, alpha, overwrite=True)
        # Of all maps of this rank, the one nearest the full one in the ridge's own norm.
        _, vectors = np.linalg.eigh((moments.cross.T @ weights).astype(np.float64))
        turn = np.ascontiguousarray(vectors[:, ::-1][:, : self.rank], np.float32)
        center = target_mean + normal.targets.value(means[1]) @ components
        origin = normal.features.value(means[0])
        return (
            weights @ turn,
            turn.T @ components,
            origin.astype(np.float32),
            center.astype(np.float32),
            float(alpha),
        )

    def _choose(self, normal, judges):
        """The candidate with the least error on `judges`; the other sums are used up.

        From the middle on downhill, because the error has one valley.
        """
        means = normal.means()
        moments = normal.moments(means)
        alphas, errors = sorted(self.candidates), {}

        def error(i):
            if i not in errors:
                errors[i] = judges.error(ridge(moments, alphas[i]), means)
            return errors[i]

        best = (len(alphas) - 1) // 2
        for step in (-1, 1):
            while 0 <= best + step < len(alphas) and error(best + step) < error(best):
                best += step
        return alphas[best]


def ridge(moments, alpha, overwrite=False):
    """Weights (F, K) from `Moments` around the means, for a penalty a sample."""
    gram = moments.gram if overwrite else moments.gram.copy()
    gram[np.diag_indices_from(gram)] += np.float32(alpha * moments.n)
    # Transposed, it lies in memory as LAPACK wants it.
    factor = cho_factor(gram.T, overwrite_a=True, check_finite=False)
    return cho_solve(factor, moments.cross, check_finite=False)


def clipped(residuals, quantile, first=0, workers=SERIAL):
    """Residuals (N, 2L), none longer than this quantile of those at its landmark; NaN stays.

    Parameters
    ----------
    residuals : ndarray of shape (N, 2L), float32
        Of this member's samples.
    quantile : float
        Of some thousands of the samples of all members, evenly chosen.
    first : int
        Number of this member's first sample among those of all members.
    workers : Workers
    """
    vectors = residuals.reshape(len(residuals), residuals.shape[1] // 2, 2)
    lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
    some = workers.joined(lengths[sampled(first, len(lengths), workers, _N_LENGTHS)])
    most = workers.decide(lambda: np.nanquantile(some, quantile, axis=0))
    share = np.minimum(1, most / np.maximum(lengths, np.float32(1e-12)))
    return (vectors * share).reshape(residuals.shape).astype(np.float32)


def quantize(weights, basis, feature_mean, target_mean, alpha=0.0):
    """The fields of a `ReducedLinear` from what `ReducedRidge.solve` returns, in their order.

    Weights are rounded, those of each component in steps of their own.
    """
    step = np.maximum(np.abs(weights).max(0) / _WEIGHT_MAX, np.float32(1e-30))
    rounded = np.rint(weights / step).astype(np.int8)
    basis = np.ascontiguousarray(step[:, None] * basis, np.float32)
    # With the rounded weights, so that the mean answer stays exact.
    bias = target_mean - feature_mean @ rounded.astype(np.float32) @ basis
    return rounded, basis, bias, np.array([alpha], np.float32)
