"""A last look at each face: a linear classifier on histograms of oriented gradients around the
landmarks, as Chen et al. (2014, section 4.2) put one behind their cascade.

Boosted comparisons of pixels tell windows apart fast but learn by heart what few faces look like.
Descriptors at landmarks that lie where they belong vary little between faces, so that a linear
function of them is learned from few.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from features.errors import InputError
from features.hog import Hog, HogDescriptors
from features.workers import SERIAL

#: Landmarks that are looked at, at most, spread over all of them.
MOST_LANDMARKS = 68


@dataclass
class Verifier:
    """The classifier.

    Attributes
    ----------
    landmarks : ndarray of shape (K,), uint16
    spacing, cells
        As of `HogDescriptors`.
    weights : ndarray of shape (n_features,), float32
    bias : ndarray of shape (1,), float32
    """

    landmarks: np.ndarray
    spacing: np.ndarray
    cells: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    KIND: ClassVar = "verifier"
    LAYOUT: ClassVar = {
        "landmarks": ("u2", "chosen"),
        **HogDescriptors.LAYOUT,
        "weights": ("f4", "features"),
        "bias": ("f4", 1),
    }

    def check(self, sizes):
        """Refuse landmarks that are not there, and weights for other descriptors."""
        if self.landmarks.max() >= sizes["landmarks"]:
            raise InputError("a descriptor belongs to a landmark that is not there")
        self.feature.check({"cells": sizes["cells"], "landmarks": len(self.landmarks)})
        if len(self.weights) != self.feature.n_features(len(self.landmarks)):
            raise InputError(f"{len(self.weights)} weights do not fit the descriptors")

    @property
    def feature(self):
        """The descriptors."""
        return HogDescriptors(self.spacing, self.cells)

    def describe(self, crops, placements, shapes, mean, workers=SERIAL):
        """Descriptors (N, n_features) float32 at the landmarks of each face.

        Parameters
        ----------
        crops : ndarray of shape (N, H, W), uint8
        placements : ndarray of shape (N, 3), float32
        shapes : ndarray of shape (N, L, 2), float32
            In the box frame.
        mean : ndarray of shape (L, 2), float32
        workers : Workers
        """
        chosen = np.ascontiguousarray(shapes[:, self.landmarks])
        samples = SimpleNamespace(
            images=crops, index=np.arange(len(crops)), placements=placements, shapes=chosen
        )
        reference = mean[self.landmarks] - mean[self.landmarks].mean(0)
        return self.feature.extract(samples, np.ascontiguousarray(reference, np.float32), workers)

    def scores(self, crops, placements, shapes, mean, workers=SERIAL):
        """Scores (N,) float64 of faces, above 0 where a face is more likely than not; parameters
        as of `describe`."""
        described = self.describe(crops, placements, shapes, mean, workers)
        return described.astype(np.float64) @ self.weights + float(self.bias[0])


def plain_verifier(mean, half=0.15, n_cells=3):
    """A verifier without weights, which describes faces.

    Parameters
    ----------
    mean : ndarray of shape (L, 2), float32
    half, n_cells
        As of `features.hog.Hog`.
    """
    n = min(MOST_LANDMARKS, len(mean))
    landmarks = np.unique(np.linspace(0, len(mean) - 1, n).round()).astype(np.uint16)
    feature = Hog(half=half, n_cells=n_cells).fit(None, None, None, None)
    n_features = feature.n_features(len(landmarks))
    return Verifier(landmarks, feature.spacing, feature.cells, np.zeros(n_features, np.float32),
                    np.zeros(1, np.float32))  # fmt: skip


def fit_verifier(verifier, described, labels, penalty=0.25):
    """The verifier with weights, by logistic regression.

    Parameters
    ----------
    verifier : Verifier
        See `plain_verifier`.
    described : ndarray of shape (N, n_features)
    labels : ndarray of shape (N,), int8
        1 of a face, 0 of none.
    penalty : float
        Inverse of the weight of the squared weights (scikit-learn's C).

    Returns
    -------
    Verifier
    """
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(C=penalty, class_weight="balanced", max_iter=300)
    classifier.fit(described.astype(np.float32), labels)
    return replace(
        verifier,
        weights=classifier.coef_[0].astype(np.float32),
        bias=classifier.intercept_.astype(np.float32),
    )
