"""Histograms of oriented gradients at every landmark (Dalal & Triggs 2005).

The gradients of a face are resolved and pooled once, in planes that all landmarks and stages share,
as DAISY does (Tola, Lepetit & Fua 2010): a cell of a descriptor is one interpolated look-up.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from . import _hog_kernels as kernels
from .errors import InputError
from .memory import allocate

_REMEDY = "take fewer starts or faces"
_MAX_CELLS = 64


class Hog(BaseEstimator):
    """Recipe: a HOG descriptor around every landmark, turned and scaled with the shape.

    The descriptor is a square grid of cells. Gradients are resolved into the nearer two of eight
    directions 45° apart, from 0° to 360°, and pooled in a smooth window about as wide as two cells.
    The cells of a landmark form one block, normalised by L1-sqrt: a number is the square root of
    its share in the block.

    Parameters
    ----------
    half : float
        Half the side of the grid, in box sides.
    n_cells : int
        Cells along each side of the grid, 1 to 8.

    Notes
    -----
    Cells and directions turn with the shape, and cells lie closer in a smaller shape; the windows
    themselves are those of the image's own rows and columns, and of one of few sizes: they are made
    of blocks of 2x2 pixels of an image that was halved until cells are 3 to 6 pixels apart.
    """

    def __init__(self, half=0.1, n_cells=3):
        self.half = half
        self.n_cells = n_cells

    def fit(self, samples, residuals, mean, rng, workers=None):
        """The descriptors; nothing about them is learned."""
        if not 1 <= self.n_cells**2 <= _MAX_CELLS:
            raise InputError(f"n_cells is {self.n_cells}; need 1 to {int(_MAX_CELLS**0.5)} a side")
        spacing = 2 * self.half / self.n_cells
        along = (np.arange(self.n_cells) - (self.n_cells - 1) / 2) * spacing
        return HogDescriptors(
            spacing=np.array([spacing], np.float32),
            cells=np.stack(np.meshgrid(along, along), -1).reshape(-1, 2).astype(np.float32),
        )


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

    KIND: ClassVar = "dense_hog"
    LAYOUT: ClassVar = {
        "spacing": ("f4", 1),
        "cells": ("f4", "cells", 2),
    }
    #: Reads crops of the training scale only, so that windows are of the same size on every face.
    needs_crop: ClassVar = True

    def check(self, sizes):
        """Refuse cells that cannot be."""
        if sizes["cells"] > _MAX_CELLS:
            raise InputError(f"{sizes['cells']} cells a landmark; at most {_MAX_CELLS} can be")
        if not 0 < self.spacing[0] < 1 or not (np.abs(self.cells) < 1).all():
            raise InputError(f"cells {self.spacing[0]} box sides apart make no descriptor")
        sizes["features"] = sizes["landmarks"] * self.n_numbers

    @property
    def n_numbers(self):
        """Numbers a landmark."""
        return len(self.cells) * kernels.DIRECTIONS

    @property
    def layout(self):
        """What stages must share to run in one kernel."""
        return self.cells.shape

    def extract(self, samples, mean, workers=None):
        """Descriptors of all samples.

        Parameters
        ----------
        samples : object
            With `images`, `index`, `placements` and `shapes`; see `kernels.extract`.
        mean : ndarray of shape (L, 2), float32
            Centred mean shape.
        workers : object, optional
            Maps a function over ranges of samples in parallel.

        Returns
        -------
        ndarray of shape (N, L * cells * 8), float32
            By landmark, cell (row by row), direction (0°, 45°, …, x to the right and y down,
            relative to the shape's own rotation).

        Raises
        ------
        InputError
            If the images are smaller than 4x4 pixels.
        """
        if min(samples.images.shape[1:]) < 4:
            raise InputError("HOG needs images of 4x4 pixels or more; use larger crops")
        n_samples = len(samples.index)
        shape = n_samples, len(mean) * self.n_numbers
        out = allocate(shape, np.float32, "the descriptors of all samples", _REMEDY)

        def extract(span):
            kernels.extract(
                samples.images, samples.index, samples.placements, samples.shapes, mean,
                self.spacing[0], self.cells, *span, out,
            )  # fmt: skip

        if workers is None:
            extract((0, n_samples))
        else:
            workers.map(extract, workers.ranges(n_samples))
        return out
