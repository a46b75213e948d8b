"""Base class of runners that run several stages in one kernel."""

import numpy as np

from features.mapping import spans_in_memory
from features.workers import SERIAL

#: Passed to a kernel if the shapes after each stage are not requested.
NOT_STAGED = np.empty((0, 0, 0, 0), np.float32)


class FusedRunner:
    """Consecutive stages of one kind, all samples in one kernel.

    A kind has a `kernel`, called with the fields of the samples, the centred mean shape, the arrays
    that `_stacked` makes of features and predictors, a span of samples and `staged`.
    """

    kernel = None
    #: Number of samples that the kernel processes together.
    abreast = 1

    def __init__(self, stages, reference):
        self.stages = stages
        self.reference = reference
        self._arrays = self._stacked([s.feature for s in stages], [s.predictor for s in stages])

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`."""
        staged = NOT_STAGED if staged is None else staged

        def run(span):
            for part in spans_in_memory(samples.images, samples.index, *span):
                self.kernel(
                    samples.images, samples.index, samples.placements, samples.shapes,
                    self.reference, *self._arrays, *part, staged,
                )  # fmt: skip

        workers.over_spans(run, len(samples.index), self.abreast)
