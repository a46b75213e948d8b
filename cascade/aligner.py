"""What aligning one image yields beyond the landmarks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alignment:
    """Landmarks of the n faces of an image, and how the cascade came to them.

    Attributes
    ----------
    shapes : ndarray of shape (n, L, 2), float32
        The landmarks in pixels of the image.
    initial : ndarray of shape (n, L, 2), float32
        The mean shape in each box, where the first start begins.
    staged : ndarray of shape (T, n, L, 2), float32, or None
        Shapes after each stage, of the first start; None where they were not asked for.
    spread : ndarray of shape (n, L), float32, or None
        How far the answers of several starts lie apart at each landmark: the median distance from
        their median, in box sides. Small means sure. None with a single start.
    visible : ndarray of shape (n, L), float32, or None
        Probability that each landmark can be seen; None from models that do not say.
    """

    shapes: np.ndarray
    initial: np.ndarray
    staged: np.ndarray | None = None
    spread: np.ndarray | None = None
    visible: np.ndarray | None = None
