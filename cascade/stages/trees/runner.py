"""Tree stages in action: pixels, trees and shape updates in one kernel."""

import numpy as np

from features._lanes import WIDE

from ..fused import FusedRunner
from ..packing import node_words, stack, whole
from . import _run_kernels as kernels


class TreesRunner(FusedRunner):
    """Boosted trees on shape-indexed pixels."""

    kernel = staticmethod(kernels.run_trees)

    def _stacked(self, features, trees):
        # Trees in fixed numbers abreast, and stages of equal size: what is added weighs nothing.
        n_trees = max(len(t.first) for t in trees)
        n_trees += -n_trees % kernels.ABREAST
        return [
            stack([f.anchors for f in features]),
            stack([f.offsets.T for f in features]),
            stack([_by_level(node_words(t), n_trees) for t in trees]),
            stack([_leaf_rows(t.leaves, n_trees) for t in trees]),
            n_trees,
            stack([whole(t.basis, 0, WIDE) for t in trees]),
            stack([t.bias for t in trees]),
        ]


def _by_level(words, n_trees):
    """Node words (K, nodes) of complete trees as the kernel reads them: level by level, flat."""
    words = np.pad(words, ((0, n_trees - len(words)), (0, 0)))
    ends = 2 ** np.arange(1, words.shape[1].bit_length() + 1) - 1
    levels = [words[:, (end - 1) // 2 : end].reshape(-1) for end in ends]
    return np.concatenate(levels)


def _leaf_rows(leaves, n_trees):
    """Leaves (K, leaves, R) as rows of whole lanes, those of trees that are not there zero."""
    leaves = np.pad(leaves, ((0, n_trees - len(leaves)), (0, 0), (0, 0)))
    return whole(leaves.reshape(-1, leaves.shape[2]), 1, WIDE)
