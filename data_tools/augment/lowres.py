"""Low resolution: a face of few pixels, enlarged."""

from dataclasses import dataclass

import numpy as np

from features.opencv import cv2

from .face import Recipe

_ENLARGING = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


@dataclass(eq=False, repr=False, kw_only=True)
class LowRes(Recipe):
    """A face of few pixels, enlarged again in one of three ways.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    side : (float, float) in [4, 1000]
        Range of the side of the face box in pixels; a face that has fewer stays as it is.
    """

    p: float = 0.4
    side: tuple = (20.0, 80.0)

    def _ranges(self):
        return {"side": (4, 1000)}

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        side = np.exp(rng.uniform(*np.log(self.side)))
        enlarging = _ENLARGING[rng.integers(len(_ENLARGING))]
        share = side / face.side
        height, width = face.image.shape
        small = max(1, round(width * share)), max(1, round(height * share))
        if share >= 1:
            return face._replace(image=face.image.copy())
        image = cv2.resize(face.image, small, interpolation=cv2.INTER_AREA)
        return face._replace(image=cv2.resize(image, (width, height), interpolation=enlarging))
