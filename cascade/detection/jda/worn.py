"""Photographs as old or poor ones look: out of focus, pale, grainy, and saved small."""

import numpy as np

from data_tools.augment.face import Face
from data_tools.augment.jpeg import Jpeg
from data_tools.augment.noise import Noise
from features.opencv import cv2

# In pixels: faces of 20 pixels should stay faces.
_BLUR = 0.3, 1.2
_CONTRAST, _LIFT = (0.4, 1.15), 35.0
_NOISE, _JPEG = Noise(sigma=(0.0, 9.0), shot=(0.0, 2.0)), Jpeg(quality=(25, 90))
# Share of the photographs that each of blur, noise and JPEG changes.
_OFTEN = 0.7
# Recipes measure in sides of a face; here a side is a pixel.
_PIXEL = np.array([0, 0, 1, 1], np.float32)


def worn(image, rng):
    """A grey image (H, W) uint8 in a worse state.

    Parameters
    ----------
    image : ndarray of shape (H, W), uint8
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (H, W), uint8
    """
    if rng.random() < _OFTEN:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(*_BLUR))
    levels = (np.arange(256) - 128) * rng.uniform(*_CONTRAST) + 128 + rng.uniform(-_LIFT, _LIFT)
    image = cv2.LUT(image, np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    for recipe in (_NOISE, _JPEG):
        if rng.random() < _OFTEN:
            image = recipe.apply(Face(image, None, _PIXEL), rng).image
    return image
