"""Cross-fitting: training samples move on by predictors that were fitted without their faces.

A regressor with thousands of features leaves smaller residuals on the faces it was fitted to than
on others, so the stages after it would learn from faces that are too easy. Where a stage has a
predictor for each part of the faces, fitted to all others, the samples of a part are moved by its
own, and every stage sees what it will see on new faces. (Stacked generalisation, Wolpert 1992, is
the idea; Chernozhukov et al. 2018 gave it the name.) Prediction uses the predictor of all faces.
"""

from typing import NamedTuple

import numpy as np

#: The most parts that faces are divided into.
MAX_PARTS = 20
# Files next to one another stay in one part: photographs of a series look nearly the same.
_BLOCK = 20
# The fewest blocks that files are divided into, where there are as many.
_FEWEST_BLOCKS = 40


class CrossFitted(NamedTuple):
    """What a regressor that cross-fits returns.

    Attributes
    ----------
    predictor : FittedPredictor
        Fitted to all samples.
    parts : tuple of FittedPredictor
        Each fitted to the samples outside one part.
    """

    predictor: object
    parts: tuple


def block_of(groups):
    """Blocks of neighbouring image files that go into one part together.

    Parameters
    ----------
    groups : ndarray of shape (m,), int
        Image file of each face, numbered in the order of the data set.

    Returns
    -------
    ndarray of shape (m,), int32
    """
    if not len(groups):
        return np.empty(0, np.int32)
    size = int(np.clip((groups.max() + 1) // _FEWEST_BLOCKS, 1, _BLOCK))
    return (groups // size).astype(np.int32)


def rows_of_parts(blocks, n_parts):
    """The samples of each part.

    Parameters
    ----------
    blocks : ndarray of shape (N,), int32
        From `block_of`.
    n_parts : int

    Returns
    -------
    list of ndarray of intp
        Row numbers; a part without samples is empty.
    """
    part = blocks % n_parts
    return [np.flatnonzero(part == k) for k in range(n_parts)]
