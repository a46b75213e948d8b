"""The box of a face, computed from its landmarks."""

import numpy as np

from data_tools.boxes import iou
from features.geometry import rotate, similarity

# A shape that fits the mean shape worse than this is no face: the root mean square distance of
# its landmarks after the best similarity, in box sides. Of 403 faces of 300-W, the worst has 0.14.
# Below, a cascade finds face-like shapes on any background, which only a detector unmasks.
MAX_MISFIT = 0.16
# The box computed from a face's landmarks covers most of the box that they were found in.
MIN_OVERLAP = 0.3
MIN_SIDE = 16.0


def box_of(shape, mean):
    """The box in which the model expects the landmarks `shape`, and the misfit.

    Parameters
    ----------
    shape : ndarray of shape (L, 2)
        In pixels.
    mean : ndarray of shape (L, 2)
        The mean shape in the box frame.

    Returns
    -------
    box : ndarray of shape (4,), float64
        Square: its centre and side are those of the box frame after the similarity that takes
        `mean` nearest to `shape`.
    misfit : float
        Root mean square distance of the landmarks that is left, in sides of the box.

    Examples
    --------
    >>> mean = np.array([[-0.25, -0.25], [0.25, -0.25], [0.0, 0.25]])
    >>> box, misfit = box_of(40 * mean + [100, 60], mean)
    >>> box.tolist(), round(misfit, 6)
    ([80.0, 40.0, 120.0, 80.0], 0.0)
    """
    linear, shift = similarity(mean[None], np.asarray(shape)[None])
    side = float(np.hypot(*linear[0]))
    left = np.asarray(shape, np.float64) - rotate(mean[None], linear)[0] - shift[0]
    misfit = float(np.sqrt((left**2).sum(-1).mean())) / max(side, 1e-9)
    (cx, cy), half = shift[0].astype(np.float64), side / 2
    return np.array([cx - half, cy - half, cx + half, cy + half]), misfit


def is_face(box, misfit, before):
    """Whether landmarks look like a face, and lie in the box where it was searched for.

    Parameters
    ----------
    box, misfit
        As `box_of` returns them.
    before : ndarray of shape (4,)
        The box that the landmarks were found in.
    """
    return bool(
        misfit <= MAX_MISFIT
        and box[2] - box[0] >= MIN_SIDE
        and iou(box, before)[0, 0] >= MIN_OVERLAP
    )
