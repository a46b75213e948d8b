"""SDM in action: all stages of HOG descriptors and linear maps in one kernel."""

import numpy as np

from features._hog_kernels import STEPS
from features._hog_lanes import GROUP
from features._lanes import LANES
from features.hog import refuse_small
from features.workers import SERIAL

from ..fused import FusedRunner
from ..packing import stack, whole
from . import _run_kernels as kernels


class HogRunner(FusedRunner):
    """Linear maps of reduced rank on HOG descriptors."""

    kernel = staticmethod(kernels.run_hog)

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`; InputError for images below 4x4 pixels."""
        refuse_small(samples.images)
        super().run(samples, workers, staged)

    def _stacked(self, features, maps):
        # The weights of the shape come last, and a stage that does not read it has none.
        n_numbers = max(len(m.weights) for m in maps)
        n_numbers += -n_numbers % LANES
        return [
            np.concatenate([f.spacing for f in features]),
            stack([f.cells for f in features]),
            np.array([f.shape_gain for f in features], np.float32),
            stack([_in_pairs(m.weights, n_numbers) for m in maps]),
            # A power of two: no bit of a product is another for dividing here.
            stack([whole(m.basis, 0, GROUP) for m in maps]) / np.float32(STEPS),
            stack([m.bias for m in maps]),
        ]


def _in_pairs(weights, n_numbers):
    """Weights (F, R) flat, those of two numbers interleaved, filled up to `n_numbers` and to whole
    groups of components."""
    weights = whole(whole(weights, 0, n_numbers), 1, GROUP)
    return weights.reshape(-1, 2, weights.shape[1]).swapaxes(1, 2).reshape(-1)
