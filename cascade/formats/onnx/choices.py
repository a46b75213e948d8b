"""Choices on the way, as operators of ONNX: among key shapes, among starts, and among routes.

A graph has no way to leave anything out for some faces only: what may be chosen is computed for
all, and the choice picks from it.
"""

import numpy as np

from ..exporting import routes_of
from .similarity import Similarity
from .stages import State, apply_stage, see


def run_stages(stages, reference, state, view, planes):
    """The `State` after all `stages`, each of which may have routes."""
    for stage in stages:
        router, routes = routes_of(stage)
        if router is None:
            state = apply_stage(stage, reference, state, view, planes)
            continue
        moved = [apply_stage(route, reference, state, view, planes) for route in routes]
        chosen = _route(state.shapes, router.centres, reference)
        state = _picked(moved, chosen)
    return state


def _picked(states, chosen):
    """Of several `State`, for each sample the one with the number `chosen` (n,)."""
    shapes, visibility = states[0].shapes, states[0].visibility
    for k, other in enumerate(states[1:], 1):
        here = chosen.equals(k)
        shapes = here.reshape(-1, 1, 1).where(other.shapes, shapes)
        if visibility is not None:
            visibility = here.reshape(-1, 1).where(other.visibility, visibility)
    return State(shapes, visibility)


def _route(shapes, centres, reference):
    """The nearest of the centres (K, L, 2) to each shape (n, 2, L); see `Router.route`."""
    mean = reference.astype(np.float64).T
    center_x, center_y = mean.mean(1)
    x, y = mean - mean.mean(1, keepdims=True)
    wide, n_landmarks = shapes.cast(np.float64), len(reference)
    middle = wide.sum(2).reshape(-1, 2, 1) / n_landmarks
    energy = max(float((x * x + y * y).sum()), 1e-12)
    # The products of (u, v) with (x, y) and with (-y, x) are a and b.
    a, b = (
        ((wide - middle) * np.stack(rows)).reshape(-1, 2 * n_landmarks).sum(1) / energy
        for rows in ((x, y), (-y, x))
    )
    a, b = (t.cast(np.float32).reshape(-1, 1, 1) for t in (a, b))
    turned = [a * center_x - b * center_y, b * center_x + a * center_y]
    turned = shapes.graph.join(turned, 1).cast(np.float64)
    away = shapes - (middle - turned).cast(np.float32)
    u, v = away.between(0, 1, 1), away.between(1, 2, 1)
    scale = a * a + b * b
    a, b = a / scale, b / scale
    aligned = shapes.graph.join([a * u + b * v, a * v - b * u], 1)
    away = aligned.reshape(-1, 1, 2 * n_landmarks) - centres.swapaxes(1, 2).reshape(
        1, len(centres), -1
    )
    return (away * away).sum(2).smallest(1)


def best_key(score, reference, state, view, planes, n_keys):
    """Of the samples (m, K, n), flat, that key shapes have moved, those (m, n) that have come
    nearest.

    Parameters
    ----------
    score : FittedStage
        Its one number is the logarithm of the error that is left.
    reference, state, view, planes
        As of `apply_stage`.
    n_keys : (int, int)
        m and K; n, the number of faces, is not known yet.
    """
    pose = Similarity(reference.T, state.shapes)
    totals = see(score, pose, state, view, planes)
    left = totals.product(score.predictor.basis) + score.predictor.bias
    best = left.reshape(*n_keys, -1).smallest(1)

    def nearest(tensor, *lengths):
        n = int(np.prod(lengths))
        index = best.reshape(n_keys[0], 1, -1, 1).expand(1, 1, 1, n)
        return tensor.reshape(*n_keys, -1, n).pick_along(index, 1).reshape(-1, *lengths)

    n_landmarks, visibility = len(reference), state.visibility
    if visibility is not None:
        visibility = nearest(visibility, n_landmarks)
    return State(nearest(state.shapes, 2, n_landmarks), visibility)


def best_starts(state, plan, n_views, n_landmarks, limit):
    """Of the samples (views, attempts + 1, starts, n), flat, those (views, starts, n) of the first
    attempt, or of a later one whose starts lie closer together.

    See `cascade.loop.opening.Opening.start_anew`; `limit` is the spread that is left as it is.
    """

    def attempts(tensor, *lengths):
        """Tensors (starts, views, n, …), one an attempt."""
        parts = tensor.reshape(n_views, plan.attempts + 1, plan.n_starts, -1, *lengths)
        axes = 1, 0, *range(2, 3 + len(lengths))
        return [parts.take(k, 1).transpose(*axes) for k in range(plan.attempts + 1)]

    shapes, visibility = attempts(state.shapes, 2, n_landmarks), None
    apart = [_mean_spread(tried, plan.n_starts) for tried in shapes]
    if state.visibility is not None:
        visibility = attempts(state.visibility, n_landmarks)
    least, best, seen = apart[0], shapes[0], visibility and visibility[0]
    for k in range(1, plan.attempts + 1):
        closer = (least > limit) & (apart[k] < least)
        best = closer.reshape(1, n_views, -1, 1, 1).where(shapes[k], best)
        if visibility is not None:
            seen = closer.reshape(1, n_views, -1, 1).where(visibility[k], seen)
        least = closer.where(apart[k], least)
    best = best.transpose(1, 0, 2, 3, 4).reshape(-1, 2, n_landmarks)
    if visibility is not None:
        seen = seen.transpose(1, 0, 2, 3).reshape(-1, n_landmarks)
    return State(best, seen)


def _mean_spread(shapes, n_starts):
    """Mean distance (views, n) of the landmarks of several starts (S, views, n, 2, L) from their
    median."""
    apart = distances(shapes, median(shapes, n_starts))
    return apart.sum(3).sum(0) / (n_starts * apart.size(3).cast(np.float32))


def distances(shapes, middle):
    """Distances (k, …, L) of the landmarks of shapes (k, …, 2, L) from one shape (…, 2, L)."""
    away = shapes - middle
    return (away * away).sum(-2).sqrt()


def median(answers, n):
    """Median (…) of `n` answers (n, …)."""
    if n == 1:
        return answers.take(0)
    graph, dtypes = answers.graph, [answers.dtype, np.int64]
    ranked, _ = graph.nodes("TopK", [answers, graph.ints(n)], dtypes, axis=0, largest=0)
    middle = ranked.take(n // 2)
    return middle if n % 2 else (ranked.take(n // 2 - 1) + middle) / 2
