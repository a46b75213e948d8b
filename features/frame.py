"""The crop around a face: every face at one scale, whatever the size of its photograph."""

from dataclasses import dataclass

import cv2
import numpy as np

from .errors import InputError
from .geometry import box_placement


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
        """Cut the surroundings of `box` out of a grey image, the box side scaled to `face` pixels.

        Pixels are averaged over their area when the image shrinks, and interpolated linearly when
        it grows; outside the image its border is repeated.

        Parameters
        ----------
        image : ndarray of shape (H, W), uint8
        box : array_like of shape (4,)

        Returns
        -------
        crop : ndarray of shape (size, size), uint8
        placement : ndarray of shape (3,), float32
            Where the box frame lies in the crop: centre x, centre y, side.
        to_image : ndarray of shape (3,), float64
            (scale, dx, dy) with ``image pixel = scale * crop pixel + (dx, dy)``.

        Raises
        ------
        InputError
            If the box is degenerate or the crop would not touch the image.
        """
        cx, cy, side = box_placement(box).astype(np.float64)
        scale = side / self.face
        half = scale * self.size / 2
        height, width = image.shape
        # The part of the wanted square that lies in the image, in whole source pixels.
        left, top = np.floor([cx + 0.5 - half, cy + 0.5 - half])
        right, bottom = np.ceil([cx + 0.5 + half, cy + 0.5 + half])
        x0, y0 = int(max(left, 0)), int(max(top, 0))
        x1, y1 = int(min(right, width)), int(min(bottom, height))
        if x0 >= x1 or y0 >= y1:
            raise InputError(
                f"box {np.round(np.asarray(box, float), 1).tolist()} lies outside the image of "
                f"{width}x{height} pixels"
            )
        part = image[y0:y1, x0:x1]
        if scale > 1:  # shrink by area first, so that no source pixel is skipped below
            shape = [max(1, round(n / scale)) for n in (x1 - x0, y1 - y0)]
            part = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
        fx, fy = part.shape[1] / (x1 - x0), part.shape[0] / (y1 - y0)
        # crop pixel -> image pixel -> part pixel, pixel centres at integers
        dx, dy = cx - scale * (self.size - 1) / 2, cy - scale * (self.size - 1) / 2
        affine = np.array(
            [
                [scale * fx, 0, (dx + 0.5 - x0) * fx - 0.5],
                [0, scale * fy, (dy + 0.5 - y0) * fy - 0.5],
            ]
        )
        crop = cv2.warpAffine(
            part,
            affine,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        centre = (self.size - 1) / 2
        placement = np.array([centre, centre, self.face], np.float32)
        return crop, placement, np.array([scale, dx, dy])
