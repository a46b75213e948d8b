"""Heads and poses by the name of a scheme."""

from functools import lru_cache

from features.errors import InputError

from ..schemes import get_scheme
from .published import known
from .shape import HeadShape


@lru_cache(maxsize=64)
def _head(scheme):
    found = known(scheme)
    if found is None:
        raise InputError(
            f"no head model is known for landmark scheme {scheme.name!r}; measure it "
            "with data_tools.heads.HeadShape.fit from annotated faces that turn to the sides"
        )
    return HeadShape(*found, scheme)


def head_shape(scheme):
    """The head of a scheme, measured once for 68 points and known by them for others.

    Parameters
    ----------
    scheme : Scheme or str
        face68; what it is made of in `schemes.maps` (wflw98, lapa106, helen194, inner51, face5,
        centres5); cofw29, aflw19, aflw21, bioid20 and imm58.

    Returns
    -------
    HeadShape

    Raises
    ------
    InputError
        If its landmarks are not known on the head; `HeadShape.fit` measures them from faces.

    Examples
    --------
    >>> head_shape("wflw98")
    HeadShape('wflw98', 68 of 98 landmarks)
    """
    return _head(get_scheme(scheme))


def pose(shapes, scheme="face68"):
    """Yaw, pitch and roll of faces in degrees, by the head of their scheme.

    Parameters
    ----------
    shapes : array_like of shape (L, 2) or (n, L, 2)
        Landmarks in pixels. NaN marks a missing landmark.
    scheme : Scheme or str, default "face68"
        See `head_shape`.

    Returns
    -------
    ndarray of shape (3,) or (n, 3), float64
        As `HeadShape.pose`.

    Raises
    ------
    InputError
        If the head of the scheme is not known, or shapes do not fit the scheme.

    Examples
    --------
    >>> frontal = head_shape("face68").points[:, :2] * 100
    >>> bool(abs(pose(frontal)).max() < 1e-6)
    True
    """
    return head_shape(scheme).pose(shapes)
