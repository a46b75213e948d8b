"""A landmark scheme: its fields, their checks, and its JSON form."""

import json
import operator
from dataclasses import dataclass, field

import numpy as np

from features.errors import InputError

from ..files import read_text

# Above any scheme in use; bounds what a scheme file can make the program allocate.
MAX_POINTS = 1 << 15
MAX_BYTES = 1 << 20
MAX_NAME = 80


@dataclass(frozen=True, repr=False)
class Scheme:
    """The meaning of the landmarks of a set of faces.

    Sides are the pictured person's own: the right eye is on the left of the image.

    Parameters
    ----------
    name : str
        Name of the scheme in messages and model files.
    n_points : int
        Number of landmarks L, at most 32768.
    flip : sequence of int, optional
        Index of each landmark's mirror partner; a landmark on the middle line is its own partner.
        None if the landmarks have no mirror symmetry or it is unknown.
    groups : dict of str to (sequence of int, bool), optional
        Lines to draw: the landmarks in order, and whether the last connects to the first.
    eye_corners : (int, int), optional
        Outer corners of the right and the left eye.
    pupils : (sequence of int, sequence of int), optional
        Landmarks whose means are the pupil centres of the right and the left eye.
    names : sequence of str, optional
        A name for each landmark.

    Raises
    ------
    InputError
        If an index is out of range, `flip` is not an involution of all landmarks, or there is not
        exactly one name per landmark.

    Examples
    --------
    >>> eyes = Scheme("eyes", 2, flip=(1, 0))
    >>> eyes.mirrored([[[-0.25, 0.0], [0.125, 0.5]]]).tolist()
    [[[-0.125, 0.5], [0.25, 0.0]]]
    """

    name: str
    n_points: int
    flip: tuple[int, ...] | None = None
    groups: dict[str, tuple[tuple[int, ...], bool]] = field(default_factory=dict, hash=False)
    eye_corners: tuple[int, int] | None = None
    pupils: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"name of a landmark scheme must be a text, not {self.name!r}")
        n_points = self._integer("n_points", self.n_points)
        if not 1 <= n_points <= MAX_POINTS:
            raise self._error("n_points", f"must be 1 to {MAX_POINTS}, not {n_points}")
        # Through object: the way to normalise the fields of a frozen dataclass.
        object.__setattr__(self, "n_points", n_points)
        object.__setattr__(self, "groups", self._checked_groups())
        if self.flip is not None:
            flip = self._indices("flip", self.flip, length=n_points)
            if any(flip[flip[i]] != i for i in range(n_points)):
                wrong = next(i for i in range(n_points) if flip[flip[i]] != i)
                raise self._error(
                    "flip",
                    f"sends {wrong} to {flip[wrong]} but {flip[wrong]} to {flip[flip[wrong]]}; "
                    "mirror pairs must name each other",
                )
            object.__setattr__(self, "flip", flip)
        if self.eye_corners is not None:
            corners = self._indices("eye_corners", self.eye_corners, length=2)
            object.__setattr__(self, "eye_corners", corners)
        if self.pupils is not None:
            pupils = self._sequence("pupils", self.pupils, length=2)
            pupils = tuple(self._indices("pupils", points) for points in pupils)
            object.__setattr__(self, "pupils", pupils)
        if self.names is not None:
            names = tuple(self._sequence("names", self.names, length=n_points))
            for name in names:
                if not isinstance(name, str) or len(name) > MAX_NAME:
                    text = f"must be texts of at most {MAX_NAME} letters, not {name!r:.60}"
                    raise self._error("names", text)
            object.__setattr__(self, "names", names)

    def __repr__(self):
        groups = f": {', '.join(self.groups)}" if self.groups else ""
        mirror = "" if self.flip is not None else ", not mirrored"
        return f"<Scheme {self.name!r}, {self.n_points} points{mirror}{groups}>"

    @property
    def normalizer(self):
        """The default normaliser of errors: "interocular", the distance of the outer eye corners,
        or "diagonal", that of the landmarks' bounding box, if the scheme has no eye corners."""
        return "interocular" if self.eye_corners else "diagonal"

    def mirrored(self, shapes):
        """Shapes of the mirrored faces: x becomes −x, and counterparts trade places.

        Parameters
        ----------
        shapes : array_like of shape (..., L, 2)
            In the box frame, whose origin lies on the mirror's axis. NaN marks a missing landmark
            and goes to its counterpart.

        Returns
        -------
        ndarray of shape (..., L, 2), float32

        Raises
        ------
        InputError
            If the scheme has no `flip`, or another number of landmarks.
        """
        if self.flip is None:
            raise self._error("flip", "is not known, so it cannot mirror; give one")
        shapes = np.asarray(shapes, np.float32)
        if shapes.shape[-2:] != (self.n_points, 2):
            raise InputError(
                f"landmark scheme {self.name!r} mirrors shapes (..., {self.n_points}, 2), "
                f"not {shapes.shape}"
            )
        return shapes[..., self.flip, :] * np.array([-1, 1], np.float32)

    def to_dict(self):
        """The scheme as a dict of plain lists, numbers and texts, for JSON."""
        content = {
            "name": self.name,
            "n_points": self.n_points,
            "flip": None if self.flip is None else list(self.flip),
            "groups": {
                name: {"points": list(points), "closed": closed}
                for name, (points, closed) in self.groups.items()
            },
            "eye_corners": None if self.eye_corners is None else list(self.eye_corners),
            "pupils": None if self.pupils is None else [list(points) for points in self.pupils],
        }
        # Left out where there are none: files of models stay as earlier versions wrote them.
        return content if self.names is None else content | {"names": list(self.names)}

    @classmethod
    def from_dict(cls, content):
        """The scheme that `to_dict` described; optional fields may be left out.

        Raises
        ------
        InputError
            If a field is missing, unknown or wrong.
        """
        if not isinstance(content, dict):
            raise InputError("a landmark scheme must be a JSON object with name and n_points")
        known = ("name", "n_points", "flip", "groups", "eye_corners", "pupils", "names")
        unknown = [name for name in content if name not in known]
        if unknown:
            raise InputError(
                f"unknown field {unknown[0]!r} in a landmark scheme; known are {', '.join(known)}"
            )
        missing = [name for name in known[:2] if name not in content]
        if missing:
            raise InputError(f"field {missing[0]!r} is missing in a landmark scheme")
        groups = content.get("groups")
        if groups is None:
            groups = {}
        if not isinstance(groups, dict):
            raise InputError("groups of a landmark scheme must be a JSON object")
        lines = {}
        for name, group in groups.items():
            if not isinstance(group, dict) or set(group) != {"points", "closed"}:
                raise InputError(
                    f"group {name!r} of a landmark scheme must be an object of points and closed"
                )
            lines[name] = (group["points"], group["closed"])
        return cls(**{**content, "groups": lines})

    @classmethod
    def from_file(cls, path):
        """Read a scheme from a JSON file with the fields of `to_dict`.

        Raises
        ------
        InputError
            If the file is missing, above 1 MiB, not JSON or no valid scheme; the message names it.
        """
        text = read_text(path, MAX_BYTES)
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:  # nested beyond any scheme
            raise InputError(f"{path}: not a JSON file; write Scheme.to_dict() as one") from error
        try:
            return cls.from_dict(content)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def _error(self, what, problem):
        return InputError(f"{what} of landmark scheme {self.name!r} {problem}")

    def _integer(self, what, value):
        try:
            if isinstance(value, bool):
                raise TypeError
            return operator.index(value)
        except TypeError:
            raise self._error(what, f"must be an integer, not {value!r}") from None

    def _sequence(self, what, value, length=None):
        if isinstance(value, str | dict) or not hasattr(value, "__len__"):
            raise self._error(what, f"must be a list, not {value!r}")
        if length is not None and len(value) != length:
            raise self._error(what, f"must have {length} entries, not {len(value)}")
        return value

    def _indices(self, what, value, length=None):
        indices = tuple(self._integer(what, i) for i in self._sequence(what, value, length))
        if not indices:
            raise self._error(what, "names no landmark")
        for index in indices:
            if not 0 <= index < self.n_points:
                raise self._error(what, f"names landmark {index}, outside 0 to {self.n_points - 1}")
        return indices

    def _checked_groups(self):
        if not isinstance(self.groups, dict):
            raise self._error("groups", f"must be a dict, not {self.groups!r}")
        groups = {}
        for name, group in self.groups.items():
            points, closed = self._sequence(f"group {name!r}", group, length=2)
            if not isinstance(closed, bool):
                raise self._error(f"group {name!r}", f"is closed: true or false, not {closed!r}")
            groups[name] = (self._indices(f"group {name!r}", points), closed)
        return groups
