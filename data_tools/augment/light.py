"""Light: shadows, exposure and contrast."""

from dataclasses import dataclass

import numpy as np

from features.geometry import box_placement
from features.opencv import cv2

from ..synthetic.functions import smoothstep
from .face import Recipe

# Pixels between those that light is computed at; a shadow's edge is wider.
_STEP = 4


@dataclass(eq=False, repr=False, kw_only=True)
class Light(Recipe):
    """Another light: a shadow from one side, exposure, gamma and local contrast.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    shadow : float in [0, 1]
        Share of these that a shadow falls on.
    darkness : (float, float) in [0, 1]
        Range of the share of light that a shadow takes away.
    softness : (float, float) in [0.01, 3]
        Range of the width of a shadow's edge, in sides of the face box.
    gamma : (float, float) in [0.2, 5]
        Range of the exponent of the grey levels; above 1 the picture is darker.
    gain : (float, float) in [0.1, 4]
        Range of the factor of the grey levels.
    contrast : (float, float) in [0, 3]
        Range of the factor of differences from the mean of the surroundings, a quarter of the face
        box wide; below 1 the picture is flat.
    """

    p: float = 0.8
    shadow: float = 0.5
    darkness: tuple = (0.2, 0.75)
    softness: tuple = (0.05, 0.8)
    gamma: tuple = (0.6, 1.7)
    gain: tuple = (0.7, 1.3)
    contrast: tuple = (0.7, 1.4)

    def _ranges(self):
        return {
            "shadow": (0, 1), "darkness": (0, 1), "softness": (0.01, 3), "gamma": (0.2, 5),
            "gain": (0.1, 4), "contrast": (0, 3),
        }  # fmt: skip

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        image, factor = face.image, rng.uniform(*self.contrast)
        gamma, gain = np.exp(rng.uniform(*np.log(self.gamma))), rng.uniform(*self.gain)
        if factor != 1:
            mean = cv2.blur(image, (2 * max(1, round(face.side / 8)) + 1,) * 2)
            image = cv2.addWeighted(image, factor, mean, 1 - factor, 0)
        if rng.random() < self.shadow:
            image = cv2.multiply(image, self._light(face, rng), dtype=cv2.CV_8U)
        levels = gain * (np.arange(256) / 255) ** gamma
        levels = np.rint(np.minimum(levels, 1) * 255).astype(np.uint8)
        return face._replace(image=cv2.LUT(image, levels))

    def _light(self, face, rng):
        """Share of the light that reaches each pixel: 1 on one side of a bent line."""
        cx, cy, side = box_placement(face.box).tolist()
        height, width = face.image.shape
        rows, columns = (-(-n // _STEP) for n in (height, width))
        x = ((np.arange(columns) + 0.5) * width / columns - 0.5 - cx) / side
        y = ((np.arange(rows)[:, None] + 0.5) * height / rows - 0.5 - cy) / side
        angle = rng.uniform(0, 2 * np.pi)
        cos, sin = np.cos(angle), np.sin(angle)
        offset, bend = rng.uniform(-0.45, 0.45), rng.normal(0, 0.4)
        along = cos * y - sin * x
        distance = cos * x + sin * y - offset + bend * along * along
        lit = smoothstep(distance / rng.uniform(*self.softness) + 0.5)
        light = np.float32(1 - rng.uniform(*self.darkness) * (1 - lit))
        return cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
