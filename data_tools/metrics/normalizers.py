"""The length on each face that its errors are divided by."""

import numpy as np

from features.errors import InputError
from features.geometry import box_placement

from ..boxes import tight_box
from .checks import as_shapes, check_scheme, nan_mean

NORMALIZERS = ("interocular", "interpupil", "diagonal", "box")
#: Names of the normalisers, in words.
UNITS = {
    "interocular": "distance of the outer eye corners",
    "interpupil": "distance of the pupils",
    "diagonal": "diagonal of the landmarks",
    "box": "side of the face box",
}


def face_lengths(shapes, scheme, *, kind=None, boxes=None):
    """The length on each face that its errors are divided by.

    300-W (Sagonas et al. 2013) divides by the distance of the outer eye corners, "interocular".
    Earlier papers divide by the distance of the pupils, "interpupil", where a pupil is the mean of
    the landmarks around the eye; it is about 0.72 of the former, so errors look 1.4 times as large.
    On profile faces both are near zero; data sets with profiles divide by the diagonal of the
    landmarks' tight bounding box, "diagonal", or by ``sqrt(width * height)`` of the given box,
    "box".

    Parameters
    ----------
    shapes : array_like of shape (n, L, 2)
        The true landmarks.
    scheme : Scheme
        Its `eye_corners` and `pupils` are used.
    kind : {"interocular", "interpupil", "diagonal", "box"}, optional
        Without it, `Scheme.normalizer`.
    boxes : array_like of shape (n, 4), optional
        Needed for "box".

    Returns
    -------
    ndarray of shape (n,), float64
        In pixels. NaN where the landmarks that define it are missing, or it is zero.

    Raises
    ------
    InputError
        If the scheme does not say where the eyes are, `boxes` are missing, or shapes differ.
    """
    shapes = as_shapes("shapes", shapes)
    check_scheme(shapes, scheme)
    kind = scheme.normalizer if kind is None else kind
    if kind == "interocular":
        if scheme.eye_corners is None:
            raise InputError(_lacks(scheme, kind, "eye_corners"))
        right, left = (shapes[:, i] for i in scheme.eye_corners)
        length = np.hypot(*(left - right).T)
    elif kind == "interpupil":
        if scheme.pupils is None:
            raise InputError(_lacks(scheme, kind, "pupils"))
        right, left = (nan_mean(shapes[:, list(eye)]) for eye in scheme.pupils)
        length = np.hypot(*(left - right).T)
    elif kind == "diagonal":
        box = tight_box(shapes)
        length = np.hypot(*(box[:, 2:] - box[:, :2]).T)
    elif kind == "box":
        if boxes is None:
            raise InputError("the normaliser 'box' needs boxes; give them or choose another")
        boxes = np.asarray(boxes, np.float64)
        if boxes.shape != (len(shapes), 4):
            raise InputError(f"boxes must be ({len(shapes)}, 4), one a face, not {boxes.shape}")
        length = box_placement(boxes)[:, 2].astype(np.float64)
    else:
        raise InputError(f"no normaliser {kind!r}; choose one of {', '.join(NORMALIZERS)}")
    return np.where(length > 0, length, np.nan)


#: The name of the function in version 0.1.
normalizer = face_lengths


def _lacks(scheme, kind, field):
    return (
        f"scheme {scheme.name!r} has no {field}, which the normaliser {kind!r} needs; "
        "choose 'diagonal' or 'box'"
    )
