"""Heads by the landmarks of any scheme whose place on the 68-point head is known."""

import numpy as np

from ..heads import head_shape, parts_of_68
from ..schemes import FACE68
from .mesh import Surface

_NEAR = 0.15  # distance at which a landmark's deviation from the mean head still counts in full
_FEWEST_IN_JAW = 5  # landmarks of an outline that give the jaw its shape
_MARGIN = 0.06


class CarriedSurface(Surface):
    """The head of a face with landmarks of another scheme than face68, which it carries along.

    The 68 points are those of the mean head, moved by what the landmarks deviate from it. Each
    landmark then hangs on the triangle in front of which it lies; those of the jaw on the outline.

    Parameters
    ----------
    shape : ndarray of shape (L, 2)
        Landmarks in pixels; NaN where missing.
    scheme : Scheme
    """

    def __init__(self, shape, scheme):
        super().__init__(_as_68(shape, scheme))
        jaw = scheme.groups.get("jaw", ((), False))[0]
        self.on_outline = np.isin(np.arange(scheme.n_points), jaw)
        self.margins = np.full(scheme.n_points, _MARGIN)
        if not np.isfinite(self.vertices).all():
            return
        before = self.place(self.rotation)
        shape = np.where(np.isfinite(shape), shape, before[8, :2])
        self._hung, self._shares = _hang(shape, before, self.layout.triangles)
        away = np.zeros((len(shape), 3))
        away[:, :2] = shape - self._carried(before)[:, :2]
        self._away = away / self.scale @ self.rotation
        outline = self.outline(self.points, self.rotation)
        self._nearest = np.linalg.norm(shape[:, None] - outline, axis=-1).argmin(1)
        self._beside = shape - outline[self._nearest]

    def _carried(self, places):
        return np.einsum("lk,lkc->lc", self._shares, places[self._hung])

    def landmarks(self, rotation):
        """See `Surface.landmarks`."""
        places = self._carried(self.place(rotation))[:, :2]
        shape = places + self.scale * (self._away @ rotation.T)[:, :2]
        outline = self.outline(self.points, rotation)
        slid = outline[self._nearest] + self._beside
        return np.where(self.on_outline[:, None], slid, shape)

    def depths(self, places):
        """See `Surface.depths`."""
        return self._carried(places)[:, 2]


def _as_68(shape, scheme):
    """The 68 landmarks (68, 2) of the face, as far as others tell."""
    head = head_shape(FACE68)
    placed = head_shape(scheme).place(shape[None])
    guess = placed.project(head.points)[0, :, :2]
    parts = parts_of_68(scheme)
    at, away = [], []
    for part, landmark in zip(parts, shape, strict=True):
        if part and np.isfinite(landmark).all():
            at.append(head.points[list(part), :2].mean(0))
            away.append(landmark - guess[list(part)].mean(0))
    if not at:
        return np.full((68, 2), np.nan)
    squares = ((head.points[:, None, :2] - np.array(at)) ** 2).sum(-1)
    shares = 1 / (squares + _NEAR**2) ** 2
    guess += shares @ np.array(away) / shares.sum(1, keepdims=True)
    for part, landmark in zip(parts, shape, strict=True):
        if len(part) == 1 and np.isfinite(landmark).all():
            guess[part[0]] = landmark
    jaw = shape[list(scheme.groups.get("jaw", ((), False))[0])]
    if len(jaw) >= _FEWEST_IN_JAW and np.isfinite(jaw).all():
        guess[:17] = _evenly_along(jaw, 17)
    return guess


def _evenly_along(line, n):
    """`n` points at equal steps along a line of points (m, 2)."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    steps = np.linspace(0, length[-1], n)
    return np.stack([np.interp(steps, length, column) for column in line.T], -1)


def _hang(shape, places, triangles):
    """The triangle (L, 3) that is seen at each landmark, and the shares (L, 3) of its corners.

    Where there is none, the nearest vertex.
    """
    a, b, c = places[triangles].transpose(1, 0, 2)
    u, v = (b - a)[:, :2], (c - a)[:, :2]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    area = np.where(area > 1e-6, area, np.nan)  # those that turn their back are not seen
    d = shape[:, None] - a[:, :2]
    p = (d[..., 0] * v[:, 1] - d[..., 1] * v[:, 0]) / area
    q = (d[..., 1] * u[:, 0] - d[..., 0] * u[:, 1]) / area
    inside = (p >= 0) & (q >= 0) & (p + q <= 1)
    depth = np.where(inside, a[:, 2] + p * (b - a)[:, 2] + q * (c - a)[:, 2], -np.inf)
    best = depth.argmax(1)
    rows = np.arange(len(shape))
    hung, p, q = triangles[best], p[rows, best], q[rows, best]
    shares = np.stack([1 - p - q, p, q], -1)
    outside = ~inside.any(1)
    used = np.unique(triangles)
    nearest = used[np.linalg.norm(shape[:, None] - places[used, :2], axis=-1).argmin(1)]
    hung = np.where(outside[:, None], nearest[:, None], hung)
    return hung, np.where(outside[:, None], [1.0, 0.0, 0.0], shares)
