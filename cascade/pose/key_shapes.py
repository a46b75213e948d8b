"""Large poses: key shapes that a face is tried from, and stages apart for each kind of pose."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from features.errors import require_range
from features.geometry import rotate, similarity
from features.hog import Hog

from ..stages.linear.regressor import ReducedRidge
from ..stages.samples import Samples
from ..stages.stage import FittedStage, Stage, plan
from . import clusters
from .routing import MAX_ROUTES, Routed

_MAX_SHAPES = 32
#: The most key shapes that there can be, each also turned to either side.
MAX_KEYS = 3 * _MAX_SHAPES
# What the error of a key shape is told from, where it has got to. Its single number is linear.
_SCORE = Stage(Hog(half=0.2), ReducedRidge(alpha_per_sample=0.01, rank=1))
# The score is trained on about this many samples, two a crop at least and `_MOST_A_CROP` at most.
_N_SCORED, _MOST_A_CROP = 4000, 8
# Key shapes are tried on faces turned to either side by this many times their own turn, degrees.
_REACH, _LEAST_REACH = 1.5, 15.0


class Poses(BaseEstimator):
    """How a cascade meets heads that are turned.

    With more than one key shape, a face is tried from each of them: all run the first stages, then
    a learned score tells which has come nearest, from the image alone, and this one goes on.
    With routes, the stages after the first are trained apart for each kind of pose.

    Parameters
    ----------
    n_shapes : int
        Shapes of heads to start from, 1 to 32: the mean shape, or the centres of so many clusters
        of the training faces, which differ by where the heads look.
    roll : float
        Degrees by which each of them is also turned in the plane, to either side; 0 for not.
    n_early : int
        Stages that all key shapes run, and that all poses share.
    n_routes : int
        Kinds of pose that the later stages are trained for apart, 1 to 32.
    overlap : float
        A face trains every route whose centre is at most so many times as far as the nearest.

    Notes
    -----
    Cao et al. (2012) and Burgos-Artizzu et al. (2013) start at several shapes and take the median,
    or those that agree. The score needs one way only through the later stages, and finds the right
    start even where most are wrong.
    """

    def __init__(self, n_shapes=1, roll=0.0, n_early=2, n_routes=1, overlap=1.5):
        self.n_shapes = n_shapes
        self.roll = roll
        self.n_early = n_early
        self.n_routes = n_routes
        self.overlap = overlap

    def check(self):
        """Refuse parameters out of range."""
        require_range("poses: n_shapes", self.n_shapes, 1, _MAX_SHAPES)
        require_range("poses: roll", self.roll, 0, 180)
        require_range("poses: n_early", self.n_early, 1, 1000)
        require_range("poses: n_routes", self.n_routes, 1, MAX_ROUTES)
        require_range("poses: overlap", self.overlap, 1, 1000)

    def routed(self, recipes):
        """The `recipes` of a cascade's stages, those after the early ones with routes."""
        if self.n_routes == 1:
            return recipes
        late = [Routed(stage, self.n_routes, self.overlap) for stage in recipes[self.n_early :]]
        return recipes[: self.n_early] + late

    def fit(self, store, stages, mean, rng, workers):
        """Choose the key shapes, and train the score on where the early stages take them.

        Parameters
        ----------
        store : FaceStore
        stages : list of FittedStage
            Of the whole cascade.
        mean : ndarray of shape (L, 2), float32
        rng : numpy.random.Generator
        workers : Workers

        Returns
        -------
        KeyShapes or None
            None where the mean shape is the only one.
        """
        if self.n_shapes == 1 and not self.roll:
            return None
        shapes = self._key_shapes(store.shapes, mean, rng)
        early = stages[: self.n_early]
        centred = mean - mean.mean(0)
        n_rounds = int(np.clip(-(-_N_SCORED // len(store)), 2, _MOST_A_CROP))
        n = n_rounds * len(store)
        reach = max(_REACH * self.roll, _LEAST_REACH)
        chosen = shapes[rng.integers(len(shapes), size=n)]
        samples = Samples.from_store(store, _turned(chosen, rng.uniform(-reach, reach, n), mean))
        for runner in plan(early, centred):
            runner.run(samples, workers)
        left = np.linalg.norm(samples.shapes - samples.truth, axis=-1)
        target = np.log(np.maximum(np.nanmean(left, axis=1, keepdims=True), 1e-6))
        feature = _SCORE.feature.fit(samples, target, centred, rng, workers)
        predictor = _SCORE.regressor.fit_stage(feature, samples, target, centred, rng, workers)
        return KeyShapes(shapes, len(early), FittedStage(feature, predictor))

    def _key_shapes(self, shapes, mean, rng):
        centres = mean[None]
        if self.n_shapes > 1:
            aligned = clusters.aligned(shapes, mean)
            centres = clusters.centres(aligned, self.n_shapes, rng).reshape(-1, *mean.shape)
        rolls = (0, -self.roll, self.roll) if self.roll else (0,)
        n = len(centres)
        return np.concatenate([_turned(centres, np.full(n, roll), mean) for roll in rolls])


@dataclass(frozen=True)
class KeyShapes:
    """Shapes that a face is tried from, and the score that tells the best.

    Attributes
    ----------
    shapes : ndarray of shape (K, L, 2), float32
        In the box frame.
    n_stages : int
        Stages that each of them runs before the choice.
    score : FittedStage
        Its predictor's one number is the logarithm of the error that is left.
    """

    shapes: np.ndarray
    n_stages: int
    score: FittedStage

    def placed(self, starts, mean):
        """The key shapes where `starts` (N, L, 2) have the mean shape: (K * N, L, 2) float32,
        key by key."""
        # The common case, and the costly part of a prediction: nothing needs to be moved.
        if (starts == mean).all():
            return np.repeat(self.shapes, len(starts), axis=0)
        center = mean.mean(0)
        linear, shift = similarity(mean - center, starts)
        placed = [rotate(key - center, linear) + shift[:, None] for key in self.shapes]
        return np.concatenate(placed).astype(np.float32)

    def best(self, samples, centred_mean, workers=None):
        """Of samples (K * N), key by key, the rows (N,) of those that have come nearest."""
        features = self.score.feature.extract(samples, centred_mean, workers)
        score = self.score.predictor.predict(features).reshape(len(self.shapes), -1)
        n = score.shape[1]
        return score.argmin(0) * n + np.arange(n)


def _turned(shapes, degrees, mean):
    """Shapes (n, L, 2) turned in the plane by `degrees` (n,) around the mean shape's centre."""
    angle, center = np.deg2rad(degrees), mean.mean(0)
    turn = np.stack([np.cos(angle), np.sin(angle)], -1)
    return (rotate(shapes - center, turn) + center).astype(np.float32)
