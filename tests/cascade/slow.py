"""Slow twins of kernels, in plain NumPy."""

import numpy as np


def slow_predict(trees, pixels):
    """Tree by tree, node by node."""
    total = np.zeros((len(pixels), trees.leaves.shape[2]))
    n_nodes = trees.first.shape[1]
    for k in range(len(trees.first)):
        for i, pixel in enumerate(pixels.astype(int)):
            at = 0
            while at < n_nodes:
                difference = pixel[trees.first[k, at]] - pixel[trees.second[k, at]]
                at = 2 * at + 1 + (difference >= trees.threshold[k, at])
            total[i] += trees.leaves[k, at - n_nodes]
    return total @ trees.basis + trees.bias
