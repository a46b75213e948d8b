"""Linear regression on the leaves of all forests, ready to predict."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features._lanes import LANES
from features.errors import InputError

from . import _ridge_kernels as kernels


@dataclass(frozen=True)
class SparseLinear:
    """The global regression of one stage, ready to predict.

    The weights of the leaves are added as integers, and one product with `basis` turns the sum into
    the update of the shape.

    Attributes
    ----------
    weights : ndarray of shape (K, leaves, R), int8
    basis : ndarray of shape (R, 2L), float32
    bias : ndarray of shape (2L,), float32
    """

    weights: np.ndarray
    basis: np.ndarray
    bias: np.ndarray

    KIND: ClassVar = "sparse-linear"
    LAYOUT: ClassVar = {
        "weights": ("i1", "codes", "leaves", "components"),
        "basis": ("f4", "components", "coordinates"),
        "bias": ("f4", "coordinates"),
    }

    def check(self, sizes):
        """Refuse weights for other trees than the feature's, or for a feature without trees."""
        nodes = sizes.get("nodes", 0)
        if sizes["leaves"] != nodes + 1:
            raise InputError(f"{sizes['leaves']} leaves do not fit trees of {nodes} nodes")

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.weights.shape

    def predict(self, leaves):
        """Shape updates (N, 2L) float32 for leaf indices (N, K) uint8.

        Raises
        ------
        InputError
            For another number of trees, or a leaf that they do not have.
        """
        n_codes, n_leaves, n_components = self.weights.shape
        if leaves.shape[1] != n_codes or leaves.max(initial=0) >= n_leaves:
            raise InputError(f"leaves must be (N, {n_codes}) below {n_leaves}; got {leaves.shape}")
        weights = whole_lanes(self.weights.reshape(n_codes * n_leaves, n_components))
        sums = np.empty((len(leaves), weights.shape[1]), np.int32)
        kernels.predict_rows(np.ascontiguousarray(leaves.T), n_leaves, weights, sums)
        return sums[:, :n_components].astype(np.float32) @ self.basis + self.bias


def whole_lanes(rows):
    """`rows` with columns of zeros added up to whole groups of lanes."""
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, -rows.shape[1] % LANES))))
