"""Key shapes: shapes that a face is tried from, and the score that tells the best."""

from dataclasses import dataclass

import numpy as np

from features.geometry import rotate, similarity
from features.workers import SERIAL

from ..stages.stage import FittedStage

#: Largest number of head poses to start from.
MAX_SHAPES = 32
#: Largest number of key shapes, including the rotated ones.
MAX_KEYS = 3 * MAX_SHAPES


@dataclass(frozen=True)
class KeyShapes:
    """Several initial shapes, and a score that selects the best after the first stages.

    Attributes
    ----------
    shapes : ndarray of shape (K, L, 2), float32
        In the box frame.
    n_stages : int
        Stages that each of them runs before the choice.
    score : FittedStage
        Its predictor's one number is the logarithm of the error that is left.
    """

    shapes: np.ndarray
    n_stages: int
    score: FittedStage

    def placed(self, starts, mean_shape):
        """The key shapes where `starts` (N, L, 2) have the mean shape: (K * N, L, 2) float32,
        key by key."""
        # The common case, and the costly part of a prediction: nothing needs to be moved.
        if (starts == mean_shape).all():
            return np.repeat(self.shapes, len(starts), axis=0)
        center = mean_shape.mean(0)
        linear, shift = similarity(mean_shape - center, starts)
        placed = [rotate(key - center, linear) + shift[:, None] for key in self.shapes]
        return np.concatenate(placed).astype(np.float32)

    def tried(self, samples, mean_shape):
        """The key shapes of samples (N), where theirs start: samples (K * N), key by key."""
        tried = samples.rows(np.tile(np.arange(len(samples)), len(self.shapes)))
        tried.shapes = self.placed(samples.shapes, mean_shape)
        return tried

    def best(self, samples, reference, workers=SERIAL):
        """Of samples (K * N), key by key, the rows (N,) of those that have come nearest."""
        features = self.score.feature.extract(samples, reference, workers)
        score = self.score.predictor.predict(features).reshape(len(self.shapes), -1)
        n = score.shape[1]
        return score.argmin(0) * n + np.arange(n)


def turned(shapes, degrees, mean_shape):
    """Shapes (n, L, 2) turned in the plane by `degrees` (n,) around the mean shape's centre."""
    angle, center = np.deg2rad(degrees), mean_shape.mean(0)
    turn = np.stack([np.cos(angle), np.sin(angle)], -1)
    return (rotate(shapes - center, turn) + center).astype(np.float32)
