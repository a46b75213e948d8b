"""Linear regression of a stage: ridge of reduced rank from features that never lie in memory whole.

SDM (Xiong & De la Torre 2013, section 3) learns the average descent direction of every stage by
linear least squares. With thousands of features the normal equations are all that is needed of the
samples; they are summed over batches. The answers are then confined to the few directions that hold
nearly all of the prediction: reduced-rank ridge regression (Mukherjee & Zhu 2011).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from features.errors import InputError, require_count, require_range
from features.memory import require_memory
from features.parameters import Parameters
from features.threads import one_blas_thread

from ..basis import principal_components
from ..cross_fitting import MAX_PARTS, CrossFitted, rows_of_parts
from .descriptor_pca import DescriptorPCA
from .normal_equations import NormalEquations
from .predictor import ReducedLinear

_BATCH = 512
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
        Directions in which the answers lie.
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

        def extract(rows):
            return feature.extract(samples.rows(rows), reference, workers)

        if self.clip is not None:
            require_range("clip", self.clip, 0, 1)
            residuals = clipped(residuals, self.clip)
        pca = None
        if self.n_descriptor_components is not None:
            pca = DescriptorPCA(self.n_descriptor_components, feature.n_numbers)
            pca.fit(extract, len(residuals))

        def batches():
            for start in range(0, len(residuals), _BATCH):
                stop = min(start + _BATCH, len(residuals))
                features = extract(slice(start, stop))
                yield features if pca is None else pca.transform(features)
                if tick is not None:
                    tick(stop / len(residuals))

        n_parts = self.n_parts
        if n_parts == 1 and len(self.candidates) > 1:
            n_parts = _HELD_OUT
        parts = rows_of_parts(samples.blocks, n_parts) if n_parts > 1 else []
        # Of few files, not every part has one.
        parts = [rows for rows in parts if 0 < len(rows) < len(residuals)]
        whole, apart = self.solve(batches(), residuals, workers, parts)
        if pca is not None:
            whole, apart = pca.unfolded(*whole), [pca.unfolded(*one) for one in apart]
        predictor = quantize(*whole)
        return (
            CrossFitted(predictor, tuple(quantize(*one) for one in apart)) if apart else predictor
        )

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

    def solve(self, batches, residuals, workers, parts=()):
        """The map before it is rounded, and those for cross-fitting.

        Parameters
        ----------
        batches : iterable of ndarray of shape (n, F), float32
            The features of all samples, in order.
        residuals : ndarray of shape (N, 2L), float32
            NaN where unknown: such a landmark is taken to be where the others make it most likely.
        workers : Workers
        parts : list of ndarray of intp
            Rows of the samples of each part; of several candidates, the first part judges.

        Returns
        -------
        solution : tuple
            weights (F, R), basis (R, 2L), feature_mean (F,), target_mean (2L,), all float32, and
            alpha. The answer is
            ``(features - feature_mean) @ weights @ basis + target_mean``.
        apart : list of tuple
            The same of the samples outside each part, where `n_parts` asks for cross-fitting.
        """
        target_mean, components, coefficients = principal_components(residuals, residuals.shape[1])
        part_of = np.zeros(len(residuals), np.intp)
        for k, rows in enumerate(parts):
            part_of[rows] = k
        with one_blas_thread():
            targets = coefficients @ components
            sums = [NormalEquations(workers) for _ in range(max(len(parts), 1))]
            start = 0
            for features in batches:
                stop = start + len(features)
                if sums[0].origin is None:
                    # The sums of each part, their total, and one that is being solved.
                    require_memory(
                        (len(sums) + 1) * 4 * features.shape[1] ** 2,
                        "the sums of products of the features",
                        "set n_parts=1, or max_landmarks below the number of landmarks",
                    )
                    origin = features.mean(0)
                    for one in sums:
                        one.origin = origin
                for k, one in enumerate(sums):
                    rows = np.flatnonzero(part_of[start:stop] == k)
                    if len(rows) == stop - start:
                        one.add(features, targets[start:stop])
                    elif len(rows):
                        one.add(features[rows], targets[start:stop][rows])
                start = stop
            alpha = self.candidates[0]
            if len(self.candidates) > 1 and parts:
                alpha = self._choose(NormalEquations.sum(sums[1:]), sums[0])
            apart = []
            if self.n_parts > 1:
                for k in range(len(parts)):
                    others = NormalEquations.sum(sums[:k] + sums[k + 1 :])
                    apart.append(self._solved(others, target_mean, alpha))
            return self._solved(NormalEquations.sum(sums, own=True), target_mean, alpha), apart

    def _solved(self, normal, target_mean, alpha):
        """What `solve` returns, of sums that are used up."""
        mean, center = normal.means()
        normal.shift(mean, center)
        weights = ridge(normal, alpha, overwrite=True)
        # Of all maps of this rank, the one nearest the full one in the ridge's own norm.
        _, vectors = np.linalg.eigh((normal.cross.T @ weights).astype(np.float64))
        basis = np.ascontiguousarray(vectors[:, ::-1][:, : self.rank].T, np.float32)
        return weights @ basis.T, basis, normal.origin, target_mean + center, alpha

    def _choose(self, normal, judges):
        """The candidate with the least error on `judges`, which are measured anew in the end.

        From the middle on downhill, because the error has one valley.
        """
        before = judges.origin, judges.center
        means = normal.means()
        normal.shift(*means)
        judges.shift(*means)
        alphas, errors = sorted(self.candidates), {}

        def error(i):
            if i not in errors:
                errors[i] = judges.error(ridge(normal, alphas[i]))
            return errors[i]

        best = (len(alphas) - 1) // 2
        for step in (-1, 1):
            while 0 <= best + step < len(alphas) and error(best + step) < error(best):
                best += step
        judges.shift(*before)
        return alphas[best]


def ridge(normal, alpha, overwrite=False):
    """Weights (F, K) from `NormalEquations` around their means, for a penalty a sample."""
    gram = normal.gram if overwrite else normal.gram.copy(order="F")
    gram[np.diag_indices_from(gram)] += np.float32(alpha * normal.n)
    factor = cho_factor(gram, overwrite_a=True, check_finite=False)
    return cho_solve(factor, normal.cross, check_finite=False)


def clipped(residuals, quantile):
    """Residuals (N, 2L), none longer than this quantile of those at its landmark; NaN stays."""
    vectors = residuals.reshape(len(residuals), -1, 2)
    lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
    most = np.nanquantile(lengths, quantile, axis=0)
    share = np.minimum(1, most / np.maximum(lengths, np.float32(1e-12)))
    return (vectors * share).reshape(residuals.shape).astype(np.float32)


def quantize(weights, basis, feature_mean, target_mean, alpha=0.0):
    """What `ReducedRidge.solve` returns as a `ReducedLinear`: each component in its own step."""
    step = np.maximum(np.abs(weights).max(0) / _WEIGHT_MAX, np.float32(1e-30))
    rounded = np.rint(weights / step).astype(np.int8)
    basis = np.ascontiguousarray(step[:, None] * basis, np.float32)
    # With the rounded weights, so that the mean answer stays exact.
    bias = target_mean - feature_mean @ rounded.astype(np.float32) @ basis
    return ReducedLinear(rounded, basis, bias, np.array([alpha], np.float32))
