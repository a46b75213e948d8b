"""Heads in three dimensions: the mean place of each landmark, and the pose of a face by it.

The 68-point head is one that this project measured on annotated faces; other schemes take their
landmarks from it, and any scheme with enough annotated faces gets its own by `HeadShape.fit`.
"""

from .angles import ANGLES, angles, rotation
from .lookup import head_shape, pose
from .placement import Placement
from .published import parts_of_68
from .shape import HeadShape

__all__ = [
    "ANGLES",
    "HeadShape",
    "Placement",
    "angles",
    "head_shape",
    "parts_of_68",
    "pose",
    "rotation",
]
