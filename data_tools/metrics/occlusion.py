"""How well occluded landmarks are predicted."""

import numpy as np

from features.errors import InputError


def occlusion_precision_recall(visibility, visible, threshold=0.5):
    """Precision and recall of occluded landmarks, from predicted visibility.

    Parameters
    ----------
    visibility : array_like of shape (n, L)
        Probability that each landmark can be seen, as in `cascade.Alignment.visible`.
    visible : array_like of shape (n, L), bool
        Whether each landmark can be seen, as annotated.
    threshold : float
        Landmarks with a lower visibility count as predicted to be occluded.

    Returns
    -------
    precision : float
        Share of the landmarks predicted as occluded that are; NaN if none is predicted.
    recall : float
        Share of the occluded landmarks that are predicted as such; NaN if there are none.

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
    """Highest recall of occluded landmarks over the thresholds that reach a precision.

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
    from sklearn.metrics import precision_recall_curve

    visibility, covered = _covered(visibility, visible)
    if not covered.any():
        return float("nan")
    share, reached, _ = precision_recall_curve(covered, -visibility)
    return float(reached[share >= precision].max())


def precision_at_recall(visibility, visible, recall=0.4):
    """Highest precision over the thresholds that reach a recall of occluded landmarks.

    Burgos-Artizzu et al. (2013) report 80 % at a recall of 40 %.

    Parameters
    ----------
    visibility, visible
        As in `occlusion_precision_recall`.
    recall : float

    Returns
    -------
    float
        NaN if no landmark is covered.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> precision_at_recall([[0.1, 0.2, 0.3, 0.8]], [[True, False, True, False]], 0.5)
    0.5
    """
    from sklearn.metrics import precision_recall_curve

    visibility, covered = _covered(visibility, visible)
    if not covered.any():
        return float("nan")
    share, reached, _ = precision_recall_curve(covered, -visibility)
    return float(share[reached >= recall].max())


def average_precision(visibility, visible):
    """Average precision: the area under the precision-recall curve of occluded landmarks.

    Parameters
    ----------
    visibility, visible
        As in `occlusion_precision_recall`.

    Returns
    -------
    float
        In [0, 1]; NaN if no landmark is covered. Guessing gives the share of covered landmarks.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> average_precision([[0.1, 0.2, 0.3]], [[False, True, False]])
    0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    visibility, covered = _covered(visibility, visible)
    if not covered.any():
        return float("nan")
    return float(average_precision_score(covered, -visibility))


def occlusion_summary(visibility, visible):
    """The figures of occlusion that papers report.

    Parameters
    ----------
    visibility, visible
        As in `occlusion_precision_recall`.

    Returns
    -------
    dict of str to float or None
        ``occluded``, the share of covered landmarks; ``occlusion_precision`` and
        ``occlusion_recall`` at a threshold of 0.5; ``occlusion_recall_at_precision80``,
        ``occlusion_precision_at_recall40`` and ``occlusion_average_precision``. All are
        fractions; None where no landmark is occluded, or none is predicted as such.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    precision, recall = occlusion_precision_recall(visibility, visible)
    _, covered = _covered(visibility, visible)
    figures = {
        "occluded": float(covered.mean()) if len(covered) else None,
        "occlusion_precision": precision,
        "occlusion_recall": recall,
        "occlusion_recall_at_precision80": recall_at_precision(visibility, visible, 0.8),
        "occlusion_precision_at_recall40": precision_at_recall(visibility, visible, 0.4),
        "occlusion_average_precision": average_precision(visibility, visible),
    }
    # JSON knows no NaN.
    return {name: None if value is None or np.isnan(value) else value
            for name, value in figures.items()}  # fmt: skip


def _covered(visibility, visible):
    visibility, visible = np.asarray(visibility, np.float64), np.asarray(visible, bool)
    if visibility.shape != visible.shape:
        raise InputError(
            f"visibility {visibility.shape} and truth {visible.shape} differ; give the same faces"
        )
    return visibility.ravel(), ~visible.ravel()
