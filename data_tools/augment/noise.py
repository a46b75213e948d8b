"""Noise of a sensor."""

from dataclasses import dataclass

import numpy as np

from features.opencv import cv2

from .face import Recipe


@dataclass(eq=False, repr=False, kw_only=True)
class Noise(Recipe):
    """Noise of a sensor: even, in bright places more, and of fine or coarse grain.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    sigma : (float, float) in [0, 100]
        Range of the standard deviation in grey levels, in black.
    shot : (float, float) in [0, 100]
        Range of the standard deviation that white has more.
    grain : (float, float) in [0, 0.1]
        Range of the size of grains, in sides of the face box; below a pixel they are single pixels.
    """

    p: float = 0.4
    sigma: tuple = (1.0, 10.0)
    shot: tuple = (0.0, 10.0)
    grain: tuple = (0.0, 0.015)

    def _ranges(self):
        return {"sigma": (0, 100), "shot": (0, 100), "grain": (0, 0.1)}

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        image = face.image.astype(np.float32)
        noise = rng.standard_normal(image.shape, np.float32)
        grain = rng.uniform(*self.grain) * face.side
        if grain > 1:
            noise = cv2.GaussianBlur(noise, (0, 0), grain / 2)
            noise /= max(noise.std(), 1e-6)
        sigma, shot = rng.uniform(*self.sigma), rng.uniform(*self.shot)
        image += noise * (np.float32(sigma) + image * np.float32(shot / 255))
        return face._replace(image=np.rint(np.clip(image, 0, 255)).astype(np.uint8))
