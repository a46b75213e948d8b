"""Expressions of other faces: mouths that open, eyes that close, brows that rise."""

from copy import copy
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from features.errors import InputError
from features.opencv import cv2

from ..heads import angles
from ..schemes import FACE68
from .face import Recipe
from .pose import surface_of
from .redraw import redraw

# The landmarks that move together, those that hold them, and how many ways of moving are taken.
_PARTS = {
    "mouth": ([*range(48, 68)], [31, 33, 35, 36, 45], 4),
    "eyes": ([37, 38, 40, 41, 43, 44, 46, 47], [36, 39, 42, 45], 2),
    "brows": ([*range(17, 27)], [36, 39, 42, 45], 2),
}
# The jaw drops with the lower lip, its middle most.
_JAW = np.array([0.2, 0.45, 0.75, 0.95, 1.0, 0.95, 0.75, 0.45, 0.2]) * 0.8  # of points 4 to 12
_LOWER_LIP = [56, 57, 58]
_MOST_DONORS, _FEWEST_DONORS = 400, 8
_FRONTAL = 25.0  # degrees of yaw: beyond, a face is no donor
_LIMIT = 3.0  # standard deviations of the donors
_UPPER, _LOWER = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]  # of the inner lips
# How far lips must part, in distances of the eyes, until the inside of the mouth is as dark as it
# gets; that is this share of the lips' brightness.
_PARTED, _DARK = 0.12, 0.3


class _Ways(NamedTuple):
    """How one part of the face moves: principal components of the donors."""

    mean: np.ndarray  # (K, 2)
    basis: np.ndarray  # (m, K, 2)
    deviations: np.ndarray  # (m,)
    donors: np.ndarray  # (n, m), in deviations


@dataclass(eq=False, repr=False, kw_only=True)
class Expression(Recipe):
    """Give faces the expression of another face of the same dataset.

    Mouth and chin, the lids, and the brows are each moved as in a donor, by the principal ways in
    which they move among the faces. The inside of a mouth that opens becomes dark.

    Parameters
    ----------
    p : float, default 0.5
        Share of the copies that are changed.
    mouth, eyes, brows : float, default 0.8, 0.5 and 0.5
        Share of these whose mouth, eyes or brows change. 0 to 1.
    strength : (float, float), default (0.6, 1.2)
        Range of how far they go towards the donor's expression, 0 to 2; beyond 1 they exaggerate.
    """

    moves: ClassVar[bool] = True

    p: float = 0.5
    mouth: float = 0.8
    eyes: float = 0.5
    brows: float = 0.5
    strength: tuple = (0.6, 1.2)

    _ways = None

    def _ranges(self):
        return {"mouth": (0, 1), "eyes": (0, 1), "brows": (0, 1), "strength": (0, 2)}

    def prepare(self, faces, rng):
        """See `Recipe.prepare`: collects the expressions of up to 400 faces.

        Raises
        ------
        InputError
            If the landmarks are not those of face68, or fewer than eight faces look about straight
            ahead.
        """
        if faces.scheme.name != FACE68.name:
            raise InputError(
                f"expressions move the landmarks of face68, and these faces have those of "
                f"{faces.scheme.name}; leave this recipe out"
            )
        donors = []
        for i in rng.permutation(len(faces))[:_MOST_DONORS]:
            if np.isfinite(faces.shapes[i]).all():
                surface = surface_of(faces.shapes[i])
                if surface is not None and abs(angles(surface.rotation)[0]) < _FRONTAL:
                    donors.append(surface.points)
        if len(donors) < _FEWEST_DONORS:
            raise InputError(
                f"expressions are taken from at least {_FEWEST_DONORS} faces that look about "
                f"straight ahead, and there are {len(donors)}; leave this recipe out"
            )
        prepared = copy(self)
        prepared._ways = {name: _ways(np.array(donors), *part) for name, part in _PARTS.items()}
        return prepared

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        return self._changed(face, rng, True)

    def outline(self, face, rng):
        """See `Recipe.outline`."""
        return self._changed(face, rng, False)

    def _changed(self, face, rng, drawn):
        if self._ways is None:
            raise InputError("Expression takes its expressions from a dataset: call prepare first")
        draws = {name: rng.random(3) for name in _PARTS}
        surface = surface_of(face.shape)
        if surface is None:
            return face
        points = surface.points
        for name, (chance, donor, how) in draws.items():
            if chance < getattr(self, name):
                ways, low, high = self._ways[name], *self.strength
                goal = ways.donors[int(donor * len(ways.donors))]
                points = moved_points(points, name, ways, goal, low + how * (high - low))
        return redraw_expression(face, surface, points, drawn=drawn)


