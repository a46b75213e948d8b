"""Shape-indexed points and their grey levels (Kazemi & Sullivan 2014, section 2.3.3)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _pixel_kernels as kernels
from .errors import InputError, require_range
from .mapping import spans_in_memory
from .memory import allocate
from .parameters import Parameters
from .workers import SERIAL

# Points are 16-bit numbers in the nodes of trees.
MAX_POINTS = 32767
# What lies in memory for all samples at once, and what to do where it does not fit.
WHAT = "the grey levels of all samples", "take fewer starts, faces or points"


@dataclass(eq=False, repr=False)
class Pixels(Parameters):
    """Recipe: grey levels at points drawn around the mean shape.

    Parameters
    ----------
    n_points : int
        Number of points P, 2 to 32767.
    padding : float
        Margin around the mean shape's bounding box within which points are drawn, in box sides.
    """

    #: The points do not depend on the samples.
    over_members: ClassVar[bool] = True

    n_points: int = 400
    padding: float = 0.1

    def fit(self, samples, residuals, reference, rng, workers=SERIAL):
        """Draw the points uniformly, and tie each to its nearest landmark of `reference` (L, 2)."""
        require_range("n_points", self.n_points, 2, MAX_POINTS)
        low, high = reference.min(0) - self.padding, reference.max(0) + self.padding
        points = rng.uniform(low, high, (self.n_points, 2))
        anchors = ((points[:, None] - reference) ** 2).sum(-1).argmin(1)
        # Ascending anchors let inference walk through the landmarks in order.
        order = np.argsort(anchors, kind="stable")
        anchors = anchors[order]
        offsets = (points[order] - reference[anchors]).astype(np.float32)
        return ShapeIndexedPixels(anchors.astype(np.uint16), offsets)


@dataclass(frozen=True)
class ShapeIndexedPixels:
    """Grey levels at points that are tied to landmarks and turn and scale with the shape.

    Attributes
    ----------
    anchors : ndarray of shape (P,), uint16
        Landmark each point is tied to, ascending.
    offsets : ndarray of shape (P, 2), float32
        From that landmark, in the mean-shape frame.
    """

    anchors: np.ndarray
    offsets: np.ndarray

    KIND: ClassVar = "pixels"
    LAYOUT: ClassVar = {"anchors": ("u2", "features"), "offsets": ("f4", "features", 2)}

    def check(self, sizes):
        """Refuse anchors that are not landmarks."""
        if self.anchors.max() >= sizes["landmarks"]:
            raise InputError(
                f"a point is tied to landmark {self.anchors.max()}, which does not exist; get "
                "the file again"
            )

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.anchors.shape

    def positions(self, reference):
        """Points (P, 2) on the mean shape."""
        return reference[self.anchors] + self.offsets

    def extract(self, samples, reference, workers=SERIAL):
        """Grey levels of all samples.

        Parameters
        ----------
        samples : object
            With `images`, `index`, `placements` and `shapes`; see `kernels.sample_points`.
        reference : ndarray of shape (L, 2), float32
            Centred mean shape.
        workers : Workers
            Maps a function over ranges of samples in parallel.

        Returns
        -------
        ndarray of shape (N, P), uint8
            Feature-major in memory: each point's grey levels are contiguous.

        Raises
        ------
        InputError
            If there is no memory for the result.
        """
        n_samples = len(samples.index)
        out = allocate((len(self.anchors), n_samples), np.uint8, *WHAT)
        offsets = np.ascontiguousarray(self.offsets.T)

        def extract(span):
            for part in spans_in_memory(samples.images, samples.index, *span):
                kernels.sample_points(
                    samples.images, samples.index, samples.placements, samples.shapes, reference,
                    self.anchors, offsets, *part, out,
                )  # fmt: skip

        workers.over_spans(extract, n_samples)
        return out.T


@dataclass(eq=False, repr=False)
class PixelDifferences(Parameters):
    """Recipe: differences of grey levels at pairs of points, for regressors that take any matrix.

    Parameters
    ----------
    n_features : int
        Number of differences F.
    n_points, padding
        As in `Pixels`.
    """

    n_features: int = 500
    n_points: int = 400
    padding: float = 0.1

    def fit(self, samples, residuals, reference, rng, workers=SERIAL):
        """Draw the points as `Pixels` does, then pairs of two different ones."""
        if self.n_points < 2:
            raise InputError(f"n_points is {self.n_points}; a difference needs at least 2")
        recipe = Pixels(self.n_points, self.padding)
        pixels = recipe.fit(samples, residuals, reference, rng, workers)
        first = rng.integers(0, self.n_points, self.n_features)
        second = (first + rng.integers(1, self.n_points, self.n_features)) % self.n_points
        return ShapeIndexedDifferences(pixels, first, second)


@dataclass(frozen=True)
class ShapeIndexedDifferences:
    """Differences of the grey levels of `ShapeIndexedPixels`.

    Attributes
    ----------
    pixels : ShapeIndexedPixels
    first, second : ndarray of shape (F,), integer
        Points whose grey levels are subtracted.
    """

    pixels: ShapeIndexedPixels
    first: np.ndarray
    second: np.ndarray

    def extract(self, samples, reference, workers=SERIAL):
        """``pixel[first] - pixel[second]`` of all samples: (N, F) int16."""
        grey = self.pixels.extract(samples, reference, workers).T.astype(np.int16)
        return (grey[self.first] - grey[self.second]).T
