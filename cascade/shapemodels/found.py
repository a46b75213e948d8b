"""The training data of the levels of shape models."""

from typing import NamedTuple

import numpy as np


class Found(NamedTuple):
    """The training data of a level.

    Attributes
    ----------
    images : ndarray of shape (m, F, F), uint8
    placements : ndarray of shape (m, 3), float32
    shapes : ndarray of shape (m, L, 2), float32
        True shapes in the box frame; missing landmarks are at their most likely positions.
    seen : ndarray of shape (m, L), bool
        Which landmarks are not missing.
    poses : ndarray of shape (m, 4), float64
        (a, b, x, y) from the model's frame to the box frame, of the true shapes.
    """

    images: np.ndarray
    placements: np.ndarray
    shapes: np.ndarray
    seen: np.ndarray
    poses: np.ndarray

    def turned(self, rng, roll, scale):
        """Poses with random errors of rotation and size, as at the begin of a level.

        Parameters
        ----------
        rng : numpy.random.Generator
        roll : float
            Standard deviation of the rotation, in degrees.
        scale : float
            Standard deviation of the logarithm of the size.

        Returns
        -------
        ndarray of shape (m, 4), float64
        """
        n = len(self.poses)
        angle, size = np.deg2rad(rng.normal(0, roll, n)), np.exp(rng.normal(0, scale, n))
        u, v = size * np.cos(angle), size * np.sin(angle)
        a, b, x, y = self.poses.T
        return np.stack([a * u - b * v, b * u + a * v, x, y], -1)


def in_plane(shapes, poses, scale, size):
    """Shapes (m, L, 2) of the box frame in cells of the planes that `poses` (m, 4) show."""
    x, y = np.moveaxis(shapes - poses[:, None, 2:], -1, 0)
    a, b = poses[:, 0, None], poses[:, 1, None]
    energy = a * a + b * b
    upright = np.stack([(a * x + b * y) / energy, (a * y - b * x) / energy], -1)
    return upright * scale + (size - 1) / 2