def _held(points, part):
    """Landmarks (..., K, 2) of a part of the face, from where it is held."""
    moving, holding, _ = _PARTS[part] if isinstance(part, str) else part
    centre = points[..., holding, :2].mean(-2, keepdims=True)
    return points[..., moving, :2] - centre


def _ways(donors, *part):
    moving = part[0]
    shapes = _held(donors, part)
    # Both sides move alike: what is left of the donors' poses does not.
    flip = [moving.index(FACE68.flip[i]) for i in moving]
    shapes = (shapes + shapes[:, flip] * [-1, 1]) / 2
    mean = shapes.mean(0)
    flat = (shapes - mean).reshape(len(shapes), -1)
    _, singular, rows = np.linalg.svd(flat, full_matrices=False)
    n = min(part[2], (singular > 1e-9 * singular[:1]).sum())
    deviations = singular[:n] / np.sqrt(len(flat))
    basis = rows[:n]
    return _Ways(mean, basis.reshape(n, *mean.shape), deviations, flat @ basis.T / deviations)


def moved_points(points, name, ways, goal, strength):
    """The points of a head (68, 3) with one part moved towards a donor's place in its ways."""
    own = np.einsum("mkc,kc->m", ways.basis, _held(points, name) - ways.mean) / ways.deviations
    reached = np.clip(own + strength * (goal - own), -_LIMIT, _LIMIT)
    step = np.einsum("m,mkc->kc", (reached - own) * ways.deviations, ways.basis)
    moved = points.copy()
    moved[_PARTS[name][0], :2] += step
    if name == "mouth":
        drop = (moved - points)[_LOWER_LIP, 1].mean()
        moved[4:13, 1] += drop * _JAW
    return moved


def gap(points):
    """How far the lips are apart, in distances of the eyes: the mean of three pairs."""
    return (points[..., [67, 66, 65], 1] - points[..., [61, 62, 63], 1]).mean(-1)


def redraw_expression(face, surface, points, *, drawn=True):
    """A face whose landmarks are elsewhere on its head, with a dark mouth where it opened.

    Parameters
    ----------
    face : Face
    surface : Surface
        Of the face.
    points : ndarray of shape (68, 3)
        On the head, as `Surface.points`.
    drawn : bool, default True
        Whether to draw the image.

    Returns
    -------
    Face
    """
    changed = redraw(face, surface, surface.rotation, points, drawn=drawn)
    before, after = max(gap(surface.points), 0), gap(points)
    dark = min((after - before) / _PARTED, 1)
    if not drawn or dark <= 0 or not np.isfinite(changed.shape[48:]).all():
        return changed
    # What a mouth that was open showed stays above, teeth for the most part.
    upper, lower = changed.shape[_UPPER], changed.shape[_LOWER]
    upper = upper + before / after * (lower - upper)
    image, inside = changed.image, np.zeros(changed.image.shape, np.uint8)
    corners = np.rint(16 * np.concatenate([upper, lower[::-1]])).astype(np.int32)
    cv2.fillPoly(inside, [corners], 255, cv2.LINE_AA, 4)
    share = cv2.blur(inside, (3, 3)) * np.float32(dark / 255)
    x, y = np.rint(changed.shape[48:60]).astype(int).T
    level = image[y.clip(0, image.shape[0] - 1), x.clip(0, image.shape[1] - 1)].mean()
    image = (image + share * (_DARK * level - image) + 0.5).astype(np.uint8)
    return changed._replace(image=image)
