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
        return [
            stack([f.anchors for f in features]),
            stack([f.offsets.T for f in features]),
            stack([_by_level(node_words(t)) for t in trees]),
            stack([_leaf_rows(t.leaves) for t in trees]),
            stack([t.basis for t in trees]),
            stack([t.bias for t in trees]),
        ]


def _by_level(words):
    """Node words (K, nodes) of complete trees as the kernel reads them: level by level, flat, and
    filled up to whole numbers of trees abreast."""
    words = whole(words, 0, kernels.ABREAST)
    ends = 2 ** np.arange(1, words.shape[1].bit_length() + 1) - 1
    levels = [words[:, (end - 1) // 2 : end].reshape(-1) for end in ends]
    return np.concatenate(levels)


def _leaf_rows(leaves):
    """Leaves (K, leaves, R) as rows of whole lanes; the leaves of added trees are zero."""
    leaves = whole(leaves, 0, kernels.ABREAST)
    return whole(leaves.reshape(-1, leaves.shape[2]), 1, WIDE)
