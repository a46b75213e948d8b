"""SIFT descriptors (Lowe 2004) at every landmark, by OpenCV."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .errors import InputError
from .geometry import similarity
from .hog import WHAT
from .memory import allocate
from .opencv import cv2
from .parameters import Parameters
from .workers import SERIAL

# Numbers of a descriptor: 4x4 cells of eight directions.
_N_NUMBERS = 128
# OpenCV's cells are 1.5 keypoint sizes wide, four of them side by side.
_SIZES = 6
# Size of a keypoint whose scale is that of the first layer of the first octave, 1.6 * 2^(1/3).
_FIRST_SIZE = 2 * 1.6 * 2 ** (1 / 3)
# Images are not halved below this many pixels.
_SMALLEST = 16
_LAYER = 1 << 8


@dataclass(eq=False, repr=False)
class Sift(Parameters):
    """Recipe: a SIFT descriptor around every landmark, turned and scaled with the shape.

    The descriptor that SDM was published with (Xiong & De la Torre 2013): 4x4 cells of eight
    directions, computed on an image that is blurred to match the size of the cells. Descriptors are
    normalised as those of `features.hog.Hog` are, which is "RootSIFT" (Arandjelović & Zisserman
    2012).

    Parameters
    ----------
    half : float
        Half the side of the grid of cells, in box sides.
    """

    #: Nothing depends on the samples.
    over_members: ClassVar[bool] = True

    half: float = 0.1

    def fit(self, samples, residuals, reference, rng, workers=SERIAL):
        """Return the descriptors; nothing is learned from the samples."""
        return SiftDescriptors(half=np.array([self.half], np.float32))


@dataclass(frozen=True)
class SiftDescriptors:
    """SIFT descriptors at every landmark.

    Attributes
    ----------
    half : ndarray of shape (1,), float32
        Half the side of the grid of cells, in box sides.
    """

    half: np.ndarray

    KIND: ClassVar = "sift"
    LAYOUT: ClassVar = {"half": ("f4", 1)}
    #: Needs crops at the scale of training, so that the blur is that of training.
    needs_crop: ClassVar = True
    n_numbers: ClassVar = _N_NUMBERS

    def check(self, sizes):
        """Refuse grids whose size is not above 0."""
        if not 0 < self.half[0] < 1:
            raise InputError(f"half is {self.half[0]}; it must be above 0 and below 1 box side")
        sizes["features"] = sizes["landmarks"] * _N_NUMBERS

    def extract(self, samples, reference, workers=SERIAL):
        """Descriptors of all samples.

        Parameters
        ----------
        samples : object
            With `images`, `index`, `placements` and `shapes`, as `Samples` has them.
        reference : ndarray of shape (L, 2), float32
            Centred mean shape.
        workers : Workers
            Maps a function over ranges of samples in parallel.

        Returns
        -------
        ndarray of shape (N, L * 128), float32
            By landmark; within one in OpenCV's order.

        Raises
        ------
        InputError
            If there is no memory for the result.
        """
        n = len(samples.index)
        out = allocate((n, len(reference), _N_NUMBERS), np.float32, *WHAT)
        # NaN and infinity have no meaningful place or size; replace them by any valid one.
        shapes = np.nan_to_num(samples.shapes, posinf=0, neginf=0)
        linear, _ = similarity(reference, shapes)
        scale = np.hypot(*linear.T) * samples.placements[:, 2]
        # Below a pixel, OpenCV 4.10 writes beyond its own arrays.
        sizes = np.clip(2 * self.half[0] * scale / _SIZES, 1, min(samples.images.shape[1:]))
        angles = np.rad2deg(np.arctan2(linear[:, 1], linear[:, 0])) % 360
        points = shapes * samples.placements[:, None, 2:] + samples.placements[:, None, :2]
        last = np.array(samples.images.shape[:0:-1]) - 1
        points = np.clip(points, 0, last)

        def extract(span):
            sift = cv2.SIFT_create()
            for i in range(*span):
                image = np.ascontiguousarray(samples.images[samples.index[i]])
                octave = _octave(sizes[i], min(image.shape)) | _LAYER
                look = float(sizes[i]), float(angles[i]), 1.0, octave
                keypoints = [cv2.KeyPoint(x, y, *look) for x, y in points[i].tolist()]
                _, found = sift.compute(image, keypoints)
                found /= np.maximum(found.sum(1, keepdims=True), 1)
                np.sqrt(found, out=out[i])

        workers.over_spans(extract, n)
        return out.reshape(n, len(reference) * _N_NUMBERS)


def _octave(size, side):
    """How often to halve an image of `side` pixels for keypoints of `size`."""
    octave = max(0, round(np.log2(size / _FIRST_SIZE)))
    return min(octave, max(0, int(np.log2(side / _SMALLEST))))
