"""Histograms of oriented gradients at every landmark (Dalal & Triggs 2005).

The gradients of a face are computed and pooled once, in planes that all landmarks and stages share,
as in DAISY (Tola, Lepetit & Fua 2010): a cell of a descriptor is one interpolated look-up.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _hog_kernels as kernels
from .errors import InputError, require_range
from .memory import allocate
from .parameters import Parameters
from .workers import SERIAL

# What lies in memory for all samples at once, and what to do where it does not fit.
WHAT = "the descriptors of all samples", "take fewer starts or faces"
_MAX_CELLS = 64
_MAX_GAIN = 1000


@dataclass(eq=False, repr=False)
class Hog(Parameters):
    """Recipe: a HOG descriptor around every landmark, turned and scaled with the shape.

    The descriptor is a square grid of cells. A gradient is split between the two nearest of eight
    directions, 45° apart, and pooled in a smooth window about as wide as two cells. The cells of a
    landmark form one block with L1-sqrt normalisation: each number is the square root of its share
    of the block's sum.

    Parameters
    ----------
    half : float
        Half the side of the grid, in box sides.
    n_cells : int
        Cells along each side of the grid, 1 to 8.
    shape_gain : float
        If above 0, the current shape is a feature as well: the offsets of its landmarks from the
        mean shape, in the mean-shape frame and in box sides, times this number. With it a
        regression can tell shapes that are not face-like.

    Notes
    -----
    Positions of cells and directions of gradients turn and scale with the shape. The pooling
    windows do not turn, and have few sizes: they consist of blocks of 2x2 pixels of an image that
    was halved until cells are 3 to 6 pixels apart.
    """

    #: Nothing depends on the samples.
    over_members: ClassVar[bool] = True

    half: float = 0.1
    n_cells: int = 3
    shape_gain: float = 0.0

    def fit(self, samples, residuals, reference, rng, workers=SERIAL):
        """Return the descriptors; nothing is learned from the samples."""
        if not 1 <= self.n_cells**2 <= _MAX_CELLS:
            raise InputError(f"n_cells is {self.n_cells}; need 1 to {int(_MAX_CELLS**0.5)} a side")
        require_range("shape_gain", self.shape_gain, 0, _MAX_GAIN)
        spacing = 2 * self.half / self.n_cells
        along = (np.arange(self.n_cells) - (self.n_cells - 1) / 2) * spacing
        parts = {
            "spacing": np.array([spacing], np.float32),
            "cells": np.stack(np.meshgrid(along, along), -1).reshape(-1, 2).astype(np.float32),
        }
        if self.shape_gain:
            return HogWithShape(**parts, gain=np.array([self.shape_gain], np.float32))
        return HogDescriptors(**parts)


def refuse_small(images):
    """Raise InputError for images (m, H, W) that are too small for a gradient."""
    if min(images.shape[1:]) < 4:
        raise InputError("HOG needs images of 4x4 pixels or more; use larger crops")


@dataclass(frozen=True)
class HogDescriptors:
    """HOG descriptors at every landmark.

    Attributes
    ----------
    spacing : ndarray of shape (1,), float32
        Distance between cells, in box sides.
    cells : ndarray of shape (C, 2), float32
        Their centres, in box sides from the landmark, in the mean-shape frame.
    """

    spacing: np.ndarray
    cells: np.ndarray

    KIND: ClassVar = "hog"
    LAYOUT: ClassVar = {
        "spacing": ("f4", 1),
        "cells": ("f4", "cells", 2),
    }
    #: Factor of the shape's coordinates among the features; 0 where they are no features.
    shape_gain: ClassVar = 0.0
    #: Needs crops at the scale of training, so that windows have the same size on every face.
    needs_crop: ClassVar = True

    def check(self, sizes):
        """Refuse cells that are too many or out of range."""
        if sizes["cells"] > _MAX_CELLS:
            raise InputError(
                f"{sizes['cells']} cells per landmark are too many; take at most {_MAX_CELLS}"
            )
        if not 0 < self.spacing[0] < 1 or not (np.abs(self.cells) < 1).all():
            raise InputError(
                f"spacing of the cells is {self.spacing[0]}; it must be above 0 and below 1 box "
                "side"
            )
        sizes["features"] = self.n_features(sizes["landmarks"])

    def n_features(self, n_landmarks):
        """Numbers a sample."""
        return n_landmarks * self.n_numbers

    @property
    def n_numbers(self):
        """Numbers a landmark."""
        return len(self.cells) * kernels.DIRECTIONS

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.cells.shape

    def extract(self, samples, reference, workers=SERIAL):
        """Descriptors of all samples.

        Parameters
        ----------
        samples : object
            With `images`, `index`, `placements` and `shapes`; see `kernels.extract`.
        reference : ndarray of shape (L, 2), float32
            Centred mean shape.
        workers : Workers
            Maps a function over ranges of samples in parallel.

        Returns
        -------
        ndarray of shape (N, n_features), float32
            By landmark, cell (row by row), direction (0°, 45°, …, x to the right and y down,
            relative to the shape's own rotation); then, of `HogWithShape`, the shape by landmark
            and axis.

        Raises
        ------
        InputError
            If the images are smaller than 4x4 pixels, or there is no memory for the result.
        """
        refuse_small(samples.images)
        n_samples = len(samples.index)
        out = allocate((n_samples, self.n_features(len(reference))), np.float32, *WHAT)

        def extract(span):
            kernels.extract(
                samples.images, samples.index, samples.placements, samples.shapes, reference,
                self.spacing[0], self.cells, np.float32(self.shape_gain), *span, out,
            )  # fmt: skip

        workers.over_spans(extract, n_samples)
        return out


@dataclass(frozen=True)
class HogWithShape(HogDescriptors):
    """HOG descriptors at every landmark, and the shape that they were read at.

    Attributes
    ----------
    gain : ndarray of shape (1,), float32
        Factor of the shape's coordinates, which are in box sides.
    """

    gain: np.ndarray

    KIND: ClassVar = "hog-with-shape"
    LAYOUT: ClassVar = HogDescriptors.LAYOUT | {"gain": ("f4", 1)}

    def check(self, sizes):
        """Refuse cells and gains that are out of range."""
        super().check(sizes)
        if not 0 < self.gain[0] <= _MAX_GAIN:
            raise InputError(f"gain is {self.gain[0]}; it must be above 0 and at most {_MAX_GAIN}")

    @property
    def shape_gain(self):
        """`gain` as a number."""
        return self.gain[0]

    def n_features(self, n_landmarks):
        """Numbers a sample."""
        return super().n_features(n_landmarks) + 2 * n_landmarks
