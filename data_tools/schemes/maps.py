"""Conversion of landmarks from one scheme to another that has the same facial points."""

from typing import NamedTuple

import numpy as np

from features.errors import InputError

from . import get_scheme


class Map(NamedTuple):
    """The landmarks of a scheme as means of landmarks of a denser one."""

    parts: tuple[tuple[int, ...], ...]
    """For each landmark those whose mean it is; none where the denser scheme has nothing there."""
    label: str
    """What the landmarks are, for people."""


def _each(*runs):
    """A map of single landmarks: numbers, and ranges of them."""
    return tuple((i,) for run in runs for i in ([run] if isinstance(run, int) else run))


# 300-W's jaw is WFLW's and LaPa's without every other point.
_EVERY_OTHER = range(0, 33, 2)


def _helen_to_68():
    # No correspondence is published. These landmarks are alike in both: the jaw, which 300-W has in
    # sixteenths and HELEN in fortieths; the middle of the nose's base; corners of the eyes; corners
    # and middles of the lips.
    jaw = [(k // 2,) if k % 2 == 0 else (k // 2, k // 2 + 1) for k in range(0, 81, 5)]
    single = {33: 49, 36: 145, 39: 134, 42: 114, 45: 125, 48: 58, 51: 65, 54: 72, 57: 79,
              60: 86, 62: 93, 64: 100, 66: 107}  # fmt: skip
    return (*jaw, *((single[i],) if i in single else () for i in range(17, 68)))


MAPS = {
    # (from, to)
    ("face68", "inner51"): Map(_each(range(17, 68)), "the 51 points of 68 without the jaw"),
    ("face68", "face5"): Map(
        _each(45, 42, 36, 39, 33),
        "5 points of 68: the corners of both eyes and the base of the nose",
    ),
    ("face68", "centres5"): Map(
        (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,)),
        "5 points from 68: the mean of each eye's outline, the tip of the nose and the corners of "
        "the mouth",
    ),
    ("wflw98", "face68"): Map(
        _each(
            _EVERY_OTHER, range(33, 38), range(42, 47), range(51, 60), 60, 61, 63, 64, 65, 67,
            68, 69, 71, 72, 73, 75, range(76, 96),
        ),
        "68 points of 98: every other one of the jaw, the eyebrows' upper edges, six of each eye",
    ),
    ("wflw98", "centres5"): Map(
        _each(96, 97, 54, 76, 82),
        "5 points of 98: pupils, the tip of the nose and the corners of the mouth",
    ),
    ("lapa106", "face68"): Map(
        _each(
            _EVERY_OTHER, range(33, 38), range(42, 47), range(51, 55), range(58, 63),
            66, 67, 69, 70, 71, 73, 75, 76, 78, 79, 80, 82, range(84, 104),
        ),
        "68 points of 106: every other one of the jaw, the eyebrows' upper edges, six of each eye",
    ),
    ("lapa106", "centres5"): Map(
        _each(104, 105, 54, 84, 90),
        "5 points of 106: pupils, the tip of the nose and the corners of the mouth",
    ),
    ("helen194", "face68"): Map(
        _helen_to_68(),
        "those of 68 points that 194 define alike: jaw, corners of the eyes, corners and middles "
        "of the lips, base of the nose",
    ),
    ("aflw21", "aflw19"): Map(
        _each(range(12), range(13, 16), range(17, 21)), "the 19 points of 21 without the ears"
    ),
    ("muct76", "muct68"): Map(_each(range(68)), "the 68 points of 76 without those on the lids"),
}  # fmt: skip


def within(scheme):
    """The schemes that a scheme can be converted to: `Map` by the name of the smaller scheme.

    Parameters
    ----------
    scheme : Scheme or str
        Or the name of one.

    Examples
    --------
    >>> sorted(within("wflw98"))
    ['centres5', 'face5', 'face68', 'inner51']
    """
    name = scheme if isinstance(scheme, str) else scheme.name
    found = {to: each for (source, to), each in MAPS.items() if source == name}
    for middle, first in list(found.items()):
        for to, second in within(middle).items():
            if to not in found:
                parts = tuple(
                    tuple(i for k in part for i in first.parts[k])
                    if all(first.parts[k] for k in part)
                    else ()
                    for part in second.parts
                )
                found[to] = Map(parts, second.label)
    return found


def convert(shapes, scheme, to):
    """The landmarks of shapes in another scheme.

    Parameters
    ----------
    shapes : array_like of shape (..., L, 2)
        NaN marks a missing landmark.
    scheme : Scheme or str
        Of the shapes.
    to : Scheme or str
        The scheme to convert to, such as "face68" from "wflw98" or "inner51" from "face68"; see
        `within`.

    Returns
    -------
    ndarray of shape (..., K, 2), float64
        NaN where the source scheme has no such landmark, or a landmark that the point is a mean of
        is missing.

    Raises
    ------
    InputError
        If no correspondence is known, or the shapes do not fit the scheme.

    Examples
    --------
    >>> import numpy as np
    >>> convert(np.zeros((7, 98, 2)), "wflw98", "face68").shape
    (7, 68, 2)
    """
    scheme, to = get_scheme(scheme), get_scheme(to)
    shapes = np.asarray(shapes, np.float64)
    if shapes.shape[-2:] != (scheme.n_points, 2):
        raise InputError(
            f"landmark scheme {scheme.name!r} converts shapes (..., {scheme.n_points}, 2), "
            f"not {shapes.shape}"
        )
    if to.name == scheme.name:
        return shapes
    known = within(scheme)
    if to.name not in known:
        raise InputError(
            f"no {to.name} is known among the landmarks of {scheme.name}; known are "
            f"{', '.join(known) or 'none'}"
        )
    return means(shapes, known[to.name].parts)


def means(shapes, parts):
    """The means of landmarks (..., L, 2) that each part names, (..., K, 2); NaN of no landmark."""
    missing = np.full((*shapes.shape[:-2], 2), np.nan)
    columns = [shapes[..., list(part), :].mean(-2) if part else missing for part in parts]
    return np.stack(columns, axis=-2)
