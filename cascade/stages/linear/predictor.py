"""A linear map of reduced rank, ready to predict."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError

from . import _run_kernels as kernels


@dataclass(frozen=True)
class ReducedLinear:
    """A linear map of reduced rank, ready to predict: ``features @ weights @ basis + bias``.

    Attributes
    ----------
    weights : ndarray of shape (F, R), int8
        In steps of their own for each component; the steps are part of `basis`.
    basis : ndarray of shape (R, 2L), float32
    bias : ndarray of shape (2L,), float32
    alpha : ndarray of shape (1,), float32
        The penalty that it was trained with, in numbers of samples; told, not used.
    """

    weights: np.ndarray
    basis: np.ndarray
    bias: np.ndarray
    alpha: np.ndarray

    KIND: ClassVar = "reduced-linear"
    LAYOUT: ClassVar = {
        "weights": ("i1", "features", "components"),
        "basis": ("f4", "components", "coordinates"),
        "bias": ("f4", "coordinates"),
        "alpha": ("f4", 1),
    }

    def check(self, sizes):
        """Refuse more components than there are coordinates."""
        if sizes["components"] > sizes["coordinates"]:
            raise InputError(
                f"{sizes['components']} components for {sizes['coordinates']} coordinates"
            )

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.basis.shape

    @property
    def facts(self):
        """What training chose, for the history of the cascade."""
        return {"alpha_per_sample": float(f"{self.alpha[0]:.4g}")}

    def predict(self, features):
        """Updates (N, 2L) float32 of features (N, F)."""
        features = np.asarray(features, np.float32, order="C")
        out = np.empty((len(features), len(self.bias)), np.float32)
        kernels.predict_rows(features, self.weights, self.basis, self.bias, out)
        return out
