"""How sure a cascade is of what it found: errors estimated from the image at the landmarks.

Descriptors at landmarks that have gone astray look unlike those of faces, and their shape unlike
theirs. A ridge regression from both estimates the error that is left, as that of the key shapes
does, and a logistic regression makes it a probability (Platt 1999).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError
from features.workers import SERIAL

from ..stages.stage import FittedStage

#: An error counts as small below this share of the distance of the outer eye corners, or of what
#: else the errors of the scheme are divided by.
LIMIT = 0.08


@dataclass(frozen=True)
class Calibration:
    """From estimated errors to probabilities.

    Attributes
    ----------
    curves : ndarray of shape (2, 2), float32
        Slope and offset that lead from the logarithm of an error in box sides to the logit of the
        probability that it is small: of landmarks, and of the mean of a face.
    """

    curves: np.ndarray

    LAYOUT: ClassVar = {"curves": ("f4", 2, 2)}

    def check(self, sizes):
        """Refuse curves that say the contrary."""
        if not (self.curves[:, 0] <= 0).all():
            raise InputError("the confidence grows with the error")

    def __call__(self, logarithms):
        """Probabilities (N, L + 1) float32 of the logarithms of the errors at L landmarks and of
        their mean."""
        n_landmarks = logarithms.shape[1] - 1
        slope, offset = np.repeat(self.curves, (n_landmarks, 1), axis=0).T
        logit = np.clip(slope * logarithms + offset, -30, 30)
        return (1 / (1 + np.exp(-logit))).astype(np.float32)


@dataclass(frozen=True)
class Confidence:
    """What tells how likely a shape is right.

    Attributes
    ----------
    stage : FittedStage
        Its predictor's numbers are the logarithms of the errors at the L landmarks, and of their
        mean, in box sides.
    calibration : Calibration
    """

    stage: FittedStage
    calibration: Calibration

    def __call__(self, samples, reference, workers=SERIAL):
        """Probabilities that the errors of shapes are small.

        Parameters
        ----------
        samples : Samples
            In crops of the training scale.
        reference : ndarray of shape (L, 2), float32
        workers : Workers

        Returns
        -------
        landmarks : ndarray of shape (N, L), float32
        faces : ndarray of shape (N,), float32
            Of the mean error of each face.
        """
        features = self.stage.feature.extract(samples, reference, workers)
        found = self.calibration(self.stage.predictor.predict(features))
        return found[:, :-1], found[:, -1]
