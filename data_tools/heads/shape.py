"""The 3-D shape of a head in the landmarks of a scheme, and the pose of faces by it."""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError

from ..schemes import Scheme, get_scheme
from ._pose_kernels import FEWEST, place
from .angles import angles, tilt
from .factorisation import factorise
from .placement import Placement

OUTLINES = "jaw", "outline"  # groups of schemes whose landmarks slide along the edge of the head
_FIRST = 0.3  # weight of the outline before it is known where the head turns
_FAR = 5.0, 20.0  # degrees of yaw from where, and to where, the far outline loses its weight
_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class HeadShape:
    """A rigid head: the mean place of each landmark in three dimensions.

    Parameters
    ----------
    points : ndarray of shape (L, 3)
        x to the right of the image, y down, z towards the viewer, for a face that looks at the
        viewer; the unit is the distance of the outer corners of the eyes where the scheme has them.
        NaN where a landmark has no place on the head (ears, say).
    weights : ndarray of shape (L,)
        How much each landmark counts: one over the variance that expression and identity leave.
    scheme : Scheme or str

    Raises
    ------
    InputError
        If the arrays do not fit the scheme, or fewer than four points are known.
    """

    points: np.ndarray
    weights: np.ndarray
    scheme: Scheme

    def __post_init__(self):
        scheme = get_scheme(self.scheme)
        points = np.array(self.points, np.float64)
        weights = np.array(self.weights, np.float64)
        if points.shape != (scheme.n_points, 3) or weights.shape != points.shape[:1]:
            raise InputError(
                f"a head of {scheme.name!r} needs points ({scheme.n_points}, 3) and weights "
                f"({scheme.n_points},), not {points.shape} and {weights.shape}"
            )
        known = np.isfinite(points).all(1)
        if known.sum() < FEWEST:
            raise InputError(f"a head of {scheme.name!r} needs at least {FEWEST} known points")
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights[known].any()):
            raise InputError("weights of a head must be 0 or above, and not all 0")
        outline = {i for name in OUTLINES for i in scheme.groups.get(name, ((), 0))[0]}
        outline = np.isin(np.arange(len(points)), list(outline))
        sides = np.where(outline & known, np.sign(np.round(points[:, 0], 2)), 0).astype(np.int64)
        for name, value in {
            "scheme": scheme, "points": points, "weights": np.where(known, weights, 0),
            "_filled": np.where(known[:, None], points, 0), "_sides": sides,
        }.items():  # fmt: skip
            object.__setattr__(self, name, value)

    def __repr__(self):
        known = np.isfinite(self.points).all(1).sum()
        return f"HeadShape({self.scheme.name!r}, {known} of {self.scheme.n_points} landmarks)"

    def pose(self, shapes):
        """Yaw, pitch and roll of faces.

        Parameters
        ----------
        shapes : array_like of shape (L, 2) or (n, L, 2)
            Landmarks in pixels or any other unit. NaN marks a missing landmark.

        Returns
        -------
        ndarray of shape (3,) or (n, 3), float64
            Degrees. Positive yaw: the nose points to the left of the image; positive pitch: chin
            up; positive roll: clockwise in the image (see `rotation`). NaN where fewer than four
            landmarks are known or all of them are in one place.

        Raises
        ------
        InputError
            If the shapes do not fit the scheme.
        """
        shapes = np.asarray(shapes, np.float64)
        placement = self.place(shapes.reshape(-1, *shapes.shape[-2:]))
        return angles(placement.rotation).reshape(*shapes.shape[:-2], 3)

    def place(self, shapes):
        """Where the head is in faces: its rotation, scale and shift, by weak perspective.

        Annotators draw the far cheek's outline where it is seen, not where the jaw is, so that
        landmarks of the outline count the less the farther the head turns away from them.

        Parameters
        ----------
        shapes : array_like of shape (n, L, 2)

        Returns
        -------
        Placement
            NaN where a pose cannot be found, see `pose`.
        """
        shapes = np.asarray(shapes, np.float64)
        if shapes.ndim != 3 or shapes.shape[1:] != (self.scheme.n_points, 2):
            raise InputError(
                f"the head of landmark scheme {self.scheme.name!r} takes shapes "
                f"(n, {self.scheme.n_points}, 2), not {shapes.shape}"
            )
        shapes = np.require(shapes, requirements=["C", "W"])
        return Placement(
            *place(shapes, self.weights, self._filled, self._sides, _FIRST, *_FAR, _ROUNDS)
        )

    def shares(self, yaw):
        """Share of its weight that each landmark keeps at each yaw in degrees, (n, L)."""
        begin, end = _FAR
        turned = np.clip((-self._sides * yaw[:, None] - begin) / (end - begin), 0, 1)
        return 1 - turned

    @classmethod
    def fit(cls, shapes, scheme, *, n_rounds=60):
        """Measure a head in annotated faces that turn to the sides.

        Poses by the shape and the shape by the poses, in turn, each by least squares, with the
        mirror symmetry of the scheme.

        Parameters
        ----------
        shapes : array_like of shape (n, L, 2)
            Landmarks, at least 20 faces; NaN marks a missing one.
        scheme : Scheme or str
            With a flip index.
        n_rounds : int, default 60
            At most; fewer when the shape comes to rest.

        Returns
        -------
        HeadShape
            Where the head of the scheme is known (see `head_shape`), it has that one's depth over
            all, and pitch is 0 at the same tilt; elsewhere at the median pitch of the faces.

        Raises
        ------
        InputError
            If the faces are too few, hardly turn to the sides, or lack a landmark in all of them,
            or the scheme has no flip index.
        """
        return factorise(cls, shapes, get_scheme(scheme), n_rounds)

    def tilted(self, degrees):
        """The same head with its chin lifted by some degrees: where pitch 0 is, is a convention."""
        return HeadShape(self.points @ tilt(degrees).T, self.weights, self.scheme)
