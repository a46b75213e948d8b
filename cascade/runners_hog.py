"""SDM in action: all stages of HOG descriptors and linear maps in one kernel."""

import numpy as np

from features._hog_lanes import GROUP

from .packing import stack, whole
from .regressors import _hog_run_kernels as kernels

_NOT_STAGED = np.empty((0, 0, 0, 0), np.float32)


class HogRunner:
    """Linear maps of reduced rank on HOG descriptors."""

    def __init__(self, stages, mean):
        self.stages = stages
        self.mean = mean
        features = [stage.feature for stage in stages]
        maps = [stage.predictor for stage in stages]
        n_components = -(-max(len(m.basis) for m in maps) // GROUP) * GROUP
        self._arrays = [
            np.concatenate([f.spacing for f in features]),
            np.stack([f.cells for f in features]),
            stack([_in_pairs(m.weights, n_components) for m in maps]),
            stack([whole(m.basis, 0, n_components) for m in maps]),
            np.stack([m.bias for m in maps]),
        ]

    def run(self, samples, workers=None, staged=None):
        """As in `runners.PlainRunner`."""
        staged = _NOT_STAGED if staged is None else staged

        def run(span):
            kernels.run_hog(
                samples.images, samples.index, samples.placements, samples.shapes, self.mean,
                *self._arrays, *span, staged,
            )  # fmt: skip

        if workers is None:
            run((0, len(samples.index)))
        else:
            workers.map(run, workers.ranges(len(samples.index)))


def _in_pairs(weights, n_components):
    """Weights (F, R) flat, those of two numbers interleaved, and zeros up to `n_components`."""
    weights = whole(weights, 1, n_components)
    return weights.reshape(-1, 2, weights.shape[1]).swapaxes(1, 2).reshape(-1)
