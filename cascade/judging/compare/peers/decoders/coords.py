"""Coordinates put out directly, as by PFLD, DAN and SE-ResNet."""

import numpy as np

from features.errors import InputError

from .maps import is_maps

UNITS = ("crop", "pixels", "symmetric")


def take_units(spec):
    """The option ``units`` of coordinates: crop (0 to 1), pixels of the crop, or symmetric."""
    units = spec.take("units", "crop")
    if units not in UNITS:
        raise InputError(f"{spec.text}: units must be {', '.join(UNITS)}, not {units!r}")
    return units


def fractions(found, units, size):
    """Coordinates in `units` as fractions of a crop of `size` pixels."""
    if units == "pixels":
        return (found + 0.5) / size
    return (found + 1) / 2 if units == "symmetric" else found


class Coords:
    """x and y of each point, in the units that the option ``units`` names."""

    about = "direct regression"

    def __init__(self, spec, size):
        self.units, self.size = take_units(spec), size

    def count(self, shape):
        """Points that an output of this shape holds; 0 if it holds none."""
        size = int(np.prod(shape))
        flat = not is_maps(shape) and (not shape or shape[0] in (1, size))
        return size // 2 if flat and size >= 4 and size % 2 == 0 else 0

    def __call__(self, answer):
        return fractions(np.asarray(answer, np.float64).reshape(-1, 2), self.units, self.size)
