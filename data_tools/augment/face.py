"""One face, and what every recipe of augmentation is."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from features.errors import InputError, require_range
from features.geometry import box_placement
from features.parameters import Parameters


class Face(NamedTuple):
    """A face in its image.

    Attributes
    ----------
    image : ndarray of shape (H, W), uint8
        Grey.
    shape : ndarray of shape (L, 2), float32
        Landmarks in pixels, NaN where missing.
    box : ndarray of shape (4,), float32
        (left, top, right, bottom) in pixels.
    visible : ndarray of shape (L,), bool, or None
        Which landmarks can be seen; None where nobody said.
    """

    image: np.ndarray
    shape: np.ndarray
    box: np.ndarray
    visible: np.ndarray | None = None

    @property
    def side(self):
        """Side of the box in pixels, the unit of lengths of recipes."""
        return float(box_placement(self.box)[2])


@dataclass(eq=False, repr=False, kw_only=True)
class Recipe(Parameters):
    """Base class of augmentations.

    `apply` must not write into the arrays of the face it is given, and must take all randomness
    from its generator. Where `moves` is True, the shape, the box and what is visible may follow
    from those of the face and the generator, but never from its pixels: they are found with an
    empty image, and the image is made later, from the same generator.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    """

    moves: ClassVar[bool] = False
    """Whether the shape, the box or what is visible may change."""

    p: float = 1.0

    def check(self):
        """Raise InputError for a parameter out of its range."""
        name = type(self).__name__
        require_range(f"{name}: p", self.p, 0, 1)
        for key, (low, high) in self._ranges().items():
            value = getattr(self, key)
            pair = value if isinstance(getattr(type(self), key, None), tuple) else (value,)
            if not isinstance(pair, tuple | list) or len(pair) not in (1, 2):
                raise InputError(f"{name}: {key} must be two numbers, not {value!r}")
            for number in pair:
                require_range(f"{name}: {key}", number, low, high)
            if pair[0] > pair[-1]:
                raise InputError(f"{name}: {key} must be (low, high), not {value!r}")

    def _ranges(self):
        """What each parameter, or both ends of it, may be: name to (low, high)."""
        return {}

    def prepare(self, faces, rng):
        """The recipe as it is applied to faces of one dataset, where it must know others of them.

        Parameters
        ----------
        faces : FaceDataset
            The originals.
        rng : numpy.random.Generator

        Returns
        -------
        Recipe
        """
        return self

    def outline(self, face, rng):
        """The face as `apply` changes it, but for its image: where drawing can be left out.

        Parameters
        ----------
        face : Face
            With an empty image, of which the size alone counts.
        rng : numpy.random.Generator

        Returns
        -------
        Face
        """
        return self.apply(face, rng)

    def apply(self, face, rng):
        """The face changed.

        Parameters
        ----------
        face : Face
        rng : numpy.random.Generator

        Returns
        -------
        Face
        """
        raise NotImplementedError
