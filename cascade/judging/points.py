"""Points that models of different landmark schemes share."""

from dataclasses import dataclass

import numpy as np

from data_tools.schemes.maps import means, within
from features.errors import InputError


@dataclass(frozen=True)
class PointSet:
    """Points of a face, each of them the mean of some landmarks of a scheme.

    Parameters
    ----------
    name : str
    n_points : int
    n_landmarks : int
        Of the scheme.
    sources : tuple of tuple of int, optional
        The landmarks whose mean each point is; None for the whole scheme.
    label : str
        What the points are, for people.
    """

    name: str
    n_points: int
    n_landmarks: int
    sources: tuple[tuple[int, ...], ...] | None = None
    label: str = ""

    def of(self, shapes):
        """The points (n, P, 2) of whole shapes (n, L, 2); NaN where a landmark is missing."""
        shapes = np.asarray(shapes, np.float64)
        if self.sources is None:
            return shapes
        return means(shapes, self.sources)


# Default names for numbers of points.
_BY_COUNT = {51: "inner51", 5: "face5", 68: "face68", 19: "aflw19"}


def whole(scheme):
    """All landmarks of a scheme."""
    return PointSet(
        scheme.name, scheme.n_points, scheme.n_points, None, f"all {scheme.n_points} landmarks"
    )


def points_of(scheme, found):
    """Points among the landmarks of a scheme.

    Parameters
    ----------
    scheme : Scheme
        Of faces, or of a model.
    found : int or str
        A number of points, or the name of a scheme or of a shared subset ("inner51", "face5",
        "centres5"; see `data_tools.schemes.maps`).

    Raises
    ------
    InputError
        If the points are not known among the landmarks of the scheme.
    """
    if found in (scheme.n_points, str(scheme.n_points), scheme.name):
        return whole(scheme)
    known = within(scheme)
    name = _BY_COUNT.get(int(found), found) if str(found).isdigit() else found
    if name in known:
        return PointSet(name, len(known[name].parts), scheme.n_points, *known[name])
    ways = ", ".join([str(scheme.n_points), *known])
    raise InputError(
        f"{found} points are not known among the landmarks of {scheme.name}; known are {ways}"
    )


def shared_points(theirs, scheme, asked=None):
    """The points on which a model is compared with annotated faces.

    Parameters
    ----------
    theirs : Scheme
        Of the model.
    scheme : Scheme
        Of the faces.
    asked : int or str, optional
        The points, as for `points_of`; without it, all landmarks.

    Returns
    -------
    found, annotated : PointSet
        The same points, among the landmarks that the model finds and among the annotated ones.

    Raises
    ------
    InputError
        If model or faces do not have these points.
    """
    if asked is None:
        if theirs.n_points == scheme.n_points:
            return whole(theirs), whole(scheme)
        shared = [name for name in _names(scheme) if name in _names(theirs)]
        remedy = "evaluate it on faces annotated like those it was trained on"
        if shared:
            remedy = f"measure points that both have, --points with one of {', '.join(shared)}"
        raise InputError(
            f"the faces have {scheme.n_points} landmarks but the model finds {theirs.n_points}; "
            f"{remedy}"
        )
    try:
        found = points_of(theirs, asked)
    except InputError as error:
        raise InputError(f"the model: {error}") from error
    try:
        annotated = points_of(scheme, asked)
    except InputError as error:
        raise InputError(f"the faces: {error}") from error
    if found.name != annotated.name:
        raise InputError(
            f"{asked} points are {found.name} of the model but {annotated.name} of the faces; name "
            "points that both have"
        )
    return found, annotated


def _names(scheme):
    return [scheme.name, *within(scheme)]
