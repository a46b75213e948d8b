"""The common part of trained boosted trees and ferns."""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError


@dataclass(frozen=True)
class PixelComparisons:
    """Trees or ferns of pixel comparisons; the sum of the leaves reached is the update of the
    shape.

    The leaves that a sample reaches are added as integers, and one product with `basis` turns the
    sum into the update.

    Attributes
    ----------
    first, second : ndarray of shape (K, F), uint16
        Pixels compared, F pairs in each of K trees or ferns.
    threshold : ndarray of shape (K, F), int16
        A comparison is ``pixel[first] - pixel[second] >= threshold``.
    leaves : ndarray of shape (K, leaves, R), int8
    basis : ndarray of shape (R, 2L), float32
    bias : ndarray of shape (2L,), float32
    """

    first: np.ndarray
    second: np.ndarray
    threshold: np.ndarray
    leaves: np.ndarray
    basis: np.ndarray
    bias: np.ndarray

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return type(self), self.leaves.shape

    def check(self, sizes):
        """Refuse comparisons of pixels that do not exist."""
        if max(self.first.max(), self.second.max()) >= sizes["features"]:
            raise InputError("a comparison uses a pixel that does not exist")


def comparison_layout(count, tests, leaves):
    """LAYOUT of the fields, with the names of the lengths K, F and leaves."""
    return {
        "first": ("u2", count, tests),
        "second": ("u2", count, tests),
        "threshold": ("i2", count, tests),
        "leaves": ("i1", count, leaves, "components"),
        "basis": ("f4", "components", "coordinates"),
        "bias": ("f4", "coordinates"),
    }
