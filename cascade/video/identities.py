"""Whose face is it: faces that come back, and two faces that crossed."""

import numpy as np

from .track import distance

# A face that comes back lies no farther from where it should be, in sides, than this and so much
# more for each frame that it was away; and it is of about the same size.
_NEAR, _FARTHER, _FARTHEST = 0.6, 0.04, 1.5
_ALIKE = 1.6
# Identities change only where that explains the places clearly better.
_CLEARLY = 0.25


def returning(boxes, absent):
    """Which absent faces the boxes of new faces are.

    The assignment with the least distance between the boxes and where the faces should be by their
    motion, among pairs that are near and alike.

    Parameters
    ----------
    boxes : sequence of ndarray of shape (4,)
    absent : sequence of Track

    Returns
    -------
    list of int or None
        For each box the index of its face.
    """
    found = [None] * len(boxes)
    if not len(boxes) or not absent:
        return found
    from scipy.optimize import linear_sum_assignment

    impossible = 1e6
    costs = np.full((len(boxes), len(absent)), impossible)
    for i, box in enumerate(boxes):
        for j, track in enumerate(absent):
            expected = track.motion.expected()
            away = distance(box, expected)
            ratio = (box[2] - box[0]) / max(expected[2] - expected[0], 1e-9)
            reach = min(_NEAR + _FARTHER * track.motion.waited, _FARTHEST)
            if away <= reach and 1 / _ALIKE <= ratio <= _ALIKE:
                costs[i, j] = away
    for i, j in zip(*linear_sum_assignment(costs), strict=True):
        if costs[i, j] < impossible:
            found[i] = int(j)
    return found


def have_swapped(here, where_here, there, where_there):
    """Whether two faces that crossed are each where the other should be.

    Parameters
    ----------
    here, there : ndarray of shape (4,)
        Their boxes now, by the identities that they have now.
    where_here, where_there : ndarray of shape (4,)
        Where these identities should be by their motion before they met.
    """
    kept = distance(here, where_here) + distance(there, where_there)
    changed = distance(here, where_there) + distance(there, where_here)
    return changed + _CLEARLY < kept
