"""Stages in action: consecutive stages of one kind, moving shapes in as few calls as possible."""

import numpy as np

from features._lanes import WIDE
from features.dlib_pixels import BoxIndexedPixels
from features.hog import HogDescriptors
from features.lbf import LocalBinaryFeatures
from features.line_pixels import LineIndexedPixels
from features.opencv_forests import FacemarkForests
from features.pixels import ShapeIndexedPixels

from .dlib.regressor import BoxTrees, CompactBoxTrees
from .dlib.runner import BoxTreesRunner, CompactBoxTreesRunner
from .ferns.regressor import Ferns, ZonedFerns
from .ferns.runner import FernsRunner, ZonedFernsRunner
from .fused import FusedRunner
from .lbf.regressor import SparseLinear
from .lbf.runner import LBFRunner
from .linear.regressor import ReducedLinear
from .linear.runner import HogRunner
from .opencv.regressor import LeafWeights
from .opencv.runner import FacemarkRunner
from .packing import node_words, stack, whole
from .trees import _run_kernels as kernels
from .trees.regressor import Trees


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


RUNNERS = {
    (BoxIndexedPixels, BoxTrees): BoxTreesRunner,
    (BoxIndexedPixels, CompactBoxTrees): CompactBoxTreesRunner,
    (FacemarkForests, LeafWeights): FacemarkRunner,
    (HogDescriptors, ReducedLinear): HogRunner,
    (LocalBinaryFeatures, SparseLinear): LBFRunner,
    (LineIndexedPixels, Ferns): ZonedFernsRunner,
    (LineIndexedPixels, ZonedFerns): ZonedFernsRunner,
    (ShapeIndexedPixels, Ferns): FernsRunner,
    (ShapeIndexedPixels, Trees): TreesRunner,
}


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
