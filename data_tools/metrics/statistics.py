"""Whether a difference between figures could be chance: intervals and tests."""

import warnings

import numpy as np

from features.errors import InputError, require_range

from .checks import known_errors


def bootstrap_interval(errors, statistic=np.mean, level=0.95, n_resamples=2000, seed=0):
    """Confidence interval of a figure over faces, by resampling them (Efron 1979).

    Percentile intervals are used: they apply to means, medians, areas and rates alike, and to a
    rate of zero, where bias-corrected intervals are undefined.

    Parameters
    ----------
    errors : array_like of shape (n,)
        One per face; NaN is ignored. The `statistic` must accept inf (missed faces).
    statistic : callable
        From errors (n,) to a number: ``np.mean``, `auc`, `failure_rate`, ….
    level : float
        Confidence level: the share of such intervals that contain the true figure, between 0 and 1.
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
    errors = known_errors(errors)
    if len(errors) < 2:
        return np.nan, np.nan
    return _percentiles(errors, statistic, level, n_resamples, seed)


def _percentiles(values, statistic, level, n_resamples, seed):
    from scipy.stats import bootstrap

    require_range("level", level, 0.01, 0.9999)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all values alike: the interval is that value
        found = bootstrap(
            (values,),
            statistic,
            vectorized=statistic is np.mean,
            confidence_level=level,
            n_resamples=n_resamples,
            batch=200,
            method="percentile",
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    return float(found.low), float(found.high)


def paired_test(errors, others, level=0.95, n_resamples=2000, seed=0):
    """Test whether one of two models has the smaller errors on the same faces.

    Wilcoxon's signed-rank test (1945) with Pratt's treatment of ties (1959). It does not assume a
    distribution of the errors, whose tails are heavy. A missed face is worse than any found one,
    and a face that both miss is a tie.

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
        If the arrays differ in length, no face is left, or `level` is not between 0 and 1.

    Examples
    --------
    >>> test = paired_test([0.03] * 9 + [float("inf")], [0.04] * 10)
    >>> test["wins"], test["losses"], round(test["difference"], 3)
    (9, 1, -0.01)
    """
    from scipy.stats import wilcoxon

    errors, others = (np.asarray(e, np.float64).ravel() for e in (errors, others))
    if errors.shape != others.shape:
        raise InputError(
            f"{len(errors)} and {len(others)} errors are not paired; give the same faces"
        )
    counted = ~np.isnan(errors) & ~np.isnan(others)
    errors, others = known_errors(errors[counted]), known_errors(others[counted])
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
        low, high = _percentiles(difference, np.mean, level, n_resamples, seed)
    return {
        "n": len(ranked),
        "wins": int((ranked < 0).sum()),
        "losses": int((ranked > 0).sum()),
        "ties": int((ranked == 0).sum()),
        "p_value": float(p_value),
        "difference": float(difference.mean()) if len(difference) else None,
        "low": low,
        "high": high,
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
