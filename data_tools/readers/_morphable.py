"""Annotations fitted with a 3-D face model: the .mat files of 300W-LP and AFLW2000-3D."""

import numpy as np

from features.errors import InputError

from ._faces import Face, Unusable, reason
from .mat5 import read_mat5
from .pts import MAX_COORDINATE

ANGLES = ("pitch", "yaw", "roll")


def face(file, choose, attributes=None):
    """The `Face` list of one file.

    Parameters
    ----------
    file : Path
    choose : callable
        From the file's variables to the landmarks (2 or 3, L), pixels counted from 1; -1 for both
        marks a missing one.
    attributes : dict, optional
        Added to the angles.

    Raises
    ------
    Unusable
        If the file cannot be read or lacks something.
    """
    try:
        content = read_mat5(file)
        return [Face(str(file), _shape(file, choose(content)),
                     attributes={**pose(file, content), **(attributes or {})})]  # fmt: skip
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error


def _shape(file, points):
    if points is None or points.ndim != 2 or points.shape[0] not in (2, 3) or not points.size:
        raise InputError(f"{file}: has no landmarks of the kind asked for")
    xy = points[:2].T
    if not (np.abs(xy) <= MAX_COORDINATE).all():  # false for NaN
        raise InputError(f"{file}: a landmark lies outside any image; get the file again")
    return np.where((xy == -1).all(1, keepdims=True), np.nan, xy - 1).astype(np.float32)


def pose(file, content):
    """Pitch, yaw and roll in degrees, as the file's Pose_Para has them in radians."""
    found = content.get("Pose_Para", np.zeros(0)).ravel()
    if len(found) != 7 or not (np.abs(found[:3]) <= 2 * np.pi).all():
        raise InputError(f"{file}: has no Pose_Para of seven numbers that begin with angles")
    return dict(zip(ANGLES, np.degrees(found[:3]).tolist(), strict=True))
