"""LBF stages in action: forests, sparse sums and shape updates in one kernel."""

from itertools import groupby

import numpy as np

from features._lanes import LANES
from features.workers import SERIAL

from ..fused import NOT_STAGED
from ._run_kernels import run_lbf


class LBFRunner:
    """Sparse linear regression on local binary features, stages of equal size in one kernel."""

    def __init__(self, stages, mean):
        self.stages = stages
        self.mean = mean
        self._blocks = [_stack(list(block)) for _, block in groupby(stages, key=_size)]

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`."""

        def run(span):
            first = 0
            for block in self._blocks:
                last = first + len(block[0])
                kept = NOT_STAGED if staged is None else staged[first:last]
                run_lbf(
                    samples.images, samples.index, samples.placements, samples.shapes, self.mean,
                    *block, *span, kept,
                )  # fmt: skip
                first = last

        workers.over_spans(run, len(samples.index))


def _size(stage):
    feature, predictor = stage.feature, stage.predictor
    return feature.points.shape, feature.node_words.shape, predictor.weights.shape


def _stack(stages):
    """points, node words, weights, basis, bias of stages of equal size, each in one block."""
    features, predictors = [s.feature for s in stages], [s.predictor for s in stages]
    n_components = len(predictors[0].basis)
    more = (0, -n_components % LANES)
    weights = np.stack([p.weights.reshape(-1, n_components) for p in predictors])
    basis = np.stack([p.basis for p in predictors])
    return (
        np.stack([f.points for f in features]),
        np.stack([f.node_words for f in features]),
        np.pad(weights, ((0, 0), (0, 0), more)),
        np.pad(basis, ((0, 0), more, (0, 0))),
        np.stack([p.bias for p in predictors]),
    )
