"""More points on the drawn head: schemes of any number of landmarks from 68 on.

The first 68 are the landmarks of 300-W. The others lie on the surface of the face, spread evenly
over its frontal view, each with a counterpart in the mirror. They move with the features around
them: on the frontal view, a thin-plate spline through the landmarks says where identity and
expression take each point; then the surface gives it depth, and the head turns it. Points on the
far side of a turned head stay where they are projected to.
"""

from functools import lru_cache

import numpy as np

from ..schemes import FACE68, Scheme
from .head import BROWS, EYES, MOUTH, NOSE, half_width

N_LANDMARKS = 68
# Heights between which points lie, and how near to the edge of the face: the forehead below the
# hair, and no place where the surface is seen from its side alone.
_TOP, _BOTTOM, _WITHIN = -0.54, 0.46, 0.94
# Steps of the sequence that fills a square most evenly: powers of the plastic number (Roberts 2018,
# "The Unreasonable Effectiveness of Quasirandom Sequences").
_STEPS = np.array([0.7548776662466927, 0.5698402909980532])
# Landmarks that take points with them: brows, nose, eyes, outer lips. Inner lips lie on one another
# where the mouth is shut.
_LEADERS = np.arange(17, 60)
# Landmarks on the outline, where nothing moves, hold the spline.
_N_STAYING = 24


def dense_scheme(n_points):
    """The scheme of drawn faces with `n_points` landmarks.

    Parameters
    ----------
    n_points : int
        68 or more; 68 is the scheme of 300-W itself.

    Returns
    -------
    Scheme
        With flip index, eye corners, pupils and the groups of the 68 to draw.

    Examples
    --------
    >>> dense_scheme(1000).n_points
    1000
    """
    if n_points == N_LANDMARKS:
        return FACE68
    n = n_points - N_LANDMARKS
    pairs = np.arange(n // 2 * 2) ^ 1
    middle = np.arange(n // 2 * 2, n)
    further = (N_LANDMARKS + np.concatenate([pairs, middle])).tolist()
    return Scheme(
        f"drawn{n_points}",
        n_points,
        flip=(*FACE68.flip, *further),
        groups=FACE68.groups,
        eye_corners=FACE68.eye_corners,
        pupils=FACE68.pupils,
    )


def further_points(head, n):
    """`n` points of a head besides its landmarks.

    Parameters
    ----------
    head : Head
    n : int

    Returns
    -------
    ndarray of shape (n, 3), float64
        After the rotation, in units of the face box.
    """
    frontal, weights = frontal_points(n), _following(n)
    leaders = np.concatenate([*map(head.brow_points, (0, 1)), head.nose_points(),
                              *map(head.eye_points, (0, 1))])  # fmt: skip
    mouth, drop = head.mouth_points()
    moved = np.concatenate([leaders, mouth[:12]]) - _resting()
    x, y = (frontal + weights @ moved).T
    # The jaw lowers the lips as far as it lowers their landmarks, other points as it does the skin.
    given = np.concatenate([np.zeros(len(leaders)), drop[:12]])
    own = head.jaw_share(*_resting().T)
    return head.place(x, y, head.jaw_share(x, y) + weights @ (given - own))


@lru_cache(maxsize=8)
def frontal_points(n):
    """Where `n` points lie on the frontal view of the mean head, (n, 2): the image-left one and the
    image-right one of each pair in turn, and if `n` is odd, one on the middle line."""
    left, k = [], 0
    while len(left) < n // 2:
        k += 1
        u, v = (0.5 + k * _STEPS) % 1
        x, y = 0.01 + 0.49 * u, _TOP + (_BOTTOM - _TOP) * v
        if x < _WITHIN * half_width(y):
            left.append((-x, y))
    left = np.array(left).reshape(-1, 2)
    pairs = np.stack([left, left * [-1, 1]], 1).reshape(-1, 2)
    return np.concatenate([pairs, np.full((n % 2, 2), [0.0, _TOP])])


def _resting():
    """The landmarks that take points with them, on the frontal view of the mean head, (43, 2)."""
    return np.concatenate([*BROWS, NOSE, *EYES, MOUTH[:12]])


@lru_cache(maxsize=8)
def _following(n):
    """Weights (n, 43) of the landmarks' displacements in those of `n` points: a thin-plate spline
    (Bookstein 1989) that stays where it is along the outline."""
    y = np.linspace(_TOP - 0.1, _BOTTOM, _N_STAYING // 2)
    edge = np.stack([half_width(y), y], -1)
    knots = np.concatenate([_resting(), edge * [-1, 1], edge])
    system = np.zeros((len(knots) + 3, len(knots) + 3))
    system[:-3, :-3] = _bend(knots, knots)
    system[:-3, -3:] = np.column_stack([np.ones(len(knots)), knots])
    system[-3:, :-3] = system[:-3, -3:].T
    points = frontal_points(n)
    values = np.column_stack([_bend(points, knots), np.ones(len(points)), points])
    return np.linalg.solve(system.T, values.T).T[:, : len(_LEADERS)]


def _bend(points, knots):
    squared = np.square(points[:, None] - knots).sum(-1)
    return squared * np.log(np.maximum(squared, 1e-12))
