"""The walk through the complete trees of a stage, which tree kernels of several kinds share."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def find_leaves(pixel, nodes, n_leaves, place):
    """Number of the leaf each of K trees ends in, all leaves of a stage counted.

    All trees take one step, then all the next: no step waits for the one before it.

    Parameters
    ----------
    pixel : (P,) uint8
    nodes : (K * (leaves a tree - 1),) uint64
        First pixel, second pixel, threshold: 16 bits each from below. Level by level, and within
        a level tree by tree: then the children of node g of a level are 2g and 2g + 1 of the next,
        whatever the tree, and the last level's are the leaves.
    n_leaves : int
        K * leaves a tree.
    place : (K,) uint32
        Overwritten.
    """
    n_trees = place.shape[0]
    low = np.uint64(0xFFFF)
    for k in range(n_trees):
        place[k] = k
    level, size = 0, n_trees
    while size < n_leaves:
        words = nodes[level : level + size]
        for k in range(n_trees):
            word = words[place[k]]
            first = pixel[word & low]
            second = pixel[(word >> np.uint64(16)) & low]
            threshold = np.int16(word >> np.uint64(32))
            right = np.int16(first) - np.int16(second) >= threshold
            place[k] = np.uint32(place[k] << 1) | np.uint32(right)
        level, size = level + size, 2 * size
