"""Boosted trees as dlib keeps them: leaves are added to the shape in the box frame, as they are.

A sample goes left where ``pixel[first] - pixel[second] > threshold``, and the children of node i
are ``2i + 1`` and ``2i + 2``.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError
from features.threads import one_blas_thread

from . import leaf_codec

_NODES: dict = {
    "first": ("u2", "trees", "nodes"),
    "second": ("u2", "trees", "nodes"),
    "threshold": ("f4", "trees", "nodes"),
}
_MAX_NODES = (1 << 15) - 1
_LEAF_MAX = 32767
# So many leaves of 16 bits add up in 32.
_MAX_COMPACT_TREES = 1 << 16


def _check_nodes(trees, sizes):
    nodes = sizes["nodes"]
    if nodes & (nodes + 1) or nodes > _MAX_NODES:
        raise InputError(f"trees of {nodes} splits are not complete")
    if max(trees.first.max(), trees.second.max()) >= sizes["features"]:
        raise InputError("a split uses a pixel that does not exist")


class BoxTrees:
    """The trees of one stage with the leaves of a dlib file.

    In memory the leaves are those of the .dat file. In our model files they are packed, which does
    not change the sums except where a coordinate is near zero. Packing takes seconds, so it is done
    only when the model is saved.

    Parameters
    ----------
    first, second : ndarray of shape (K, nodes), uint16
        Pixels compared at each split.
    threshold : ndarray of shape (K, nodes), float32
    grid, weights, scale, stream
        The packed leaves; see `cascade.stages.dlib.leaf_codec`.
    """

    KIND: ClassVar = "dlib-trees"
    LAYOUT: ClassVar = {
        **_NODES,
        "grid": ("i1", "coordinates"),
        "weights": ("i4", "coordinates", leaf_codec.REACH),
        "scale": ("i1", "coordinates"),
        "stream": ("u1", None),
    }

    def __init__(self, first, second, threshold, grid, weights, scale, stream):
        self.first, self.second, self.threshold = first, second, threshold
        self.grid = grid
        self._packed = weights, scale, stream
        self._leaves = None

    @classmethod
    def from_leaves(cls, first, second, threshold, leaves, initial):
        """With `leaves` (K, nodes + 1, 2L) float32 of a cascade that starts at `initial` (L, 2)."""
        largest = np.maximum(leaves.max((0, 1)), -leaves.min((0, 1))).astype(np.float64)
        grid = leaf_codec.choose_grid(initial, largest)
        trees = cls(first, second, threshold, grid, None, None, None)
        trees._packed, trees._leaves = None, leaves
        return trees

    @property
    def weights(self):
        return self._pack()[0]

    @property
    def scale(self):
        return self._pack()[1]

    @property
    def stream(self):
        return self._pack()[2]

    def _pack(self):
        if self._packed is None:
            rows = self._leaves.reshape(-1, self._leaves.shape[2])
            self._packed = leaf_codec.pack(rows, self.grid)
        return self._packed

    @property
    def leaves(self):
        """Leaves (K, nodes + 1, 2L), float32."""
        if self._leaves is not None:
            return self._leaves
        n_trees, n_nodes = self.first.shape
        weights, scale, stream = self._packed
        shape = n_trees * (n_nodes + 1), len(self.grid)
        flat = leaf_codec.unpack(stream, self.grid, weights, scale, shape)
        return flat.reshape(n_trees, n_nodes + 1, -1)

    def check(self, sizes):
        """Refuse incomplete trees and splits on pixels that are not read.

        The leaves are checked where they are unpacked.
        """
        _check_nodes(self, sizes)

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.first.shape

    @one_blas_thread()
    def compact(self, n_components):
        """The same splits with leaves of two bytes a component: `CompactBoxTrees`."""
        rows = self.leaves.reshape(-1, self.leaves.shape[2])
        # Leaves are relative to zero: no mean is subtracted.
        strength, vectors = np.linalg.eigh(rows.T.astype(np.float64) @ rows)
        basis = vectors[:, np.argsort(-strength)[:n_components]].T
        coefficients = rows @ basis.T
        # Nothing may be clipped, since later trees would not correct it.
        unit = np.maximum(np.abs(coefficients).max(0), 1e-12) / _LEAF_MAX
        leaves = np.rint(coefficients / unit).astype(np.int16)
        return CompactBoxTrees(
            self.first,
            self.second,
            self.threshold,
            leaves.reshape(*self.leaves.shape[:2], -1),
            (basis * unit[:, None]).astype(np.float32),
            np.zeros(rows.shape[1], np.float32),
        )


@dataclass(frozen=True)
class CompactBoxTrees:
    """The trees of one stage with small leaves: integers in a basis of the stage's own.

    Attributes
    ----------
    first, second, threshold : ndarray of shape (K, nodes)
        As in `BoxTrees`.
    small : ndarray of shape (K, nodes + 1, R), int16
    basis : ndarray of shape (R, 2L), float32
    bias : ndarray of shape (2L,), float32
    """

    first: np.ndarray
    second: np.ndarray
    threshold: np.ndarray
    small: np.ndarray
    basis: np.ndarray
    bias: np.ndarray

    KIND: ClassVar = "compact-dlib-trees"
    LAYOUT: ClassVar = {
        **_NODES,
        "small": ("i2", "trees", "leaves", "components"),
        "basis": ("f4", "components", "coordinates"),
        "bias": ("f4", "coordinates"),
    }

    def check(self, sizes):
        """Refuse incomplete trees, and splits on pixels that are not read."""
        _check_nodes(self, sizes)
        if sizes["trees"] > _MAX_COMPACT_TREES:
            raise InputError(f"{sizes['trees']} trees are too many for compact leaves")
        if sizes["leaves"] != sizes["nodes"] + 1:
            raise InputError(
                f"{sizes['leaves']} leaves for {sizes['nodes']} splits; there must be one more "
                "than splits"
            )

    @property
    def leaves(self):
        """Leaves (K, nodes + 1, 2L), float32; the first tree's hold the bias."""
        leaves = self.small.astype(np.float32) @ self.basis
        leaves[0] += self.bias
        return leaves

    def exact(self, initial):
        """The same trees with leaves of float32; `initial` as in `BoxTrees.from_leaves`."""
        nodes = self.first, self.second, self.threshold
        return BoxTrees.from_leaves(*nodes, self.leaves, initial)

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.first.shape, self.small.shape[2]
