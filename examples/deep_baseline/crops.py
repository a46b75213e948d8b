"""What the network sees: square crops around face boxes, jittered as the cascades' starts are."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from cascade import Starts
from cascade.judging.compare.crops import SquareCrop
from features.geometry import inverse, rotate, similarity

# The network sees (pixel - MEAN) * SCALE.
MEAN, SCALE = 128.0, 1 / 128


@dataclass
class Crops:
    """Crops of one kind.

    Parameters
    ----------
    size : int
        Pixels of a side.
    expand : float
        Side in units of the box's.
    starts : Starts
        How far boxes are shifted, scaled and turned in training; the share of other faces is not
        used.
    contrast, brightness : float
        Standard deviation of the logarithm of the gain, and of the offset in units of half the
        range of grey levels.
    """

    size: int = 112
    expand: float = 1.4
    starts: Starts = field(
        default_factory=lambda: Starts(1, mix=(1.0, 1.0), shift=1.0, scale=1.0, roll=10.0)
    )
    contrast: float = 0.2
    brightness: float = 0.15

    def fractions(self, shapes):
        """Shapes of the box frame as fractions of the crop's side."""
        return shapes / np.float32(self.expand) + np.float32(0.5)

    def epoch(self, store, mean, batch_size, rng):
        """Every face of a store once, as itself or mirrored, in random order.

        Parameters
        ----------
        store : FaceStore
            Mirrored copies come after the faces, if there are any.
        mean : ndarray of shape (L, 2)
            In the box frame.
        batch_size : int
        rng : numpy.random.Generator

        Yields
        ------
        crops : ndarray of shape (b, size, size, 1), float32
        truth : ndarray of shape (b, 2 L), float32
            In fractions of the crop's side, NaN where a landmark is missing.
        """
        n_faces = int((~store.mirrored).sum())
        rows = rng.permutation(n_faces)
        rows += n_faces * rng.integers(0, len(store) // n_faces, n_faces)
        shapes = store.shapes[rows]
        # The box that a detector would have drawn, had the face been where the start is.
        linear, shift = similarity(mean, self.starts.sample(shapes, mean, rng))
        truth = self.fractions(rotate(shapes - shift[:, None], inverse(linear)))
        gain = np.exp(rng.normal(0, self.contrast, n_faces))
        offset = rng.normal(0, self.brightness, n_faces)
        for first in range(0, n_faces, batch_size):
            part = range(first, min(first + batch_size, n_faces))
            crops = [
                gain[i] * self._cut(store, rows[i], linear[i], shift[i]) + offset[i] for i in part
            ]
            crops = np.clip(np.stack(crops)[..., None], -1, 1).astype(np.float32)
            yield crops, truth[part.start : part.stop].reshape(len(part), -1)

    def _cut(self, store, row, linear, shift):
        """The crop around a box moved by the similarity: (size, size), in the network's units."""
        cx, cy, side = store.placements[row]
        a, b = linear * (side * self.expand / self.size)
        corner = np.full((1, 2), 0.5 / self.size - 0.5) * self.expand
        x, y = np.array([cx, cy]) + side * (rotate(corner, linear)[0] + shift)
        crop = cv2.warpAffine(
            store.images[row],
            np.array([[a, -b, x], [b, a, y]], np.float64),
            (self.size, self.size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return (crop - MEAN) * SCALE

    def plain(self, faces):
        """The crops that `cascade compare` cuts.

        Parameters
        ----------
        faces : FaceDataset

        Returns
        -------
        crops : ndarray of shape (n, size, size, 1), float32
        to_image : callable
            From coordinates (n, 2 L) of the network to shapes (n, L, 2) in pixels.
        """
        squares = [SquareCrop(box, self.size, self.expand) for box in faces.boxes]
        cut = [square.cut(faces.image(i)) for i, square in enumerate(squares)]
        crops = ((np.stack(cut)[..., None] - MEAN) * SCALE).astype(np.float32)

        def to_image(found):
            points = found.reshape(len(found), -1, 2)
            pairs = zip(squares, points, strict=True)
            return np.stack([square.to_image(shape) for square, shape in pairs])

        return crops, to_image
