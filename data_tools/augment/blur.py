"""Blur: out of focus, or moved."""

from dataclasses import dataclass

import numpy as np

from features.opencv import cv2

from .face import Recipe


@dataclass(eq=False, repr=False, kw_only=True)
class Blur(Recipe):
    """A Gaussian blur, or that of a camera or head that moved along a line.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    motion : float in [0, 1]
        Share of these that are blurred by a motion.
    sigma : (float, float) in [0, 0.2]
        Range of the standard deviation of the Gaussian, in sides of the face box.
    length : (float, float) in [0, 0.5]
        Range of the length of the motion, in sides of the face box.
    """

    p: float = 0.4
    motion: float = 0.5
    sigma: tuple = (0.005, 0.03)
    length: tuple = (0.02, 0.12)

    def _ranges(self):
        return {"motion": (0, 1), "sigma": (0, 0.2), "length": (0, 0.5)}

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        moved = rng.random() < self.motion
        angle = rng.uniform(0, np.pi)
        extent = rng.uniform(*(self.length if moved else self.sigma)) * face.side
        if moved:
            image = cv2.filter2D(face.image, -1, motion_kernel(extent, angle))
        elif extent > 0:
            image = cv2.GaussianBlur(face.image, (0, 0), extent)
        else:
            image = face.image.copy()
        return face._replace(image=image)


def motion_kernel(length, angle):
    """The weights of a point that moves evenly along a line.

    Parameters
    ----------
    length : float
        In pixels.
    angle : float
        In radians, from the x axis towards the y axis.

    Returns
    -------
    ndarray of shape (k, k), float32
        Sum 1, centre of mass in the middle; k is odd.
    """
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1,) * 2, np.float32)
    n = 8 * int(np.ceil(length)) + 1
    t = (np.arange(n) - (n - 1) / 2) * length / max(n - 1, 1)
    x, y = half + t * np.cos(angle), half + t * np.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for dx in (0, 1):  # each position is shared among the four pixels around it
        for dy in (0, 1):
            weight = (1 - np.abs(x - left - dx)) * (1 - np.abs(y - top - dy))
            np.add.at(kernel, (top + dy, left + dx), weight)
    return kernel / kernel.sum()
