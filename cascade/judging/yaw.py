"""Groups of faces by the yaw of their heads."""

from itertools import pairwise

import numpy as np

from data_tools import metrics
from data_tools.heads import pose
from features.errors import InputError

#: Degrees of yaw where the bins begin; the last is open.
EDGES = (0, 15, 30, 45, 60)
PREFIX = "yaw "
_THRESHOLD = 0.08


def yaw_masks(faces):
    """Which faces are in each bin of the absolute yaw of their annotated landmarks.

    Parameters
    ----------
    faces : FaceDataset

    Returns
    -------
    dict of str to ndarray of shape (n,), bool
        By bin, such as "yaw 0-15" or "yaw 60+"; empty bins are left out. Faces with unknown pose
        are in no bin. The dict is empty if the scheme has no head model, see
        `data_tools.heads.head_shape`.
    """
    try:
        yaw = np.abs(pose(faces.shapes, faces.scheme)[:, 0])
    except InputError:
        return {}
    bins = [(f"{PREFIX}{a}-{b}", (yaw >= a) & (yaw < b)) for a, b in pairwise(EDGES)]
    bins.append((f"{PREFIX}{EDGES[-1]}+", yaw >= EDGES[-1]))
    return {name: mask for name, mask in bins if mask.any()}


def errors_by_yaw(errors, faces):
    """Figures of each bin of `yaw_masks`.

    Parameters
    ----------
    errors : ndarray of shape (n,)
        As from `cascade.judging.evaluation.reference_errors`.
    faces : FaceDataset

    Returns
    -------
    dict of str to dict
        By bin: ``n``, the number of faces; ``nme``, the mean error of those that were found, None
        if none was; ``median`` and ``fr08``, in which a missed face counts as the largest error.
    """
    found = {}
    for name, mask in yaw_masks(faces).items():
        counted = errors[mask & ~np.isnan(errors)]
        if len(counted):
            finite = counted[np.isfinite(counted)]
            found[name] = {
                "n": len(counted),
                "nme": float(finite.mean()) if len(finite) else None,
                "median": float(np.median(counted)),
                "fr08": metrics.failure_rate(counted, _THRESHOLD),
            }
    return found
