"""Errors of predicted landmarks and their summaries, as the 300-W benchmark reports them.

Every error is a fraction of a length on the face, the normaliser: 0.04 is what papers print as 4 %.
"""

import warnings

import numpy as np

from features.errors import InputError, require_range
from features.geometry import box_placement

from .boxes import tight_box

NORMALIZERS = ("interocular", "interpupil", "diagonal", "box")


def normalizer(shapes, scheme, boxes=None, kind="interocular"):
    """The length on each face that its errors are divided by.

    300-W (Sagonas et al. 2013) divides by the distance of the outer eye corners, "interocular".
    Papers from before divide by the distance of the pupils, each the mean of the landmarks around
    the eye, "interpupil"; this is about 0.72 of the former, so the same errors look 1.4 times as
    large. Profile faces bring both towards zero; sets that hold them divide by the diagonal of
    the landmarks' tight bounding box, "diagonal", or by ``sqrt(width * height)`` of the given
    box, "box".

    Parameters
    ----------
    shapes : array_like of shape (n, L, 2)
        The true landmarks.
    scheme : Scheme
        Its `eye_corners` and `pupils` are used.
    boxes : array_like of shape (n, 4), optional
        Needed for "box".
    kind : {"interocular", "interpupil", "diagonal", "box"}

    Returns
    -------
    ndarray of shape (n,), float64
        In pixels. NaN where the landmarks that define it are missing, or it is zero.

    Raises
    ------
    InputError
        If the scheme does not say where the eyes are, `boxes` are missing, or shapes differ.
    """
    shapes = _shapes("shapes", shapes)
    _check_scheme(shapes, scheme)
    if kind == "interocular":
        if scheme.eye_corners is None:
            raise InputError(_lacks(scheme, kind, "eye_corners"))
        right, left = (shapes[:, i] for i in scheme.eye_corners)
        length = np.hypot(*(left - right).T)
    elif kind == "interpupil":
        if scheme.pupils is None:
            raise InputError(_lacks(scheme, kind, "pupils"))
        right, left = (_nanmean(shapes[:, list(eye)]) for eye in scheme.pupils)
        length = np.hypot(*(left - right).T)
    elif kind == "diagonal":
        box = tight_box(shapes)
        length = np.hypot(*(box[:, 2:] - box[:, :2]).T)
    elif kind == "box":
        if boxes is None:
            raise InputError("the normaliser 'box' needs boxes; give them or choose another")
        boxes = np.asarray(boxes, np.float64)
        if boxes.shape != (len(shapes), 4):
            raise InputError(f"boxes must be ({len(shapes)}, 4), one a face, not {boxes.shape}")
        length = box_placement(boxes)[:, 2].astype(np.float64)
    else:
        raise InputError(f"no normaliser {kind!r}; choose one of {', '.join(NORMALIZERS)}")
    return np.where(length > 0, length, np.nan)


def landmark_errors(predicted, truth, scheme, boxes=None, kind="interocular"):
    """Normalised distance of every predicted landmark from the true one.

    Parameters
    ----------
    predicted, truth : array_like of shape (n, L, 2)
        In pixels of the same image. NaN in `truth` marks a landmark that was not annotated, NaN
        in `predicted` one that was not found.
    scheme, boxes, kind
        As for `normalizer`, of which `truth` is the shapes.

    Returns
    -------
    ndarray of shape (n, L), float64
        Fractions of the normaliser; NaN where the truth has no landmark or the face no
        normaliser, else inf where the prediction has none.

    Raises
    ------
    InputError
        If shapes do not agree, or as `normalizer`.
    """
    predicted, truth = _same_faces(predicted, truth)
    return point_errors(predicted, truth, normalizer(truth, scheme, boxes, kind))


