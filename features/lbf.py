"""Local binary features (Ren et al. 2014, "Face Alignment at 3000 FPS via Regressing Local Binary
Features", section 3.2).

A small random forest looks at the pixels around each landmark and learns where that landmark
alone should go. What is kept of it is not its answer but which leaves it ends in: with a one for
each such leaf and a zero for all others, the forests of all landmarks make up a long, sparse
binary code, on which one linear regression moves the whole shape.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from . import _lbf_kernels as kernels
from .errors import InputError
from .memory import allocate
from .parameters import Parameters
from .workers import SERIAL

# What lies in memory for all samples at once, and what to do where it does not fit.
WHAT = "the leaves of all samples", "take fewer starts or trees"
_MAX_POINTS = 256
_MAX_DEPTH = 7
# Most bytes of grey levels held at a time while forests grow, and of histograms that members of a
# training add up at a time.
_POOL_BYTES, _QUESTION_BYTES = 1 << 27, 1 << 26
# Magnitudes of residuals are summed in this part of a power of two near the largest.
_MAGNITUDE_BITS = 31


@dataclass(eq=False, repr=False)
class LocalForests(Parameters):
    """Recipe: a random forest on pixel differences around each landmark.

    Splits maximise the variance that they remove from the landmark's residual, in the mean-shape
    frame. A landmark's trees choose among 500 pixel differences by default, every node of a tree
    among `n_tried` of them, and see overlapping parts of the samples in random order. Samples whose
    landmark is missing (NaN) do not count for its forest.

    Parameters
    ----------
    n_trees : int
        Trees a landmark.
    depth : int
        Levels of splits, 1 to 7; a tree has ``2**depth`` leaves.
    radius : float
        Distance from the landmark within which points are drawn, in box sides.
    n_points : int
        Points in the pool that all landmarks share, 2 to 256.
    n_candidates : int
        Candidate pixel differences a landmark.
    n_tried : int
        Candidates tried at the nodes of one level.
    bag : float
        Share of the samples that a tree sees.
    smallest_leaf : int
        Fewest samples on either side of a split.
    """

    #: The forests are the same however the samples are divided over the members of a training.
    over_members: ClassVar[bool] = True

    n_trees: int = 6
    depth: int = 5
    radius: float = 0.2
    n_points: int = 128
    n_candidates: int = 500
    n_tried: int = 100
    bag: float = 0.3
    smallest_leaf: int = 10

    def fit(self, samples, residuals, reference, rng, workers=SERIAL):
        """Grow the forests.

        Parameters
        ----------
        samples : object
            With `images`, `index`, `placements` and `shapes`, as `cascade.stages.samples.Samples`.
        residuals : ndarray of shape (N, 2L), float32
            In the mean-shape frame; NaN where a landmark is missing.
        reference : ndarray of shape (L, 2), float32
            Centred mean shape.
        rng : numpy.random.Generator
        workers : Workers
            Share the landmarks; neither their number nor that of the members of the training
            changes the forests.

        Returns
        -------
        LocalBinaryFeatures

        Raises
        ------
        InputError
            For a depth, a radius, a bag or numbers of points or trees that cannot be.
        """
        self._check()
        n_landmarks = len(reference)
        offsets = draw_disc(self.n_points, self.radius, rng)
        # Trees see different faces, so that the regression on their leaves meets faces that most
        # trees have not adapted to.
        order, places, n_all = _shuffled(samples, rng, workers)
        seeds = rng.integers(2**63, size=n_landmarks)
        size = min(n_all, kernels.MAX_COUNT, max(1, round(self.bag * n_all)))
        starts = np.linspace(0, n_all - size, self.n_trees).astype(int)
        bags = [slice(*np.searchsorted(places, (start, start + size))) for start in starts]

        points = np.ascontiguousarray(offsets.T)
        unit = _unit(residuals, workers)
        most = int(workers.largest(np.array(len(order))))
        n_tried = min(self.n_tried, self.n_candidates)
        group = max(1, _POOL_BYTES // (self.n_points * max(most, 1)))
        if workers.size > 1:
            level = n_tried * (kernels.BINS << (self.depth - 1)) * 8
            group = max(1, min(group, _QUESTION_BYTES // level))
        forests = []
        for low in range(0, n_landmarks, group):
            high = min(low + group, n_landmarks)
            pixels = np.empty((high - low, self.n_points, len(order)), np.uint8)
            workers.map(
                lambda span: kernels.read_pool(
                    samples.images, samples.index, samples.placements, samples.shapes, reference,
                    points, order, low, high, *span, pixels,  # noqa: B023
                ),
                workers.ranges(len(order)),
            )  # fmt: skip

            def forest(k):
                residual = residuals[order, 2 * k : 2 * k + 2]
                rng = np.random.default_rng(seeds[k])
                return _Forest(self, pixels[k - low], residual, bags, unit, rng)  # noqa: B023

            def grow_alone(k):
                return self._grow([forest(k)], size, SERIAL)[0]

            if workers.size == 1:
                forests += workers.map(grow_alone, range(low, high))
            else:  # one question for all landmarks
                forests += self._grow(workers.map(forest, range(low, high)), size, workers)
        first, second, threshold = (np.concatenate(parts) for parts in zip(*forests, strict=True))
        return LocalBinaryFeatures(offsets, first, second, threshold)

    def _grow(self, forests, size, workers):
        """(first, second, threshold) of the trees of each forest, each (n_trees, nodes)."""
        largest = workers.total(np.stack([forest.magnitudes for forest in forests]))
        for forest, magnitudes in zip(forests, largest, strict=True):
            forest.begin(magnitudes, size)
        for k in range(self.n_trees):
            workers.map(lambda forest: forest.plant(k), forests)  # noqa: B023
            for level in range(self.depth):
                n_tried, n_nodes = len(forests[0].tried[level]), 1 << level
                totals = np.empty((len(forests), n_tried, n_nodes * kernels.BINS), np.int64)
                workers.map(
                    lambda job: job[0].histograms(level, job[1]),  # noqa: B023
                    zip(forests, totals, strict=True),
                )

                def splits(totals):
                    return [
                        forest.splits(level, total)  # noqa: B023
                        for forest, total in zip(forests, totals, strict=True)
                    ]

                found = workers.decide(splits, totals)
                workers.map(
                    lambda job: job[0].descend(k, level, *job[1]),  # noqa: B023
                    zip(forests, found, strict=True),
                )
        return [(forest.first, forest.second, forest.threshold) for forest in forests]

    def _check(self):
        if not 1 <= self.depth <= _MAX_DEPTH:
            raise InputError(f"depth is {self.depth}; choose 1 to {_MAX_DEPTH}")
        if not 2 <= self.n_points <= _MAX_POINTS:
            raise InputError(f"n_points is {self.n_points}; choose 2 to {_MAX_POINTS}")
        if not 0 < self.bag <= 1:
            raise InputError(f"bag is {self.bag}; choose a share above 0, at most 1")
        if not 0 < self.radius < 10:
            raise InputError(f"radius is {self.radius}; choose a part of the box side, above 0")
        for name in ("n_trees", "n_candidates", "n_tried"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; choose at least 1")


@dataclass(frozen=True)
class LocalBinaryFeatures:
    """The forests of one stage: which leaf each tree ends in.

    A sample goes to child ``2i + 1 + (pixel[first] - pixel[second] >= threshold)`` of node i, both
    pixels read at the landmark of the tree plus an offset of the pool. The K trees are in the order
    of their landmarks, as many for each.

    Attributes
    ----------
    offsets : ndarray of shape (P, 2), float32
        Pool of points, from the landmark, in the mean-shape frame.
    first, second : ndarray of shape (K, nodes), uint8
        Points of the pool compared at each node.
    threshold : ndarray of shape (K, nodes), int16
    """

    offsets: np.ndarray
    first: np.ndarray
    second: np.ndarray
    threshold: np.ndarray

    KIND: ClassVar = "lbf"
    LAYOUT: ClassVar = {
        "offsets": ("f4", "points", 2),
        "first": ("u1", "codes", "nodes"),
        "second": ("u1", "codes", "nodes"),
        "threshold": ("i2", "codes", "nodes"),
    }

    def check(self, sizes):
        """Refuse incomplete trees, and nodes that look at points that are not there."""
        nodes, codes = sizes["nodes"], sizes["codes"]
        if nodes & (nodes + 1) or nodes >= 1 << _MAX_DEPTH:
            raise InputError(f"trees of {nodes} nodes are not complete")
        if codes % sizes["landmarks"]:
            raise InputError(f"{codes} trees cannot be shared by {sizes['landmarks']} landmarks")
        if max(self.first.max(), self.second.max()) >= sizes["points"]:
            raise InputError("a node looks at a point that is not in the pool")

    @property
    def depth(self):
        """Levels of splits."""
        return self.n_leaves.bit_length() - 1

    @property
    def fuse_key(self):
        """What stages that run in one kernel share."""
        return self.offsets.shape, self.first.shape

    @property
    def n_leaves(self):
        """Leaves of a tree, ``2**depth``."""
        return self.first.shape[1] + 1

    @cached_property
    def points(self):
        """The pool (2, P), all x before all y."""
        return np.ascontiguousarray(self.offsets.T)

    @cached_property
    def node_words(self):
        """One 32-bit word a node (K, nodes): first, second (8 bits each from below), threshold."""
        words = self.first.astype(np.uint32) | self.second.astype(np.uint32) << np.uint32(8)
        return words | self.threshold.view(np.uint16).astype(np.uint32) << np.uint32(16)

    def extract(self, samples, reference, workers=SERIAL):
        """Leaf of every tree.

        Parameters
        ----------
        samples, reference, workers
            As in `LocalForests.fit`.

        Returns
        -------
        ndarray of shape (N, K), uint8
            Tree-major in memory.

        Raises
        ------
        InputError
            If there is no memory for the result.
        """
        n_samples = len(samples.index)
        out = allocate((len(self.first), n_samples), np.uint8, *WHAT)

        def extract(span):
            kernels.leaf_indices(
                samples.images, samples.index, samples.placements, samples.shapes, reference,
                self.points, self.node_words, *span, out,
            )  # fmt: skip

        workers.over_spans(extract, n_samples)
        return out.T

    def to_csr(self, leaves):
        """The binary code that `leaves` stand for; see the function `to_csr`."""
        return to_csr(leaves, self.n_leaves)


def to_csr(leaves, n_leaves):
    """Leaf indices as a sparse binary code.

    Parameters
    ----------
    leaves : ndarray of shape (N, K), integer
        Below `n_leaves`.
    n_leaves : int

    Returns
    -------
    scipy.sparse.csr_array of shape (N, K * n_leaves), float32
        K ones a row.

    Examples
    --------
    >>> import numpy as np
    >>> to_csr(np.array([[1, 0], [0, 2]]), 3).toarray().astype(int).tolist()
    [[0, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 1]]
    """
    import scipy.sparse  # a third of a second, which no prediction needs

    n_samples, n_codes = leaves.shape
    columns = np.asarray(leaves, np.int64) + np.arange(n_codes) * n_leaves
    rows = np.arange(n_samples + 1) * n_codes
    ones = np.ones(columns.size, np.float32)
    return scipy.sparse.csr_array((ones, columns.ravel(), rows), (n_samples, n_codes * n_leaves))


def draw_disc(n, radius, rng):
    """`n` points uniform in the disc of `radius` around 0: (n, 2) float32."""
    angle, distance = rng.uniform(0, 2 * np.pi, n), radius * np.sqrt(rng.random(n))
    return (distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)).astype(np.float32)


def draw_pairs(n, n_points, rng):
    """`n` pairs of different points below `n_points`: (n, 2) uint8."""
    first = rng.integers(0, n_points, n)
    second = (first + rng.integers(1, n_points, n)) % n_points
    return np.stack([first, second], -1).astype(np.uint8)


class _Forest:
    """The samples of one landmark while its trees grow, and the trees.

    Parameters
    ----------
    recipe : LocalForests
    pixels : ndarray of shape (P, n), uint8
        Of this member's samples, in the order in which all samples lie.
    residual : ndarray of shape (n, 2), float32
        In that order; NaN where the landmark is missing.
    bags : list of slice
        The samples of each tree.
    unit : float
        From `_unit`.
    rng : numpy.random.Generator

    Attributes
    ----------
    magnitudes : ndarray of shape (n_trees, 2), int64
        Sums of the absolute residuals of each bag, in units, never too small.
    """

    def __init__(self, recipe, pixels, residual, bags, unit, rng):
        self.recipe, self.pixels, self.residual, self.bags = recipe, pixels, residual, bags
        self.unit, self.rng = unit, rng
        seen = np.where(np.isfinite(residual).all(1)[:, None], np.abs(residual), 0)
        whole = np.ceil(seen / np.float32(unit))  # a power of two: exact
        self.magnitudes = np.array([whole[bag].sum(0, dtype=np.float64) for bag in bags], np.int64)
        self.pairs = draw_pairs(recipe.n_candidates, recipe.n_points, rng)
        shape = (recipe.n_trees, (1 << recipe.depth) - 1)
        self.first, self.second = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self.threshold = np.full(shape, kernels.NEVER, np.int16)

    def begin(self, magnitudes, size):
        """Take the magnitudes of all members, and the number of samples of a bag."""
        self.scales = [pack_scale(most * self.unit, size) for most in magnitudes.max(1)]

    def plant(self, k):
        """Start the tree `k`."""
        recipe, bag = self.recipe, self.bags[k]
        n_tried = min(recipe.n_tried, recipe.n_candidates)
        self.tried = [
            self.pairs[self.rng.permutation(len(self.pairs))[:n_tried]] for _ in range(recipe.depth)
        ]
        self.seen = self.pixels[:, bag]
        self.packed = pack(self.residual[bag], self.scales[k])
        self.node = np.zeros(len(self.packed), np.uint8)

    def histograms(self, level, out):
        """Write those of the candidates of a level; see `kernels.histograms`."""
        kernels.histograms(self.seen, self.packed, self.tried[level], self.node, out)

    def splits(self, level, totals):
        """(first, second, threshold) of the nodes of a level, from the histograms of all."""
        first, second = np.empty((2, 1 << level), np.uint8)
        threshold = np.empty(1 << level, np.int16)
        kernels.best_splits(
            totals, self.tried[level], self.recipe.smallest_leaf, first, second, threshold
        )
        return first, second, threshold

    def descend(self, k, level, first, second, threshold):
        """Keep the splits of a level of tree `k`, and move the samples by them."""
        nodes = slice((1 << level) - 1, (2 << level) - 1)
        self.first[k, nodes], self.second[k, nodes] = first, second
        self.threshold[k, nodes] = threshold
        kernels.descend(self.seen, first, second, threshold, self.node)


def _shuffled(samples, rng, workers):
    """This member's samples in an order that is random by face.

    Returns
    -------
    order : ndarray of shape (n,), intp
        Rows.
    places : ndarray of shape (n,), int64
        Where these lie among the samples of all members.
    n_all : int
        Samples of all members.
    """
    n_crops = workers.joined(np.array([len(samples.images)]))
    first = int(n_crops[: workers.rank].sum())
    counts = workers.joined(np.bincount(samples.index, minlength=len(samples.images)))
    faces = rng.permutation(len(counts))
    by_place = np.argsort(faces)
    begin = np.empty(len(counts), np.int64)
    begin[by_place] = np.cumsum(counts[by_place]) - counts[by_place]
    begins = begin[first + samples.index]
    order = np.argsort(begins, kind="stable")
    begins = begins[order]
    # Samples of a face follow one another.
    return order, begins + np.arange(len(begins)) - np.searchsorted(begins, begins), counts.sum()


def _unit(residuals, workers):
    """A power of two that the largest residual is some `_MAGNITUDE_BITS` bits of."""
    magnitude = np.abs(residuals)
    largest = np.max(magnitude, initial=0, where=np.isfinite(magnitude))
    largest = float(workers.largest(np.array(largest, np.float64)))
    return 2.0 ** (np.frexp(max(largest, 1e-30))[1] - _MAGNITUDE_BITS)


def pack_scale(magnitude, size):
    """What residuals may be multiplied by before they are packed.

    Parameters
    ----------
    magnitude : float
        Sum of the absolute values of `size` residuals, along either axis.
    size : int
    """
    limit = (1 << (kernels.PACK_BITS - 1)) - size - 1  # rounding adds at most 1 a row
    return limit / magnitude if magnitude > 0 else 0.0


def pack(residual, scale):
    """Residuals (n, 2), times `scale`, as (n,) int64 for `kernels.histograms`.

    See `pack_scale`. The scale does not change which split is best.
    """
    seen = np.isfinite(residual).all(1)
    residual = np.where(seen[:, None], residual, 0).astype(np.float64)
    x, y = np.rint(residual * scale).astype(np.int64).T
    return x + (y << kernels.PACK_BITS) + (seen.astype(np.int64) << 2 * kernels.PACK_BITS)
