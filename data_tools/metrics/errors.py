"""Normalised errors of landmarks, faces and their parts."""

import numpy as np

from features.errors import InputError

from .checks import nan_mean, same_faces
from .normalizers import face_lengths


def landmark_errors(predicted, truth, scheme, *, kind=None, boxes=None):
    """Normalised distance of every predicted landmark from the true one.

    Parameters
    ----------
    predicted, truth : array_like of shape (n, L, 2)
        In pixels of the same image. NaN in `truth` marks a landmark that was not annotated, NaN
        in `predicted` one that was not found.
    scheme, kind, boxes
        As for `face_lengths`, of which `truth` is the shapes.

    Returns
    -------
    ndarray of shape (n, L), float64
        Fractions of the normaliser; NaN where the truth has no landmark or the face no
        normaliser, else inf where the prediction has none.

    Raises
    ------
    InputError
        If shapes do not agree, or as `face_lengths`.
    """
    predicted, truth = same_faces(predicted, truth)
    return point_errors(predicted, truth, face_lengths(truth, scheme, kind=kind, boxes=boxes))


def point_errors(predicted, truth, lengths):
    """Distance of every predicted point from the true one, in units of a length on the face.

    Used by `landmark_errors`, and for points that are not all landmarks of a scheme.

    Parameters
    ----------
    predicted, truth : array_like of shape (n, P, 2)
    lengths : array_like of shape (n,)
        In pixels; NaN where a face has none.

    Returns
    -------
    ndarray of shape (n, P), float64
        As `landmark_errors`.

    Raises
    ------
    InputError
        If shapes do not agree.
    """
    predicted, truth = same_faces(predicted, truth)
    lengths = np.asarray(lengths, np.float64)
    if lengths.shape != (len(truth),):
        raise InputError(f"lengths must be ({len(truth)},), one a face, not {lengths.shape}")
    error = np.hypot(*np.moveaxis(predicted - truth, -1, 0)) / lengths[:, None]
    known = _finite(truth) & np.isfinite(lengths)[:, None]
    return np.where(known, np.where(_finite(predicted), error, np.inf), np.nan)


def _finite(points):
    """Which of the points (n, P, 2) have two finite coordinates: (n, P)."""
    # Coordinate by coordinate: `all` over pairs would loop over two values at a time.
    finite = np.isfinite(points)
    return finite[..., 0] & finite[..., 1]


def face_errors(errors):
    """Mean of each face's errors (n, P): (n,), as `nme` describes it."""
    return nan_mean(np.asarray(errors, np.float64)[:, :, None])[:, 0]


def nme(predicted, truth, scheme, *, kind=None, boxes=None):
    """Normalised mean error of every face: the mean of its `landmark_errors`.

    Parameters
    ----------
    predicted, truth, scheme, kind, boxes
        As for `landmark_errors`.

    Returns
    -------
    ndarray of shape (n,), float64
        Landmarks missing in the truth are ignored. A face without any, or without normaliser, is
        NaN, and summaries ignore it. A face with a landmark that was not found is inf: a failure at
        any threshold.

    Raises
    ------
    InputError
        As `landmark_errors`.
    """
    return face_errors(landmark_errors(predicted, truth, scheme, kind=kind, boxes=boxes))


def landmark_means(errors):
    """Mean error of each landmark over the faces that have it; misses are ignored.

    Parameters
    ----------
    errors : array_like of shape (n, L)
        As from `landmark_errors`.

    Returns
    -------
    ndarray of shape (L,), float64
        NaN for a landmark that was not found in any face.

    Examples
    --------
    >>> landmark_means([[0.02, 0.1], [0.04, float("inf")]]).tolist()
    [0.03, 0.1]
    """
    errors = np.asarray(errors, np.float64)
    finite = np.where(np.isfinite(errors), errors, np.nan)
    return nan_mean(finite.T[:, :, None])[:, 0]