def point_errors(predicted, truth, lengths):
    """Distance of every predicted point from the true one, in units of a length on the face.

    What `landmark_errors` is made of, for points that are no whole scheme.

    Parameters
    ----------
    predicted, truth : array_like of shape (n, P, 2)
    lengths : array_like of shape (n,)
        In pixels; NaN where a face has none.

    Returns
    -------
    ndarray of shape (n, P), float64
        As `landmark_errors`.

    Raises
    ------
    InputError
        If shapes do not agree.
    """
    predicted, truth = _same_faces(predicted, truth)
    lengths = np.asarray(lengths, np.float64)
    if lengths.shape != (len(truth),):
        raise InputError(f"lengths must be ({len(truth)},), one a face, not {lengths.shape}")
    error = np.hypot(*np.moveaxis(predicted - truth, -1, 0)) / lengths[:, None]
    known = np.isfinite(truth).all(-1) & np.isfinite(lengths)[:, None]
    found = np.isfinite(predicted).all(-1)
    return np.where(known, np.where(found, error, np.inf), np.nan)


def face_errors(errors):
    """Mean of each face's errors (n, P): (n,), as `nme` describes it."""
    return _nanmean(np.asarray(errors, np.float64)[:, :, None])[:, 0]


def landmark_means(errors):
    """Mean error of each landmark over the faces that have it; misses are left out.

    Parameters
    ----------
    errors : array_like of shape (n, L)
        As from `landmark_errors`.

    Returns
    -------
    ndarray of shape (L,), float64
        NaN for a landmark that was found in no face.

    Examples
    --------
    >>> landmark_means([[0.02, 0.1], [0.04, float("inf")]]).tolist()
    [0.03, 0.1]
    """
    errors = np.asarray(errors, np.float64)
    finite = np.where(np.isfinite(errors), errors, np.nan)
    return _nanmean(finite.T[:, :, None])[:, 0]


def part_errors(errors, scheme):
    """Mean error of each face in every part of it, the groups of the scheme.

    Parameters
    ----------
    errors : array_like of shape (n, L)
        As from `landmark_errors`.
    scheme : Scheme
        Its `groups` name the landmarks of the parts.

    Returns
    -------
    dict of str to ndarray of shape (n,), float64
        By part, in the order of the scheme; NaN and inf as in `nme`.

    Raises
    ------
    InputError
        If the errors do not fit the scheme.
    """
    errors = np.asarray(errors, np.float64)
    if errors.ndim != 2 or errors.shape[1] != scheme.n_points:
        raise InputError(
            f"errors {errors.shape} do not fit the scheme {scheme.name!r} of {scheme.n_points} "
            "landmarks; give those of landmark_errors"
        )
    groups = scheme.groups.items()
    return {name: face_errors(errors[:, list(points)]) for name, (points, _) in groups}


def nme(predicted, truth, scheme, kind="interocular", boxes=None):
    """Normalised mean error of every face: the mean of its `landmark_errors`.

    Parameters
    ----------
    predicted, truth, scheme, kind, boxes
        As for `landmark_errors`.

    Returns
    -------
    ndarray of shape (n,), float64
        Landmarks missing in the truth weigh nothing; a face without any, or without normaliser, is
        NaN, and the summaries below leave it out. A face of which a landmark was not found is inf:
        a failure at any threshold.

    Raises
    ------
    InputError
        As `landmark_errors`.
    """
    return face_errors(landmark_errors(predicted, truth, scheme, boxes, kind))


def ced(errors):
    """Cumulative error distribution: the share of faces with an error of at most x.

    The curve of 300-W (Sagonas et al. 2013), exact: a step at every error instead of bins.

    Parameters
    ----------
    errors : array_like of shape (n,)
        One a face, as from `nme`. NaN is left out; inf never counts as reached, but stays in the
        number of faces.

    Returns
    -------
    x : ndarray of shape (k,), float64
        0, then the distinct finite errors in ascending order.
    share : ndarray of shape (k,), float64
        From x on and up to the next, in [0, 1]; non-decreasing.

    Raises
    ------
    InputError
        If there is no error to count, or one is negative.

    Examples
    --------
    >>> x, share = ced([0.04, 0.02, float("inf"), 0.04])
    >>> x.tolist(), share.tolist()
    ([0.0, 0.02, 0.04], [0.0, 0.25, 0.75])
    """
    errors = _errors(errors)
    x, counts = np.unique(np.append(errors[np.isfinite(errors)], 0.0), return_counts=True)
    counts[0] -= 1  # the 0 that was added
    return x, np.cumsum(counts) / len(errors)


