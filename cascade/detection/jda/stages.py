"""Stages that know the landmarks: trees that tell faces from other windows, and move the shape.

A stage reads a pool of pixels at points that move with the current landmarks. Boosted trees compare
them: some nodes are split to tell faces, others to tell where a landmark should go (Chen et al.
2014). The leaves add to the window's score, and make up the local binary features (Ren et al.
2014) on which one linear regression moves all landmarks.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError

from ...stages.layout import from_arrays, to_arrays
from ...stages.lbf.predictor import SparseLinear, whole_lanes
from .front import check_trees

# Limits below any sum of trees, and the score of a window that failed.
NEVER = np.int32(-(2**30))
FAILED = np.iinfo(np.int64).min


@dataclass
class Stage:
    """One trained stage.

    Attributes
    ----------
    anchors : ndarray of shape (P,), uint16
        Landmark of each point of the pool.
    offsets : ndarray of shape (P, 2), float32
        From there, in the mean-shape frame.
    nodes : ndarray of shape (K, n_nodes, 4), int16
        See `scan`; their points are those of the pool.
    leaves : ndarray of shape (K, n_leaves), int32
    limits : ndarray of shape (K,), int32
    linear : SparseLinear
        From the leaves to the update of the shape.
    """

    anchors: np.ndarray
    offsets: np.ndarray
    nodes: np.ndarray
    leaves: np.ndarray
    limits: np.ndarray
    linear: SparseLinear | None = None

    KIND: ClassVar = "jda"
    LAYOUT: ClassVar = {
        "anchors": ("u2", "points"),
        "offsets": ("f4", "points", 2),
        "nodes": ("i2", "codes", "nodes", 4),
        "leaves": ("i4", "codes", "leaves"),
        "limits": ("i4", "codes"),
    }

    def check(self, sizes):
        """Refuse trees that look at points that are not there, and landmarks likewise."""
        check_trees(self.nodes, self.leaves, len(self.anchors))
        if self.anchors.max() >= sizes["landmarks"]:
            raise InputError("a point belongs to a landmark that is not there")
        if np.abs(self.offsets).max() > 100:
            raise InputError("a point lies far from the face")

    #: What `cascade info` calls its feature and its regressor.
    kind: ClassVar = ("pixel differences at landmarks", "boosted trees and local binary features")

    @property
    def shapes(self):
        """Sizes of the arrays, which all stages share."""
        return [getattr(self, name).shape for name in self.LAYOUT] + [self.linear.weights.shape]


def stage_to(stage, prefix):
    """The arrays of a stage by their names in a file."""
    return to_arrays(stage, prefix) | to_arrays(stage.linear, f"{prefix}.linear")


def stage_from(arrays, prefix, sizes):
    """A stage of a file; see `cascade.stages.layout.from_arrays`."""
    stage = from_arrays(Stage, arrays, prefix, sizes)
    stage.linear = from_arrays(SparseLinear, arrays, f"{prefix}.linear", sizes)
    return stage


def stacked(stages):
    """The arrays of stages, as `run_stages` takes them."""
    return [
        np.stack([s.anchors for s in stages]),
        np.stack([np.ascontiguousarray(s.offsets.T) for s in stages]),
        np.stack([s.nodes for s in stages]),
        np.stack([s.leaves for s in stages]),
        np.stack([s.limits for s in stages]),
        np.stack([whole_lanes(s.linear.weights.reshape(-1, s.linear.weights.shape[2]))
                  for s in stages]),
        np.stack([_whole_rows(s.linear.basis, s.linear.weights.shape[2]) for s in stages]),
        np.stack([s.linear.bias for s in stages]),
    ]  # fmt: skip


def _whole_rows(basis, n):
    width = whole_lanes(np.zeros((1, n), np.int8)).shape[1]
    return np.pad(basis, ((0, width - n), (0, 0)))
