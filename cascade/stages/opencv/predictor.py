"""Linear regression on leaves with a float64 weight for every leaf and coordinate."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError
from features.threads import one_blas_thread

from . import _run_kernels as kernels


@dataclass(frozen=True)
class LeafWeights:
    """The global regression of one stage in the form of OpenCV's FacemarkLBF.

    It is large, but its sums equal OpenCV's bit for bit.

    Attributes
    ----------
    weights : ndarray of shape (K, leaves, 2L), float64
        What each leaf of each tree adds to the shape.
    """

    weights: np.ndarray

    KIND: ClassVar = "opencv-weights"
    LAYOUT: ClassVar = {"weights": ("f8", "codes", "leaves", "coordinates")}

    @classmethod
    @one_blas_thread()
    def from_sparse(cls, sparse):
        """The weights of `cascade.stages.lbf.regressor.SparseLinear`, expanded.

        The bias is added to all leaves of the first tree, of which every sample reaches one.
        """
        weights = sparse.weights.astype(np.float64) @ sparse.basis.astype(np.float64)
        weights[0] += sparse.bias
        return cls(weights)

    def check(self, sizes):
        """Refuse weights for other trees than the feature's."""
        nodes = sizes.get("nodes", 0)
        if sizes["leaves"] != nodes + 1:
            raise InputError(f"{sizes['leaves']} leaves do not fit trees of {nodes} nodes")

    @property
    def fuse_key(self):
        """What stages that run in one kernel share: nothing but their kind."""
        return None

    def predict(self, leaves):
        """Shape updates (N, 2L) float64 for leaf indices (N, K) below the number of leaves."""
        out = np.empty((len(leaves), self.weights.shape[2]))
        for row, codes in zip(out, leaves.astype(np.int64), strict=True):
            kernels.add_leaf_weights(self.weights, codes, row)
        return out
