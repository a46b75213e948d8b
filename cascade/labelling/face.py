"""A face that is being labelled."""

import hashlib
import json
import math
from dataclasses import dataclass

import numpy as np

from data_tools.dataset import fault
from data_tools.readers.pts import MAX_COORDINATE
from features.errors import InputError

# Faces of one image: as many as CVAT's reader takes, and far more than anybody labels.
MAX_FACES = 1000


@dataclass(eq=False)
class Face:
    """A face in an image, finished or not.

    Attributes
    ----------
    box : tuple of 4 float
        (left, top, right, bottom) in pixels.
    points : ndarray of shape (L, 2), float64
        In pixels; NaN where a landmark is missing or not yet placed.
    occluded : ndarray of shape (L,), bool
        Which landmarks something covers.
    done : bool
        Whether it is finished: only finished faces are written to .pts files and used for training.
    """

    box: tuple
    points: np.ndarray
    occluded: np.ndarray
    done: bool = True

    def to_json(self):
        """Plain values; coordinates to a thousandth of a pixel, None for a missing landmark."""
        return {
            "box": [_rounded(edge) for edge in self.box],
            "points": [
                None if x != x or y != y else [_rounded(x), _rounded(y)]
                for x, y in self.points.tolist()
            ],
            "occluded": [int(i) for i in np.flatnonzero(self.occluded)],
            "done": bool(self.done),
        }

    @classmethod
    def from_json(cls, content, n_points, size, where):
        """The face that a page sent.

        Parameters
        ----------
        content : dict
            As `to_json` makes it.
        n_points : int
        size : (int, int)
            Width and height of the image.
        where : str
            Beginning of error messages.

        Raises
        ------
        InputError
            If a field is missing, of another type or out of range, or the face is finished but not
            usable for training.
        """
        if not isinstance(content, dict) or set(content) != {"box", "points", "occluded", "done"}:
            raise InputError(f"{where}: a face is an object of box, points, occluded and done")
        box = _numbers(content["box"], 4, f"{where}: the box")
        if not (box[0] < box[2] and box[1] < box[3]):
            raise InputError(f"{where}: the box needs left < right and top < bottom")
        points = content["points"]
        if not isinstance(points, list) or len(points) != n_points:
            raise InputError(f"{where}: need a list of {n_points} points, null for a missing one")
        points = [
            (math.nan, math.nan) if xy is None else _numbers(xy, 2, f"{where}: point {k}")
            for k, xy in enumerate(points)
        ]
        covered = content["occluded"]
        if not isinstance(covered, list) or not all(
            isinstance(k, int) and not isinstance(k, bool) and 0 <= k < n_points for k in covered
        ):
            raise InputError(f"{where}: occluded must be numbers of landmarks")
        if not isinstance(content["done"], bool):
            raise InputError(f"{where}: done must be true or false")
        occluded = np.zeros(n_points, bool)
        occluded[covered] = True
        face = cls(tuple(box), np.array(points, np.float64), occluded, content["done"])
        problem = fault(face.points, np.array(box), size) if face.done else None
        if problem:
            raise InputError(f"{where}: {problem}")
        return face


def revision(faces):
    """A digest of an image's faces, to detect changes."""
    text = json.dumps([face.to_json() for face in faces])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rounded(value):
    return round(float(value), 3) + 0.0  # no -0.0, which files would not keep


def _numbers(values, n, what):
    if (
        not isinstance(values, list)
        or len(values) != n
        or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values)
        or not all(abs(v) <= MAX_COORDINATE for v in values)  # false for NaN
    ):
        raise InputError(f"{what} must be {n} numbers of pixels, at most {MAX_COORDINATE:.0f}")
    return [float(v) for v in values]
