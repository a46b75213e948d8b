"""One stage of the loop: a feature and a regressor, before and after training.

A recipe `Stage(feature, regressor)` is fitted to a `FittedStage`, which moves shapes. A feature has

- ``fit(samples, residuals, mean, rng, workers)``, which returns a fitted feature with
- ``extract(samples, mean, workers)``, which returns an array with one row a sample.

A regressor is any scikit-learn regressor with many outputs; or, where it wants more than a matrix,
an object whose ``fit_stage(feature, samples, residuals, mean, rng, workers, tick)`` returns a
predictor with ``predict(features)``.

A fitted stage whose feature and predictor both have compact arrays can be written to a model file,
and consecutive stages of one kind run in one kernel (see `runners`).
"""

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from sklearn.base import BaseEstimator, clone

from .registry import RUNNERS, PlainRunner


class Stage(BaseEstimator):
    """Recipe of a stage.

    Parameters
    ----------
    feature : object
        What to read from the image; see the module's docstring.
    regressor : object
        What to make of it: one of ours, or any scikit-learn regressor with many outputs.
    """

    def __init__(self, feature, regressor):
        self.feature = feature
        self.regressor = regressor

    def fit(self, samples, mean, rng, workers, tick=None):
        """Train on the current residuals of `samples`; they are not moved.

        Parameters
        ----------
        samples : Samples
        mean : ndarray of shape (L, 2), float32
            Centred mean shape.
        rng : numpy.random.Generator
        workers : Workers
        tick : callable, optional
            Called with the share of the stage that is done.

        Returns
        -------
        FittedStage
        """
        residuals = samples.residuals(mean)
        feature = self.feature.fit(samples, residuals, mean, rng, workers)
        if hasattr(self.regressor, "fit_stage"):
            predictor = self.regressor.fit_stage(
                feature, samples, residuals, mean, rng, workers, tick
            )
        else:
            predictor = _fit_sklearn(
                self.regressor, feature.extract(samples, mean, workers), residuals, rng
            )
        return FittedStage(feature, predictor)


@dataclass(frozen=True)
class FittedStage:
    """A trained feature and the predictor trained on it."""

    feature: object
    predictor: object

    @property
    def kind(self):
        """The classes that decide which runner runs the stage."""
        return getattr(self.feature, "family", type(self.feature)), type(self.predictor)

    @property
    def layout(self):
        """What consecutive stages must share to run in one kernel."""
        shapes = getattr(self.feature, "layout", None), getattr(self.predictor, "depth", None)
        return *self.kind, *shapes


def _fit_sklearn(regressor, features, residuals, rng):
    """A clone of a scikit-learn regressor, fitted to samples whose landmarks are all there."""
    regressor = clone(regressor)
    seeds = {
        name: int(rng.integers(2**31))
        for name, value in regressor.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    }
    whole = np.isfinite(residuals).all(1)
    return regressor.set_params(**seeds).fit(features[whole], residuals[whole])


def plan(stages, mean):
    """Runners for `stages`, one for each run of stages of one kind."""
    runners = []
    for _, run in groupby(stages, key=lambda stage: stage.layout):
        run = list(run)
        runner = getattr(run[0], "RUNNER", None) or RUNNERS.get(run[0].kind, PlainRunner)
        runners.append(runner(run, mean))
    return runners
