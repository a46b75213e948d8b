"""How far eyes and mouth are open, from the landmarks of their outlines."""

import numpy as np

# For each measure, the groups of a scheme that it can be computed from; the first that exists is
# used.
_GROUPS = {
    "mouth": ("inner_lip", "mouth", "outer_lip"),
    "right_eye": ("right_eye",),
    "left_eye": ("left_eye",),
}
#: What `openings` may measure.
OPENINGS = tuple(_GROUPS)


def measurable(scheme):
    """The measures of `OPENINGS` that a scheme supports, each with its landmarks in order.

    The landmarks form closed lines of at least four points that begin in one corner; the other
    corner is half-way round.

    Parameters
    ----------
    scheme : Scheme

    Returns
    -------
    dict of str to ndarray of shape (k,), intp
    """
    found = {}
    for name, groups in _GROUPS.items():
        for group in groups:
            points, closed = scheme.groups.get(group, ((), False))
            if closed and len(points) >= 4:
                found[name] = np.array(points, np.intp)
                break
    return found


def openings(shapes, scheme):
    """Height over width of the eyes and of the mouth.

    The width is the distance of the corners; the height is the area between the lids or lips
    divided by the width, that is, their mean distance. An open eye has about 0.2 to 0.3, a shut one
    less than 0.1. People differ, so compare with other frames of the same person.

    Parameters
    ----------
    shapes : array_like of shape (n, L, 2)
    scheme : Scheme

    Returns
    -------
    dict of str to ndarray of shape (n,), float64
        ``mouth``, ``right_eye`` and ``left_eye``, the person's own, as far as the scheme has them:
        ``inner_lip`` where there is one, else the outline of the mouth. NaN where landmarks are
        missing or the corners coincide.

    Examples
    --------
    >>> from data_tools.schemes import Scheme
    >>> eye = Scheme("eye", 4, groups={"left_eye": ((0, 1, 2, 3), True)})
    >>> openings([[[0, 0], [5, -2], [10, 0], [5, 2]]], eye)["left_eye"].tolist()
    [0.2]
    """
    shapes = np.asarray(shapes, np.float64)
    found = {}
    for name, points in measurable(scheme).items():
        x, y = np.moveaxis(shapes[:, points], -1, 0)
        area = np.abs((x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(1)) / 2
        half = len(points) // 2
        width = np.hypot(x[:, half] - x[:, 0], y[:, half] - y[:, 0])
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name] = np.where(width > 0, area / width**2, np.nan)
    return found
