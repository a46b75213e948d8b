"""Runs stages of dlib models: consecutive stages of one size in one kernel."""

import numpy as np

from features._lanes import LANES
from features.workers import SERIAL

from ..fused import NOT_STAGED
from ..packing import node_words_of, stack, whole
from . import _run_kernels as kernels


class BoxTreesRunner:
    """Box-frame trees with float32 leaves: dlib's results, bit for bit."""

    kernel = staticmethod(kernels.run_float_trees)

    def __init__(self, stages, reference):
        self.stages = stages
        self._reference = reference
        features, trees = [s.feature for s in stages], [s.predictor for s in stages]
        self._arrays = [
            stack([f.anchors for f in features]),
            stack([f.offsets for f in features]),
            stack([_nodes(t) for t in trees]),
            *self._leaves(trees),
        ]

    def _leaves(self, trees):
        return [stack([_rows(t.leaves) for t in trees])]

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`.

        The placements are (left, top, width, height) or, for square boxes, (left, top, side).
        """
        staged = NOT_STAGED if staged is None else staged
        places = samples.placements.astype(np.float64)
        if places.shape[1] == 3:
            places = places[:, [0, 1, 2, 2]]

        m, height, width = samples.images.shape
        frames = np.empty((m, 3), np.int64)
        frames[:] = 0, height, width
        frames[:, 0] = np.arange(m) * (height * width)
        pixels = samples.images.reshape(-1)

        def run(span):
            self.move(pixels, frames, samples.index, places, samples.shapes, span, staged)

        workers.over_spans(run, len(samples.index))

    def move(self, pixels, frames, index, places, shapes, span, staged=NOT_STAGED):
        """Move the shapes of the samples in `span`; arguments as of `run_float_trees`."""
        self.kernel(
            pixels, frames, index, places, shapes, self._reference, *self._arrays, *span, staged
        )


class CompactBoxTreesRunner(BoxTreesRunner):
    """Box-frame trees with small leaves."""

    kernel = staticmethod(kernels.run_compact_trees)

    def _leaves(self, trees):
        return [
            stack([_rows(t.small) for t in trees]),
            stack([whole(t.basis, 0, LANES) for t in trees]),
            stack([t.bias for t in trees]),
        ]


def _nodes(trees):
    """Node words of trees, level by level, padded to whole blocks of trees.

    The kernel goes to the second child where the difference reaches an integer threshold, dlib to
    the first where it exceeds a float: every level is read backwards.
    """
    threshold = np.clip(np.floor(trees.threshold.astype(np.float64)) + 1, -256, 256)
    words = node_words_of(trees.first, trees.second, threshold.astype(np.int16))
    words = whole(words, 0, kernels.ABREAST)
    ends = 2 ** np.arange(1, words.shape[1].bit_length() + 1) - 1
    levels = [words[:, (end - 1) // 2 : end][:, ::-1].reshape(-1) for end in ends]
    return np.concatenate(levels)


def _rows(leaves):
    """Leaves (K, leaves, width) as the kernel reads them, in whole lanes; added trees add zero."""
    leaves = whole(leaves[:, ::-1], 0, kernels.ABREAST)
    return whole(leaves.reshape(-1, leaves.shape[2]), 1, LANES)
