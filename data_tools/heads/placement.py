"""Where rigid heads are in images, by weak perspective: a scaled rotation, and a shift."""

from typing import NamedTuple

import numpy as np


class Placement(NamedTuple):
    """Where rigid heads are: ``shape = scale * (points @ rotation.T)[:, :2] + shift``."""

    rotation: np.ndarray
    """(n, 3, 3)."""
    scale: np.ndarray
    """(n,), pixels of the shapes a unit of the head."""
    shift: np.ndarray
    """(n, 2), where the head's origin is."""

    def project(self, points):
        """Points (L, 3) of the head on each image, (n, L, 3); the last is depth in pixels."""
        turned = np.einsum("nij,lj->nli", self.rotation, points) * self.scale[:, None, None]
        turned[..., :2] += self.shift[:, None]
        return turned
