"""Where a face lies in an image: the frame that shapes live in, and the pixels that are looked at.

A cascade moves shapes in the frame of the face box. A `FaceSpace` knows that frame: it checks the
boxes, says what to look at, and takes shapes back to pixels. `CropSpace` is the toolkit's own;
dlib's and OpenCV's rules are in `cascade.methods.dlib` and `cascade.methods.opencv`.
"""

from typing import NamedTuple, Protocol

import numpy as np

from features.errors import InputError
from features.geometry import FARTHEST, from_box_frame, sound_boxes
from features.images import as_grey

from . import _face_space_kernels as kernels

# Range of the image's scale, relative to the frame's, within which pixels are read where they are.
# Beyond, the face is resampled to the scale that the cascade was trained at.
NEAR_SCALE = (0.6, 1.5)
# Descriptors need so many pixels.
SMALLEST_VIEW = 4


class View(NamedTuple):
    """An image to look at, and the faces in it.

    Attributes
    ----------
    image : ndarray of shape (H, W), uint8
    rows : slice or ndarray of shape (k,), intp
        Which of all faces these are.
    placements : ndarray of shape (k, d), float32 or float64
        Where they lie in this image.
    """

    image: np.ndarray
    rows: object
    placements: np.ndarray


class FaceSpace(Protocol):
    """The frame of shapes and the way to pixels."""

    single: bool
    """Whether there is one start and no mirror image, as dlib and OpenCV have it."""

    def grey(self, image, color):
        """Any image as uint8 grey (H, W)."""

    def place(self, boxes, size):
        """Placements (n, d) of boxes (n, 4) in an image of `size` (height, width).

        Raises InputError for a box that cannot hold a face there.
        """

    def views(self, image, placements):
        """What to look at: a list of `View` that together hold every face once."""

    def in_place(self, images, placements):
        """Whether faces at `placements` (n, d), one in each image of a stack, need no crops."""

    def starts(self, starts):
        """Shapes (k, L, 2) to start from, in the precision in which stages move them."""

    def to_pixels(self, shapes, placements):
        """Shapes (…, n, L, 2) of the frame in pixels of the image, float32."""

    def store(self, store):
        """A `FaceStore`, whose shapes are in the box frame, with shapes of this frame."""

    def reference(self, mean_shape):
        """What stages turn and scale with: the mean shape (L, 2), centred unless they do that."""


class CropSpace:
    """The box frame: origin at the centre of the box, unit its side ``sqrt(width * height)``.

    Faces that are near the scale of training are read where they are, others from a crop of that
    scale; each face is decided on alone, whatever the others are.

    Parameters
    ----------
    frame : Frame
        The crops of training.
    needs_crop : bool
        Whether every face is read from a crop.
    """

    single = False

    def __init__(self, frame, needs_crop=False):
        self.frame = frame
        self._low, self._high = (scale * frame.face for scale in NEAR_SCALE)
        if needs_crop:
            self._low, self._high = 1.0, 0.0  # no face is near

    def grey(self, image, color):
        """See `features.images.as_grey`."""
        return as_grey(image, color)

    def place(self, boxes, size):
        """Centre x, centre y and side of each box: (n, 3) float32."""
        if not _is_plain(boxes):
            boxes = np.array(boxes, np.float32, order="C")
        placements = np.empty((len(boxes), 3), np.float32)
        if not kernels.place(boxes, size[0], size[1], FARTHEST, placements):
            sound_boxes(boxes, size)  # names the box
        return placements

    def views(self, image, placements):
        """The image itself for the faces near the scale of training, a crop for each other."""
        near = [self._low <= side <= self._high for side in placements[:, 2].tolist()]
        if all(near):
            return [View(image, slice(0, len(placements)), placements)]
        views = []
        if any(near):
            rows = np.flatnonzero(near)
            views.append(View(image, rows, placements[rows]))
        for i in np.flatnonzero(~np.array(near)):
            crop, placement, _ = self.frame.cut(image, placements[i])
            views.append(View(crop, slice(i, i + 1), placement[None]))
        return views

    def mirrored(self, views):
        """What `views` look like in a mirror, one view a face, cut to what training would show."""
        reach = self.frame.size / self.frame.face / 2
        mirrored = []
        for image, rows, placements in views:
            height, width = image.shape
            for i, (cx, cy, side) in zip(_indices(rows), placements.tolist(), strict=True):
                left, right = _cut(cx, reach * side, width)
                top, bottom = _cut(cy, reach * side, height)
                part = np.ascontiguousarray(image[top:bottom, left:right][:, ::-1])
                placement = (part.shape[1] - 1 - (cx - left), cy - top, side)
                mirrored.append(View(part, slice(i, i + 1), np.array([placement], np.float32)))
        return mirrored

    def in_place(self, images, placements):
        """Whether all faces are so near the scale of training that no crop is needed."""
        sides = placements[:, 2]
        return bool(((self._low <= sides) & (sides <= self._high)).all())

    def starts(self, starts):
        """The starts as they are, float32."""
        return starts

    def to_pixels(self, shapes, placements):
        """See `features.geometry.from_box_frame`."""
        if not (_is_plain(shapes) and _is_plain(placements)) or not shapes.size:
            return from_box_frame(shapes, placements)
        pixels = np.empty(shapes.shape, np.float32)
        if shapes.ndim == 3:
            kernels.to_pixels(shapes, placements, pixels)
        else:
            rows = -1, *shapes.shape[-2:]
            kernels.to_pixels(shapes.reshape(rows), placements, pixels.reshape(rows))
        return pixels

    def store(self, store):
        """The store as it is."""
        return store

    def reference(self, mean_shape):
        """The mean shape around its centre."""
        return mean_shape - mean_shape.mean(0)


def _is_plain(array):
    """Whether an array is such that kernels are compiled for: float32, contiguous, writeable."""
    return array.dtype == np.float32 and array.flags.carray


def _indices(rows):
    return range(rows.start, rows.stop) if isinstance(rows, slice) else rows.tolist()


def _cut(center, reach, length):
    """First pixel, and the one after the last, of an image's side that is seen around a face.

    At least `SMALLEST_VIEW` pixels, or all there are, even where the face lies beyond the image.
    """
    first, last = max(0, int(center - reach)), min(length, int(center + reach) + 2)
    first = min(first, max(0, length - SMALLEST_VIEW))
    return first, max(last, min(length, first + SMALLEST_VIEW))


def refuse_views(space, n_starts, mirror):
    """Raise InputError where several starts or a mirror image are asked of one that has neither."""
    if space.single and (n_starts not in (None, 1) or mirror):
        raise InputError(
            f"n_starts={n_starts} and mirror={mirror}: a model by dlib's or OpenCV's rules looks "
            "at one view only, from one start; leave both out"
        )
