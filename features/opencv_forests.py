"""Local binary features as OpenCV's FacemarkLBF reads them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _opencv_kernels as kernels
from .errors import InputError
from .lbf import WHAT
from .memory import allocate
from .workers import SERIAL

MAX_DEPTH = 15


@dataclass(frozen=True)
class FacemarkForests:
    """Trees at the landmarks; each node compares two pixels at offsets of its own.

    A sample goes to child ``2i + 1 + (first - second >= threshold)`` of node i. A pixel is that of
    the landmark plus an offset, turned and sized with the shape, both coordinates rounded down;
    outside of the window around the box, the window's border is repeated. Shapes and offsets are
    in the box frame whose units are the box's width and its height. The K trees are in the order
    of their landmarks, as many for each.

    Attributes
    ----------
    reference : ndarray of shape (L, 2), float64
        The shape that is neither turned nor sized: the mean shape.
    points : ndarray of shape (K, nodes, 4), float64
        Offsets (x, y) of the first pixel, then of the second.
    threshold : ndarray of shape (K, nodes), int16
    """

    reference: np.ndarray
    points: np.ndarray
    threshold: np.ndarray

    KIND: ClassVar = "opencv-forests"
    LAYOUT: ClassVar = {
        "reference": ("f8", "landmarks", 2),
        "points": ("f8", "codes", "nodes", 4),
        "threshold": ("i2", "codes", "nodes"),
    }

    @classmethod
    def from_local(cls, forests, reference):
        """The trees of `features.lbf.LocalBinaryFeatures` around the mean shape `reference`."""
        points = np.concatenate(
            [forests.offsets[forests.first], forests.offsets[forests.second]], axis=-1
        )
        return cls(reference.astype(np.float64), points.astype(np.float64), forests.threshold)

    def check(self, sizes):
        """Refuse incomplete trees, and a reference without size."""
        nodes, codes = sizes["nodes"], sizes["codes"]
        if nodes & (nodes + 1) or nodes >= 1 << MAX_DEPTH:
            raise InputError(f"trees of {nodes} nodes are not complete")
        if codes % sizes["landmarks"]:
            raise InputError(f"{codes} trees cannot be shared by {sizes['landmarks']} landmarks")
        difference = self.reference[:, 0] - self.reference[:, 1]
        if not np.ptp(difference) > 0:
            raise InputError("the mean shape has no size")

    @property
    def fuse_key(self):
        """What stages that run in one kernel share: nothing but their kind."""
        return None

    @property
    def n_leaves(self):
        """Leaves of a tree."""
        return self.points.shape[1] + 1

    @property
    def radius(self):
        """Distance of the farthest offset from its landmark."""
        return float(np.hypot(self.points[..., ::2], self.points[..., 1::2]).max())

    def extract(self, samples, reference=None, workers=SERIAL):
        """Leaf of every tree for samples of crops.

        Parameters
        ----------
        samples : cascade.stages.samples.Samples
        reference : ignored
            The features bring their own.
        workers : Workers, optional

        Returns
        -------
        ndarray of shape (N, K), uint8 or, for trees of more than 256 leaves, uint16
            Tree-major in memory.

        Raises
        ------
        InputError
            If there is no memory for the result.
        """
        n_samples = len(samples.index)
        dtype = np.uint8 if self.n_leaves <= 256 else np.uint16
        out = allocate((len(self.points), n_samples), dtype, *WHAT)
        shapes = samples.shapes.astype(np.float64)
        places, windows = places_and_windows(samples)

        def extract(span):
            kernels.facemark_leaves(
                samples.images, samples.index, places, windows, shapes, self.reference,
                self.points, self.threshold, *span, out,
            )  # fmt: skip

        workers.over_spans(extract, n_samples)
        return out.T


def places_and_windows(samples):
    """Places (N, 4) and windows (N, 4) of samples; see `_opencv_kernels.walk_facemark`.

    Placements of eight numbers hold both. With three, as in training, boxes are square and windows
    the whole images.
    """
    if samples.placements.shape[1] == 8:
        placements = samples.placements
        return np.ascontiguousarray(placements[:, :4]), placements[:, 4:].astype(np.int64)
    places = samples.placements[:, [0, 1, 2, 2]].astype(np.float64)
    height, width = samples.images.shape[1:]
    return places, np.tile(np.int64([0, 0, width, height]), (len(places), 1))


def residuals(samples, reference):
    """What `samples` have left to move in the frame of `reference`: (N, 2L) float32.

    NaN where a landmark is missing.
    """
    out = np.empty((len(samples), 2 * len(reference)), np.float32)
    shapes, truth = (part.astype(np.float64) for part in (samples.shapes, samples.truth))
    kernels.facemark_residuals(shapes, truth, reference, out)
    return out
