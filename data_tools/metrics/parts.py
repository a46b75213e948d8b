"""Errors of the parts of a face, and the parts of a set of faces."""

import numpy as np

from features.errors import InputError

from .errors import face_errors


def part_errors(errors, scheme):
    """Mean error of each face in every facial part (group of the scheme).

    Parameters
    ----------
    errors : array_like of shape (n, L)
        As from `landmark_errors`.
    scheme : Scheme
        Its `groups` name the landmarks of the parts.

    Returns
    -------
    dict of str to ndarray of shape (n,), float64
        By part, in the order of the scheme; NaN and inf as in `nme`.

    Raises
    ------
    InputError
        If the errors do not fit the scheme.
    """
    errors = np.asarray(errors, np.float64)
    if errors.ndim != 2 or errors.shape[1] != scheme.n_points:
        raise InputError(
            f"errors {errors.shape} do not fit the scheme {scheme.name!r} of {scheme.n_points} "
            "landmarks; give those of landmark_errors"
        )
    groups = scheme.groups.items()
    return {name: face_errors(errors[:, list(points)]) for name, (points, _) in groups}


def subset_masks(labels):
    """Which faces belong to each subset of a column of labels.

    Parameters
    ----------
    labels : sequence of n str
        The subset of each face, such as "common" or "challenging"; an empty one belongs to none.

    Returns
    -------
    dict of str to ndarray of shape (n,), bool
        By label, in the order of their first face.

    Examples
    --------
    >>> {name: mask.tolist() for name, mask in subset_masks(["a", "", "b", "a"]).items()}
    {'a': [True, False, False, True], 'b': [False, False, True, False]}
    """
    labels = np.array([str(label) for label in labels], dtype=object)
    return {name: labels == name for name in dict.fromkeys(labels.tolist()) if name}
