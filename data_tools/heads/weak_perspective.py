"""The pose of a rigid head in landmarks: a scaled rotation without its depth, and a shift.

One face at a time would spend its time in Python, so that everything is for n faces at once. The
landmarks enter through a few weighted sums; after them the cost does not depend on their number.
"""

from typing import NamedTuple

import numpy as np

from .angles import GENERATORS, exponential

_STEP = 0.6  # radians that one step may turn a head


class Placement(NamedTuple):
    """Where rigid heads are: ``shape = scale * (points @ rotation.T)[:, :2] + shift``."""

    rotation: np.ndarray
    """(n, 3, 3)."""
    scale: np.ndarray
    """(n,), pixels of the shapes a unit of the head."""
    shift: np.ndarray
    """(n, 2), where the head's origin is."""

    def project(self, points):
        """Points (L, 3) of the head on each image, (n, L, 3); the last is depth in pixels."""
        turned = np.einsum("nij,lj->nli", self.rotation, points) * self.scale[:, None, None]
        turned[..., :2] += self.shift[:, None]
        return turned


class _Sums(NamedTuple):
    """What the weighted squared error depends on, for n faces."""

    point: np.ndarray  # means of the head's points, (n, 3)
    place: np.ndarray  # and of the landmarks, (n, 2)
    spread: np.ndarray  # second moments of the points about their mean, (n, 3, 3)
    shared: np.ndarray  # of landmarks with points, (n, 2, 3)


def _sums(shapes, points, weights):
    weights = weights / np.maximum(weights.sum(1, keepdims=True), 1e-12)
    squares = (points[:, :, None] * points[:, None]).reshape(-1, 9)
    point = weights @ points
    spread = (weights @ squares).reshape(-1, 3, 3) - point[:, :, None] * point[:, None]
    weighted = weights[:, :, None] * shapes
    place = weighted.sum(1)
    shared = weighted.transpose(0, 2, 1) @ points - place[:, :, None] * point[:, None]
    return _Sums(point, place, spread, shared)


def fit(shapes, points, weights, rotation=None, n_steps=4):
    """The scaled rotations and shifts that bring a head's points nearest to landmarks.

    Gauss-Newton on rotation and scale; the shift follows from the means.

    Parameters
    ----------
    shapes : ndarray of shape (n, L, 2)
        Finite also where the weight is 0.
    points : ndarray of shape (L, 3)
    weights : ndarray of shape (n, L)
    rotation : ndarray of shape (n, 3, 3), optional
        Where to begin; without it, at the nearest affine map.
    n_steps : int

    Returns
    -------
    Placement
    """
    sums = _sums(shapes, points, weights)
    if rotation is None:
        rotation = _nearest(sums)
    for _ in range(n_steps):
        rows, scale, residual = _scaled(sums, rotation)
        # Derivatives by three turns and the scale.
        turns = np.einsum("kij,njl->nkil", GENERATORS[:, :2], rotation)
        slopes = np.concatenate([scale[:, None, None, None] * turns, rows[:, None]], 1)
        spread = (slopes @ sums.spread[:, None]).reshape(-1, 4, 6)
        slopes = slopes.reshape(-1, 4, 6)
        hessian = spread @ slopes.transpose(0, 2, 1)
        ridge = 1e-9 * np.trace(hessian, axis1=1, axis2=2) + 1e-30
        hessian += ridge[:, None, None] * np.eye(4)
        step = np.linalg.solve(hessian, slopes @ residual.reshape(-1, 6, 1))[:, :3, 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        rotation = exponential(step * np.minimum(1, _STEP / np.maximum(length, 1e-12))) @ rotation
    rows, scale, _ = _scaled(sums, rotation)
    shift = sums.place - scale[:, None] * (rows @ sums.point[:, :, None])[..., 0]
    return Placement(rotation, scale, shift)


def _nearest(sums):
    """Rotations nearest to the affine maps of least squares."""
    ridge = 1e-3 * np.trace(sums.spread, axis1=1, axis2=2) + 1e-30  # flat heads have no depth
    affine = sums.shared @ np.linalg.inv(sums.spread + ridge[:, None, None] * np.eye(3))
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    return np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], 1)


def _scaled(sums, rotation):
    """The first two rows of rotations, the best scale for each, and what remains of `shared`."""
    rows = rotation[:, :2]
    turned = rows @ sums.spread
    size = np.einsum("nij,nij->n", turned, rows)
    scale = np.einsum("nij,nij->n", sums.shared, rows) / np.maximum(size, 1e-30)
    return rows, scale, sums.shared - scale[:, None, None] * turned
