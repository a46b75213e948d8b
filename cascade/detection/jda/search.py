"""Where an image is searched, and how the windows that were found make boxes."""

import math
from dataclasses import dataclass

import numpy as np

from features.geometry import similarity

from . import _group_kernels as kernels
from .boosting import SCORE_UNIT
from .windows import from_level, level_of

#: Share of a window's side by which it may reach beyond the image.
BEYOND = 0.2
#: Boxes that overlap more than this are of the same face, ...
SAME = 0.5
# ... and those that overlap more than this are not two faces.
APART = 0.3
#: How much wider steps are, and how many times farther apart sizes (in logarithms), of the windows
#: of all angles but the first: faces that are turned are few, and more than one angle finds them.
WIDER, FARTHER = 1.25, 1.3
#: Windows that are turned by more degrees from one another are not averaged.
DIFFERING = 35.0
# Of windows that overlap more than this, so many go through the stages.
ALIKE, MOST_ALIKE = 0.6, 4


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
        In degrees, by which windows are turned; the first one is searched densely.
    phases : Generator, optional
        Shifts the places of each size by random parts of a step.
    max_side : float, optional
        Side of the largest windows; without it, a little more than the image's shorter one.

    Returns
    -------
    ndarray of shape (n_sizes, 8), float64
    """
    largest, rows = max_side or min(shape) * 1.25, []
    for k, angle in enumerate(angles):
        cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        wider, farther = (WIDER, FARTHER) if k else (1.0, 1.0)
        side = min_side
        while side <= largest:
            level = level_of(side)
            local = side / 2**level
            phase = (0.0, 0.0) if phases is None else phases.random(2)
            rows.append((level, local, cosine, sine, *phase, max(1.0, wider * step * local),
                         0.5 - BEYOND))  # fmt: skip
            side *= factor**farther
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


def squares_of(shapes, mean):
    """Square boxes of shapes (n, L, 2): centre x and y and side (n, 3) float64, as they lie to the
    mean shape in the box frame."""
    return _squares(*similarity(mean[None], shapes))


def _squares(linear, shift):
    return np.column_stack([shift, np.hypot(linear[:, 0], linear[:, 1])]).astype(np.float64)


def boxes_of(squares):
    """Squares (n, 3) as boxes (n, 4)."""
    half = squares[:, 2:] / 2
    return np.hstack([squares[:, :2] - half, squares[:, :2] + half])


def turns_of(linear):
    """Angles in degrees of similarities (n, 2): see `features.geometry.similarity`."""
    return np.degrees(np.arctan2(linear[:, 1], linear[:, 0])).astype(np.float64)


def thinned(squares, turns, scores):
    """Which windows are worth the stages: a few of those that look at the same thing."""
    keep = np.empty(len(squares), bool)
    order = np.argsort(-scores, kind="stable")
    kernels.thin(squares, turns, order, ALIKE, DIFFERING, MOST_ALIKE, keep)
    return keep


def one_each(found):
    """The surest of the faces that overlap: the same one found at several angles."""
    boxes = found.boxes.astype(np.float64)
    squares = np.column_stack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2] - boxes[:, 0]])
    order = np.argsort(-found.scores, kind="stable")
    labels = np.empty(len(found), np.int64)
    n = kernels.group(squares, np.zeros(len(found)), order, 180.0, APART, APART, labels)
    chosen = order[labels[order] >= 0]
    _, first = np.unique(labels[chosen], return_index=True)
    return found.subset(chosen[first[:n]])


def gather(shapes, scores, mean):
    """One face for all windows that found it at about the same angle.

    Parameters
    ----------
    shapes : ndarray of shape (n, L, 2)
        In pixels, one a window.
    scores : ndarray of shape (n,), int64
    mean : ndarray of shape (L, 2)
        Mean shape in the box frame.

    Returns
    -------
    Found
        With the sums of the windows' scores, surest first.
    """
    linear, shift = similarity(mean[None], shapes)
    squares, turns = _squares(linear, shift), turns_of(linear)
    sound = np.isfinite(squares).all(1) & (squares[:, 2] > 4) & (np.abs(squares) < 1e7).all(1)
    squares, shapes, scores = squares[sound], shapes[sound], scores[sound] / SCORE_UNIT
    labels, order = np.empty(len(squares), np.int64), np.argsort(-scores, kind="stable")
    n = kernels.group(squares, turns[sound], order, DIFFERING, SAME, APART, labels)
    if not n:
        return Found.none(len(mean))
    inside = labels >= 0
    sums = np.bincount(labels[inside], scores[inside], n)
    least = np.full(n, np.inf)
    np.minimum.at(least, labels[inside], scores[inside])
    # The worst window of a group counts next to nothing.
    weights = scores - least[labels] + 1e-3
    means = np.empty((n, 3 + shapes[0].size))
    kernels.average(np.column_stack([squares, shapes.reshape(len(shapes), -1)]), weights, labels,
                    means)  # fmt: skip
    found = Found(
        boxes_of(means[:, :3]).astype(np.float32),
        sums.astype(np.float32),
        means[:, 3:].reshape(n, -1, 2).astype(np.float32),
    )
    return found.subset(np.argsort(-found.scores, kind="stable"))