def auc(errors, threshold=0.08):
    """Area under the step curve `ced` from 0 to `threshold`, divided by `threshold`.

    300-W competitions cut at 0.08 of the interocular distance. The area is exact: a face with
    error e adds max(0, 1 - e / threshold) / n.

    Parameters
    ----------
    errors : array_like of shape (n,)
        As for `ced`.
    threshold : float
        Above 0.

    Returns
    -------
    float
        In [0, 1]; 1 if every error is zero.

    Raises
    ------
    InputError
        As `ced`, or if the threshold is not a positive number.

    Examples
    --------
    >>> auc([0.02, 0.04, 0.5, float("inf")], threshold=0.08)
    0.3125
    """
    return float(np.clip(1 - _errors(errors) / _threshold(threshold), 0, None).mean())


def failure_rate(errors, threshold=0.1):
    """Share of faces with an error above `threshold`.

    Burgos-Artizzu et al. (2013) call a face with more than 0.1 of the interocular distance a
    failure; 300-W papers also print 0.08.

    Parameters
    ----------
    errors : array_like of shape (n,)
        As for `ced`; inf is a failure.
    threshold : float
        Above 0.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        As `auc`.

    Examples
    --------
    >>> failure_rate([0.02, 0.1, 0.11, float("inf")])
    0.5
    """
    return float((_errors(errors) > _threshold(threshold)).mean())


def occlusion_precision_recall(visibility, visible, threshold=0.5):
    """How well predicted visibility finds covered landmarks.

    Parameters
    ----------
    visibility : array_like of shape (n, L)
        Probability that each landmark can be seen, as in `cascade.Alignment.visible`.
    visible : array_like of shape (n, L), bool
        Whether it truly can.
    threshold : float
        Landmarks of a visibility below it count as predicted to be covered.

    Returns
    -------
    precision : float
        Share of the landmarks predicted to be covered that are; NaN if there are none.
    recall : float
        Share of the covered landmarks that are predicted to be; NaN if there are none.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> occlusion_precision_recall([[0.1, 0.2, 0.9, 0.8]], [[False, True, True, False]])
    (0.5, 0.5)
    """
    visibility, covered = _covered(visibility, visible)
    found = visibility < threshold
    hits = int((found & covered).sum())
    return tuple(hits / n if n else float("nan") for n in (int(found.sum()), int(covered.sum())))


def recall_at_precision(visibility, visible, precision=0.8):
    """Highest recall of covered landmarks over the thresholds that reach a precision.

    Burgos-Artizzu et al. (2013) report the recall at 80 % precision.

    Parameters
    ----------
    visibility, visible
        As in `occlusion_precision_recall`.
    precision : float

    Returns
    -------
    float
        0 where no threshold reaches the precision; NaN if no landmark is covered.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> recall_at_precision([[0.1, 0.2, 0.3, 0.8]], [[False, False, True, False]])
    0.6666666666666666
    """
    visibility, covered = _covered(visibility, visible)
    if not covered.any():
        return float("nan")
    order = np.argsort(visibility, kind="stable")
    ordered, hits = visibility[order], np.cumsum(covered[order])
    # A threshold takes equal values together.
    last = np.append(ordered[1:] > ordered[:-1], True)
    reached = last & (hits >= precision * np.arange(1, len(hits) + 1))
    return float(hits[reached].max(initial=0) / covered.sum())


def _covered(visibility, visible):
    visibility, visible = np.asarray(visibility, np.float64), np.asarray(visible, bool)
    if visibility.shape != visible.shape:
        raise InputError(
            f"visibility {visibility.shape} and truth {visible.shape} differ; give the same faces"
        )
    return visibility.ravel(), ~visible.ravel()


