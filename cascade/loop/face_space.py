"""The coordinate frame of shapes, and the pixels of an image that a cascade reads.

A cascade moves shapes in the frame of the face box. A `FaceSpace` defines that frame: it checks
boxes, selects the image or crop to read, and converts shapes back to pixels. `CropSpace` is the
toolkit's own; those of dlib and OpenCV are in `cascade.methods.dlib` and `cascade.methods.opencv`.
"""

from typing import NamedTuple, Protocol

import numpy as np

from features.errors import InputError
from features.geometry import FARTHEST, from_box_frame, sound_boxes
from features.images import as_grey

from . import _face_space_kernels as kernels

# Range of the face size, relative to that in training crops, within which the image is read
# directly. Other faces are resampled to the scale of training.
NEAR_SCALE = (0.6, 1.5)
# Smallest side of an image from which descriptors can be computed.
SMALLEST_VIEW = 4


class View(NamedTuple):
    """An image to read, and the faces in it.

    Attributes
    ----------
    image : ndarray of shape (H, W), or (k, H, W) with an image for each face, uint8
    rows : slice or ndarray of shape (k,), intp
        Indices of these faces among all.
    placements : ndarray of shape (k, d), float32 or float64
        Their frames in this image.
    """

    image: np.ndarray
    rows: object
    placements: np.ndarray


class FaceSpace(Protocol):
    """The coordinate frame of shapes, and the conversion to pixels."""

    single: bool
    """Whether there is one start and no mirror image, as dlib and OpenCV have it."""

    def grey(self, image, color):
        """Any image as uint8 grey (H, W)."""

    def place(self, boxes, size):
        """Placements (n, d) of boxes (n, 4) in an image of `size` (height, width).

        Raises InputError for a box that cannot hold a face there.
        """

    def views(self, image, placements):
        """The images to read: a list of `View` that together contain every face once."""

    def in_place(self, images, placements):
        """Whether faces at `placements` (n, d), one per image of a stack, need no crops."""

    def starts(self, starts):
        """Shapes (k, L, 2) to start from, in the precision of the stages."""

    def to_pixels(self, shapes, placements):
        """Shapes (…, n, L, 2) of the frame in pixels of the image, float32."""

    def store(self, store):
        """A `FaceStore`, whose shapes are in the box frame, with shapes of this frame."""

    def reference(self, mean_shape):
        """The mean shape (L, 2) to align with; centred, unless the stages centre it themselves."""


class CropSpace:
    """The box frame: origin at the centre of the box, unit its side ``sqrt(width * height)``.

    Faces near the scale of training are read from the image itself, others from a crop at that
    scale. This is decided for each face alone.

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
        far = np.flatnonzero(~np.array(near))
        if len(far) == 1:
            crop, placement, _ = self.frame.cut(image, placements[far[0]])
            return [*views, View(crop, slice(far[0], far[0] + 1), placement[None])]
        crops = np.empty((len(far), self.frame.size, self.frame.size), np.uint8)
        placed = np.empty((len(far), 3), np.float32)
        for k, i in enumerate(far):
            crops[k], placed[k], _ = self.frame.cut(image, placements[i])
        return [*views, View(crops, far, placed)]

    def mirrored(self, views):
        """Mirror images of `views`, one per face, cut to the size of training crops."""
        reach = self.frame.size / self.frame.face / 2
        mirrored = []
        for images, rows, placements in views:
            height, width = images.shape[-2:]
            for k, (i, (cx, cy, side)) in enumerate(
                zip(_indices(rows), placements.tolist(), strict=True)
            ):
                image = images if images.ndim == 2 else images[k]
                left, right = _cut(cx, reach * side, width)
                top, bottom = _cut(cy, reach * side, height)
                part = np.ascontiguousarray(image[top:bottom, left:right][:, ::-1])
                placement = (part.shape[1] - 1 - (cx - left), cy - top, side)
                mirrored.append(View(part, slice(i, i + 1), np.array([placement], np.float32)))
        return mirrored

    def in_place(self, images, placements):
        """Whether all faces are near enough to the scale of training to be read without crops."""
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
    """Whether an array fits the compiled kernels: float32, contiguous, writeable."""
    return array.dtype == np.float32 and array.flags.carray


def _indices(rows):
    return range(rows.start, rows.stop) if isinstance(rows, slice) else rows.tolist()


def _cut(center, reach, length):
    """First pixel, and the one after the last, of the part of an image's side around a face.

    At least `SMALLEST_VIEW` pixels (or all, if there are fewer), even if the face lies outside the
    image.
    """
    first, last = max(0, int(center - reach)), min(length, int(center + reach) + 2)
    first = min(first, max(0, length - SMALLEST_VIEW))
    return first, max(last, min(length, first + SMALLEST_VIEW))


def refuse_views(space, n_starts, mirror):
    """Raise InputError if several starts or mirroring are requested but not supported."""
    if space.single and (n_starts not in (None, 1) or mirror):
        raise InputError(
            f"n_starts={n_starts} and mirror={mirror}: a model in dlib's or OpenCV's format "
            "uses one view and one start only; leave both out"
        )
