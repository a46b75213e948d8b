"""Gradient-boosted regression trees with many outputs (Kazemi & Sullivan 2014, section 2.3).

The grower sees training state and ends in `Trees`, a handful of flat arrays. It differs from the
paper in how it looks for splits. Residuals are integers in the basis of their principal components;
each tree folds them with fresh random signs into seven numbers a sample (a sketch in the spirit
of SketchBoost, Iosipoi & Vakhrushev 2022), and the histogram of a candidate pair's pixel
difference over that sketch yields the best of all thresholds at once. Leaves hold the mean of the
full residuals, not of the sketch.

All sums are sums of integers: one thread or eight, one member of a training or many, grow the same
trees, bit for bit.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features._lanes import LANES
from features.errors import require_range
from features.parameters import Parameters

from ..basis import ResidualBasis, leaf_units, to_leaves
from . import _grow_kernels as kernels
from .predictor import Trees

# Components a group of lanes holds; the last lane counts samples.
_GROUP = LANES - 1
# Tiles of samples from which on half of them choose the split of a root.
_HALVED = 8
# Above any pixel difference: sends every sample to the left.
_NEVER = 256


@dataclass(eq=False, repr=False)
class BoostedTrees(Parameters):
    """Grower of the boosted trees of one stage.

    Parameters
    ----------
    n_trees : int
    depth : int
        Levels of splits, at most 7; a tree has ``2**depth`` leaves.
    learning_rate : float
        Shrinkage ν of every tree.
    n_pairs : int
        Candidate pairs of pixels a level, shared by the nodes of that level.
    pair_distance : float
        λ of the prior: a pair at distance d is accepted with probability ``exp(-d / λ)``, in
        box sides (Kazemi & Sullivan 2014, Eq. 8).
    n_components : int
        Principal components in which the residuals are fitted.
    smallest_leaf : int
        Fewest samples on either side of a split.
    shrinkage : float
        Added to the number of samples that a leaf's sum is divided by.
    """

    #: The trees are the same however the samples are divided over the members of a training.
    over_members: ClassVar[bool] = True
    #: The residuals are read some rows at a time.
    reads_parts: ClassVar[bool] = True

    n_trees: int = 500
    depth: int = 4
    learning_rate: float = 0.1
    n_pairs: int = 30
    pair_distance: float = 0.1
    n_components: int = 35
    smallest_leaf: int = 5
    shrinkage: float = 0.0

    def fit_stage(self, feature, samples, residuals, reference, rng, workers, tick=None):
        """Grow the trees on the grey levels of a `ShapeIndexedPixels`; see `fit`."""
        pixels = feature.extract(samples, reference, workers)
        first = getattr(samples, "first", 0)
        positions = feature.positions(reference)
        return self.fit(pixels, residuals, positions, rng, workers, tick, first=first)

    def fit(self, pixels, residuals, positions, rng, workers, tick=None, *, first=0):
        """Grow the trees.

        Parameters
        ----------
        pixels : ndarray of shape (N, P), uint8
            Grey levels; fastest where each point's are contiguous.
        residuals : ndarray of shape (N, 2L), float32
            In the mean-shape frame; NaN where a landmark is missing.
        positions : ndarray of shape (P, 2)
            Points on the mean shape.
        rng : numpy.random.Generator
        workers : Workers
        tick : callable, optional
            Called after each tree with the share of trees that are grown.
        first : int
            Number of the first row among the samples of all members of the training.

        Returns
        -------
        Trees
        """
        require_range("n_trees", self.n_trees, 1, 100_000)
        require_range("depth", self.depth, 1, 7)
        require_range("learning_rate", self.learning_rate, 1e-6, 1.0)
        require_range("n_pairs", self.n_pairs, 1, 10_000)
        require_range("pair_distance", self.pair_distance, 1e-3, 1e6)
        require_range("n_components", self.n_components, 1, 10_000)
        pixels = np.ascontiguousarray(pixels.T)
        n_components = min(self.n_components, residuals.shape[1])
        basis, coefficients = ResidualBasis.fit(residuals, n_components, workers)
        lanes = np.arange(n_components) // _GROUP * LANES + np.arange(n_components) % _GROUP
        width = -(-n_components // _GROUP) * LANES
        # Leaves are int8: each component counts in its own power of two of the residuals' step.
        unit = np.ones(width, np.int16)
        unit[lanes] = leaf_units(coefficients, 4 * self.learning_rate, workers)

        shards = [
            Shard(pixels[:, start:stop], coefficients[start:stop], first + start, lanes, width)
            for start, stop in workers.ranges(len(residuals), 2 * kernels.TILE) or [(0, 0)]
        ]
        drawn = rng.random((self.n_trees, self.depth, self.n_pairs))
        pairs = workers.decide(lambda: sample_pairs(positions, drawn, self.pair_distance))
        signs = rng.choice(np.array([-1, 1], np.int16), (self.n_trees, width))
        n_leaves = 1 << self.depth
        nodes = np.zeros((3, self.n_trees, n_leaves - 1), np.int16)
        leaves = np.zeros((self.n_trees, n_leaves, width), np.int8)
        correction = np.zeros((n_leaves, width), np.int16)
        # Half of many samples, alternating from tree to tree, place a root well enough.
        n_all = int(workers.total(np.array(len(residuals), np.int64)))
        n_parts = 2 if n_all >= _HALVED * kernels.TILE else 1
        for k in range(self.n_trees):
            # The rounded value is what inference adds, so it is what is left out of the residual.
            nodes[:, k], leaves[k] = self._grow(
                shards, workers, pairs[k], correction, signs[k], (k % n_parts, n_parts), unit
            )
            correction = leaves[k].astype(np.int16) * unit
            if tick is not None:
                tick((k + 1) / self.n_trees)
        first, second, threshold = nodes
        scale = np.float32(basis.step) * unit[lanes, None].astype(np.float32)
        return Trees(
            first=first.astype(np.uint16),
            second=second.astype(np.uint16),
            threshold=threshold,
            leaves=np.ascontiguousarray(leaves[:, :, lanes]),
            basis=basis.components * scale,
            bias=basis.mean,
        )

    def _grow(self, shards, workers, pairs, correction, signs, root_tiles, unit):
        """One tree, level by level: (first, second, threshold) of its nodes, and its leaves.

        The data answer three questions only: histograms of these candidates, apply this split,
        sums of these leaves. Shards answer for their rows and the answers are added; so are those
        of the members of the training, of whom one decides.
        """
        workers.map(lambda shard: shard.advance(correction, signs), shards)
        nodes = np.empty((3, correction.shape[0] - 1), np.int16)
        split = None
        for level in range(self.depth):
            n_nodes = 1 << level
            first, second = np.ascontiguousarray(pairs[level].T)
            tiles = root_tiles if level == 0 else (0, 1)
            totals = _add(
                workers.map(
                    lambda shard: shard.histograms(split, first, second, n_nodes, tiles),  # noqa: B023
                    shards,
                )
            )
            split = workers.decide(
                lambda totals: self._best_splits(totals, first, second, n_nodes),  # noqa: B023
                totals,
            )
            nodes[:, n_nodes - 1 : 2 * n_nodes - 1] = split
        sums = _add(workers.map(lambda shard: shard.leaf_sums(split, correction.shape[0]), shards))
        return nodes, workers.decide(lambda sums: self._leaves(sums, unit), sums)

    def _leaves(self, sums, unit):
        """The leaves of a tree, of the sums that `Shard.leaf_sums` returns."""
        sums, counts = sums[:, :-1], sums[:, -1]
        mean = sums / np.maximum(counts + self.shrinkage, 1)[:, None]
        return to_leaves(self.learning_rate * mean, unit)

    def _best_splits(self, totals, first, second, n_nodes):
        """(first, second, threshold) of each node's best candidate."""
        gains = np.empty((len(first), n_nodes), np.float32)
        bins = np.empty((len(first), n_nodes), np.int16)
        kernels.score(totals, n_nodes, self.smallest_leaf, gains, bins)
        best = gains.argmax(0)
        b = bins[best, np.arange(n_nodes)]
        threshold = np.where(b < 0, _NEVER, (b + 1) * kernels.BIN_WIDTH - 128)
        return first[best], second[best], threshold.astype(np.int16)