def summary(predicted, truth, scheme, boxes=None):
    """The figures a paper prints.

    Parameters
    ----------
    predicted, truth, scheme, boxes
        As for `landmark_errors`.

    Returns
    -------
    dict
        ``n`` faces counted and ``n_excluded`` without a landmark or normaliser, ``n_missed`` with
        an error of inf; means over the counted faces, ``nme_interocular``, ``nme_interpupil``,
        ``nme_diagonal`` and ``nme_box``; and of the interocular errors ``median_interocular``,
        ``auc08`` (`auc` at 0.08), ``fr08`` and ``fr10`` (`failure_rate` at 0.08 and 0.1). All but
        the counts are fractions. Missed faces count in the last four alone, since a mean over
        them would be inf. None where the scheme has no such normaliser, boxes are not given, or
        no face is left; counts are of the diagonal where there is no interocular distance.

    Raises
    ------
    InputError
        If shapes do not agree.
    """
    available = {
        "interocular": scheme.eye_corners is not None,
        "interpupil": scheme.pupils is not None,
        "diagonal": True,
        "box": boxes is not None,
    }
    errors = {
        kind: nme(predicted, truth, scheme, kind, boxes) for kind, has in available.items() if has
    }
    reference = errors.get("interocular", errors["diagonal"])
    result = {
        "n": int((~np.isnan(reference)).sum()),
        "n_excluded": int(np.isnan(reference).sum()),
        "n_missed": int(np.isinf(reference).sum()),
    }
    for kind in NORMALIZERS:
        found = errors.get(kind, np.zeros(0))
        found = found[np.isfinite(found)]
        result[f"nme_{kind}"] = float(found.mean()) if len(found) else None
    counted = errors.get("interocular", np.zeros(0))
    counted = counted[~np.isnan(counted)]
    some = len(counted) > 0
    result["median_interocular"] = float(np.median(counted)) if some else None
    result["auc08"] = auc(counted, 0.08) if some else None
    result["fr08"] = failure_rate(counted, 0.08) if some else None
    result["fr10"] = failure_rate(counted, 0.1) if some else None
    return result


def subset_masks(labels):
    """Which faces belong to each subset of a column of labels.

    Parameters
    ----------
    labels : sequence of n str
        The subset of each face, such as "common" or "challenging"; an empty one belongs to none.

    Returns
    -------
    dict of str to ndarray of shape (n,), bool
        By label, in the order of their first face.

    Examples
    --------
    >>> {name: mask.tolist() for name, mask in subset_masks(["a", "", "b", "a"]).items()}
    {'a': [True, False, False, True], 'b': [False, False, True, False]}
    """
    labels = np.array([str(label) for label in labels], dtype=object)
    return {name: labels == name for name in dict.fromkeys(labels.tolist()) if name}


def bootstrap_interval(errors, statistic=np.mean, level=0.95, n_resamples=2000, seed=0):
    """Confidence interval of a figure over faces, by resampling them (Efron 1979).

    Percentile intervals: they hold for means, medians, areas and rates alike, and for a rate of
    zero, where the bias-corrected ones are undefined.

    Parameters
    ----------
    errors : array_like of shape (n,)
        One a face; NaN is left out. Misses (inf) are for the `statistic` to bear.
    statistic : callable
        From errors (n,) to a number: ``np.mean``, `auc`, `failure_rate`, ….
    level : float
        Share of such intervals that hold the true figure, between 0 and 1.
    n_resamples : int
    seed : int

    Returns
    -------
    (float, float)
        Lower and upper end; both NaN for fewer than two faces.

    Raises
    ------
    InputError
        If there is no error, one is negative, or `level` is not between 0 and 1.

    Examples
    --------
    >>> low, high = bootstrap_interval([0.03, 0.04, 0.05] * 30)
    >>> 0.037 < low < 0.04 < high < 0.043
    True
    """
    from scipy.stats import bootstrap

    errors = _errors(errors)
    require_range("level", level, 0.01, 0.9999)
    if len(errors) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    mean = statistic is np.mean
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all errors alike: the interval is that value
        found = bootstrap(
            (errors,),
            statistic,
            vectorized=mean,
            axis=-1,
            confidence_level=level,
            n_resamples=n_resamples,
            batch=200,
            method="percentile",
            random_state=rng,
        ).confidence_interval
    return float(found.low), float(found.high)


