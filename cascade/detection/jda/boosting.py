"""Boosted trees on normalised pixel differences, with a limit after every tree.

GentleBoost (Friedman, Hastie & Tibshirani 2000) grows each tree by weighted least squares on the
labels +1 and -1; a leaf answers with the weighted mean of its labels. The soft cascade (Bourdev &
Brandt 2005) rejects a window as soon as its sum falls below the limit of a tree.
"""

from dataclasses import dataclass

import numpy as np

from features.workers import SERIAL

from . import _boost_kernels as kernels

#: Scores are whole numbers: so many are 1.
SCORE_UNIT = 4096
_WEIGHT_UNIT = 1 << 40  # sum of all weights; float64 holds its squares' quotients well
# Weight that is added to every leaf, as a share of all: leaves of few samples answer carefully.
_PRIOR = 5e-4
# A regression split leaves this share of the faces on either side, or more.
_LEAST_SHARE = 0.1
_TABLE = None


def _table():
    global _TABLE
    if _TABLE is None:
        _TABLE = kernels.bin_table()
    return _TABLE


def boost_weights(scores, labels):
    """Weights of samples, faces and others with half of the sum each.

    Parameters
    ----------
    scores : ndarray of shape (N,), int64
        In units of `SCORE_UNIT`.
    labels : ndarray of shape (N,), uint8

    Returns
    -------
    ndarray of shape (N,), int64
    """
    sign = np.where(labels > 0, -1.0, 1.0)
    weights = np.exp(np.clip(sign * scores / SCORE_UNIT, -30, 30))
    for label in (0, 1):
        part = labels == label
        weights[part] *= _WEIGHT_UNIT / 2 / max(weights[part].sum(), 1e-300)
    return np.rint(weights).astype(np.int64)


@dataclass
class Landmark:
    """What the regression splits of a tree look at.

    Attributes
    ----------
    moves : ndarray of shape (N, 2), int64
        Where the landmark of each sample should go.
    seen : ndarray of shape (N,), uint8
        1 where that is known.
    points : ndarray, int
        The points near the landmark, of which pairs are drawn.
    share : float
        Of the nodes that split by the landmark instead of the label.
    """

    moves: np.ndarray
    seen: np.ndarray
    points: np.ndarray
    share: float


def grow_tree(patches, labels, weights, *, depth, n_pairs, rng, smallest=0.0005, trim=0.02,
              landmark=None, growing=None, workers=SERIAL):  # fmt: skip
    """Grow a tree.

    Parameters
    ----------
    patches : ndarray of shape (P, N), uint8
    labels : ndarray of shape (N,), uint8
    weights : ndarray of shape (N,), int64
    depth : int
        Levels of splits.
    n_pairs : int
        Pairs of points tried at each level.
    rng : numpy.random.Generator
    smallest : float
        Least share of all weight in a leaf of classification splits.
    trim : float
        Share of the weight that the lightest samples hold together: splits are chosen without
        them, which in late trees are most (Friedman, Hastie & Tibshirani 2000).
    landmark : Landmark, optional
        Without it, all splits are by the label.
    growing : ndarray of shape (N,), bool, optional
        The samples that splits are chosen on. The leaves then answer with what the other samples
        say, which the splits were not fitted to. Without it, all samples do both.
    workers : Workers
        Their number does not change the tree.

    Returns
    -------
    nodes : ndarray of shape (2**depth - 1, 4), int16
        As of `scan`.
    leaves : ndarray of shape (2**depth,), int32
        In units of 1 / `SCORE_UNIT`.
    """
    n_nodes = (1 << depth) - 1
    nodes = np.zeros((n_nodes, 4), np.int16)
    leaves = np.zeros(n_nodes + 1, np.int32)
    rows = np.arange(len(weights), dtype=np.int32)
    rows = rows if growing is None else rows[growing]
    rows = _heaviest(rows, weights, trim)
    scratch, ends = np.empty_like(rows), np.array([0, len(rows)])
    least = max(1, int(smallest * weights[rows].sum()))
    for _ in range(depth):
        n = len(ends) - 1
        moving = np.zeros(n, bool)
        splits = np.zeros((n, 4), np.int16)  # 0 >= 0: everything goes right
        if landmark is not None:
            moving = rng.random(n) < landmark.share
            pairs = _draw_pairs(n_pairs, landmark.points, rng)
            _best(kernels.best_moves, (landmark.moves, landmark.seen), _LEAST_SHARE, moving,
                  patches, rows, ends, pairs, workers, splits)  # fmt: skip
        pairs = _draw_pairs(n_pairs, np.arange(len(patches)), rng)
        _best(kernels.best_splits, (weights, labels), least, ~moving, patches, rows, ends, pairs,
              workers, splits)  # fmt: skip
        nodes[n - 1 : 2 * n - 1] = splits
        new_ends = np.empty(2 * n + 1, np.int64)
        kernels.split_rows(patches, rows, ends, splits, scratch, new_ends)
        ends = new_ends
    ends_in = np.empty(len(weights), np.uint8)
    kernels.leaves_of(patches, nodes, ends_in)
    answering = slice(None) if growing is None else ~growing
    sums = np.zeros((2, n_nodes + 1), np.int64)
    np.add.at(sums, (labels[answering], ends_in[answering]), weights[answering])
    total = sums.sum(0)
    mean = (sums[1] - sums[0]) / np.maximum(total + total.sum() * _PRIOR, 1)
    leaves[:] = np.rint(mean * SCORE_UNIT)
    return nodes, leaves


def _best(kernel, of_samples, least, wanted, patches, rows, ends, pairs, workers, splits):
    """Write the best split of each node that is wanted to `splits`."""
    if not wanted.any():
        return
    spans = workers.ranges(len(pairs))
    found = np.zeros((len(spans), len(wanted), 3))
    found[:, :, 0] = -1

    def look(share):
        for k in range(*share):
            kernel(patches, rows, ends, wanted, *of_samples, pairs, *spans[k], _table(), least,
                   found[k])  # fmt: skip

    workers.map(look, [(k, k + 1) for k in range(len(spans))])
    # The first of equals, whatever the spans.
    best = found[found[:, :, 0].argmax(0), np.arange(len(wanted))]
    there = wanted & (best[:, 0] >= 0)
    threshold = best[there, 2]
    splits[there, :2] = pairs[best[there, 1].astype(int)]
    splits[there, 2], splits[there, 3] = kernels.UNIT - threshold, kernels.UNIT + threshold


def _heaviest(rows, weights, trim):
    """The rows without the lightest ones that hold a share `trim` of the weight, in their order."""
    order = np.argsort(weights[rows], kind="stable")
    light = np.searchsorted(np.cumsum(weights[rows][order]), trim * weights[rows].sum())
    return np.sort(rows[order[light:]])


def _draw_pairs(n, points, rng):
    first = rng.integers(0, len(points), n)
    second = (first + rng.integers(1, len(points), n)) % len(points)
    return np.stack([points[first], points[second]], -1).astype(np.int16)
