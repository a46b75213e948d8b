"""Heads turned in three dimensions."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from data_tools.heads import angles, rotation
from features.errors import InputError

from .face import Recipe
from .mesh import Surface
from .redraw import redraw

# A head that is turned by one degree already may be turned back by so much less.
_UNCOVER = 0.75


@dataclass(eq=False, repr=False, kw_only=True)
class PoseTurn(Recipe):
    """Turn heads towards poses drawn uniformly, so that rare poses become common.

    The landmarks get the depth of the mean head under the face's own pose and span a surface, with
    cheeks, forehead and the hair around; it is turned and drawn again, the nearer parts over the
    farther ones. What the photograph does not show of a side comes from the mirror image of the
    other one. The background follows as if on rubber, up to a ring where it stays.

    Landmarks lie where annotators would put them: those of the jaw that would be hidden on the
    outline that is seen, the others in their places, marked as not visible where something hides
    them. The box of the copy lies to its landmarks as the original's does to its own.

    Parameters
    ----------
    max_yaw, max_pitch : float, default 60 and 25
        Degrees: the poses are drawn from −max to max. Yaw 0 to 80, pitch 0 to 45.
    max_roll : float, default 15
        Degrees to roll in the plane of the image, added to the face's own. 0 to 180.
    max_turn : float, default 60
        Degrees of yaw by which a head turns at most, 0 to 90; one that is turned already turns
        back by less, since its other side was never seen.
    p : float, default 1
        Share of the copies that are turned.
    """

    moves: ClassVar[bool] = True

    max_yaw: float = 60.0
    max_pitch: float = 25.0
    max_roll: float = 15.0
    max_turn: float = 60.0

    def _ranges(self):
        return {"max_yaw": (0, 80), "max_pitch": (0, 45), "max_roll": (0, 180), "max_turn": (0, 90)}

    def apply(self, face, rng):
        """See `Recipe.apply`; faces must have the 68 landmarks of face68."""
        return self._turned(face, rng, True)

    def outline(self, face, rng):
        """See `Recipe.outline`."""
        return self._turned(face, rng, False)

    def _turned(self, face, rng, drawn):
        draws = rng.uniform(-1, 1, 3)
        surface = surface_of(face.shape)
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


def surface_of(shape):
    """The `Surface` of a face's 68 landmarks, or None where its pose cannot be found."""
    shape = np.asarray(shape, np.float64)
    if shape.shape != (68, 2):
        raise InputError(
            f"heads are turned by the 68 landmarks of face68, and this face has {len(shape)}; "
            "leave out the recipes that turn or move them"
        )
    with np.errstate(invalid="ignore"):
        surface = Surface(shape)
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
        If the face has other than 68 landmarks.
    """
    surface = surface_of(face.shape) if surface is None else surface
    if surface is None:
        return face
    own_roll = angles(surface.rotation)[2]
    target = rotation(0, 0, roll) @ rotation(yaw, pitch, own_roll)
    return redraw(face, surface, target, drawn=drawn)
