"""Arithmetic of face boxes (left, top, right, bottom)."""

import numpy as np


def iou(a, b):
    """Intersection over union of every box of `a` with every box of `b`.

    Parameters
    ----------
    a : array_like of shape (n, 4)
    b : array_like of shape (m, 4)
        Boxes (left, top, right, bottom).

    Returns
    -------
    ndarray of shape (n, m), float64
        In [0, 1]; 0 where neither box has an area.

    Examples
    --------
    >>> iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]]).round(3).tolist()
    [[0.333, 0.0]]
    """
    common, areas, others = _areas(a, b)
    union = areas + others - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def coverage(a, b):
    """Share of the area of every box of `a` that lies in every box of `b`.

    Parameters
    ----------
    a : array_like of shape (n, 4)
    b : array_like of shape (m, 4)
        Boxes (left, top, right, bottom).

    Returns
    -------
    ndarray of shape (n, m), float64
        In [0, 1]; 0 where the box of `a` has no area.

    Examples
    --------
    >>> coverage([[0, 0, 2, 2]], [[1, 0, 9, 9], [-5, -5, 5, 5]]).tolist()
    [[0.5, 1.0]]
    """
    common, areas, _ = _areas(a, b)
    return np.divide(common, areas, out=np.zeros_like(common), where=areas > 0)


def _areas(a, b):
    """Areas of the intersections (n, m), and areas of the boxes themselves (n, 1) and (1, m)."""
    a = np.asarray(a, np.float64).reshape(-1, 1, 4)
    b = np.asarray(b, np.float64).reshape(1, -1, 4)
    corner = np.maximum(a[..., :2], b[..., :2])
    common = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - corner, 0, None).prod(-1)
    return common, (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)


def tight_box(shapes):
    """The smallest box around the landmarks that are not missing.

    Parameters
    ----------
    shapes : array_like of shape (..., L, 2)
        NaN marks a missing landmark.

    Returns
    -------
    ndarray of shape (..., 4), float64
        (left, top, right, bottom); NaN for a shape without any landmark.

    Examples
    --------
    >>> tight_box([[3, 4], [float("nan"), float("nan")], [1, 9]]).tolist()
    [1.0, 4.0, 3.0, 9.0]
    """
    shapes = np.asarray(shapes, np.float64)
    seen = np.isfinite(shapes).all(-1, keepdims=True)
    low = np.where(seen, shapes, np.inf).min(-2)
    high = np.where(seen, shapes, -np.inf).max(-2)
    box = np.concatenate([low, high], -1)
    return np.where(np.isfinite(box), box, np.nan)
