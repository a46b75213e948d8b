"""Runs stages of any kind, one after the other."""

from features.workers import SERIAL


class PlainRunner:
    """Any feature and any predictor, stage by stage.

    Parameters
    ----------
    stages : list of FittedStage
    reference : ndarray of shape (L, 2), float32
        The centred mean shape.
    """

    def __init__(self, stages, reference):
        self.stages = stages
        self.reference = reference

    def run(self, samples, workers=SERIAL, staged=None):
        """Move ``samples.shapes`` through the stages, in place.

        Parameters
        ----------
        samples : Samples
        workers : Workers
        staged : ndarray of shape (T, N, L, 2), float32, optional
            Receives the shapes after each of the T stages.
        """
        for t, stage in enumerate(self.stages):
            features = stage.feature.extract(samples, self.reference, workers)
            samples.move(stage.predictor.predict(features), self.reference)
            if staged is not None:
                staged[t] = samples.shapes
