"""Points that models of different landmark schemes share."""

from dataclasses import dataclass

import numpy as np

from data_tools.schemes.maps import means, within
from features.errors import InputError


@dataclass(frozen=True)
class PointSet:
    """Points of a face, each the mean of landmarks of the scheme that the faces are annotated in.

    Parameters
    ----------
    name : str
    n_points : int
    sources : tuple of tuple of int, optional
        The landmarks whose mean each point is; None for the whole scheme.
    label : str
        What the points are, for people.
    """

    name: str
    n_points: int
    sources: tuple[tuple[int, ...], ...] | None = None
    label: str = ""

    def of(self, shapes):
        """The points (n, P, 2) of whole shapes (n, L, 2); NaN where a landmark is missing."""
        shapes = np.asarray(shapes, np.float64)
        if self.sources is None:
            return shapes
        return means(shapes, self.sources)


# Names that a number of points stands for where nothing else is said.
_BY_COUNT = {51: "inner51", 5: "face5", 68: "face68", 19: "aflw19"}


def whole(scheme):
    """All landmarks of a scheme."""
    return PointSet(scheme.name, scheme.n_points, None, f"all {scheme.n_points} landmarks")


def points_of(scheme, found):
    """The points of faces in `scheme` that a model finds.

    Parameters
    ----------
    scheme : Scheme
        Of the faces.
    found : int or str
        What the model finds: a number of points, or the name of a scheme or of a shared subset
        ("inner51", "face5", "centres5"; see `data_tools.schemes.maps`).

    Raises
    ------
    InputError
        If the points are not known among the landmarks of the faces.
    """
    if found in (scheme.n_points, str(scheme.n_points), scheme.name):
        return whole(scheme)
    known = within(scheme)
    if str(found).isdigit():
        found = _BY_COUNT.get(int(found), found)
    if found in known:
        return PointSet(found, len(known[found].parts), *known[found])
    ways = ", ".join([str(scheme.n_points), *known])
    raise InputError(
        f"finds {found} points, which are not known among the landmarks of {scheme.name}; models "
        f"to compare here find {ways}"
    )
