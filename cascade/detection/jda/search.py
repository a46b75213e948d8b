"""Where an image is searched, and how the windows that were found make boxes."""

import math
from dataclasses import dataclass

import numpy as np

from data_tools.boxes import iou
from features.geometry import similarity

from .boosting import SCORE_UNIT
from .windows import from_level, level_of

#: Share of a window's side by which it may reach beyond the image.
BEYOND = 0.2
#: Boxes that overlap more than this are of the same face, ...
SAME = 0.5
# ... and those that overlap more than this are not two faces.
APART = 0.3


def plan_search(shape, min_side, factor, step, angles=(0.0,), phases=None, max_side=None):
    """Sizes and places of the windows of an image, as rows for the kernel `scan`.

    Parameters
    ----------
    shape : (int, int)
        Height and width.
    min_side : float
        Side of the smallest windows, in pixels.
    factor : float
        Between one size and the next.
    step : float
        Between neighbouring windows, in their sides.
    angles : sequence of float
        In degrees, by which windows are turned.
    phases : Generator, optional
        Shifts the places of each size by random parts of a step.
    max_side : float, optional
        Side of the largest windows; without it, a little more than the image's shorter one.

    Returns
    -------
    ndarray of shape (n_sizes, 8), float64
    """
    rows = []
    largest = max_side or min(shape) * 1.25
    side = min_side
    while side <= largest:
        level = level_of(side)
        local = side / 2**level
        for angle in angles:
            turn = math.radians(angle)
            phase = (0.0, 0.0) if phases is None else phases.random(2)
            rows.append((level, local, math.cos(turn), math.sin(turn), *phase,
                         max(1.0, step * local), 0.5 - BEYOND))  # fmt: skip
        side *= factor
    return np.array(rows, np.float64).reshape(-1, 8)


def windows_of(found, plan):
    """Windows of an image as (centre x, centre y, side) in its pixels, and their scores."""
    row = found[:, 0]
    levels = plan[row, 0].astype(int)
    centres = from_level(found[:, 1:3], levels)
    sides = plan[row, 1] * 2.0**levels
    return np.column_stack([centres, sides]), found[:, 3].astype(np.float64)


@dataclass(frozen=True)
class Found:
    """Faces of an image.

    Attributes
    ----------
    boxes : ndarray of shape (n, 4), float32
        Square, as the boxes of the training lie to the landmarks.
    scores : ndarray of shape (n,), float32
    shapes : ndarray of shape (n, L, 2), float32
        Landmarks in pixels.
    """

    boxes: np.ndarray
    scores: np.ndarray
    shapes: np.ndarray

    def __len__(self):
        return len(self.boxes)

    def subset(self, rows):
        """The faces `rows`, an index, a slice or a mask."""
        return Found(self.boxes[rows], self.scores[rows], self.shapes[rows])

    @classmethod
    def none(cls, n_landmarks):
        """No face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32),
                   np.zeros((0, n_landmarks, 2), np.float32))  # fmt: skip


def gather(shapes, scores, mean, min_score):
    """One face for all windows that found it.

    Parameters
    ----------
    shapes : ndarray of shape (n, L, 2)
        In pixels, one a window.
    scores : ndarray of shape (n,), int64
    mean : ndarray of shape (L, 2)
        Mean shape in the box frame.
    min_score : float

    Returns
    -------
    Found
    """
    linear, shift = similarity(mean[None], shapes)
    linear, shift = linear.astype(np.float64), shift.astype(np.float64)
    half = np.hypot(linear[:, 0], linear[:, 1])[:, None] / 2
    boxes = np.hstack([shift - half, shift + half])
    sound = np.isfinite(boxes).all(1) & (half[:, 0] > 2)
    order = np.argsort(-scores[sound], kind="stable")
    boxes, shapes, scores = (a[sound][order] for a in (boxes, shapes, scores / SCORE_UNIT))
    alive = np.ones(len(boxes), bool)
    kept = []
    for k in range(len(boxes)):
        if not alive[k]:
            continue
        overlap = iou(boxes[k], boxes)[0]
        near = alive & (overlap > SAME)
        # What lies within a face, an eye or a mouth, is none of its own.
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        within = ((centres > boxes[k, :2]) & (centres < boxes[k, 2:])).all(1)
        within &= boxes[:, 2] - boxes[:, 0] < boxes[k, 2] - boxes[k, 0]
        alive &= ~(near | within | (overlap > APART))
        score = scores[near].sum()
        weight = scores[near] - scores[near].min() + 1e-3
        weight /= weight.sum()
        kept.append((score, weight @ boxes[near], np.tensordot(weight, shapes[near], 1)))
    kept = [face for face in kept if face[0] >= min_score]
    kept.sort(key=lambda face: -face[0])
    if not kept:
        return Found.none(len(mean))
    scores, boxes, shapes = (np.array(part, np.float32) for part in zip(*kept, strict=True))
    return Found(boxes, scores, shapes)
