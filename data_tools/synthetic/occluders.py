"""What may cover a face: sunglasses, a scarf, a hand or a board."""

import numpy as np

from features.opencv import cv2

from .drawing import Canvas, ellipse, spline
from .functions import noise


def occlude(rng, canvas, points, unit):
    """Paint sunglasses, a scarf, a hand or a board over the face.

    Parameters
    ----------
    rng : numpy.random.Generator
    canvas : Canvas
        Painted on.
    points : ndarray of shape (68, 2)
        Landmarks in pixels, in the order of 300-W.
    unit : float
        Side of the face box in pixels.

    Returns
    -------
    ndarray of shape (H, W), uint8
        How far each pixel is covered, 0 to 255.
    """
    cover, layer = occluder(rng, canvas.pixels.shape, points, unit)
    paste(canvas, cover, layer)
    return cover


def occluder(rng, size, points, unit):
    """What `occlude` paints.

    Parameters
    ----------
    rng, points, unit
        As of `occlude`.
    size : (int, int)
        Height and width of the image.

    Returns
    -------
    cover, layer : ndarray of shape (H, W), uint8
        How far each pixel is covered, 0 to 255, and by which grey level.
    """
    across = points[45] - points[36]
    across = across / max(np.hypot(*across), 1e-9) * unit
    down = np.array([-across[1], across[0]])
    tone = rng.uniform(10, 240)
    cover = Canvas(np.zeros(size, np.uint8))
    layer = cover.like(tone)
    kind = OCCLUDERS[rng.integers(len(OCCLUDERS))]
    kind(rng, cover, layer, points, across, down, unit, tone)
    return cover.pixels, layer.pixels


def paste(canvas, cover, layer):
    """Replace what is covered on a canvas by the layer; see `occluder`."""
    left, top, width, height = cv2.boundingRect(cover)
    region = np.s_[top : top + height, left : left + width]
    share = cover[region] * np.float32(1 / 255)
    canvas.mix(region, layer[region].astype(np.float32), share)


def uncovered(cover, points):
    """Which landmarks no occluder covers.

    Parameters
    ----------
    cover : ndarray of shape (H, W), uint8
        As `occlude` returns it.
    points : ndarray of shape (L, 2)
        In pixels; those outside of the image, and missing ones, are not covered.

    Returns
    -------
    ndarray of shape (L,), bool
    """
    x, y = np.rint(np.nan_to_num(points, nan=-1.0)).astype(int).T
    height, width = cover.shape
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return ~inside | (cover[y.clip(0, height - 1), x.clip(0, width - 1)] < 128)


def _sunglasses(rng, cover, layer, points, across, down, unit, tone):
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


def _scarf(rng, cover, layer, points, across, down, unit, tone):
    """A scarf or a mask: everything below a line across nose or mouth."""
    start = rng.uniform(0.25, 0.9)
    top = points[[3, 33, 13]] + start * (points[[5, 57, 11]] - points[[3, 33, 13]])
    top[[0, 2]] += 0.12 * np.stack([-across, across])
    bottom = top[[2, 0]] + 2.5 * down + 0.8 * np.stack([across, -across])
    folds = noise(rng, cover.pixels.shape, rng.integers(8, 60, 2)) * rng.uniform(4, 25)
    layer.pixels[:] = np.clip(tone + folds, 0, 255)
    cover.fill(np.concatenate([spline(top), bottom]), 255)


def _hand(rng, cover, layer, points, across, down, unit, tone):
    """Parallel fingers that reach over the outline."""
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


def _board(rng, cover, layer, points, across, down, unit, tone):
    """Any convex patch."""
    cover.fill(blob(rng, points, unit), 255)
    weave = noise(rng, cover.pixels.shape, (24, 24)) * rng.uniform(0, 30)
    layer.pixels[:] = np.clip(tone + weave, 0, 255)


def blob(rng, points, unit):
    """A convex polygon near one of the points, about a fifth of the face box in radius."""
    centre = points[rng.integers(len(points))] + rng.normal(0, 0.05, 2) * unit
    return ellipse(centre, *rng.normal(0, 0.2, (2, 2)) * unit, int(rng.integers(4, 12)))


OCCLUDERS = (_sunglasses, _scarf, _hand, _board)
