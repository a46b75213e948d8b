"""Training of the confidence estimator of a cascade, on its training faces.

If stages are cross-fitted, the faces are moved by predictors that did not see them.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from data_tools.metrics import face_lengths
from features.hog import Hog

from ..stages.linear.regressor import ReducedRidge
from ..stages.samples import Samples
from ..stages.stage import FittedStage
from .confidence import LIMIT, Calibration, Confidence
from .starts import Starts

#: The most crops that it is learned from.
MOST_CROPS = 6000
# Number of folds of the faces.
_N_PARTS = 4
# Half of them start from the mean shape in slightly shifted boxes.
_JITTER = {"mix": (1.0, 1.0), "shift": 1.0, "scale": 1.0}
_LEAST_ERROR, _SHORTEST = 1e-4, 0.2


def fit_confidence(model, store, blocks, rng, workers):
    """Train the confidence estimator of a trained cascade.

    Parameters
    ----------
    model : BaseCascade
        With trained stages, and key shapes if it has any.
    store : FaceStore
        Its training data, or some of it.
    blocks : ndarray of shape (m,), int32
        Of the crops, as of all that were trained on; see `cascade.stages.cross_fitting`.
    rng : numpy.random.Generator
    workers : Workers

    Returns
    -------
    Confidence
    """
    reference = model.moved_mean - model.moved_mean.mean(0)
    samples = _aligned(model, store, blocks, reference, rng, workers)
    errors = np.linalg.norm(samples.shapes - samples.truth, axis=-1)
    errors = np.hstack([errors, np.nanmean(errors, axis=1, keepdims=True)])
    errors /= _lengths(samples.truth, model)[:, None]
    target = np.log(np.maximum(errors, _LEAST_ERROR)).astype(np.float32)
    feature = Hog(half=0.12, shape_gain=8.0).fit(samples, target, reference, rng, workers)
    ridge = ReducedRidge(alpha_per_sample=0.02, rank=16, n_parts=_N_PARTS)
    fitted = ridge.fit_stage(feature, samples, target, reference, rng, workers)
    predictor, parts = fitted if isinstance(fitted, tuple) else (fitted, ())
    stage = FittedStage(feature, predictor, parts)
    told = stage.held_out(samples, reference, workers)
    curves = [_logistic(told[:, :-1], errors[:, :-1] < LIMIT, target[:, :-1]),
              _logistic(told[:, -1:], errors[:, -1:] < LIMIT, target[:, -1:])]  # fmt: skip
    calibration = Calibration(np.array(curves, np.float32))
    return Confidence(FittedStage(feature, predictor), calibration)


def _aligned(model, store, blocks, reference, rng, workers):
    """Samples moved by the cascade, with predictors that did not see their faces."""
    n = len(store)
    # Two starts a face: the mean shape, and the mean shape where another box puts it.
    starts = np.repeat(model.moved_mean[None], 2 * n, axis=0)
    starts[1::2] = Starts(1, **_JITTER).sample(store.shapes, model.moved_mean, rng)
    samples = Samples.from_store(store, starts, blocks)
    stages, keys = model.stages_, model.keys_
    if keys is not None:
        tried = keys.tried(samples, model.moved_mean)
        for stage in stages[: keys.n_stages]:
            stage.advance(tried, reference, workers)
        samples.take(slice(None), tried.rows(keys.best(tried, reference, workers)))
        stages = stages[keys.n_stages :]
    for stage in stages:
        stage.advance(samples, reference, workers)
    return samples


def _lengths(shapes, model):
    """The normaliser of the errors of each face, in box sides.

    It is the mean shape's for faces that lack the landmarks for it, and at least a fifth of that
    for profiles, whose eye corners are nearly at one place.
    """
    box = np.array([[-0.5, -0.5, 0.5, 0.5]])
    usual = face_lengths(model.moved_mean[None], model.moved_scheme, boxes=box)
    own = face_lengths(shapes, model.moved_scheme, boxes=np.repeat(box, len(shapes), axis=0))
    return np.maximum(np.where(own > 0, own, usual), _SHORTEST * usual)


def _logistic(told, small, target):
    """Slope and offset of the logit of `small`, of finite targets."""
    known = np.isfinite(target)
    x, y = told[known], small[known]
    if not len(y) or y.all() or not y.any():  # nothing to tell apart
        share = (y.sum() + 1) / (len(y) + 2)
        return 0.0, float(np.log(share / (1 - share)))
    fitted = LogisticRegression().fit(x[:, None].astype(np.float64), y)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
