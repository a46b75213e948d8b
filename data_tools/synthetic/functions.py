"""Bumps, ramps and random draws that heads, tones and surroundings are made of."""

import numpy as np

from features.opencv import cv2


def bell(x, width):
    """A bump of height 1 at 0: a Gaussian of standard deviation `width`."""
    return np.exp(-0.5 * (x / width) ** 2)


def smoothstep(x):
    """A smooth ramp from 0 at x <= 0 to 1 at x >= 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def clipped_normal(rng, sigma, limit, size=None):
    """Normal draws about 0, clipped to -limit and limit."""
    limit = np.asarray(limit)
    return np.clip(rng.normal(0, sigma, size), -limit, limit)


def noise(rng, shape, cells):
    """Smooth noise of about unit variance, float32, with `cells` (rows, columns) bumps."""
    coarse = rng.standard_normal((int(cells[0]), int(cells[1])), np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)
