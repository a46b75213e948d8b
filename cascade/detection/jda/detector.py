"""The joint cascade as one of the detectors by name: ``jda`` and ``jda:FILE``."""

import copy
import math

import numpy as np

from data_tools.detectors import Detector, Finds
from features.errors import InputError
from features.geometry import similarity
from features.images import as_grey

from ...models import load
from .running import ANGLES
from .search import turns_of

#: Degrees between the angles of a search for turned faces, at most.
_APART = 30.0


class JdaDetector(Detector):
    """A joint cascade of the package, or of a file.

    It finds faces that are turned in the plane by about 40 degrees to either side, and others where
    it is asked to; see `turned`. The least score was chosen on photographs that training had not
    seen: 0.03 boxes an image of those without faces, and 89 % of the faces of 20 to 60 pixels in
    collages like old photographs.

    Parameters
    ----------
    file : str or Path, optional
        A model of method ``jda``; without it, the one of the package.
    """

    #: The smallest faces are this part of the long side of an image, or `SMALLEST` pixels wide.
    PART, SMALLEST = 1 / 64, 20.0
    #: What the score must be.
    LEAST = 1.8
    finds_turned = True

    def __init__(self, file="jda"):
        self.model = load(file)
        self.angles = ANGLES
        if self.model.method != "jda":
            raise InputError(
                f"{file}: a model of method {self.model.method!r}, which finds no faces; name one "
                "of method 'jda'"
            )

    def search(self, image, long_side=None):
        """As `Detector.search`.

        Nothing is shrunk or enlarged: `long_side` chooses the smallest faces, as if the image were
        shrunk to it. Scores are those of `JDA.detect`.
        """
        return self.find(image, long_side)[:2]

    def find(self, image, long_side=None):
        """As `Detector.find`."""
        grey = as_grey(image)
        longest = max(grey.shape)
        smallest = max(self.SMALLEST, longest * self.PART)
        if long_side:
            smallest = self.SMALLEST * max(1.0, longest / long_side)
        found = self.model.detect(
            grey, min_size=smallest, min_score=self.LEAST, rotation=self.angles
        )
        linear, _ = similarity(self.model.mean_shape_[None], found.shapes)
        return Finds(found.boxes, found.scores, turns_of(linear).astype(np.float32))

    def _turned(self, rotation):
        if rotation <= max(ANGLES):  # the usual search finds them
            return self
        twin = copy.copy(self)
        twin.angles = angles_up_to(rotation)
        return twin


def angles_up_to(rotation):
    """The angles of a search for faces that are turned by `rotation` degrees at most: upright
    first, evenly spaced, none of them twice."""
    n = math.ceil(rotation / _APART)
    steps = sorted(range(-n, n + 1), key=abs)
    if rotation > 180 - _APART / 2:  # half a turn to either side is nearly the same
        steps.remove(-n)
    return tuple(rotation * step / n for step in steps)
