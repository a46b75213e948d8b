"""Heads of the built-in schemes: where the 68-point head has their landmarks."""

import numpy as np

from ..schemes import FACE68
from ..schemes.maps import MAPS, within
from .face68 import ROWS

_RIGHT_EYE, _LEFT_EYE = tuple(range(36, 42)), tuple(range(42, 48))
_LIPS = (62, 66)
_NOWHERE = ()


# Each landmark as the mean of some of the 68, () where these have nothing near. Near enough for a
# pose, not the same points: for errors see `schemes.maps`.
NEAR = {
    "cofw29": (
        (17,), (26,), (21,), (22,), (19,), _NOWHERE, (24,), _NOWHERE,
        (36,), (45,), (39,), (42,), (37, 38), (40, 41), (43, 44), (46, 47), _RIGHT_EYE, _LEFT_EYE,
        (31,), (35,), (30,), (33,), (48,), (54,), (51,), (62,), (66,), (57,), (8,),
    ),
    "aflw19": (
        (17,), (19,), (21,), (22,), (24,), (26,), (36,), _RIGHT_EYE, (39,), (42,), _LEFT_EYE, (45,),
        (31,), (30,), (35,), (48,), _LIPS, (54,), (8,),
    ),
    "aflw21": (
        (17,), (19,), (21,), (22,), (24,), (26,), (36,), _RIGHT_EYE, (39,), (42,), _LEFT_EYE, (45,),
        _NOWHERE, (31,), (30,), (35,), _NOWHERE, (48,), _LIPS, (54,), (8,),
    ),
    "bioid20": (
        _RIGHT_EYE, _LEFT_EYE, (48,), (54,), (17,), (21,), (22,), (26,), _NOWHERE,
        (36,), (39,), (42,), (45,), _NOWHERE, (30,), (32,), (34,), (51,), (57,), (8,),
    ),
    # Outlines with other steps than 300-W's are left out but for the chin.
    "imm58": (
        *[_NOWHERE] * 6, (8,), *[_NOWHERE] * 6,
        (45,), _NOWHERE, (43, 44), _NOWHERE, (42,), _NOWHERE, (46, 47), _NOWHERE,
        (36,), _NOWHERE, (37, 38), _NOWHERE, (39,), _NOWHERE, (40, 41), _NOWHERE,
        (22,), _NOWHERE, (24,), _NOWHERE, (26,), (21,), _NOWHERE, (19,), _NOWHERE, (17,),
        (48,), _NOWHERE, (51,), _NOWHERE, (54,), _NOWHERE, (57,), _NOWHERE,
        *[_NOWHERE] * 5, (33,), *[_NOWHERE] * 5,
    ),
}  # fmt: skip


def known(scheme):
    """Points (L, 3) and weights (L,) of a built-in scheme's head, or None if nobody knows them.

    A landmark that the 68-point head lacks is NaN and has weight 0.
    """
    head, head_weights = np.split(np.array(ROWS), [3], axis=1)
    parts = parts_of_68(scheme)
    if parts is None:
        return None
    points, weights = np.full((scheme.n_points, 3), np.nan), np.zeros(scheme.n_points)
    for i, part in enumerate(parts):
        if part:
            points[i] = head[list(part)].mean(0)
            weights[i] = head_weights[list(part), 0].mean()
    return points, weights


def parts_of_68(scheme):
    """For each landmark of a scheme, those of the 68 whose mean it is about, or None.

    Parameters
    ----------
    scheme : Scheme

    Returns
    -------
    sequence of tuple of int, or None
        Empty where the 68 points have nothing near; None if nothing is known of the scheme.
    """
    if scheme.name == FACE68.name:
        return tuple((i,) for i in range(68))
    parts = NEAR.get(scheme.name)
    if parts is None and ("face68", scheme.name) in MAPS:
        parts = MAPS["face68", scheme.name].parts
    found = within(scheme).get("face68")
    if parts is None and found is not None:
        parts = [()] * scheme.n_points
        for k, part in enumerate(found.parts):
            if len(part) == 1:
                parts[part[0]] = (k,)
    return parts if parts is not None and len(parts) == scheme.n_points else None