def paired_test(errors, others, level=0.95, n_resamples=2000, seed=0):
    """Whether one of two models errs less on the same faces.

    The signed-rank test of Wilcoxon (1945), ties shared as Pratt (1959) does; it asks for no
    distribution of the errors, of which faces have heavy tails. A miss is worse than any found
    face, and two misses of one face are a tie.

    Parameters
    ----------
    errors, others : array_like of shape (n,)
        Of the two models, one a face in the same order, as from `nme`. Faces with a NaN in either
        are left out.
    level, n_resamples, seed
        Of the interval of the mean difference; see `bootstrap_interval`.

    Returns
    -------
    dict
        ``n`` faces compared; ``wins``, ``losses`` and ``ties`` of the first model; ``p_value``,
        two-sided; ``difference``, the mean of `errors` minus `others` over the faces that both
        found, and its interval ``low`` and ``high``, all three None where there is no such face.

    Raises
    ------
    InputError
        If the arrays differ in length, or no face is left.

    Examples
    --------
    >>> test = paired_test([0.03] * 9 + [float("inf")], [0.04] * 10)
    >>> test["wins"], test["losses"], round(test["difference"], 3)
    (9, 1, -0.01)
    """
    from scipy.stats import bootstrap, wilcoxon

    errors, others = (np.asarray(e, np.float64).ravel() for e in (errors, others))
    if errors.shape != others.shape:
        raise InputError(
            f"{len(errors)} and {len(others)} errors are not paired; give the same faces"
        )
    counted = ~np.isnan(errors) & ~np.isnan(others)
    errors, others = _errors(errors[counted]), _errors(others[counted])
    found = np.isfinite(errors) & np.isfinite(others)
    # The signed rank of a miss is that of the largest difference, whatever its size.
    worst = 3 * max((e[np.isfinite(e)].max(initial=1.0) for e in (errors, others)), default=1.0)
    ranked = np.minimum(errors, worst) - np.minimum(others, worst)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p_value = wilcoxon(ranked, zero_method="pratt").pvalue if ranked.any() else 1.0
        difference = errors[found] - others[found]
        low = high = None
        if len(difference) > 1:
            low, high = bootstrap(
                (difference,),
                np.mean,
                confidence_level=level,
                n_resamples=n_resamples,
                batch=200,
                method="percentile",
                random_state=np.random.default_rng(seed),
            ).confidence_interval
    return {
        "n": len(ranked),
        "wins": int((ranked < 0).sum()),
        "losses": int((ranked > 0).sum()),
        "ties": int((ranked == 0).sum()),
        "p_value": float(p_value),
        "difference": float(difference.mean()) if len(difference) else None,
        "low": None if low is None else float(low),
        "high": None if high is None else float(high),
    }


def holm(p_values):
    """Adjust the p values of several tests so that all hold together (Holm 1979).

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values)
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted.tolist()


def _nanmean(points):
    """Mean over axis 1 of (n, k, d), a NaN in any coordinate leaving the point out."""
    seen = ~np.isnan(points).any(-1, keepdims=True)
    total, count = np.where(seen, points, 0.0).sum(1), seen.sum(1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _shapes(name, shapes):
    shapes = np.asarray(shapes, np.float64)
    if shapes.ndim != 3 or shapes.shape[2] != 2:
        raise InputError(f"{name} must be an array (n, L, 2), not {shapes.shape}")
    return shapes


def _same_faces(predicted, truth):
    predicted, truth = _shapes("predicted", predicted), _shapes("truth", truth)
    if predicted.shape != truth.shape:
        raise InputError(
            f"predicted shapes {predicted.shape} and true shapes {truth.shape} differ; "
            "give the same faces with the same landmarks"
        )
    return predicted, truth


def _check_scheme(shapes, scheme):
    if shapes.shape[1] != scheme.n_points:
        raise InputError(
            f"shapes of {shapes.shape[1]} landmarks do not fit the scheme {scheme.name!r} "
            f"of {scheme.n_points}; choose the scheme of the data"
        )


def _lacks(scheme, kind, field):
    return (
        f"scheme {scheme.name!r} has no {field}, which the normaliser {kind!r} needs; "
        "choose 'diagonal' or 'box'"
    )


def _errors(errors):
    errors = np.asarray(errors, np.float64).ravel()
    errors = errors[~np.isnan(errors)]
    if len(errors) == 0:
        raise InputError("there is no error to summarise: no face has landmarks")
    if errors.min() < 0:
        raise InputError("errors must not be negative")
    return errors


def _threshold(threshold):
    if not (np.isfinite(threshold) and threshold > 0):
        raise InputError(f"threshold must be a number above 0, not {threshold}")
    return threshold
