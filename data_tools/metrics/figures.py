"""All figures that papers report of a model, in one dict."""

import numpy as np

from .curves import auc, failure_rate
from .errors import face_errors, point_errors
from .normalizers import NORMALIZERS, face_lengths


def summary(predicted, truth, scheme, *, boxes=None, whole=None):
    """The figures that papers report.

    Parameters
    ----------
    predicted, truth, scheme, boxes
        As for `landmark_errors`.
    whole : array_like of shape (n, L, 2), optional
        The true landmarks of the scheme, where `predicted` and `truth`, (n, P, 2), are points
        taken from it: normalisers are always those of the whole face.

    Returns
    -------
    dict
        ``n`` faces counted and ``n_excluded`` without a landmark or normaliser, ``n_missed`` with
        an error of inf; means over the counted faces, ``nme_interocular``, ``nme_interpupil``,
        ``nme_diagonal`` and ``nme_box``; ``normalizer``, the name of the usual one of the scheme
        (`Scheme.normalizer`), and by it ``median``, ``auc08`` (`auc` at 0.08), ``fr08`` and
        ``fr10`` (`failure_rate` at 0.08 and 0.1). All but the counts are fractions. Missed faces
        count in the last four alone, since a mean over them would be inf. None where the scheme
        has no such normaliser, boxes are not given, or no face is left. ``median_interocular`` is
        the name of ``median`` in version 0.1, None where that is another length.

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
    whole = truth if whole is None else whole
    errors = {
        kind: face_errors(
            point_errors(predicted, truth, face_lengths(whole, scheme, kind=kind, boxes=boxes))
        )
        for kind, has in available.items()
        if has
    }
    reference = errors[scheme.normalizer]
    result = {
        "n": int((~np.isnan(reference)).sum()),
        "n_excluded": int(np.isnan(reference).sum()),
        "n_missed": int(np.isinf(reference).sum()),
    }
    for kind in NORMALIZERS:
        found = errors.get(kind, np.zeros(0))
        found = found[np.isfinite(found)]
        result[f"nme_{kind}"] = float(found.mean()) if len(found) else None
    counted = reference[~np.isnan(reference)]
    some = len(counted) > 0
    result["normalizer"] = scheme.normalizer
    result["median"] = float(np.median(counted)) if some else None
    result["median_interocular"] = result["median"] if scheme.eye_corners else None
    result["auc08"] = auc(counted, 0.08) if some else None
    result["fr08"] = failure_rate(counted, 0.08) if some else None
    result["fr10"] = failure_rate(counted, 0.1) if some else None
    return result
