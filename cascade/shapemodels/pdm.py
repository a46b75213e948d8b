"""The point distribution model: a mean shape, and the ways in which shapes differ from it (Cootes,
Taylor, Cooper & Graham 1995, "Active Shape Models: Their Training and Application").

A shape is ``R (mean + P b) + t``, with a scaled rotation R and a shift t. The parameters b are
independent Gaussians, and the residual is isotropic noise: this is probabilistic PCA (Tipping &
Bishop 1999), which also gives the most likely positions of missing landmarks.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError, require_count, require_range
from features.geometry import inverse, procrustes_mean, rotate, similarity

from . import _pdm_kernels as kernels

# Passes of EM over shapes with gaps, and where they end: the change of the variances, relative.
_N_PASSES, _SETTLED = 30, 1e-3
# How often shapes with gaps are aligned.
_N_ROUNDS = 3
# Share of the training shapes that lie within the ellipsoid.
_WITHIN = 0.99
MAX_COMPONENTS = 256
# Variances end here relative to the largest, so that no weight is infinite.
_LEAST = 1e-6
_N_STEPS = 8


@dataclass(frozen=True)
class PointDistributionModel:
    """Shapes as a mean and a few parameters.

    Attributes
    ----------
    mean : ndarray of shape (L, 2), float32
        Centred, at the average size of the training shapes.
    components : ndarray of shape (k, L, 2), float32
        Orthonormal, and orthogonal to translation, scaling and rotation of the mean shape.
    variances : ndarray of shape (k,), float32
        Variance of the parameter of each component, largest first.
    noise : ndarray of shape (1,), float32
        Residual variance per coordinate.
    radius : ndarray of shape (1,), float32
        Radius of the ellipsoid of likely shapes, in standard deviations.

    Examples
    --------
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(40, seed=1, size=128)
    >>> pdm = PointDistributionModel.fit(faces.shapes)
    >>> found = pdm.project(faces.shapes[:3])
    >>> bool(abs(pdm.shapes(*found) - faces.shapes[:3]).mean() < 1)  # pixels
    True
    """

    mean: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    noise: np.ndarray
    radius: np.ndarray

    KIND: ClassVar = "pdm"
    LAYOUT: ClassVar = {
        "mean": ("f4", "landmarks", 2),
        "components": ("f4", "modes", "landmarks", 2),
        "variances": ("f4", "modes"),
        "noise": ("f4", 1),
        "radius": ("f4", 1),
    }

    @classmethod
    def fit(cls, shapes, share=0.98, max_components=40):
        """Fit the model to shapes.

        Parameters
        ----------
        shapes : array_like of shape (n, L, 2)
            In any frame and unit; NaN where a landmark is missing.
        share : float
            Share of the variance that the components explain.
        max_components : int
            Largest number of components.

        Returns
        -------
        PointDistributionModel

        Raises
        ------
        InputError
            If an argument is out of range, there are fewer than two shapes, they are all alike, or
            a landmark is missing in all.
        """
        require_range("share", share, 0, 1)
        require_count("max_components", max_components, 1, MAX_COMPONENTS)
        shapes = np.asarray(shapes, np.float64)
        if shapes.ndim != 3 or shapes.shape[2] != 2 or len(shapes) < 2 or shapes.shape[1] < 3:
            raise InputError(
                f"a shape model needs two shapes or more of three landmarks or more, (n, L, 2); "
                f"got {shapes.shape}"
            )
        if not np.isfinite(shapes).all(-1).any(0).all():
            raise InputError("a landmark is missing in all shapes; leave it out")
        mean = procrustes_mean(shapes).astype(np.float64)
        mean -= mean.mean(0)
        # In shapes of every rotation the average has no size of its own: take theirs.
        linear, _ = similarity(mean[None], shapes)
        mean *= np.hypot(*linear.T.astype(np.float64)).mean()
        filled, model = shapes, None
        for _ in range(1 if np.isfinite(shapes).all() else _N_ROUNDS):
            rows = _aligned(mean, shapes, filled)
            model = cls._of_rows(mean, rows, share, max_components)
            # Landmarks that are there lie otherwise without the missing ones: align them anew,
            # with those in the most likely places.
            filled = model.completed(shapes)
        parameters = model.project(shapes)[0]
        far = np.quantile(np.sqrt((parameters**2 / model.variances).sum(1)), _WITHIN)
        model.radius[0] = max(far, 1.0)
        return model

    @classmethod
    def _of_rows(cls, mean, rows, share, max_components):
        """The model of differences (n, 2L) from a mean shape, NaN where missing."""
        modes = _similarity_modes(mean)
        if not np.nanvar(rows, axis=0).sum() > 1e-12 * np.square(mean).sum():
            raise InputError("the shapes are all alike, so there is no variation to learn")
        if np.isfinite(rows).all():
            vectors, variances = _principal_axes(rows - rows @ modes.T @ modes)
        else:
            vectors, variances = _with_gaps(rows, modes, max_components)
        kept = np.cumsum(variances) / variances.sum()
        k = min(int(np.searchsorted(kept, share)) + 1, max_components, len(variances))
        n_left = max(mean.size - 4 - k, 1)
        noise = max(variances[k:].sum() / n_left, _LEAST * variances[0])
        return cls(
            mean.astype(np.float32),
            vectors[:k].reshape(k, -1, 2).astype(np.float32),
            np.maximum(variances[:k], 2 * noise).astype(np.float32),
            np.array([noise], np.float32),
            np.array([np.inf], np.float32),
        )

    def check(self, sizes):
        """Refuse invalid values."""
        if sizes["modes"] > MAX_COMPONENTS:
            raise InputError(f"{sizes['modes']} components; the limit is {MAX_COMPONENTS}")
        if not 1e-8 < np.square(self.mean, dtype=np.float64).sum() < 1e12:
            raise InputError("the mean shape is a single point or beyond any size")
        if not np.square(self.components, dtype=np.float64).sum() < 2 * len(self.components):
            raise InputError("the components are longer than 1")
        if not (self.variances > 0).all() or not 0 < self.noise[0] <= self.variances.min():
            raise InputError("the variances are not above 0, or the noise is above them")
        if not 0 < self.radius[0] < 1e6:
            raise InputError(f"radius is {self.radius[0]}; it must be above 0 and below 1e6")

    def project(self, shapes, limited=False):
        """The most likely parameters and poses of shapes.

        Parameters
        ----------
        shapes : array_like of shape (L, 2) or (n, L, 2)
            In any frame; NaN where a landmark is missing; each shape needs at least two landmarks.
        limited : bool
            Whether parameters outside the ellipsoid are moved to its surface.

        Returns
        -------
        parameters : ndarray of shape (k,) or (n, k), float64
            In units of the mean shape.
        linear : ndarray of shape (2,) or (n, 2), float64
            (a, b) of the scaled rotation ``[[a, -b], [b, a]]``.
        shift : ndarray of shape (2,) or (n, 2), float64

        Raises
        ------
        InputError
            If the shapes have another number of landmarks, or one has fewer than two.
        """
        shapes = np.asarray(shapes, np.float64)
        rows = shapes[None] if shapes.ndim == 2 else shapes
        if rows.ndim != 3 or rows.shape[1:] != self.mean.shape:
            raise InputError(
                f"shapes of {len(self.mean)} landmarks are (n, {len(self.mean)}, 2), not "
                f"{shapes.shape}"
            )
        seen = np.isfinite(rows).all(-1)
        if len(rows) and seen.sum(1).min() < 2:
            raise InputError("a shape has fewer than two landmarks; leave it out")
        basis = self.arrays()
        parameters = np.zeros((len(rows), len(self.variances)))
        poses = np.empty((len(rows), 4))
        linear, shift = similarity(self.mean[None], rows)
        poses[:, :2], poses[:, 2:] = linear, shift
        weights = np.zeros((len(rows), len(self.mean), 3))
        radius = float(self.radius[0]) if limited else np.inf
        for i in range(len(rows)):
            # Noise is that of the mean shape's frame: in the shape's own it grows with its size.
            energy = np.square(linear[i].astype(np.float64)).sum()
            weights[i, :, :2] = (seen[i] / (float(self.noise[0]) * max(energy, 1e-12)))[:, None]
            row = np.where(seen[i][:, None], rows[i], 0.0)
            kernels.fit(row, weights[i], *basis, radius, _N_STEPS, poses[i], parameters[i])
        if shapes.ndim == 2:
            return parameters[0], poses[0, :2], poses[0, 2:]
        return parameters, poses[:, :2], poses[:, 2:]

    def shapes(self, parameters, linear=(1.0, 0.0), shift=(0.0, 0.0)):
        """The shapes with given parameters and poses.

        Parameters
        ----------
        parameters : array_like of shape (k,) or (n, k)
        linear, shift : array_like of shape (2,) or (n, 2)
            As `project` returns them.

        Returns
        -------
        ndarray of shape (L, 2) or (n, L, 2), float32
        """
        parameters = np.asarray(parameters, np.float64)
        upright = self.mean + np.tensordot(parameters, self.components, 1)
        linear, shift = np.asarray(linear, np.float64), np.asarray(shift, np.float64)
        return (rotate(upright, linear) + shift[..., None, :]).astype(np.float32)

    def synthesise(self, n, rng, spread=1.0):
        """Draw random shapes from the model.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        spread : float
            Standard deviation of the parameters, relative to that of training.

        Returns
        -------
        ndarray of shape (n, L, 2), float32
            Centred as the mean shape, within the ellipsoid.
        """
        drawn = rng.normal(0, spread, (n, len(self.variances)))
        far = np.linalg.norm(drawn, axis=1, keepdims=True)
        drawn *= np.minimum(1, float(self.radius[0]) / np.maximum(far, 1e-12))
        return self.shapes(drawn * np.sqrt(self.variances))

    def mode(self, index, at):
        """The mean shape moved along one component.

        Parameters
        ----------
        index : int
        at : float
            Parameter of the component, in standard deviations.

        Returns
        -------
        ndarray of shape (L, 2), float32
        """
        require_count("index", index, 0, len(self.variances) - 1)
        step = at * float(np.sqrt(self.variances[index]))
        return (self.mean + step * self.components[index]).astype(np.float32)

    def plausibility(self, shapes):
        """Measures of how well shapes agree with the model.

        Parameters
        ----------
        shapes : array_like of shape (L, 2) or (n, L, 2)
            NaN where a landmark is missing.

        Returns
        -------
        distance : ndarray of shape () or (n,), float64
            Distance of the parameters from the mean shape, relative to the ellipsoid: 0 is the mean
            shape, 1 is on the ellipsoid, which contains 99 % of the training shapes.
        misfit : ndarray of shape () or (n,), float64
            Root mean square distance of the landmarks from the nearest shape of the model, in units
            of the mean shape.
        """
        parameters, linear, shift = self.project(shapes)
        distance = np.sqrt((parameters**2 / self.variances).sum(-1)) / float(self.radius[0])
        found = self.shapes(parameters, linear, shift)
        size = np.hypot(linear[..., 0], linear[..., 1])
        apart = np.square(np.asarray(shapes, np.float64) - found).sum(-1)
        return distance, np.sqrt(np.nanmean(apart, -1)) / np.maximum(size, 1e-12)

    def completed(self, shapes):
        """Shapes (n, L, 2) with missing landmarks at their most likely positions."""
        shapes = np.asarray(shapes, np.float32)
        missing = ~np.isfinite(shapes).all(-1)
        if not missing.any():
            return shapes
        rows = np.flatnonzero(missing.any(1))
        filled = shapes.copy()
        filled[rows] = np.where(
            missing[rows][..., None], self.shapes(*self.project(shapes[rows])), shapes[rows]
        )
        return filled

    def arrays(self):
        """Mean, components and precisions in float64, as the kernels take them."""
        return (
            self.mean.astype(np.float64),
            self.components.astype(np.float64),
            1 / self.variances.astype(np.float64),
        )


def _aligned(mean, shapes, filled):
    """Differences (n, 2L) from the mean of shapes turned as `filled`, which has no gaps, turns."""
    linear, shift = similarity(mean[None], filled)
    back = inverse(linear.astype(np.float64))
    return (rotate(shapes - shift[:, None], back) - mean).reshape(len(shapes), -1)


def _similarity_modes(mean):
    """Directions (4, 2L), orthonormal, that move, scale and turn a centred mean shape."""
    turned = np.stack([-mean[:, 1], mean[:, 0]], -1)
    right, down = np.zeros_like(mean), np.zeros_like(mean)
    right[:, 0], down[:, 1] = 1, 1
    modes = np.stack([mean, turned, right, down]).reshape(4, -1)
    return modes / np.linalg.norm(modes, axis=1, keepdims=True)


def _principal_axes(rows):
    """Directions of rows without gaps (n, d), and their variances, largest first."""
    from sklearn.decomposition import PCA

    found = PCA(svd_solver="full").fit(rows)
    # The mean is one of similarity-aligned shapes; what is left of it is no variation.
    return found.components_, np.maximum(found.explained_variance_, 0)


def _with_gaps(rows, modes, k):
    """The same where numbers are missing: probabilistic PCA by expectation maximisation.

    Each pass puts the most likely values into the gaps, and adds how uncertain they are to the
    covariance; its eigenvectors are the next model's.
    """
    n, d = rows.shape
    seen = np.isfinite(rows)
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    filled = np.where(seen, rows, 0.0)
    mean, covariance = np.zeros(d), np.diag(np.var(filled, axis=0) + 1e-9)
    before = None
    for _ in range(_N_PASSES):
        uncertain = np.zeros((d, d))
        for p, there in enumerate(patterns):
            if there.all():
                continue
            members, gone = np.flatnonzero(which.ravel() == p), ~there
            across = covariance[np.ix_(gone, there)]
            gain = np.linalg.solve(covariance[np.ix_(there, there)], across.T).T
            known = rows[np.ix_(members, np.flatnonzero(there))] - mean[there]
            filled[np.ix_(members, np.flatnonzero(gone))] = mean[gone] + known @ gain.T
            left = covariance[np.ix_(gone, gone)] - gain @ across.T
            uncertain[np.ix_(gone, gone)] += len(members) * left
        mean = filled.mean(0)
        off = filled - mean
        off = off - off @ modes.T @ modes
        values, vectors = np.linalg.eigh((off.T @ off + uncertain) / n)
        values, vectors = values[::-1], vectors[:, ::-1]
        n_kept = min(k, d - 5)
        noise = max(values[n_kept : d - 4].mean(), _LEAST * values[0])
        kept = vectors[:, :n_kept] * np.maximum(values[:n_kept] - noise, 0)
        covariance = kept @ vectors[:, :n_kept].T + noise * np.eye(d)
        if before is not None and np.abs(values - before).max() < _SETTLED * values[0]:
            break
        before = values
    return vectors.T[: d - 4], np.maximum(values[: d - 4], 0)
