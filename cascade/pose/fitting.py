"""Choice of key shapes from training faces, and training of the score that selects among them."""

import numpy as np

from features.hog import Hog

from ..stages.linear.regressor import ReducedRidge
from ..stages.samples import Samples
from ..stages.stage import FittedStage, Stage
from . import clusters
from .key_shapes import KeyShapes, turned

#: Recipe of the score: it estimates the error of a sample from the image at its present shape.
SCORE = Stage(Hog(half=0.2), ReducedRidge(alpha_per_sample=0.01, rank=1))
#: Approximate number of training samples of the score, from two to `_MOST_A_CROP` per crop.
N_SCORED = 4000
_MOST_A_CROP = 8
# For training the score, faces are rotated by up to this multiple of the key shapes' rotation.
_REACH, _LEAST_REACH = 1.5, 15.0


def fit_key_shapes(
    poses, store, stages, mean_shape, rng, workers, *, score=None, n_scored=None, blocks=None
):
    """Choose key shapes, and train their score on the shapes that the early stages move them to.

    Parameters
    ----------
    poses : Poses
    store : FaceStore
    stages : list of FittedStage
        All stages of the cascade.
    mean_shape : ndarray of shape (L, 2), float32
    rng : numpy.random.Generator
    workers : Workers
    score : Stage, optional
        Recipe of the score; without it, `SCORE`.
    n_scored : int, optional
        Approximate number of its training samples; by default `N_SCORED`.
    blocks : ndarray of shape (m,), int32, optional
        Of the crops, where the store has only some of those that the stages were trained on.

    Returns
    -------
    KeyShapes
    """
    score = SCORE if score is None else score
    n_scored = N_SCORED if n_scored is None else n_scored
    shapes = choose_shapes(poses, store.shapes, mean_shape, rng)
    early = stages[: poses.n_early]
    reference = mean_shape - mean_shape.mean(0)
    n_rounds = int(np.clip(-(-n_scored // len(store)), 2, _MOST_A_CROP))
    n = n_rounds * len(store)
    reach = max(_REACH * poses.roll, _LEAST_REACH)
    chosen = shapes[rng.integers(len(shapes), size=n)]
    starts = turned(chosen, rng.uniform(-reach, reach, n), mean_shape)
    samples = Samples.from_store(store, starts, blocks)
    for stage in early:
        stage.advance(samples, reference, workers)
    left = np.linalg.norm(samples.shapes - samples.truth, axis=-1)
    target = np.log(np.maximum(np.nanmean(left, axis=1, keepdims=True), 1e-6))
    feature = score.feature.fit(samples, target, reference, rng, workers)
    predictor = score.regressor.fit_stage(feature, samples, target, reference, rng, workers)
    return KeyShapes(shapes, len(early), FittedStage(feature, predictor))


def choose_shapes(poses, shapes, mean_shape, rng):
    """The mean shape or the centres of clusters, each also rotated: (K, L, 2) float32."""
    centres = mean_shape[None]
    if poses.n_shapes > 1:
        aligned = clusters.aligned(shapes, mean_shape)
        centres = clusters.centres(aligned, poses.n_shapes, rng).reshape(-1, *mean_shape.shape)
    rolls = (0, -poses.roll, poses.roll) if poses.roll else (0,)
    n = len(centres)
    return np.concatenate([turned(centres, np.full(n, roll), mean_shape) for roll in rolls])
