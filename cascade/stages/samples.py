"""The state of the loop: which face each sample looks at, and where its shape is now."""

from dataclasses import dataclass, replace

import numpy as np

from features import _shape_kernels as kernels
from features.errors import InputError
from features.images import kernel_view

from .cross_fitting import block_of


@dataclass
class Samples:
    """N shapes on their way, over the crops of m faces.

    Attributes
    ----------
    images : ndarray of shape (m, H, W), uint8
        Never written; None where nothing is read from pixels. Images without pixels are refused.
    index : ndarray of shape (N,), intp
        Image of each sample.
    placements : ndarray of shape (N, 3), float32
        The box frame in each sample's image.
    shapes : ndarray of shape (N, L, 2), float32
        Current shapes in the box frame.
    truth : ndarray of shape (N, L, 2), float32, or None
        True shapes, NaN where a landmark is missing.
    visible : ndarray of shape (N, L), bool, or None
        Which landmarks can truly be seen, where the faces say so.
    visibility : ndarray of shape (N, L), float32, or None
        How visible the cascade holds each landmark so far, 1 surely and 0 not; None before the
        first stage that says so. Sums of updates, so not quite within 0 and 1.
    blocks : ndarray of shape (N,), int32, or None
        Block of neighbouring image files of each sample: what cross-fitting must not tear apart;
        see `cascade.stages.cross_fitting`.
    first : int
        Number of the first of these samples among those of all members of a training.
    n_all : int or None
        Samples of all members together; None stands for those that are here.

    Notes
    -----
    In training, sample ``i * k + j`` is start j of crop i (face-major): a crop is read once for all
    of its starts, and a range of crops is a range of samples.
    """

    images: np.ndarray
    index: np.ndarray
    placements: np.ndarray
    shapes: np.ndarray
    truth: np.ndarray | None = None
    visible: np.ndarray | None = None
    visibility: np.ndarray | None = None
    blocks: np.ndarray | None = None
    first: int = 0
    n_all: int | None = None

    def __post_init__(self):
        if self.n_all is None:
            self.n_all = 0 if self.index is None else len(self.index)
        if self.images is None:  # samples that are only moved need none
            return
        # Kernels take the nearest pixel of those there are: without any they would read elsewhere.
        if 0 in self.images.shape[1:]:
            height, width = self.images.shape[1:]
            raise InputError(f"an image of {width}x{height} pixels is empty; use a larger crop")
        self.images = kernel_view(self.images)

    @classmethod
    def from_store(cls, store, starts, blocks=None):
        """Samples that start at `starts` (m * k, L, 2); row ``i * k + j`` looks at crop i.

        `blocks` (m,), int32, are those of the crops where the store has only some of those that
        are trained on.
        """
        index = np.repeat(np.arange(len(store)), len(starts) // max(len(store), 1))
        visible = None if store.visible is None else store.visible[index]
        return cls(
            np.asanyarray(store.images),
            index,
            np.ascontiguousarray(store.placements[index], np.float32),
            np.array(starts, np.float32, order="C"),
            np.ascontiguousarray(store.shapes[index], np.float32),
            visible,
            None if visible is None else np.ones(visible.shape, np.float32),
            (block_of(store.groups) if blocks is None else blocks)[index],
        )

    def __len__(self):
        return len(self.index)

    def part(self, start, stop):
        """The samples [start, stop), sharing memory: what one thread works on."""
        part = self.rows(slice(start, stop))
        part.first, part.n_all = self.first + start, self.n_all
        return part

    def rows(self, chosen):
        """The samples at `chosen`, numbered anew; the images are shared."""
        per_sample = ("index", "placements", "shapes", "truth", "visible", "visibility", "blocks")
        parts = {name: getattr(self, name) for name in per_sample}
        parts = {k: None if v is None else v[chosen] for k, v in parts.items()}
        return replace(self, **parts, first=0, n_all=None)

    def take(self, rows, others):
        """Give the samples at `rows` the shapes and the visibility of `others`."""
        self.shapes[rows] = others.shapes
        if others.visibility is not None:
            if self.visibility is None:
                self.visibility = np.ones(self.shapes.shape[:2], np.float32)
            self.visibility[rows] = others.visibility

    def residuals(self, reference):
        """What is left to move, in the mean-shape frame: (N, 2L) float32, NaN where unknown."""
        out = np.empty((len(self), 2 * len(reference)), np.float32)
        kernels.residuals(self.shapes, self.truth, reference, 0, len(self), out)
        return out

    def move(self, updates, reference):
        """Add `updates` (N, 2L), given in the mean-shape frame, to the shapes, in place."""
        kernels.move(self.shapes, updates, reference, 0, len(self))
