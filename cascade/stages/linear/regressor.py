"""Linear regression of a stage: ridge of reduced rank from features that never lie in memory whole.

SDM (Xiong & De la Torre 2013, section 3) learns the average descent direction of every stage by
linear least squares. With thousands of features the normal equations are all that is needed of the
samples; they are summed over batches. The answers are then confined to the few directions that hold
nearly all of the prediction: reduced-rank ridge regression (Mukherjee & Zhu 2011).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from features.errors import InputError, require_range
from features.parameters import Parameters
from features.threads import one_blas_thread

from ..basis import principal_components
from .descriptor_pca import DescriptorPCA
from .normal_equations import NormalEquations
from .predictor import ReducedLinear

_BATCH = 512
_WEIGHT_MAX = 127
# Where penalties are chosen from several, one in so many groups of samples judges them.
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
        ``alpha_per_sample * N``. Of several, that with the least squared error on a fifth of the
        faces, held out, is taken and fitted to all; "auto" chooses from `CANDIDATES`.
    rank : int
        Directions in which the answers lie.
    n_descriptor_components : int, optional
        Principal components that the descriptor at each landmark is reduced to before the fit;
        without it, none are dropped. See `DescriptorPCA`.
    clip : float, optional
        Quantile of the lengths of the residuals at each landmark to which longer ones are
        shortened, so that lost faces do not pull the map; without it, all count in full.
    """

    alpha_per_sample: float = 0.03
    rank: int = 32
    n_descriptor_components: object = None
    clip: object = None

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
            Draws the faces that are held out.
        workers : Workers
        tick : callable, optional
            Called with the share of the stage that is done.

        Returns
        -------
        ReducedLinear
        """

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

        held_out = None
        if len(self.candidates) > 1:
            held_out = _held_out(samples, rng)
        solution = self.solve(batches(), residuals, workers, held_out)
        return quantize(*(solution if pca is None else pca.unfolded(*solution)))

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

    def solve(self, batches, residuals, workers, held_out=None):
        """The map before it is rounded.

        Parameters
        ----------
        batches : iterable of ndarray of shape (n, F), float32
            The features of all samples, in order.
        residuals : ndarray of shape (N, 2L), float32
            NaN where unknown: such a landmark is taken to be where the others make it most likely.
        workers : Workers
        held_out : ndarray of shape (N,), bool, optional
            Samples that judge the candidates, where there are several.

        Returns
        -------
        weights : ndarray of shape (F, R), float32
        basis : ndarray of shape (R, 2L), float32
        feature_mean : ndarray of shape (F,), float32
        target_mean : ndarray of shape (2L,), float32
            The answer is ``(features - feature_mean) @ weights @ basis + target_mean``.
        alpha : float
        """
        target_mean, components, coefficients = principal_components(residuals, residuals.shape[1])
        if held_out is None:
            held_out = np.zeros(len(residuals), bool)
        with one_blas_thread():
            targets = coefficients @ components
            normal, judges = NormalEquations(workers), NormalEquations(workers)
            start = 0
            for features in batches:
                rows = slice(start, start + len(features))
                start += len(features)
                if normal.origin is None:
                    normal.origin = judges.origin = features.mean(0)
                for part, chosen in ((normal, ~held_out[rows]), (judges, held_out[rows])):
                    if chosen.all():
                        part.add(features, targets[rows])
                    elif chosen.any():
                        part.add(features[chosen], targets[rows][chosen])
            alpha = self.candidates[0]
            if judges.n:
                alpha = self._choose(normal, judges)
                normal.merge(judges)
            mean, center = normal.means()
            normal.shift(mean, center)
            weights = ridge(normal, alpha, overwrite=True)
            # Of all maps of this rank, the one nearest the full one in the ridge's own norm.
            _, vectors = np.linalg.eigh((normal.cross.T @ weights).astype(np.float64))
            basis = np.ascontiguousarray(vectors[:, ::-1][:, : self.rank].T, np.float32)
            weights = weights @ basis.T
        return weights, basis, normal.origin, target_mean + center, alpha

    def _choose(self, normal, judges):
        """The candidate with the least error on `judges`; both end up around the means of `normal`.

        From the middle on downhill, because the error has one valley.
        """
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


def _held_out(samples, rng):
    """Which samples judge: all starts and mirror images of a fifth of the image files."""
    groups = samples.groups if samples.groups is not None else samples.index
    names, group = np.unique(groups, return_inverse=True)
    n = len(names) // _HELD_OUT
    return np.isin(group, rng.permutation(len(names))[:n])
