"""Shapes drawn without their photograph."""

import numpy as np

from features.errors import InputError

from .plots import overlay
from .schemes import scheme_for


def shapes_as_picture(shapes, visible=None, side=320):
    """Shapes on a dark ground, as large as fits.

    Parameters
    ----------
    shapes : ndarray of shape (n, L, 2)
        NaN where a landmark is missing.
    visible : ndarray of shape (n, L), bool, optional
        Covered landmarks are drawn in another colour.
    side : int
        Long side of the picture in pixels.

    Returns
    -------
    Picture or None
        None where there is no landmark to draw.
    """
    known = shapes[np.isfinite(shapes).all(-1)]
    if not len(known):
        return None
    low, high = known.min(0), known.max(0)
    scale = 0.9 * side / max(float((high - low).max()), 1e-6)
    size = np.ceil((high - low) * scale + 0.1 * side).astype(int)
    canvas = np.full((size[1], size[0], 3), 40, np.uint8)
    try:
        scheme = scheme_for(shapes.shape[1])
    except InputError:  # no usual scheme has so many
        scheme = None
    return overlay(canvas, (shapes - low) * scale + 0.05 * side, scheme, visible=visible)
