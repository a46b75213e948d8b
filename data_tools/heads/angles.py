"""Rotations of heads and the angles that name them.

Axes: x to the right of the image, y down, z towards the viewer. The angles are those of 300W-LP and
AFLW2000-3D (Zhu et al. 2016), so that they may be compared with these sets and with what estimators
trained on them give.
"""

import numpy as np

ANGLES = ("yaw", "pitch", "roll")


def rotation(yaw, pitch, roll):
    """The rotation of a head: about its own axis of sight, then sideways, then up.

    Parameters
    ----------
    yaw, pitch, roll : float or ndarray
        Degrees. Positive yaw: the nose points to the left of the image; positive pitch: chin up;
        positive roll: clockwise in the image.

    Returns
    -------
    ndarray of shape (..., 3, 3)
        Takes points of the upright head, as columns, to the turned one.

    Examples
    --------
    >>> nose = rotation(90, 0, 0) @ [0, 0, 1]
    >>> nose.round(3).tolist()
    [-1.0, 0.0, 0.0]
    """
    yaw, pitch, roll = np.broadcast_arrays(*np.radians([yaw, pitch, roll]))
    one, zero = np.ones_like(yaw), np.zeros_like(yaw)

    def matrix(*rows):
        return np.stack([np.stack(row, -1) for row in rows], -2)

    cos, sin = np.cos(roll), np.sin(roll)
    about_z = matrix((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))
    cos, sin = np.cos(yaw), np.sin(yaw)
    about_y = matrix((cos, zero, -sin), (zero, one, zero), (sin, zero, cos))
    cos, sin = np.cos(pitch), np.sin(pitch)
    about_x = matrix((one, zero, zero), (zero, cos, -sin), (zero, sin, cos))
    return about_x @ about_y @ about_z


def angles(rotations):
    """Yaw, pitch and roll of rotations; the inverse of `rotation`.

    Parameters
    ----------
    rotations : ndarray of shape (..., 3, 3)

    Returns
    -------
    ndarray of shape (..., 3)
        Degrees; yaw within ±90, the others within ±180. Near a yaw of ±90 pitch and roll turn the
        head about the same axis, so that only their sum or difference is sure.
    """
    yaw = -np.arcsin(np.clip(rotations[..., 0, 2], -1, 1))
    pitch = np.arctan2(-rotations[..., 1, 2], rotations[..., 2, 2])
    roll = np.arctan2(-rotations[..., 0, 1], rotations[..., 0, 0])
    return np.degrees(np.stack([yaw, pitch, roll], -1))


def tilt(degrees):
    """The rotation (3, 3) that lifts the chin."""
    return rotation(0, degrees, 0)
