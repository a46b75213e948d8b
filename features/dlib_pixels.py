"""Shape-indexed points as dlib reads them: black outside the image, the box's corners as units."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class BoxIndexedPixels:
    """Grey levels at points that are tied to landmarks and turn and scale with the shape.

    Shapes are in the frame that has the box's left top corner at (0, 0) and its right bottom
    corner at (1, 1). The nearest pixel is read, and 0 outside the image. The stages run in
    `cascade.stages.dlib.runner`.

    Attributes
    ----------
    anchors : ndarray of shape (P,), uint16
        Landmark each point is tied to.
    offsets : ndarray of shape (P, 2), float32
        From that landmark, in the frame of the initial shape.
    """

    anchors: np.ndarray
    offsets: np.ndarray

    KIND: ClassVar = "dlib-pixels"
    LAYOUT: ClassVar = {"anchors": ("u2", "features"), "offsets": ("f4", "features", 2)}

    def check(self, sizes):
        """Refuse anchors that are not landmarks."""
        if self.anchors.max() >= sizes["landmarks"]:
            raise InputError(
                f"a point is tied to landmark {self.anchors.max()}, which does not exist; get "
                "the file again"
            )

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return len(self.anchors)
