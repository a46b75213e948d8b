"""Grey levels at points between two landmarks (Burgos-Artizzu et al. 2013, section 3.1)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _line_kernels as kernels
from .errors import InputError, require_range
from .memory import allocate
from .parameters import Parameters
from .pixels import MAX_POINTS, WHAT
from .workers import SERIAL


@dataclass(eq=False, repr=False)
class LinePixels(Parameters):
    """Recipe: grey levels at points drawn on the lines between any two landmarks.

    Such points follow pose and expression better than an offset from one landmark does.

    Parameters
    ----------
    n_points : int
        Number of points P, 2 to 32767.
    """

    #: Nothing about the points depends on the samples.
    over_members: ClassVar[bool] = True

    n_points: int = 400

    def fit(self, samples, residuals, reference, rng, workers=SERIAL):
        """Draw pairs of different landmarks, and a point on the line between each."""
        require_range("n_points", self.n_points, 2, MAX_POINTS)
        n_landmarks = len(reference)
        if n_landmarks < 2:
            raise InputError("points between landmarks need at least 2 of them; use Pixels")
        first = rng.integers(0, n_landmarks, self.n_points)
        second = (first + rng.integers(1, n_landmarks, self.n_points)) % n_landmarks
        fractions = rng.uniform(0, 1, self.n_points)
        # Ascending landmarks let inference walk through them in order.
        order = np.argsort(first, kind="stable")
        points = np.stack([first, second])[:, order].astype(np.uint16, order="C")
        return LineIndexedPixels(points, fractions[order].astype(np.float32))


@dataclass(frozen=True)
class LineIndexedPixels:
    """Grey levels at points between landmarks.

    Attributes
    ----------
    points : ndarray of shape (2, P), uint16
        First and second landmark of each point.
    fractions : ndarray of shape (P,), float32
        Its position on the line: 0 at the first landmark, 1 at the second.
    """

    points: np.ndarray
    fractions: np.ndarray

    KIND: ClassVar = "line-pixels"
    LAYOUT: ClassVar = {"points": ("u2", 2, "features"), "fractions": ("f4", "features")}

    def check(self, sizes):
        """Refuse points between landmarks that do not exist."""
        if self.points.max() >= sizes["landmarks"]:
            raise InputError(
                f"a point is tied to landmark {self.points.max()}, which does not exist; get "
                "the file again"
            )

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.fractions.shape

    def positions(self, reference):
        """Points (P, 2) on the mean shape."""
        first, second = reference[self.points]
        return first + self.fractions[:, None] * (second - first)

    def extract(self, samples, reference, workers=SERIAL):
        """Grey levels of all samples, as `features.pixels.ShapeIndexedPixels.extract`."""
        n_samples = len(samples.index)
        out = allocate((len(self.fractions), n_samples), np.uint8, *WHAT)

        def extract(span):
            kernels.sample_line_points(
                samples.images, samples.index, samples.placements, samples.shapes,
                self.points, self.fractions, *span, out,
            )  # fmt: skip

        workers.over_spans(extract, n_samples)
        return out.T
