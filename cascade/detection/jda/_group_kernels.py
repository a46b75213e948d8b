"""Numba kernels that thin out and gather windows of the same face."""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def _overlap(dx, dy, side, other):
    """Intersection over union of two squares whose centres lie dx and dy apart."""
    half = (side + other) / 2
    width, height = half - abs(dx), half - abs(dy)
    if width <= 0 or height <= 0:
        return 0.0
    # A square within the other shares no more than its own side.
    width, height = min(width, side, other), min(height, side, other)
    common = width * height
    return common / (side * side + other * other - common)


@njit(nogil=True, cache=True)
def _apart(turn, other, most):
    """Whether two angles in degrees differ by more than `most`."""
    difference = abs(turn - other) % 360.0
    return min(difference, 360.0 - difference) > most


@njit(nogil=True, cache=True)
def thin(squares, turns, order, overlap, differing, most, keep):
    """Keep a window unless enough better ones overlap it.

    Parameters
    ----------
    squares : (n, 3) float64
        Centre and side.
    turns : (n,) float64
        Angles in degrees.
    order : (n,) int64
        Best first.
    overlap : float
        Above a third. Windows that overlap more than this look at the same thing, ...
    differing : float
        ... if their angles differ by no more than this.
    most : int
        As many of them are kept.
    keep : (n,) bool
        Overwritten.
    """
    kept, n_kept = np.empty((4, order.shape[0])), 0
    xs, ys, sides, angles = kept[0], kept[1], kept[2], kept[3]
    for i in order:
        x, y, side = squares[i, 0], squares[i, 1], squares[i, 2]
        count = 0
        for k in range(n_kept):
            if abs(xs[k] - x) >= side or _apart(turns[i], angles[k], differing):
                continue
            if _overlap(xs[k] - x, ys[k] - y, side, sides[k]) > overlap:
                count += 1
                if count == most:
                    break
        keep[i] = count < most
        if keep[i]:
            xs[n_kept], ys[n_kept], sides[n_kept], angles[n_kept] = x, y, side, turns[i]
            n_kept += 1


@njit(nogil=True, cache=True)
def group(squares, turns, order, differing, same, apart, labels):
    """Gather windows around the best ones.

    Parameters
    ----------
    squares, turns, order, differing
        As of `thin`; windows whose angles differ by more have nothing to do with one another.
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
        x, y, side = squares[best, 0], squares[best, 1], squares[best, 2]
        for k in range(squares.shape[0]):
            if labels[k] != -2 or _apart(turns[best], turns[k], differing):
                continue
            dx, dy = squares[k, 0] - x, squares[k, 1] - y
            overlap = _overlap(dx, dy, side, squares[k, 2])
            within = abs(dx) < side / 2 and abs(dy) < side / 2
            if overlap > same or k == best:
                labels[k] = n_groups
            elif overlap > apart or (within and squares[k, 2] < side):
                labels[k] = -1
        n_groups += 1
    return n_groups


@njit(nogil=True, cache=True)
def average(rows, weights, labels, out):
    """Weighted means of the rows of each group.

    Parameters
    ----------
    rows : (n, m) float64
    weights : (n,) float64
        Above 0.
    labels : (n,) int64
        Group of each row; those below 0 are left out.
    out : (n_groups, m) float64
        Overwritten.
    """
    sums = np.zeros(out.shape[0])
    out[:] = 0
    for i in range(rows.shape[0]):
        if labels[i] >= 0:
            sums[labels[i]] += weights[i]
            for k in range(rows.shape[1]):
                out[labels[i], k] += weights[i] * rows[i, k]
    for g in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[g, k] /= sums[g]
