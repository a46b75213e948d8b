"""Numba kernels that thin out and gather windows of the same face."""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def _overlap(a, b):
    """Intersection over union of two squares (centre x, centre y, side)."""
    half_a, half_b = a[2] / 2, b[2] / 2
    width = min(a[0] + half_a, b[0] + half_b) - max(a[0] - half_a, b[0] - half_b)
    height = min(a[1] + half_a, b[1] + half_b) - max(a[1] - half_a, b[1] - half_b)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a[2] * a[2] + b[2] * b[2] - common)


@njit(nogil=True, cache=True)
def thin(squares, order, overlap, most, keep):
    """Keep a window unless enough better ones overlap it.

    Parameters
    ----------
    squares : (n, 3) float64
        Centre and side.
    order : (n,) int64
        Best first.
    overlap : float
        Windows that overlap more than this look at the same thing.
    most : int
        As many of them are kept.
    keep : (n,) bool
        Overwritten.
    """
    kept, n_kept = np.empty(order.shape[0], np.int64), 0
    for i in order:
        count = 0
        for k in range(n_kept):
            if _overlap(squares[i], squares[kept[k]]) > overlap:
                count += 1
                if count == most:
                    break
        keep[i] = count < most
        if keep[i]:
            kept[n_kept] = i
            n_kept += 1


@njit(nogil=True, cache=True)
def group(squares, order, same, apart, labels):
    """Gather windows around the best ones.

    Parameters
    ----------
    squares, order
        As of `thin`.
    same : float
        Windows that overlap the best one more than this belong to its group.
    apart : float
        Others that overlap it more than this, or lie within it, belong to none.
    labels : (n,) int64
        Overwritten: number of the group, best first, or -1.

    Returns
    -------
    int
        Groups.
    """
    labels[:] = -2
    n_groups = 0
    for best in order:
        if labels[best] != -2:
            continue
        x, y, half = squares[best, 0], squares[best, 1], squares[best, 2] / 2
        for k in range(squares.shape[0]):
            if labels[k] != -2:
                continue
            overlap = _overlap(squares[best], squares[k])
            within = abs(squares[k, 0] - x) < half and abs(squares[k, 1] - y) < half
            if overlap > same or k == best:
                labels[k] = n_groups
            elif overlap > apart or (within and squares[k, 2] < squares[best, 2]):
                labels[k] = -1
        n_groups += 1
    return n_groups
