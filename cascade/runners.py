"""Stages in action: consecutive stages of one kind, moving shapes in as few calls as possible."""

import numpy as np

from features._lanes import LANES
from features.hog import HogDescriptors
from features.lbf import LocalBinaryFeatures
from features.pixels import ShapeIndexedPixels

from .regressors import _predict_kernels as kernels
from .regressors.linear import ReducedLinear
from .regressors.sparse_ridge import SparseLinear
from .regressors.trees import Trees
from .runners_hog import HogRunner
from .runners_lbf import LBFRunner

# What a kernel gets where nobody asked for the shapes after each stage.
_NOT_STAGED = np.empty((0, 0, 0, 0), np.float32)


class PlainRunner:
    """Any feature and any predictor, stage by stage."""

    def __init__(self, stages, mean):
        self.stages = stages
        self.mean = mean

    def run(self, samples, workers=None, staged=None):
        """Move ``samples.shapes`` through the stages, in place.

        Parameters
        ----------
        samples : Samples
        workers : Workers, optional
        staged : ndarray of shape (T, N, L, 2), float32, optional
            Takes the shapes after each of the T stages.
        """
        for t, stage in enumerate(self.stages):
            features = stage.feature.extract(samples, self.mean, workers)
            samples.move(stage.predictor.predict(features), self.mean)
            if staged is not None:
                staged[t] = samples.shapes


class TreesRunner:
    """Boosted trees on shape-indexed pixels, all stages and all samples in one kernel."""

    def __init__(self, stages, mean):
        self.stages = stages
        self.mean = mean
        features = [stage.feature for stage in stages]
        trees = [stage.predictor for stage in stages]
        self._points = [
            _stack([f.anchors for f in features]),
            _stack([f.offsets for f in features]),
        ]
        self._trees = [
            _stack([_whole(_node_words(t), 0, kernels.ABREAST) for t in trees]),
            _stack([_whole(_whole(t.leaves, 0, kernels.ABREAST), 2, LANES) for t in trees]),
            _stack([_whole(t.basis, 0, LANES) for t in trees]),
            _stack([t.bias for t in trees]),
        ]

    def run(self, samples, workers=None, staged=None):
        """As in `PlainRunner`."""
        staged = _NOT_STAGED if staged is None else staged

        def run(span):
            kernels.run_trees(
                samples.images, samples.index, samples.placements, samples.shapes, self.mean,
                *self._points, *self._trees, *span, staged,
            )  # fmt: skip

        if workers is None:
            run((0, len(samples.index)))
        else:
            workers.map(run, workers.ranges(len(samples.index)))


RUNNERS = {
    (HogDescriptors, ReducedLinear): HogRunner,
    (LocalBinaryFeatures, SparseLinear): LBFRunner,
    (ShapeIndexedPixels, Trees): TreesRunner,
}


def _stack(arrays):
    """Arrays of one kind in one contiguous block; smaller ones are filled up with zeros."""
    shape = np.max([array.shape for array in arrays], axis=0)
    out = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[tuple(slice(n) for n in array.shape)] = array
    return out


def _node_words(trees):
    """One 64-bit word a node: first pixel, second pixel, threshold, 16 bits each from below."""
    words = trees.first.astype(np.uint64) | trees.second.astype(np.uint64) << np.uint64(16)
    return words | trees.threshold.view(np.uint16).astype(np.uint64) << np.uint64(32)


def _whole(array, axis, size):
    """`array` with `axis` filled up with zeros to a multiple of `size`."""
    width = [(0, 0)] * array.ndim
    width[axis] = (0, -array.shape[axis] % size)
    return np.pad(array, width)
