"""Histograms of oriented gradients around every landmark (Dalal & Triggs 2005)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from . import _hog_kernels as kernels
from .errors import InputError

_MAX_SAMPLES = 64


class Hog(BaseEstimator):
    """Recipe: a HOG descriptor around every landmark, turned and scaled with the shape.

    Each patch is read on a square grid of samples. The gradients between neighbouring samples are
    resolved into the nearer two of eight directions 45° apart, from 0° to 360°, and pooled in
    square cells. The cells of a landmark form one block, normalised by L1-sqrt: a number is the
    square root of its share in the block.

    Parameters
    ----------
    half : float
        Half the side of the patch, in box sides.
    n_cells : int
        Cells along each side of the patch.
    cell_samples : int
        Samples along each side of a cell.
    interpolate : bool
        Whether a sample counts in the cells around it by its distance from their centres, or
        fully in the cell that it lies in.

    Notes
    -----
    On an upright patch the numbers are those of ``skimage.feature.hog`` with
    ``pixels_per_cell=(cell_samples, cell_samples)``, ``cells_per_block=(n_cells, n_cells)`` and
    ``block_norm="L1-sqrt"``, but for two choices: skimage takes opposite directions as one, and
    counts a gradient fully in the bin and the cell that it lies in.
    """

    def __init__(self, half=0.1, n_cells=3, cell_samples=4, interpolate=True):
        self.half = half
        self.n_cells = n_cells
        self.cell_samples = cell_samples
        self.interpolate = interpolate

    def fit(self, samples, residuals, mean, rng, workers=None):
        """The descriptors; nothing about them is learned."""
        n_samples = self.n_cells * self.cell_samples
        if not 1 <= self.n_cells <= n_samples <= _MAX_SAMPLES:
            raise InputError(f"a patch must have 1 to {_MAX_SAMPLES} samples a side")
        return HogDescriptors(
            step=np.array([2 * self.half / n_samples], np.float32),
            pooling=_pooling(self.n_cells, self.cell_samples, self.interpolate),
        )


@dataclass(frozen=True)
class HogDescriptors:
    """HOG descriptors at every landmark.

    Attributes
    ----------
    step : ndarray of shape (1,), float32
        Distance between samples of a patch, in box sides.
    pooling : ndarray of shape (samples, cells), float32
        What a row (or column) of samples gives to a row (or column) of cells.
    """

    step: np.ndarray
    pooling: np.ndarray

    KIND: ClassVar = "hog"
    LAYOUT: ClassVar = {
        "step": ("f4", 1),
        "pooling": ("f4", "samples", "cells"),
    }
    #: Reads crops of the training scale only, so that steps mean the same number of pixels.
    needs_crop: ClassVar = True

    def check(self, sizes):
        """Refuse patches of no extent or of more samples than any descriptor has."""
        if not sizes["cells"] <= sizes["samples"] <= _MAX_SAMPLES:
            raise InputError(f"{sizes['cells']} cells of {sizes['samples']} samples cannot be")
        if not 0 < self.step[0] < 1:
            raise InputError(f"samples {self.step[0]} box sides apart make no patch")
        sizes["features"] = sizes["landmarks"] * self.n_numbers

    @property
    def n_numbers(self):
        """Numbers a landmark."""
        return self.pooling.shape[1] ** 2 * kernels.DIRECTIONS

    @property
    def layout(self):
        """What stages must share to run in one kernel."""
        return self.pooling.shape

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
        ndarray of shape (N, L * cells * cells * 8), float32
            By landmark, row of cells, column of cells, direction (0°, 45°, …, x to the right and
            y down, relative to the shape's own rotation).
        """
        n_samples = len(samples.index)
        out = np.empty((n_samples, len(mean) * self.n_numbers), np.float32)

        def extract(span):
            kernels.extract(
                samples.images, samples.index, samples.placements, samples.shapes, mean,
                self.step[0], self.pooling, *span, out,
            )  # fmt: skip

        if workers is None:
            extract((0, n_samples))
        else:
            workers.map(extract, workers.ranges(n_samples))
        return out


def _pooling(n_cells, cell_samples, interpolate):
    """Weights (samples, cells) of samples in cells."""
    position = (np.arange(n_cells * cell_samples)[:, None] + 0.5) / cell_samples - 0.5
    distance = np.abs(position - np.arange(n_cells))
    weight = np.maximum(1 - distance, 0) if interpolate else distance < 0.5
    return np.ascontiguousarray(weight, np.float32)
