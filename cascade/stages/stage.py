"""One stage of the loop: a feature and a regressor, before and after training.

Fitting a recipe `Stage(feature, regressor)` gives a `FittedStage`, which moves shapes.

The feature is a recipe with ``fit(samples, residuals, reference, rng, workers)``, which returns a
`FittedFeature`. The regressor is any multi-output regressor of scikit-learn; or, if it needs more
than a matrix of features, an object whose ``fit_stage(feature, samples, residuals, reference, rng,
workers, tick)`` returns a `FittedPredictor`, or also one for each fold of the faces
(`cascade.stages.cross_fitting`).

A feature and a regressor whose fit asks `workers` for all sums over samples and all decisions, and
counts rows from ``samples.first``, say so by ``over_members = True``: the faces may then be divided
over several machines (`cascade.loop.on_cluster`).

A regressor that asks for some rows of the residuals at a time, ``residuals[start:stop]``, says so
by ``reads_parts = True``: then they are never computed for all samples at once.

A fitted stage whose feature and predictor are in `registry` can be written to a model file, and
consecutive stages of one kind run in one kernel.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from features.parameters import Parameters

from .cross_fitting import CrossFitted, rows_of_parts
from .registry import plan
from .samples import Residuals


class FittedFeature(Protocol):
    """The trained feature of a stage: it reads the image.

    Two members are optional. `KIND` (str) is its name in model files and in `registry`; without it,
    the stage cannot be saved. `needs_crop` (bool, default False) says that faces must be resampled
    to the scale of training.
    """

    def extract(self, samples, reference, workers):
        """Features of all samples, one row each: an array of shape (N, …)."""


class FittedPredictor(Protocol):
    """The trained regressor of a stage: it maps features to updates of the shape.

    Three members are optional. `KIND` is as in `FittedFeature`; `facts` (dict) are hyperparameters
    that training chose, for the history of the cascade; `predict` may be missing if `registry` has
    a runner for the kind.
    """

    def predict(self, features):
        """Updates (N, 2L) of the shapes, in the mean-shape frame."""


@dataclass(eq=False, repr=False)
class Stage(Parameters):
    """Recipe of a stage.

    Parameters
    ----------
    feature : object
        Recipe of the feature; see the module's docstring.
    regressor : object
        One of our regressors, or any multi-output regressor of scikit-learn.
    """

    feature: object
    regressor: object

    def fit(self, samples, reference, rng, workers, tick=None):
        """Train on the current residuals of `samples`; they are not moved.

        Parameters
        ----------
        samples : Samples
        reference : ndarray of shape (L, 2), float32
            The centred mean shape.
        rng : numpy.random.Generator
        workers : Workers
        tick : callable, optional
            Called with the share of the stage that is done.

        Returns
        -------
        FittedStage
        """
        residuals = Residuals(samples, reference)
        if not getattr(self.regressor, "reads_parts", False):
            residuals = np.asarray(residuals)
        feature = self.feature.fit(samples, residuals, reference, rng, workers)
        if hasattr(self.regressor, "fit_stage"):
            predictor = self.regressor.fit_stage(
                feature, samples, residuals, reference, rng, workers, tick
            )
        else:
            features = feature.extract(samples, reference, workers)
            predictor = _fit_sklearn(self.regressor, features, residuals, rng)
        if isinstance(predictor, CrossFitted):
            return FittedStage(feature, *predictor)
        return FittedStage(feature, predictor)


@dataclass(frozen=True)
class FittedStage:
    """A trained feature and the predictor trained on it.

    Attributes
    ----------
    feature : FittedFeature
    predictor : FittedPredictor
    parts : tuple of FittedPredictor
        For a cross-fitted stage in training, the predictors of the folds, which move the training
        samples; empty otherwise, and in finished model files.
    """

    feature: object
    predictor: object
    parts: tuple = ()

    #: The runner of the stage, if it is not the one in `registry`.
    runner: ClassVar = None

    @property
    def kind(self):
        """Names of feature and predictor in `registry`, None for those that are not in it."""
        return tuple(getattr(part, "KIND", None) for part in (self.feature, self.predictor))

    @property
    def needs_crop(self):
        """Whether faces must be resampled to the scale of training."""
        return getattr(self.feature, "needs_crop", False)

    def advance(self, samples, reference, workers):
        """Move training samples, each by a predictor that was fitted without its face if there is
        one, else as inference would.

        Parameters
        ----------
        samples : Samples
        reference : ndarray of shape (L, 2), float32
        workers : Workers
        """
        if not self.parts:
            plan([self], reference)[0].run(samples, workers)
            return
        for rows, predictor in zip(
            rows_of_parts(samples.blocks, len(self.parts)), self.parts, strict=True
        ):
            part = samples.rows(rows)
            plan([FittedStage(self.feature, predictor)], reference)[0].run(part, workers)
            samples.take(rows, part)

    def finished(self):
        """The stage without the parts that only training needs."""
        return replace(self, parts=())

    def held_out(self, samples, reference, workers):
        """What the predictors say of training samples that they did not see, (N, K) float32; of a
        stage that is not cross-fitted, what its predictor says of all."""
        features = self.feature.extract(samples, reference, workers)
        told = self.predictor.predict(features)
        parts = rows_of_parts(samples.blocks, len(self.parts)) if self.parts else ()
        for rows, predictor in zip(parts, self.parts, strict=True):
            told[rows] = predictor.predict(features[rows])
        return told

    @property
    def facts(self):
        """Hyperparameters that training chose, by name."""
        return getattr(self.predictor, "facts", {})

    @property
    def fuse_key(self):
        """What consecutive stages that run in one kernel have in common, besides their runner."""
        return self.feature.fuse_key, self.predictor.fuse_key


def _fit_sklearn(regressor, features, residuals, rng):
    """A clone of a scikit-learn regressor, fitted to samples whose landmarks are all there."""
    from sklearn.base import clone  # imported by whoever made the regressor

    regressor = clone(regressor)
    seeds = {
        name: int(rng.integers(2**31))
        for name, value in regressor.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    }
    whole = np.isfinite(residuals).all(1)
    return regressor.set_params(**seeds).fit(features[whole], residuals[whole])
