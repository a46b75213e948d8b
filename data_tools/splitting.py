"""Splits into two sets that have no photograph in common, nor near-identical photographs."""

import numpy as np

from features.errors import InputError, require_range

#: Consecutive files that a split keeps together.
BLOCK = 8


def first_share(groups, share, seed):
    """Faces of about a share of the image files, in whole blocks of consecutive files.

    Parameters
    ----------
    groups : ndarray of shape (n,), integer
        Image file of each face, numbered in the order of their names; numbers may be missing.
    share : float in (0, 1)
    seed : int or Generator
        Choice of the blocks.

    Returns
    -------
    ndarray of shape (n,), bool
        Neither all True nor all False.

    Raises
    ------
    InputError
        If `share` is not between 0 and 1, or there are fewer than two image files.
    """
    require_range("share", share, 0, 1)
    if share in (0, 1):
        raise InputError(f"share must lie between 0 and 1, not {share!r}")
    names, index = np.unique(groups, return_inverse=True)
    n_files = len(names)
    if n_files < 2:
        raise InputError(f"cannot split {n_files} image files; need at least 2")
    length = min(BLOCK, max(1, n_files // 10))
    blocks = np.split(np.arange(n_files), range(length, n_files, length))
    order = np.random.default_rng(seed).permutation(len(blocks))
    filled = np.cumsum([len(blocks[b]) for b in order])[:-1]
    n_first = int(np.argmin(np.abs(filled - share * n_files))) + 1
    return np.isin(index, np.concatenate([blocks[b] for b in order[:n_first]]))
