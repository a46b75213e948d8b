"""UV position maps, as by PRNet (Feng et al. 2018, "Joint 3D face reconstruction and dense
alignment with position map regression network")."""

import numpy as np

from features.errors import InputError, require_range

from .coords import fractions, take_units
from .maps import channels_first, count_channels
from .tables import take_places

_CHANNELS = (2, 3)


class PositionMap:
    """At each place of an unwrapped face, where in the crop it lies.

    Options: ``index``, a file with the places (column, row) of the points in the map, see
    `take_places`; ``units`` as of coordinates; ``gain``, by which positions are multiplied first:
    1.1 for PRNet, whose 1 is 1.1 times the crop's side.
    """

    about = "UV position map"

    def __init__(self, spec, size):
        self.places = np.rint(take_places(spec)).astype(np.int64)
        self.where = spec.text
        self.units, self.size = take_units(spec), size
        self.gain = spec.take("gain", 1.0, float)
        require_range("gain", self.gain, 0.1, 10)

    def count(self, shape):
        """Points that an output of this shape holds; 0 if it holds none."""
        n_channels = count_channels(shape, _CHANNELS)
        if not n_channels:
            return 0
        height, width = shape[2:] if shape[1] == n_channels else shape[1:3]
        if (self.places >= (width, height)).any():
            raise InputError(
                f"{self.where}: the file of index= names places beyond a map of {width} x {height}"
            )
        return len(self.places)

    def __call__(self, answer):
        maps = channels_first(answer, _CHANNELS)
        column, row = self.places.T
        return fractions(maps[:2, row, column].T * self.gain, self.units, self.size)
