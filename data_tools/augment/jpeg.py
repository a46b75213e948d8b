"""JPEG: the blocks of strong compression."""

from dataclasses import dataclass

import numpy as np

from features.errors import require_count
from features.opencv import cv2

from .face import Recipe


@dataclass(eq=False, repr=False, kw_only=True)
class Jpeg(Recipe):
    """Saved as a JPEG file and read again.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    quality : (int, int) in [1, 100]
        Range of the quality.
    """

    p: float = 0.4
    quality: tuple = (10, 60)

    def check(self):
        """See `Recipe.check`."""
        super().check()
        for number in self.quality:
            require_count("Jpeg: quality", number, 1, 100)

    def _ranges(self):
        return {"quality": (1, 100)}

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        low, high = self.quality
        quality = int(rng.integers(low, high + 1))
        # Where the blocks begin is left to chance: a crop's corner is not that of its photograph.
        dx, dy = rng.integers(0, 8, 2).tolist()
        image = cv2.copyMakeBorder(face.image, dy, 0, dx, 0, cv2.BORDER_REPLICATE)
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)[dy:, dx:]
        return face._replace(image=np.ascontiguousarray(image))
