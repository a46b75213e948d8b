"""The clutter behind a face."""

import numpy as np

from features.opencv import cv2

from .drawing import Canvas, ellipse
from .functions import noise


def background(rng, size):
    """Clutter: gradients and textures at several scales, stripes, discs and boxes."""
    half = (size + 1) // 2  # out of focus: half the resolution will do
    scene = np.full((half, half), rng.uniform(30, 220), np.float32)
    for cells, strength in ((3, 40), (9, 18), (40, 8)):
        scene += noise(rng, scene.shape, (cells, cells)) * np.float32(rng.uniform(0, strength))
    if rng.random() < 0.25:
        (c, s), step = rng.normal(0, 1, 2), rng.uniform(0.04, 0.3) * 256 / size
        ramp = np.arange(half, dtype=np.float32) * np.float32(step)
        scene += np.sin(c * ramp + s * ramp[:, None]) * rng.uniform(5, 30)
    canvas = Canvas(np.clip(scene, 0, 255).astype(np.uint8))
    for _ in range(rng.integers(0, 9)):
        centre, axes = rng.uniform(0, half, 2), rng.normal(0, half / 6, (2, 2))
        canvas.fill(ellipse(centre, *axes, int(rng.choice([3, 4, 20]))), rng.uniform(0, 255))
    scene = cv2.GaussianBlur(canvas.pixels, (0, 0), rng.uniform(0.5, 3) * size / 256)
    return cv2.resize(scene, (size, size))
