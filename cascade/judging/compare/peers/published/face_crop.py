"""What the published networks share: a square crop around the face, and options that move it."""

import numpy as np

from features.errors import require_range

from ...crops import SquareCrop

# Below this deviation a crop is one grey; dividing by it would only blow up noise.
_FLAT = 1e-6


class FaceCrop:
    """Cuts the square that a network wants around a face box.

    ``expand`` and ``down`` of a spec take the place of the network's own: the square's side, and
    how far its centre is below the box's, in units of ``sqrt(width * height)`` of the box.

    Parameters
    ----------
    spec : Spec
    size : int
        Pixels of the side.
    expand, down : float
        What the network wants of a box that is tight around the 68 landmarks.
    """

    def __init__(self, spec, size, expand, down=0.0):
        self.size = size
        self.expand = spec.take("expand", expand, float)
        self.down = spec.take("down", down, float)
        require_range("expand", self.expand, 0.2, 5)
        require_range("down", self.down, -2, 2)

    def __call__(self, box, grow=1.0):
        """The `SquareCrop` of a box (4,), `grow` times as large."""
        return SquareCrop(box, self.size, self.expand * grow, down=self.down)


def standardised(crop):
    """A crop with the mean 0 and the deviation 1, float32; zeros where it is of one grey."""
    crop = np.asarray(crop, np.float32)
    return (crop - crop.mean()) / max(float(crop.std()), _FLAT)
