"""Measure where the annotators of a dataset put the jaw of heads that turn."""

import numpy as np

from .jaw import JawPlaces, normals
from .mesh import BETWEEN, Surface

_FINER = 8  # places that are looked at between two points of the outline
_REACH = 3.5  # landmarks along the outline within which an annotator's is looked for
_LARGEST = 45  # degrees of yaw


def measured_jaw(shapes, head):
    """The `JawPlaces` of annotated faces that turn to the sides.

    Parameters
    ----------
    shapes : ndarray of shape (n, 68, 2)
        Landmarks without gaps.
    head : HeadShape
        Of face68.
    """
    shapes = np.array(shapes, np.float64)
    yaw = head.pose(shapes)[:, 0]
    shapes[yaw < 0] = head.scheme.mirrored(shapes[yaw < 0])  # all look to the left of the image
    away = np.array([_away(shape, head) for shape in shapes])
    s = np.sin(np.radians(np.minimum(np.abs(yaw), _LARGEST)))
    # What is there without a turn is the faces' own, not the turn's.
    terms = np.column_stack([np.ones(len(s)), s, s * s])
    places = (np.linalg.lstsq(terms, away[:, k], rcond=None)[0][1:] for k in range(2))
    # Rounded, so that it is the same whatever the order of sums in linear algebra.
    return JawPlaces(*(np.round(each, 3) for each in places))


def _away(shape, head):
    """How far the jaw is from its places on the mean head's outline: (along, inward), (2, 17)."""
    surface = Surface(shape, head)
    outline = surface.outline(head.points, surface.rotation)
    at = np.arange((len(outline) - 1) * _FINER + 1) / _FINER
    outline = np.stack([np.interp(at, np.arange(len(outline)), c) for c in outline.T], -1)
    apart = np.linalg.norm(outline - shape[:17, None], axis=-1)
    steps = at / BETWEEN - np.arange(17)[:, None]
    apart[np.abs(steps) > _REACH] = np.inf
    nearest = apart.argmin(1)
    inward = ((shape[:17] - outline[nearest]) * normals(outline)[nearest]).sum(1) / surface.scale
    return steps[np.arange(17), nearest], inward
