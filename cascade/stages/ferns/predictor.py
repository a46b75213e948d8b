"""The boosted ferns of one stage, ready to predict."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError

from ..comparisons import PixelComparisons, comparison_layout

#: Zones a side of the grid on the face (Burgos-Artizzu et al. 2013, section 3.2).
GRID = 3


@dataclass(frozen=True)
class Ferns(PixelComparisons):
    """The boosted ferns of one stage, ready to predict.

    Bit ``F - 1 - f`` of a sample's bin is ``pixel[first[f]] - pixel[second[f]] >= threshold[f]``,
    and a fern of F tests has ``2**F`` leaves. The fields are those of `PixelComparisons`.
    """

    KIND: ClassVar = "ferns"
    LAYOUT: ClassVar = comparison_layout("ferns", "tests", "bins")

    def check(self, sizes):
        """Refuse ferns with too few bins, and those that look at pixels that are not read."""
        if sizes["tests"] > 8 or sizes["bins"] != 1 << sizes["tests"]:
            raise InputError(f"ferns of {sizes['tests']} tests with {sizes['bins']} bins")
        PixelComparisons.check(self, sizes)

    @property
    def depth(self):
        """Tests of a fern."""
        return self.first.shape[1]

    def predict(self, pixels):
        """Updates (N, 2L) float32 for grey levels (N, P) uint8."""
        total = np.zeros((len(pixels), self.leaves.shape[2]), np.int32)
        digits = 1 << np.arange(self.depth)[::-1]
        grey = pixels.astype(np.int16)
        for first, second, threshold, leaves in zip(
            self.first, self.second, self.threshold, self.leaves, strict=True
        ):
            total += leaves[((grey[:, first] - grey[:, second]) >= threshold) @ digits]
        return total.astype(np.float32) @ self.basis + self.bias


@dataclass(frozen=True)
class ZonedFerns(PixelComparisons):
    """Boosted ferns of one stage that predict shape and visibility, each reading one zone.

    The fields are those of `Ferns` and

    Attributes
    ----------
    zone : ndarray of shape (K,), uint8
        Zone that each fern reads, ascending. Its leaves count by how visible the zone is.
    zone_of : ndarray of shape (L,), uint8
        Zone of each landmark.
    basis : ndarray of shape (R, 3L), float32
        As in `Ferns` in the first 2L columns; in the others the update of the visibilities.
    bias : ndarray of shape (3L,), float32
    """

    zone: np.ndarray
    zone_of: np.ndarray

    KIND: ClassVar = "zoned-ferns"
    LAYOUT: ClassVar = {
        **Ferns.LAYOUT,
        "zone": ("u1", "ferns"),
        "zone_of": ("u1", "landmarks"),
        "basis": ("f4", "components", "outputs"),
        "bias": ("f4", "outputs"),
    }
    check_ferns = Ferns.check
    depth = Ferns.depth

    def check(self, sizes):
        """As `Ferns`; refuse unknown or unordered zones, and other than three outputs a point."""
        self.check_ferns(sizes)
        if sizes["outputs"] != 3 * sizes["landmarks"]:
            raise InputError(f"{sizes['outputs']} outputs for {sizes['landmarks']} landmarks")
        if max(self.zone.max(), self.zone_of.max()) >= GRID**2 or (np.diff(self.zone) < 0).any():
            raise InputError("zones are unknown or out of order")
