"""Dense schemes: stages move some landmarks, and the others are computed from these.

Thousands of points on a face do not move independently: a few dozen shape modes, the principal
components of shapes, determine them. So the stages of a cascade read and move some landmarks spread
over the face, and one matrix product at the end computes the most likely positions of all others.
Time and memory of the stages do not grow with the number of points; only those of the last product
do.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from data_tools.schemes import Scheme
from features.errors import InputError
from features.geometry import inverse, rotate, similarity
from features.memory import require_memory
from features.threads import one_blas_thread

from . import _shape_modes_kernels as kernels

#: Up to this number, all landmarks are moved, unless the user sets fewer.
WHOLE = 256
#: For larger schemes: the number of landmarks that are moved, and of modes for the others.
N_MOVED, N_MODES = 100, 48
#: Upper limit of the number of moved landmarks.
MAX_MOVED = 4096
# Number of landmarks whose distances are computed at a time.
_PART = 256
# Most shapes that modes are learned from; of more, an evenly spaced choice.
_N_SHAPES = 2048
# Iterations of aligning shapes and of filling in missing landmarks.
_N_PASSES = 3
# Modes of less than this share of the strongest one's variance are left out.
_LEAST = 1e-7


@dataclass(frozen=True)
class ShapeModes:
    """Computes all landmarks of a shape from those that stages move.

    Attributes
    ----------
    moved : ndarray of shape (A,), uint16
        The landmarks that stages move, ascending.
    weights : ndarray of shape (2A, K), float32
        From their deviation from the mean shape to coefficients of the modes.
    basis : ndarray of shape (K, 2L), float32
        From coefficients to the deviation of all landmarks from the mean shape; orthonormal rows.
    mean : ndarray of shape (L, 2), float32
        The mean of aligned shapes, relative to the centre of the moved landmarks.
    """

    moved: np.ndarray
    weights: np.ndarray
    basis: np.ndarray
    mean: np.ndarray

    KIND: ClassVar = "shape-modes"
    LAYOUT: ClassVar = {
        "moved": ("u2", "moved"),
        "weights": ("f4", "moved coordinates", "modes"),
        "basis": ("f4", "modes", "coordinates"),
        "mean": ("f4", "landmarks", 2),
    }

    def check(self, sizes):
        """Refuse landmarks that do not exist, and inconsistent arrays."""
        n_moved, moved = sizes["moved"], self.moved.astype(np.int64)
        if n_moved > MAX_MOVED:
            raise InputError(f"{n_moved} landmarks are moved; the limit is {MAX_MOVED}")
        if n_moved < 2 or (np.diff(moved) <= 0).any() or moved[-1] >= sizes["landmarks"]:
            raise InputError(
                f"the landmarks that are moved must be two or more of {sizes['landmarks']}, "
                "ascending"
            )
        if sizes["moved coordinates"] != 2 * n_moved:
            raise InputError(f"weights of {len(self.weights)} coordinates for {n_moved} landmarks")
        if not np.square(self.reference, dtype=np.float64).sum() > 0:
            raise InputError("the mean shape is a single point, which nothing can be aligned with")
        if sizes["modes"] > 2 * n_moved:
            raise InputError(f"{sizes['modes']} modes cannot follow from {n_moved} landmarks")

    @classmethod
    def fit(cls, shapes, mean_shape, scheme, n_moved=N_MOVED, n_modes=N_MODES):
        """Choose the landmarks to move, and learn the modes for the others.

        Parameters
        ----------
        shapes : ndarray of shape (m, L, 2), float32
            NaN where a landmark is missing; no landmark may be missing in all shapes.
        mean_shape : ndarray of shape (L, 2), float32
        scheme : Scheme
        n_moved : int
            Largest number of landmarks that are moved.
        n_modes : int
            Largest number of modes.

        Returns
        -------
        ShapeModes

        Raises
        ------
        InputError
            If there is no memory for the shapes, or they are all alike.
        """
        moved = spread_landmarks(mean_shape, scheme, n_moved)
        shapes = shapes[:: -(-len(shapes) // _N_SHAPES)]
        require_memory(6 * shapes.nbytes, "the shapes", "take fewer landmarks")
        mean, basis, variances, left = _principal_shapes(shapes, mean_shape, moved, n_modes)
        # The most probable modes, given what the moved landmarks are off the mean shape: what the
        # modes leave over is the noise of one coordinate.
        seen = basis.reshape(len(basis), -1, 2)[:, moved].reshape(len(basis), -1)
        weights = np.linalg.solve(seen @ seen.T + np.diag(left / variances), seen)
        return cls(
            moved.astype(np.uint16),
            np.ascontiguousarray(weights.T, np.float32),
            basis.astype(np.float32),
            mean.astype(np.float32),
        )

    @cached_property
    def reference(self):
        """The moved landmarks of the mean shape, centred: (A, 2) float32."""
        return np.ascontiguousarray(self.mean[self.moved])

    @cached_property
    def nearest(self):
        """For each landmark, the nearest moved one on the mean shape: (L,) intp."""
        parts = range(0, len(self.mean), _PART)
        return np.concatenate([_nearest(self.mean[k : k + _PART], self.reference) for k in parts])

    def scheme_of(self, scheme):
        """The part of `scheme` that belongs to the moved landmarks."""
        place = {int(k): i for i, k in enumerate(self.moved)}
        flip = corners = None
        if scheme.flip is not None:
            flip = [place.get(scheme.flip[k]) for k in place]
            if None in flip:
                raise InputError("a landmark is moved but its mirror image is not")
        if scheme.eye_corners is not None:
            corners = [place.get(k) for k in scheme.eye_corners]
            if None in corners:
                raise InputError("the eye corners are not among the landmarks that are moved")
        name = f"{len(place)} of {scheme.name}"
        return Scheme(name, len(place), flip=flip, eye_corners=corners)

    def whole(self, shapes):
        """All landmarks.

        Parameters
        ----------
        shapes : ndarray of shape (..., A, 2), float32
            The moved landmarks, in any frame.

        Returns
        -------
        ndarray of shape (..., L, 2), float32
        """
        rows = np.ascontiguousarray(shapes, np.float32).reshape(-1, *self.reference.shape)
        out = np.empty((len(rows), *self.mean.shape), np.float32)
        kernels.complete(rows, self.reference, self.weights, self.basis, self.mean, out)
        return out.reshape(*shapes.shape[:-2], *self.mean.shape)


def spread_landmarks(mean_shape, scheme, n):
    """`n` landmarks or one less, spread over the mean shape: (A,) intp, ascending.

    Farthest-point sampling (Gonzalez 1985), where each landmark is taken together with its mirror
    partner. The eye corners come first, if the scheme has them.
    """
    flip = np.arange(len(mean_shape)) if scheme.flip is None else np.asarray(scheme.flip)
    points = np.asarray(mean_shape, np.float64)
    first = scheme.eye_corners
    if first is None:
        first = [int(np.square(points - points.mean(0)).sum(1).argmax())]
    chosen, nearest = [], np.full(len(points), np.inf)
    queue = [*first]
    while len(chosen) < min(n, len(points)):
        k = queue.pop(0) if queue else int(nearest.argmax())
        pair = sorted({k, int(flip[k])} - set(chosen))
        if len(chosen) + len(pair) > n:
            break
        chosen += pair
        for k in pair:
            nearest = np.minimum(nearest, np.square(points - points[k]).sum(1))
        nearest[chosen] = -1
    return np.array(sorted(chosen))


def _principal_shapes(shapes, mean_shape, moved, n_modes):
    """The mean (L, 2) of shapes that are aligned by their moved landmarks, the strongest principal
    components (K, 2L) of what they are off it, their variances (K,), and the variance of each
    coordinate that is left.

    Where landmarks are missing, the components fill their places in turn.
    """
    seen = np.isfinite(shapes)
    filled = np.where(seen, shapes, 0)
    mean = mean_shape - mean_shape[moved].mean(0)
    basis = guess = None
    for _ in range(_N_PASSES):
        there = shapes[:, moved] if guess is None else guess[:, moved]
        linear, shift = similarity(mean[moved], there)
        rows = rotate(np.where(seen, shapes, np.nan) - shift[:, None], inverse(linear)) - mean
        if guess is None:
            filled = np.where(seen, rows, 0)
        else:
            at = rotate(guess - shift[:, None], inverse(linear)) - mean
            filled = np.where(seen, rows, at)
        off = filled.mean(0, dtype=np.float64)
        mean, filled = mean + off, (filled - off).astype(np.float32)
        basis, variances, left, modes = _components(filled.reshape(len(filled), -1), n_modes)
        found = mean + (modes @ basis).reshape(filled.shape)
        guess = np.where(seen, shapes, rotate(found, linear) + shift[:, None])
        center = mean[moved].mean(0)
        mean = mean - center
    return mean, basis, variances, left


def _components(rows, n_components):
    """Principal components (K, d) of centred rows (m, d), their variances, what is left of the
    variance of each coordinate, and the rows' coefficients (m, K)."""
    with one_blas_thread():
        # Of m rows at most m components: the eigenvectors of the small matrix of products.
        values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        values, vectors = values[::-1], vectors[:, ::-1]
        if not values[0] > 1e-12 * len(rows):
            raise InputError("the shapes are all alike, so there is no variation to learn")
        k = min(n_components, len(rows) - 1, int((values > _LEAST * values[0]).sum()))
        basis = vectors[:, :k].T @ rows.astype(np.float64)
        basis /= np.linalg.norm(basis, axis=1, keepdims=True)
        modes = rows @ basis.T
    variances = values[:k] / len(rows)
    left = values[k:].clip(0).sum() / len(rows) / rows.shape[1]
    return basis, variances, max(left, _LEAST * variances[0]), modes


def _nearest(points, others):
    squared = np.square(points[:, None] - others).sum(-1)
    return squared.argmin(1)
