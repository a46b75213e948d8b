"""SDM in action: all stages of HOG descriptors and linear maps in one kernel."""

import numpy as np

from features._hog_kernels import STEPS
from features._hog_lanes import GROUP
from features._lanes import LANES
from features.hog import require_pixels
from features.workers import SERIAL

from ..fused import FusedRunner
from ..packing import stack, whole
from . import _run_kernels as kernels


class HogRunner(FusedRunner):
    """Linear maps of reduced rank on HOG descriptors."""

    kernel = staticmethod(kernels.run_hog)

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`; InputError for images below 4x4 pixels."""
        require_pixels(samples.images)
        super().run(samples, workers, staged)

    def _stacked(self, features, maps):
        n_components = -(-max(len(m.basis) for m in maps) // GROUP) * GROUP
        return [
            np.concatenate([f.spacing for f in features]),
            np.stack([f.cells for f in features]),
            np.array([f.shape_gain for f in features], np.float32),
            stack([_in_pairs(m.weights, n_components) for m in maps]),
            # A power of two: no bit of a product is another for dividing here.
            stack([whole(m.basis, 0, n_components) for m in maps]) / np.float32(STEPS),
            np.stack([m.bias for m in maps]),
        ]


def _in_pairs(weights, n_components):
    """Weights (F, R) flat, those of two numbers interleaved, and zeros up to `n_components`."""
    weights = whole(whole(weights, 0, LANES), 1, n_components)
    return weights.reshape(-1, 2, weights.shape[1]).swapaxes(1, 2).reshape(-1)