class Shard:
    """The rows that one worker answers for."""

    def __init__(self, pixels, coefficients, row, lanes, width):
        n = len(coefficients)
        self.pixels = pixels
        self.row = row
        self.coefs = np.zeros((n, width), np.int16)
        self.coefs[:, lanes] = coefficients
        self.node = np.zeros(n, np.uint8)
        self.sketch = np.empty((n, LANES), np.int16)

    def advance(self, correction, signs):
        """Subtract the last tree's leaves from the residuals, and start the next tree."""
        kernels.advance(self.coefs, self.node, correction, signs, self.sketch)
        self.node[:] = 0

    def histograms(self, split, first, second, n_nodes, tiles):
        """Apply the split of the level above, then sum the sketch for the candidates of this."""
        self._apply(split)
        totals = np.empty((len(first), n_nodes * kernels.BINS * LANES), np.int32)
        kernels.histograms(
            self.pixels, first, second, self.node, self.sketch, self.row, *tiles, totals
        )
        return totals

    def leaf_sums(self, split, n_leaves):
        """Apply the last split, then sum residuals by leaf, and samples in the last column."""
        self._apply(split)
        sums = np.zeros((n_leaves, self.coefs.shape[1]), np.int64)
        counts = np.zeros(n_leaves, np.int64)
        kernels.leaf_sums(self.coefs, self.node, sums, counts)
        return np.column_stack([sums, counts])

    def _apply(self, split):
        if split is not None:
            kernels.descend(self.pixels, *split, self.node)


def sample_pairs(positions, drawn, scale):
    """Candidate pairs of points, near ones preferred (Kazemi & Sullivan 2014, Eq. 8).

    Parameters
    ----------
    positions : ndarray of shape (P, 2)
    drawn : ndarray of float
        Uniform random numbers in [0, 1), one a pair.
    scale : float
        λ of the prior ``exp(-distance / λ)``.

    Returns
    -------
    ndarray of shape ``(*drawn.shape, 2)``, uint16
    """
    distance = np.linalg.norm(positions[:, None] - positions, axis=-1)
    weight = np.exp(-distance / scale)
    np.fill_diagonal(weight, 0)
    cumulative = np.cumsum(weight.ravel())
    flat = np.searchsorted(cumulative, drawn * cumulative[-1], side="right")
    return np.stack(np.divmod(flat, len(positions)), -1).astype(np.uint16)


def _add(arrays):
    total = arrays[0]
    for array in arrays[1:]:
        total += array
    return total
