"""What may cover a face: sunglasses, a scarf, a hand or a board."""

import numpy as np

from .drawing import ellipse, spline
from .functions import noise


def occlude(rng, canvas, points, unit):
    """Paint sunglasses, a scarf, a hand or a board over the face.

    Parameters
    ----------
    rng : numpy.random.Generator
    canvas : Canvas
    points : ndarray of shape (68, 2)
        The landmarks in the image.
    unit : float
        Pixels of a face box.

    Returns
    -------
    ndarray of shape (H, W), uint8
        How much of each pixel is covered, 255 is all.
    """
    across = (points[45] - points[36]) / np.hypot(*(points[45] - points[36])) * unit
    down = np.array([-across[1], across[0]])
    tone = rng.uniform(10, 240)
    cover, layer = canvas.like(0), canvas.like(tone)
    kind = rng.integers(4)
    if kind == 0:  # sunglasses
        layer.pixels[:] = rng.integers(5, 60)
        for eye in (points[36:42], points[42:48]):
            reach = max(np.hypot(*(eye[3] - eye[0])), 0.1 * unit) / unit
            lens = ellipse(eye.mean(0) + 0.02 * down, 0.85 * reach * across, 0.1 * down)
            cover.fill(lens, 255)
            glare = ellipse(eye.mean(0) - 0.02 * down, 0.25 * reach * across, 0.03 * down)
            layer.blend(glare, rng.uniform(60, 200), 0.6, 0.02 * unit)
        cover.stroke(points[[39, 42]], 255, 0.025 * unit)
        cover.stroke(points[[0, 36]], 255, 0.02 * unit)
        cover.stroke(points[[45, 16]], 255, 0.02 * unit)
    elif kind == 1:  # scarf or mask: everything below a line across nose or mouth
        start = rng.uniform(0.25, 0.9)
        top = points[[3, 33, 13]] + start * (points[[5, 57, 11]] - points[[3, 33, 13]])
        top[[0, 2]] += 0.12 * np.stack([-across, across])
        bottom = top[[2, 0]] + 2.5 * down + 0.8 * np.stack([across, -across])
        folds = noise(rng, canvas.pixels.shape, rng.integers(8, 60, 2)) * rng.uniform(4, 25)
        layer.pixels[:] = np.clip(tone + folds, 0, 255)
        cover.fill(np.concatenate([spline(top), bottom]), 255)
    elif kind == 2:  # hand: parallel fingers that reach over the outline
        side, tone = rng.choice([-1, 1]), rng.uniform(70, 215)
        angle = rng.uniform(-0.9, 0.9)
        along = -side * (np.cos(angle) * across + np.sin(angle) * down)
        aside = np.array([-along[1], along[0]])
        tip = points.mean(0) + side * 0.3 * across + rng.uniform(-0.1, 0.35) * down
        for k, length in enumerate((0.0, 0.06, 0.04, -0.04)):
            start = tip + (k - 1.5) * 0.1 * aside + length * along
            finger = np.stack([start, start - 1.5 * along])
            cover.stroke(finger, 255, 0.1 * unit)
            layer.stroke(finger, 0.55 * tone, 0.1 * unit)
            layer.blend(finger, tone, 0.9, 0.01 * unit, 0.065 * unit)
    else:  # a board: any convex patch
        centre = points[rng.integers(68)] + rng.normal(0, 0.05, 2) * unit
        corners = ellipse(centre, *rng.normal(0, 0.2, (2, 2)) * unit, int(rng.integers(4, 12)))
        cover.fill(corners, 255)
        layer.pixels[:] = np.clip(
            tone + noise(rng, canvas.pixels.shape, (24, 24)) * rng.uniform(0, 30), 0, 255
        )
    share = cover.pixels * np.float32(1 / 255)
    canvas.mix(np.s_[:], layer.pixels.astype(np.float32), share)
    return cover.pixels
