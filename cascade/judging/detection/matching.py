"""Matching of detected boxes to annotated faces."""

from typing import NamedTuple

import numpy as np

from data_tools.boxes import coverage, iou

# A box that lies in an ignored box by this share of its own area does not count.
INSIDE = 0.5
RIGHT, WRONG, UNCOUNTED = 1, 0, -1


class Matching(NamedTuple):
    """The matched boxes of a photograph.

    Attributes
    ----------
    verdicts : ndarray of shape (n,), int8
        For each box `RIGHT`, `WRONG`, or `UNCOUNTED` if it lies on an ignored face only.
    face : ndarray of shape (n,), int64
        The annotated face that each right box belongs to; -1 for the others.
    """

    verdicts: np.ndarray
    face: np.ndarray


def match(boxes, scores, faces, ignored, overlap=0.5):
    """Match the boxes of a photograph to its faces, in order of descending score.

    Each box takes the face that it overlaps most among those not yet taken, if their intersection
    over union reaches `overlap`, as in PASCAL VOC and COCO. Since boxes with higher scores do not
    depend on those with lower ones, one matching holds for every threshold.

    Parameters
    ----------
    boxes : array_like of shape (n, 4)
    scores : array_like of shape (n,)
    faces : array_like of shape (k, 4)
    ignored : array_like of shape (m, 4)
        Ignored boxes: a detected box that matches no face but overlaps one of them by `overlap`, or
        has half of its area inside it, is not counted.
    overlap : float in (0, 1]

    Returns
    -------
    Matching

    Examples
    --------
    >>> found = match([[0, 0, 9, 9], [0, 0, 10, 10]], [1, 2], [[0, 0, 10, 10]], [])
    >>> found.verdicts.tolist(), found.face.tolist()
    ([0, 1], [-1, 0])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    faces = np.asarray(faces, np.float64).reshape(-1, 4)
    ignored = np.asarray(ignored, np.float64).reshape(-1, 4)
    shares = iou(boxes, faces)
    aside = (iou(boxes, ignored) >= overlap) | (coverage(boxes, ignored) >= INSIDE)
    verdicts = np.full(len(boxes), WRONG, np.int8)
    face = np.full(len(boxes), -1, np.int64)
    free = np.ones(len(faces), bool)
    for i in np.argsort(-np.asarray(scores, np.float64), kind="stable"):
        open_shares = np.where(free, shares[i], 0.0)
        best = int(open_shares.argmax()) if len(faces) else -1
        if len(faces) and open_shares[best] >= overlap:
            free[best] = False
            verdicts[i], face[i] = RIGHT, best
        elif aside[i].any():
            verdicts[i] = UNCOUNTED
    return Matching(verdicts, face)
