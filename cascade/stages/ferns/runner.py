"""Fern stages in action: pixels, ferns and shape updates in one kernel, eight samples abreast."""

from itertools import pairwise

import numpy as np

from features._lanes import LANES, WIDE
from features.workers import SERIAL

from ..fused import NOT_STAGED, FusedRunner
from ..packing import stack, whole
from . import _run_kernels as kernels
from .predictor import GRID, ZonedFerns

# What a kernel gets where nobody asked for visibility.
_NOT_SEEN = np.empty((0, 0), np.float32)
# The fields that say what a fern compares.
_TESTS = "first", "second", "threshold"


class FernsRunner(FusedRunner):
    """Boosted ferns on points tied to landmarks."""

    kernel = staticmethod(kernels.run_ferns)
    abreast = LANES

    def _stacked(self, features, ferns):
        return [
            stack([f.anchors for f in features]),
            stack([f.offsets.T for f in features]),
            *(
                stack([whole(getattr(f, name), 0, kernels.ABREAST) for f in ferns])
                for name in _TESTS
            ),
            stack([whole(whole(f.leaves, 0, kernels.ABREAST), 2, WIDE) for f in ferns]),
            stack([f.basis for f in ferns]),
            stack([f.bias for f in ferns]),
        ]


class ZonedFernsRunner:
    """Boosted ferns on points between landmarks, with visibility and zones or without."""

    def __init__(self, stages, reference):
        self.stages = stages
        self.reference = reference
        features = [stage.feature for stage in stages]
        ferns = [stage.predictor for stage in stages]
        self._sees = isinstance(ferns[0], ZonedFerns)
        spans, *fields = zip(*(self._zone_blocks(f) for f in ferns), strict=True)
        zone_of = [f.zone_of for f in ferns] if self._sees else [np.zeros(len(reference), np.uint8)]
        self._arrays = [
            stack([f.points for f in features]),
            stack([f.fractions for f in features]),
            stack(zone_of),
            stack(spans),
            *map(_stack_filled, fields),
            stack([f.basis for f in ferns]),
            stack([f.bias for f in ferns]),
        ]

    def _zone_blocks(self, ferns):
        """Where the ferns of each zone begin, and tests and leaves with each zone's ferns filled
        up to whole numbers abreast; the leaves of added ferns are zero."""
        n_zones = GRID**2 if self._sees else 1
        zone = ferns.zone if self._sees else np.zeros(len(ferns.first), np.uint8)
        edges = np.searchsorted(zone, np.arange(n_zones + 1))
        parts = [slice(*edge) for edge in pairwise(edges)]
        arrays = [getattr(ferns, name) for name in _TESTS] + [whole(ferns.leaves, 2, WIDE)]
        filled = [[whole(array[part], 0, kernels.ABREAST) for part in parts] for array in arrays]
        spans = np.cumsum([0, *map(len, filled[0])], dtype=np.int64)
        return spans, *map(np.concatenate, filled)

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`; moves ``samples.visibility`` as well."""
        staged = NOT_STAGED if staged is None else staged
        if self._sees:
            samples.believe_visible()
        visibility = samples.visibility if self._sees else _NOT_SEEN

        def run(span):
            kernels.run_zoned_ferns(
                samples.images, samples.index, samples.placements, samples.shapes, visibility,
                self.reference, *self._arrays, *span, staged,
            )  # fmt: skip

        workers.over_spans(run, len(samples.index), LANES)


def _stack_filled(arrays):
    """`stack` of arrays whose zones fill different numbers of blocks of ferns."""
    longest = max(map(len, arrays))
    return stack([whole(array, 0, longest) for array in arrays])
