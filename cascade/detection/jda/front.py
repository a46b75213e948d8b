"""The first part: boosted trees on the pixels of a fixed window, which know no landmarks.

It is a detector in the spirit of pico (Markuš et al. 2013) and rejects nearly all windows with a
few comparisons of pixels each, so that the stages have few left to look at.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError

from . import _search_kernels as kernels
from .windows import GRID

MAX_DEPTH, MAX_TREES = 8, 1024


@dataclass
class Front:
    """The trees of the first part.

    Attributes
    ----------
    nodes : ndarray of shape (T, n_nodes, 4), int16
        See `scan`.
    leaves : ndarray of shape (T, n_nodes + 1), int32
    limits : ndarray of shape (T,), int32
    """

    nodes: np.ndarray
    leaves: np.ndarray
    limits: np.ndarray

    KIND: ClassVar = "front"
    LAYOUT: ClassVar = {
        "nodes": ("i2", "trees", "nodes", 4),
        "leaves": ("i4", "trees", "leaves"),
        "limits": ("i4", "trees"),
    }

    def check(self, sizes):
        """Refuse incomplete trees, and nodes that look at points outside of the window."""
        check_trees(self.nodes, self.leaves, GRID**2)

    @classmethod
    def empty(cls, depth):
        """No trees yet."""
        n = (1 << depth) - 1
        return cls(np.zeros((0, n, 4), np.int16), np.zeros((0, n + 1), np.int32),
                   np.zeros(0, np.int32))  # fmt: skip

    @property
    def arrays(self):
        """What the kernels take."""
        return self.nodes, self.leaves, self.limits

    def with_tree(self, nodes, leaves, limit):
        """These trees and one more."""
        return Front(
            np.concatenate([self.nodes, nodes[None]]),
            np.concatenate([self.leaves, leaves[None]]),
            np.append(self.limits, np.int32(limit)),
        )

    def scores(self, patches, first=0, scores=None):
        """Sums of the trees from `first` on, and which windows pass their limits."""
        n = patches.shape[1]
        scores = np.zeros(n, np.int64) if scores is None else scores
        passed = np.ones(n, bool)
        kernels.score_patches(patches, *self.arrays, first, len(self.limits), scores, passed)
        return scores, passed


def check_trees(nodes, leaves, n_points):
    """Refuse trees (T, n_nodes, 4) whose numbers a kernel could not take."""
    n_nodes = nodes.shape[1]
    if n_nodes & (n_nodes + 1) or n_nodes >= 1 << MAX_DEPTH:
        raise InputError(f"trees of {n_nodes} nodes are not complete")
    if leaves.shape[1] != n_nodes + 1:
        raise InputError(f"{leaves.shape[1]} leaves do not fit trees of {n_nodes} nodes")
    if len(nodes) > MAX_TREES:
        raise InputError(f"{len(nodes)} trees are more than {MAX_TREES}")
    points = nodes[:, :, :2]
    if points.min() < 0 or points.max() >= n_points:
        raise InputError("a node looks at a point that is not there")
