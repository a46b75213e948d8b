"""Corrections from the boxes of installed detectors to those that a model was trained with."""

from importlib.util import find_spec

import numpy as np

from data_tools.corrections import detector_name, measure
from features.errors import InputError

# Faces that each detector looks for.
N_MEASURED = 40


def known_detectors():
    """Names of the detectors that need no file and are installed."""
    return ["jda", "lbp", *(["dlib"] if find_spec("dlib") else [])]


def measure_detectors(model, faces, detectors=None, progress=None):
    """Measure box corrections of detectors on the training photographs, and store them in the
    model.

    Parameters
    ----------
    model : BaseCascade
        A trained model; its `detectors_` are replaced.
    faces : FaceDataset
        The training faces, with their boxes.
    detectors : iterable of str, optional
        As for `data_tools.detectors.get_detector`; without it, `known_detectors`.
    progress : callable, optional
        Called as ``progress(done, total)`` after each face and detector.

    Returns
    -------
    model

    Raises
    ------
    InputError
        As `get_detector`, and if faces and model have different landmark schemes.
    """
    if faces.scheme.n_points != model.scheme_.n_points:
        raise InputError(
            f"the faces have {faces.scheme.n_points} landmarks and the model "
            f"{model.scheme_.n_points}; measure detectors on the faces that it was trained on"
        )
    specs = list(known_detectors() if detectors is None else detectors)
    n = min(N_MEASURED, len(faces))
    few = faces.subset(np.unique(np.linspace(0, len(faces) - 1, n).astype(int)))
    fits = {}
    for k, spec in enumerate(specs):
        done = k * len(few)
        tell = progress and (lambda i, _, done=done: progress(done + i, len(specs) * len(few)))
        fit = measure(spec, few, tell)
        if fit is not None:
            fits[detector_name(spec)] = fit
    model.detectors_ = fits
    return model
