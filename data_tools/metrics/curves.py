"""The cumulative error distribution, the area under it and the failure rate."""

import numpy as np

from .checks import check_threshold, known_errors


def ced(errors):
    """Cumulative error distribution: the share of faces with an error of at most x.

    The curve of 300-W (Sagonas et al. 2013), exact: a step at every error instead of bins.

    Parameters
    ----------
    errors : array_like of shape (n,)
        One per face, as from `nme`. NaN is ignored; inf (a missed face) counts as a face that no x
        reaches.

    Returns
    -------
    x : ndarray of shape (k,), float64
        0, then the distinct finite errors in ascending order.
    share : ndarray of shape (k,), float64
        The share at each x, valid up to the next x; in [0, 1], non-decreasing.

    Raises
    ------
    InputError
        If there is no error, or one is negative.

    Examples
    --------
    >>> x, share = ced([0.04, 0.02, float("inf"), 0.04])
    >>> x.tolist(), share.tolist()
    ([0.0, 0.02, 0.04], [0.0, 0.25, 0.75])
    """
    errors = known_errors(errors)
    x, counts = np.unique(np.append(errors[np.isfinite(errors)], 0.0), return_counts=True)
    counts[0] -= 1  # the 0 that was added
    return x, np.cumsum(counts) / len(errors)


def auc(errors, threshold=0.08):
    """Area under the step curve `ced` from 0 to `threshold`, divided by `threshold`.

    300-W competitions cut at 0.08 of the interocular distance. The area is exact: a face with
    error e adds max(0, 1 - e / threshold) / n.

    Parameters
    ----------
    errors : array_like of shape (n,)
        As for `ced`.
    threshold : float
        Above 0.

    Returns
    -------
    float
        In [0, 1]; 1 if every error is zero.

    Raises
    ------
    InputError
        As `ced`, or if the threshold is not a positive number.

    Examples
    --------
    >>> auc([0.02, 0.04, 0.5, float("inf")], threshold=0.08)
    0.3125
    """
    return float(np.clip(1 - known_errors(errors) / check_threshold(threshold), 0, None).mean())


def failure_rate(errors, threshold=0.1):
    """Share of faces with an error above `threshold`.

    Burgos-Artizzu et al. (2013) call a face with more than 0.1 of the interocular distance a
    failure; 300-W papers also print 0.08.

    Parameters
    ----------
    errors : array_like of shape (n,)
        As for `ced`; inf is a failure.
    threshold : float
        Above 0.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        As `auc`.

    Examples
    --------
    >>> failure_rate([0.02, 0.1, 0.11, float("inf")])
    0.5
    """
    return float((known_errors(errors) > check_threshold(threshold)).mean())
