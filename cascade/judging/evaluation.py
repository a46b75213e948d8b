"""How well and how fast a cascade aligns annotated faces."""

import time

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from data_tools import metrics
from features.errors import InputError

_N_WARM_UP = 3


def align_all(model, faces, n_starts=None, progress=None):
    """Predict every face of a dataset on its own, on one thread.

    Parameters
    ----------
    model : BaseCascade
    faces : FaceDataset
    n_starts : int, optional
        Starts whose median is the answer; without it, the model's own number.
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.

    Returns
    -------
    predicted : ndarray of shape (n, L, 2), float32
        In pixels of each face's image.
    seconds : ndarray of shape (n,), float64
        Wall time of each prediction from the decoded grey image, without detection or decoding.

    Raises
    ------
    InputError
        If the faces have another number of landmarks than the model finds.
    """
    n_landmarks = len(model.mean_)
    if faces.shapes.shape[1] != n_landmarks:
        raise InputError(
            f"the faces have {faces.shapes.shape[1]} landmarks but the model finds {n_landmarks}; "
            "evaluate it on faces annotated like those it was trained on"
        )
    predicted = np.empty(faces.shapes.shape, np.float32)
    seconds = np.empty(len(faces))
    n_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            if len(faces):  # what is compiled or cached at the first calls is no prediction
                image = faces.image(0)
                for _ in range(_N_WARM_UP):
                    model.predict(image, faces.boxes[0], n_starts=n_starts)
            for i in range(len(faces)):
                image, box = faces.image(i), faces.boxes[i]
                began = time.perf_counter()
                predicted[i] = model.predict(image, box, n_starts=n_starts)
                seconds[i] = time.perf_counter() - began
                if progress is not None:
                    progress(i + 1, len(faces))
    finally:
        cv2.setNumThreads(n_threads)
    return predicted, seconds


def evaluate(model, faces, n_starts=None, progress=None):
    """Errors and speed of a model on a dataset.

    Parameters
    ----------
    model, faces, n_starts, progress
        As in `align_all`.

    Returns
    -------
    figures : dict
        What `data_tools.metrics.summary` returns, errors as fractions, and `ms_per_face`: the
        median wall time of a prediction on one thread in milliseconds. Where both the faces and
        the model tell visible landmarks from covered ones, also what
        `data_tools.metrics.occlusion_summary` returns.
    predicted : ndarray of shape (n, L, 2), float32

    Raises
    ------
    InputError
        As in `align_all`.
    """
    predicted, seconds = align_all(model, faces, n_starts, progress)
    figures = dict(metrics.summary(predicted, faces.shapes, faces.scheme, faces.boxes))
    figures["ms_per_face"] = float(np.median(seconds) * 1e3)
    visibility = None if faces.visible is None else predict_visibility(model, faces, n_starts)
    if visibility is not None:
        annotated = np.isfinite(faces.shapes).all(-1)
        figures |= metrics.occlusion_summary(visibility[annotated], faces.visible[annotated])
    return figures, predicted


def predict_visibility(model, faces, n_starts=None):
    """Probability that each landmark of a dataset can be seen.

    Parameters
    ----------
    model, faces, n_starts
        As in `align_all`.

    Returns
    -------
    ndarray of shape (n, L), float32, or None
        None from models that do not say.
    """
    found = []
    for i in range(len(faces)):
        visible = model.align(faces.image(i), faces.boxes[i], n_starts=n_starts).visible
        if visible is None:
            return None
        found.append(visible[0])
    return np.stack(found) if found else None


def reference_errors(predicted, faces):
    """Error of each face by the distance of the outer eye corners, if the scheme has any.

    Returns
    -------
    errors : ndarray of shape (n,), float64
        As `data_tools.metrics.nme`.
    unit : str
        What they are fractions of, in words.
    """
    if faces.scheme.eye_corners:
        kind, unit = "interocular", "distance of the outer eye corners"
    else:
        kind, unit = "diagonal", "diagonal of the landmarks"
    return metrics.nme(predicted, faces.shapes, faces.scheme, kind=kind), unit
