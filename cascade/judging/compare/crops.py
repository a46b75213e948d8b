"""Square crops as networks take them."""

import cv2
import numpy as np


class SquareCrop:
    """The map between an image and a square of `size` pixels around a face box.

    A position in the crop is a fraction of its side: 0 is its left or top edge, 1 its right or
    bottom edge. Pixels beyond the image repeat its border.

    Parameters
    ----------
    box : array_like of shape (4,)
        (left, top, right, bottom) in pixels.
    size : int
        Pixels of the crop's side.
    expand : float
        Side of the square in units of ``sqrt(width * height)`` of the box.
    angle : float
        Radians by which the square is turned with the face.
    down : float
        How far the square's centre is below that of the box, in the same unit as `expand`.
    """

    def __init__(self, box, size, expand=1.0, angle=0.0, down=0.0):
        left, top, right, bottom = (float(edge) for edge in box)
        unit = ((right - left) * (bottom - top)) ** 0.5
        side, top, bottom = unit * expand, top + unit * down, bottom + unit * down
        axis = side * np.array([np.cos(angle), np.sin(angle)])
        self.size = size
        # Columns: where the crop's own axes point in the image.
        self.axes = np.array([[axis[0], -axis[1]], [axis[1], axis[0]]])
        self.corner = np.array([(left + right) / 2, (top + bottom) / 2]) - self.axes.sum(1) / 2

    def cut(self, image):
        """The crop of an image (H, W) or (H, W, 3): (size, size) or (size, size, 3), uint8."""
        zoom = np.hypot(*self.axes[:, 0]) / self.size
        # Bilinear sampling skips pixels beyond a factor of two; average them first.
        steps = max(1, int(zoom))
        if steps > 1:
            height, width = image.shape[:2]
            small = max(1, width // steps), max(1, height // steps)
            image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
            ratio = np.array([small[0] / width, small[1] / height])
        else:
            ratio = np.ones(2)
        # Crop pixel u is centred at the fraction (u + 1/2) / size; image pixels at integers.
        linear = self.axes / self.size
        shift = self.corner + linear.sum(1) / 2
        to_image = np.column_stack([linear, shift])
        to_image[:, 2] = (to_image[:, 2] + 0.5) * ratio - 0.5
        to_image[:, :2] *= ratio[:, None]
        return cv2.warpAffine(
            image,
            to_image,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def to_image(self, fractions):
        """Points (P, 2), fractions of the crop's side, in pixels of the image."""
        return np.asarray(fractions, np.float64) @ self.axes.T + self.corner
