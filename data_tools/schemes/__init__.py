"""Landmark schemes: the meaning of the points of a face, and their mirror pairs."""

from pathlib import Path

from features.errors import InputError

from .published import (
    AFLW19,
    AFLW21,
    ALL,
    BIOID20,
    CENTRES5,
    COFW29,
    FACE5,
    FACE68,
    HELEN194,
    IMM58,
    INNER51,
    LAPA106,
    MENPO39,
    MUCT68,
    MUCT76,
    WFLW98,
)
from .scheme import MAX_BYTES, MAX_POINTS, Scheme

__all__ = [
    "AFLW19",
    "AFLW21",
    "BIOID20",
    "CENTRES5",
    "COFW29",
    "FACE5",
    "FACE68",
    "HELEN194",
    "IMM58",
    "INNER51",
    "LAPA106",
    "MAX_BYTES",
    "MAX_POINTS",
    "MENPO39",
    "MUCT68",
    "MUCT76",
    "SCHEMES",
    "WFLW98",
    "Scheme",
    "get_scheme",
    "scheme_for",
]

SCHEMES = {scheme.name: scheme for scheme in ALL}


def scheme_for(n_points):
    """The first built-in scheme of `n_points` landmarks, else one without mirror pairs and lines.

    Examples
    --------
    >>> scheme_for(68).name, scheme_for(7).name, scheme_for(7).flip
    ('face68', 'points7', None)
    """
    for scheme in SCHEMES.values():
        if scheme.n_points == n_points:
            return scheme
    return Scheme(f"points{n_points}", n_points)


def get_scheme(spec):
    """The scheme that `spec` means.

    Parameters
    ----------
    spec : Scheme, str or Path
        A scheme (returned as it is), the name of a built-in one, or a JSON file.

    Raises
    ------
    InputError
        If there is no such name or file, or the file is wrong.
    """
    if isinstance(spec, Scheme):
        return spec
    if isinstance(spec, str) and spec in SCHEMES:
        return SCHEMES[spec]
    if isinstance(spec, Path) or (isinstance(spec, str) and Path(spec).suffix.lower() == ".json"):
        return Scheme.from_file(spec)
    raise InputError(
        f"no landmark scheme {spec!r}; give {', '.join(SCHEMES)} or the path of a .json file"
    )
