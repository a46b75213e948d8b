"""Runs stages of OpenCV models."""

import numpy as np

from features.opencv_forests import places_and_windows
from features.workers import SERIAL

from . import _run_kernels as kernels


class FacemarkRunner:
    """Forests with offsets of their own and one weight a leaf and coordinate, in float64."""

    def __init__(self, stages, reference):
        self.stages = stages

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`."""
        shapes = samples.shapes.astype(np.float64, copy=False)
        places, windows = places_and_windows(samples)
        arguments = samples.images, samples.index, places, windows, shapes

        def run(span):
            for t, shapes in enumerate(self.steps(*arguments, span)):
                if staged is not None:
                    staged[t, slice(*span)] = shapes[slice(*span)]

        workers.over_spans(run, len(shapes))
        if shapes is not samples.shapes:
            samples.shapes[:] = shapes

    def steps(self, images, index, places, windows, shapes, span):
        """Move `shapes` (N, L, 2) float64 of the samples in `span`, in place; yield after each
        stage. Arguments as of `move_facemarks`."""
        for stage in self.stages:
            forests = stage.feature
            kernels.move_facemarks(
                images, index, places, windows, shapes, forests.reference, forests.points,
                forests.threshold, stage.predictor.weights, *span,
            )  # fmt: skip
            yield shapes
