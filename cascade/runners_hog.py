"""SDM in action: all stages of HOG descriptors and linear maps in one kernel."""

import numpy as np

from features._hog_kernels import DIRECTIONS
from features._lanes import LANES

from .regressors import _hog_run_kernels as kernels

_NOT_STAGED = np.empty((0, 0, 0, 0), np.float32)


class HogRunner:
    """Linear maps of reduced rank on HOG descriptors."""

    def __init__(self, stages, mean):
        self.stages = stages
        self.mean = mean
        features = [stage.feature for stage in stages]
        maps = [stage.predictor for stage in stages]
        n_components = _whole_lanes(max(len(m.basis) for m in maps))
        self._pooling = features[0].pooling
        self._arrays = [
            np.concatenate([f.step for f in features]),
            self._pooling,
            np.stack([self._blocks(_grown(m.weights, n_components, 1)) for m in maps]),
            np.stack([_grown(m.basis, n_components, 0) for m in maps]),
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

    def _blocks(self, weights):
        """Weights (F, R) in the order in which the kernel meets the numbers: eight landmarks a
        block, the landmark last; what fills the last block weighs nothing."""
        n_landmarks, n_cells = len(self.mean), self._pooling.shape[1]
        weights = weights.reshape(n_landmarks, n_cells**2 * DIRECTIONS, -1)
        weights = _grown(weights, _whole_lanes(n_landmarks), 0)
        blocks = weights.reshape(-1, LANES, *weights.shape[1:]).swapaxes(1, 2)
        return np.ascontiguousarray(blocks.reshape(len(blocks), -1))


def _whole_lanes(n):
    """`n` rounded up to whole groups of lanes."""
    return -(-n // LANES) * LANES


def _grown(array, length, axis):
    """`array` filled up with zeros to `length` along `axis`."""
    width = [(0, 0)] * array.ndim
    width[axis] = (0, length - array.shape[axis])
    return np.pad(array, width)
