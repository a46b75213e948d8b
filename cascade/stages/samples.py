"""The state of the loop: which face each sample looks at, and where its shape is now."""

from dataclasses import dataclass, replace

import numpy as np

from features import _shape_kernels as kernels
from features.errors import InputError
from features.images import kernel_view

from .cross_fitting import block_of

# Samples whose residuals are computed together.
_TOGETHER = 1024


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
    true_shapes : ndarray of shape (m, L, 2), float32, or None
        True shapes of the images' faces, NaN where a landmark is missing.
    true_visible : ndarray of shape (m, L), bool, or None
        Which of their landmarks can truly be seen, where the faces say so.
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
    true_shapes: np.ndarray | None = None
    true_visible: np.ndarray | None = None
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
        return cls(
            np.asanyarray(store.images),
            index,
            np.ascontiguousarray(store.placements[index], np.float32),
            np.array(starts, np.float32, order="C"),
            np.ascontiguousarray(store.shapes, np.float32),
            store.visible,
            None,
            (block_of(store.groups) if blocks is None else blocks)[index],
        )

    def __len__(self):
        return len(self.index)

    @property
    def truth(self):
        """True shapes (N, L, 2) float32 of the samples, or None; a copy, so ask for parts."""
        return None if self.true_shapes is None else self.true_shapes[self.index]

    @property
    def visible(self):
        """Which landmarks of the samples can truly be seen, (N, L) bool, or None; a copy."""
        return None if self.true_visible is None else self.true_visible[self.index]

    def part(self, start, stop):
        """The samples [start, stop), sharing memory: what one thread works on."""
        part = self.rows(slice(start, stop))
        part.first, part.n_all = self.first + start, self.n_all
        return part

    def rows(self, chosen):
        """The samples at `chosen`, numbered anew; what is known of the images is shared."""
        per_sample = ("index", "placements", "shapes", "visibility", "blocks")
        parts = {name: getattr(self, name) for name in per_sample}
        parts = {k: None if v is None else v[chosen] for k, v in parts.items()}
        return replace(self, **parts, first=0, n_all=None)

    def take(self, rows, others):
        """Give the samples at `rows` the shapes and the visibility of `others`."""
        self.shapes[rows] = others.shapes
        if others.visibility is not None:
            self.believe_visible()
            self.visibility[rows] = others.visibility

    def believe_visible(self):
        """Hold all landmarks for visible, where no stage has said anything yet."""
        if self.visibility is None:
            self.visibility = np.ones(self.shapes.shape[:2], np.float32)

    def residuals(self, reference):
        """What is left to move, in the mean-shape frame: (N, 2L) float32, NaN where unknown."""
        return np.asarray(Residuals(self, reference))

    def move(self, updates, reference):
        """Add `updates` (N, 2L), given in the mean-shape frame, to the shapes, in place."""
        kernels.move(self.shapes, updates, reference, 0, len(self))


class Residuals:
    """What samples have left to move, computed for the rows that are asked for.

    Where an array of all rows would be too much: ``residuals[start:stop]`` is one of some of them.
    The samples must not be moved meanwhile.

    Parameters
    ----------
    samples : Samples
    reference : ndarray of shape (L, 2), float32
        The centred mean shape.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, samples, reference):
        self._samples, self._reference = samples, reference
        self.shape = len(samples), 2 * len(reference)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """The residuals of a slice of rows, (n, 2L) float32."""
        samples = self._samples
        shapes = np.ascontiguousarray(samples.shapes[rows])
        out = np.empty((len(shapes), self.shape[1]), np.float32)
        truth = samples.true_shapes[samples.index[rows]]
        kernels.residuals(shapes, truth, self._reference, 0, len(out), out)
        return out

    def __array__(self, dtype=None, copy=None):
        out = np.empty(self.shape, np.float32)
        for start in range(0, len(out), _TOGETHER):  # parts whose truth stays in the caches
            rows = slice(start, start + _TOGETHER)
            out[rows] = self[rows]
        return out if dtype is None else out.astype(dtype, copy=False)
