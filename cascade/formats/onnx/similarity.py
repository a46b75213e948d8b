"""How shapes are turned, as operators of ONNX."""

import numpy as np


class Similarity:
    """The scaled rotation (a, b) that aligns the reference (2, L) with each shape (n, 2, L).

    Attributes
    ----------
    reference : ndarray of shape (2, L), float32
    linear : Tensor (n, 2, 1) float32
        a and b.
    """

    def __init__(self, reference, shapes):
        self.reference = reference
        x, y = reference
        energy = np.cumsum(x * x + y * y, dtype=np.float32)[-1]
        terms = x * shapes + np.stack([y, -y]) * shapes.take([1, 0], 1)
        # A sum over the last axis would add in another order, so every sum but the last goes waste.
        linear = terms.running_sum(2).take([-1], 2)
        if energy > 0:
            self.linear = linear / energy
        else:  # a single point has no direction and no size: it is taken as it is
            self.linear = linear * 0 + np.array([[1], [0]])
        self._turned = self.linear.take([1, 0], 1) * np.array([[-1], [1]])

    def turn(self, x, y, start=None):
        """``start + [[a, -b], [b, a]] @ (x, y)`` of points: (n, 2, p)."""
        first = self.linear * x
        return (first if start is None else start + first) + self._turned * y
