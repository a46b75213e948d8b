"""Confidence of a cascade: errors of the landmarks, estimated from the image at the landmarks.

Misplaced landmarks have descriptors and shapes that differ from those of faces. A ridge regression
on both estimates the remaining error, as for the key shapes, and a logistic regression turns the
estimate into a probability (Platt scaling, Platt 1999).
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
    """Turns estimated errors into probabilities.

    Attributes
    ----------
    curves : ndarray of shape (2, 2), float32
        Slope and offset from the logarithm of a normalised error to the logit of the probability
        that it is small; first for landmarks, then for the mean of a face.
    """

    curves: np.ndarray

    LAYOUT: ClassVar = {"curves": ("f4", 2, 2)}

    def check(self, sizes):
        """Refuse curves whose probability rises with the error."""
        if not (self.curves[:, 0] <= 0).all():
            raise InputError("confidence.curves must fall with the error; get the file again")

    def __call__(self, logarithms):
        """Probabilities (N, L + 1) float32 from log errors of the L landmarks and of their mean."""
        n_landmarks = logarithms.shape[1] - 1
        slope, offset = np.repeat(self.curves, (n_landmarks, 1), axis=0).T
        logit = np.clip(slope * logarithms + offset, -30, 30)
        return (1 / (1 + np.exp(-logit))).astype(np.float32)


@dataclass(frozen=True)
class Confidence:
    """Estimates the probability that a shape is right.

    Attributes
    ----------
    stage : FittedStage
        It predicts the logarithms of the normalised errors of the L landmarks, and of their mean.
    calibration : Calibration
    """

    stage: FittedStage
    calibration: Calibration

    def __call__(self, samples, reference, workers=SERIAL):
        """Probabilities that the errors of shapes are small.

        Parameters
        ----------
        samples : Samples
            On crops at the scale of training.
        reference : ndarray of shape (L, 2), float32
        workers : Workers

        Returns
        -------
        landmarks : ndarray of shape (N, L), float32
        faces : ndarray of shape (N,), float32
            The same for the mean error of each face.
        """
        features = self.stage.feature.extract(samples, reference, workers)
        found = self.calibration(self.stage.predictor.predict(features))
        return found[:, :-1], found[:, -1]
