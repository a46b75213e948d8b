"""The camera and the detector: how a face is exposed, and the box it is found in."""

import numpy as np

from features.opencv import cv2

from .functions import clipped_normal

# Measured on the 300-W training faces: the side of a detector's box over the mean of the width
# and height of the landmarks; the centres agree.
BOX_TO_EXTENT = 0.985
BOX_SHIFT, BOX_SCALE = 0.04, 0.06  # standard deviations of the simulated detector


def expose(rng, image, noise=1.0):
    """The camera: blur, contrast, gamma and so many times the usual sensor noise."""
    blur = max(0.0, rng.normal(0.3, 0.5)) * len(image) / 256
    if blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    level = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.25))
    level = 0.5 + (level - 0.5) * rng.uniform(0.7, 1.25) + rng.normal(0, 0.04)
    image = cv2.LUT(image, (level * 255).astype(np.float32))
    # The sum of two uniform bytes is near enough to a Gaussian and much faster.
    grain = rng.integers(0, 256, (2, *image.shape), np.uint8).astype(np.float32)
    image += (grain[0] + grain[1] - 255) * np.float32(noise * rng.uniform(0.5, 7) / 104.5)
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


def detect(rng, shape):
    """The box of a face detector: square up to 2 %, shifted and scaled at random."""
    low, high = shape.min(0), shape.max(0)
    side = BOX_TO_EXTENT * (high - low).mean()
    centre = (low + high) / 2 + clipped_normal(rng, BOX_SHIFT, 3 * BOX_SHIFT, 2) * side
    side = side * np.exp(clipped_normal(rng, BOX_SCALE, 3 * BOX_SCALE))
    aspect = np.exp(clipped_normal(rng, 0.01, 0.02))
    half = np.array([side * np.sqrt(aspect), side / np.sqrt(aspect)]) / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)
