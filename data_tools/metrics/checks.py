"""Checks of the arrays that metrics take, and means that ignore NaN."""

import numpy as np

from features.errors import InputError


def nan_mean(points):
    """Mean over axis 1 of (n, k, d); a point with a NaN coordinate is ignored."""
    missing = np.isnan(points)
    # One value a point is most often the case, over which `any` would be a loop of its own.
    seen = ~missing if points.shape[-1] == 1 else ~missing.any(-1, keepdims=True)
    total, count = np.where(seen, points, 0.0).sum(1), seen.sum(1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def as_shapes(name, shapes):
    """`shapes` as (n, L, 2) float64, or an InputError that calls them `name`."""
    shapes = np.asarray(shapes, np.float64)
    if shapes.ndim != 3 or shapes.shape[2] != 2:
        raise InputError(f"{name} must be an array (n, L, 2), not {shapes.shape}")
    return shapes


def same_faces(predicted, truth):
    """Both as (n, L, 2) float64, or an InputError where they differ in shape."""
    predicted, truth = as_shapes("predicted", predicted), as_shapes("truth", truth)
    if predicted.shape != truth.shape:
        raise InputError(
            f"predicted shapes {predicted.shape} and true shapes {truth.shape} differ; "
            "give the same faces with the same landmarks"
        )
    return predicted, truth


def check_scheme(shapes, scheme):
    """Raise InputError unless the shapes have as many landmarks as the scheme."""
    if shapes.shape[1] != scheme.n_points:
        raise InputError(
            f"shapes of {shapes.shape[1]} landmarks do not fit the scheme {scheme.name!r} "
            f"of {scheme.n_points}; choose the scheme of the data"
        )


def known_errors(errors):
    """Errors (n,) without NaN; InputError if none is left or one is negative."""
    errors = np.asarray(errors, np.float64).ravel()
    errors = errors[~np.isnan(errors)]
    if len(errors) == 0:
        raise InputError("there is no error to summarise: all are NaN; give faces with landmarks")
    if errors.min() < 0:
        raise InputError("errors must be 0 or above")
    return errors


def check_threshold(threshold):
    """The threshold, or an InputError unless it is a number above 0."""
    if not (np.isfinite(threshold) and threshold > 0):
        raise InputError(f"threshold must be a number above 0, not {threshold}")
    return threshold
