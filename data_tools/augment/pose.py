"""Heads turned in three dimensions."""

from copy import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError

from ..heads import HeadShape, angles, head_shape, pose, rotation
from ..schemes import FACE68
from .carried import CarriedSurface
from .face import Recipe
from .jaw_fitting import measured_jaw
from .mesh import Surface
from .redraw import redraw

# A head that is turned by one degree already may be turned back by so much less.
_UNCOVER = 0.75
# Faces that a head is measured in, and degrees of yaw, one standard deviation, for it to be better
# than the one that is known.
_FEWEST, _MOST, _TURNED = 100, 600, 8.0


@dataclass(eq=False, repr=False, kw_only=True)
class PoseTurn(Recipe):
    """Turn heads towards poses drawn uniformly, so that rare poses become common.

    The landmarks get the depth of the mean head under the face's own pose and span a surface, with
    cheeks, forehead and the hair around; it is turned and drawn again, the nearer parts over the
    farther ones. What the photograph does not show of a side comes from the mirror image of the
    other one. The background follows as if on rubber, up to a ring where it stays.

    Landmarks lie where annotators would put them: those of the jaw that would be hidden on the
    outline that is seen, the others in their places, marked as not visible where something hides
    them. The box of the copy lies to its landmarks as the original's does to its own. Faces of
    other schemes than face68 are turned by the mean head, and their landmarks move with its skin.

    Parameters
    ----------
    max_yaw, max_pitch : float, default 60 and 25
        Degrees: the poses are drawn from −max to max. Yaw 0 to 80, pitch 0 to 45.
    max_roll : float, default 15
        Degrees to roll in the plane of the image, added to the face's own. 0 to 180.
    max_turn : float, default 60
        Degrees of yaw by which a head turns at most, 0 to 90; one that is turned already turns
        back by less, since its other side was never seen.
    measured : bool, default True
        Whether to measure the head, and where annotators put the jaw when it turns, in the
        dataset's own faces, if at least 100 of them have all 68 landmarks and enough turn; else
        both are those that are known.
    p : float, default 1
        Share of the copies that are turned.
    """

    moves: ClassVar[bool] = True

    max_yaw: float = 60.0
    max_pitch: float = 25.0
    max_roll: float = 15.0
    max_turn: float = 60.0
    measured: bool = True

    _head, _jaw, _scheme = None, None, FACE68

    def _ranges(self):
        return {"max_yaw": (0, 80), "max_pitch": (0, 45), "max_roll": (0, 180), "max_turn": (0, 90)}

    def check(self):
        """See `Recipe.check`."""
        super().check()
        if not isinstance(self.measured, bool):
            raise InputError(f"PoseTurn: measured must be True or False, not {self.measured!r}")

    def prepare(self, faces, rng):
        """See `Recipe.prepare`: takes the scheme, and measures the head in up to 600 faces.

        Raises
        ------
        InputError
            If the places of the scheme's landmarks on a head are not known.
        """
        head_shape(faces.scheme)  # refuses schemes whose head is not known
        prepared = copy(self)
        prepared._scheme = faces.scheme
        if self.measured and faces.scheme.name == FACE68.name:
            prepared._head, prepared._jaw = _measured(faces.shapes)
        return prepared

    def apply(self, face, rng):
        """See `Recipe.apply`; until it is prepared, landmarks are those of face68."""
        return self._turned(face, rng, True)

    def outline(self, face, rng):
        """See `Recipe.outline`."""
        return self._turned(face, rng, False)

    def _turned(self, face, rng, drawn):
        draws = rng.uniform(-1, 1, 3)
        surface = surface_of(face.shape, self._head, self._scheme, self._jaw)
        if surface is None:
            return face
        yaw = angles(surface.rotation)[0]
        # Turning back uncovers what the photograph does not show.
        back = max(0.0, self.max_turn - _UNCOVER * abs(yaw))
        left, right = (self.max_turn, back) if yaw > 0 else (back, self.max_turn)
        low, high = max(-self.max_yaw, yaw - right), min(self.max_yaw, yaw + left)
        target = low + (draws[0] + 1) / 2 * (high - low) if low < high else yaw
        pitch, roll = draws[1] * self.max_pitch, draws[2] * self.max_roll
        return turned(face, target, pitch, roll, surface, drawn=drawn)


def _measured(shapes):
    """Head and jaw in the faces of a dataset, or None twice where they are few or hardly turn."""
    whole = np.flatnonzero(np.isfinite(shapes).all((1, 2)))
    if len(whole) < _FEWEST:
        return None, None
    shapes = shapes[whole[np.linspace(0, len(whole) - 1, min(len(whole), _MOST)).astype(int)]]
    if pose(shapes)[:, 0].std() < _TURNED:
        return None, None
    head = HeadShape.fit(shapes, FACE68)
    # Rounded, so that it is the same whatever the order of sums in linear algebra.
    head = HeadShape(head.points.round(3), head.weights.round(2), FACE68)
    return head, measured_jaw(shapes, head)


def surface_of(shape, head=None, scheme=FACE68, jaw=None):
    """The `Surface` of a face's landmarks, or None where its pose cannot be found.

    Parameters
    ----------
    shape : array_like of shape (L, 2)
    head : HeadShape, optional
        Of face68: where depth comes from, if not from the head that is known.
    scheme : Scheme
        Of the landmarks.
    jaw : JawPlaces, optional
        Of face68: where annotators put the jaw, if not as is known.

    Raises
    ------
    InputError
        If the landmarks are not of that scheme, or it has no head that is known.
    """
    shape = np.asarray(shape, np.float64)
    if shape.shape != (scheme.n_points, 2):
        raise InputError(
            f"the face has {len(shape)} landmarks and not the {scheme.n_points} of {scheme.name}; "
            "prepare the recipe with the dataset that the face is from"
        )
    with np.errstate(invalid="ignore"):
        whole = scheme.name == FACE68.name
        surface = Surface(shape, head, jaw) if whole else CarriedSurface(shape, scheme)
    return surface if np.isfinite(surface.vertices).all() and surface.scale > 0 else None


def turned(face, yaw, pitch, roll=0.0, surface=None, *, drawn=True):
    """A face turned to a yaw and a pitch.

    Parameters
    ----------
    face : Face
    yaw, pitch : float
        Degrees, where the head shall look; signs as in `data_tools.heads.rotation`.
    roll : float, default 0
        Degrees to turn the head in the plane of the image, clockwise, from where it is.
    surface : Surface, optional
        That of the face, where it is known already.
    drawn : bool, default True
        Whether to draw the image; without, it is the face's own.

    Returns
    -------
    Face
        With what is visible. The face itself where its pose cannot be found.

    Raises
    ------
    InputError
        If no surface is given and the face has not the landmarks of face68.
    """
    surface = surface_of(face.shape) if surface is None else surface
    if surface is None:
        return face
    own_roll = angles(surface.rotation)[2]
    target = rotation(0, 0, roll) @ rotation(yaw, pitch, own_roll)
    return redraw(face, surface, target, drawn=drawn)
