"""The crop around a face: every face at one scale, whatever the size of its photograph."""

from dataclasses import dataclass

import numpy as np

from .errors import InputError
from .geometry import box_placement
from .opencv import cv2


@dataclass(frozen=True)
class Frame:
    """A square crop centred on the face box.

    Attributes
    ----------
    size : int
        Side of the crop in pixels.
    face : int
        Side of the face box inside the crop in pixels.
    """

    size: int = 256
    face: int = 140

    def __post_init__(self):
        if not 16 <= self.face <= self.size <= 4096:
            raise InputError(
                f"a frame of {self.size} pixels around a face of {self.face}: need "
                "16 <= face <= size <= 4096"
            )

    def crop(self, image, box):
        """Cut the surroundings of `box` out of a grey image; see `cut`.

        Parameters
        ----------
        image : ndarray of shape (H, W), uint8
        box : array_like of shape (4,)

        Returns
        -------
        crop, placement, to_image
            As of `cut`.

        Raises
        ------
        InputError
            If the box has no area or the crop would lie outside the image.
        """
        return self.cut(image, box_placement(box))

    def cut(self, image, placement):
        """Cut the surroundings of a face out of a grey image, the face about `face` pixels wide.

        The image is first reduced by a whole factor (means of blocks of pixels), then by the
        remaining factor, below 1.5, with linear interpolation. Outside the image its border is
        repeated.

        Parameters
        ----------
        image : ndarray of shape (H, W), uint8
        placement : ndarray of shape (3,), float32
            Where the box frame lies in the image: centre x, centre y, side.

        Returns
        -------
        crop : ndarray of shape (size, size), uint8
        placement : ndarray of shape (3,), float32
            Where the box frame lies in the crop.
        to_image : ndarray of shape (3,), float64
            (scale, dx, dy) with ``image pixel = scale * crop pixel + (dx, dy)``.

        Raises
        ------
        InputError
            If the crop would not touch the image.
        """
        cells = left, top, average, n = self._cells(placement)
        height, width = image.shape
        columns, rows = _inside(left, average, n, width), _inside(top, average, n, height)
        if columns is None or rows is None:
            cx, cy, side = placement.tolist()
            raise InputError(
                f"a face at ({cx:.1f}, {cy:.1f}), {side:.1f} pixels wide, lies outside the image "
                f"of {width}x{height} pixels"
            )
        (first_x, last_x, x0, x1), (first_y, last_y, y0, y1) = columns, rows
        part = image[y0:y1, x0:x1]
        if average > 1:
            shape = last_x - first_x, last_y - first_y
            part = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
        border = first_y, n - last_y, first_x, n - last_x
        if any(border):
            part = cv2.copyMakeBorder(part, *border, cv2.BORDER_REPLICATE)
        crop = cv2.resize(part, (self.size, self.size), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(crop), *self._placed(placement, cells)

    def place(self, placement):
        """Where a face comes to lie in its crop: what `cut` returns without the crop.

        Parameters
        ----------
        placement : ndarray of shape (3,), float32
            As of `cut`.

        Returns
        -------
        placement, to_image
            As of `cut`.
        """
        return self._placed(placement, self._cells(placement))

    def _placed(self, placement, cells):
        cx, cy, side = placement.tolist()
        left, top, average, n = cells
        scale = n * average / self.size
        dx, dy = (start + scale / 2 - 0.5 for start in (left, top))
        placement = np.array([(cx - dx) / scale, (cy - dy) / scale, side / scale], np.float32)
        return placement, np.array([scale, dx, dy])

    def _cells(self, placement):
        """The crop's cells in the image: left, top, pixels a side of a cell, cells a row."""
        cx, cy, side = placement.tolist()
        wanted = side / self.face
        average = max(1, round(wanted))  # source pixels that are averaged into one
        n = max(1, round(wanted * self.size / average))  # those, side by side in the crop
        left, top = (round(c + 0.5 - n * average / 2) for c in (cx, cy))
        return left, top, average, n


def _inside(start, average, n, length):
    """Which of n cells of `average` pixels from `start` on lie in an image of `length` pixels.

    Returns (first cell, last cell + 1, first pixel, last pixel + 1), or None where none touches it.
    Cells that the image's border cuts are left out, unless there is no other.
    """
    if start >= length or start + n * average <= 0:
        return None
    first = max(0, -(start // average))
    last = min(n, (length - start) // average)
    if first < last:
        return first, last, start + first * average, start + last * average
    cell = min(max(0, -start // average), n - 1)
    pixel = max(0, start + cell * average)
    return cell, cell + 1, pixel, max(pixel + 1, min(length, start + (cell + 1) * average))
