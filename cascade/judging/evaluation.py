"""Accuracy and speed of a model on annotated faces."""

import time
from typing import NamedTuple

import numpy as np

from data_tools import metrics

from .points import shared_points
from .timing import one_thread, warm_up
from .yaw import errors_by_yaw


class Aligned(NamedTuple):
    """The results of a model on the faces of a dataset.

    Attributes
    ----------
    shapes : ndarray of shape (n, L, 2), float32
        In pixels of each face's image.
    visible : ndarray of shape (n, L), float32, or None
        Probability that each landmark is visible; None if the model does not predict it.
    seconds : ndarray of shape (n,), float64
        Wall time of one call of `align` on one thread, from the decoded grey image, without
        detection or decoding. It takes a few microseconds more than `predict`.
    """

    shapes: np.ndarray
    visible: np.ndarray | None
    seconds: np.ndarray


def align_all(model, faces, n_starts=None, progress=None):
    """Align every face of a dataset in a separate call, on one thread.

    Parameters
    ----------
    model : Aligner
    faces : FaceDataset
    n_starts : int, optional
        Number of starts, whose median is the result; by default the model's own number.
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.

    Returns
    -------
    Aligned

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    options = {} if n_starts is None else {"n_starts": n_starts}
    shapes = np.empty((len(faces), model.scheme_.n_points, 2), np.float32)
    visible, seconds = [], np.empty(len(faces))
    with one_thread():
        if len(faces):
            image = faces.image(0)
            warm_up(lambda: model.align(image, faces.boxes[0], **options))
        for i in range(len(faces)):
            image, box = faces.image(i), faces.boxes[i]
            began = time.perf_counter()
            found = model.align(image, box, **options)
            seconds[i] = time.perf_counter() - began
            shapes[i] = found.shapes[0]
            if found.visible is not None:
                visible.append(found.visible[0])
            if progress is not None:
                progress(i + 1, len(faces))
    return Aligned(shapes, np.stack(visible) if visible else None, seconds)


def evaluate(model, faces, n_starts=None, progress=None, points=None):
    """Errors and speed of a model on a dataset.

    Parameters
    ----------
    model, faces, n_starts, progress
        As in `align_all`.
    points : int or str, optional
        Measure only these points, such as 51 or "face68", which must be known in the schemes of
        both model and faces; see `cascade.judging.points.points_of`. By default all landmarks.

    Returns
    -------
    figures : dict
        The result of `data_tools.metrics.summary`; ``points``, their name; ``by_yaw``, see
        `cascade.judging.yaw.errors_by_yaw`; and ``ms_per_face``, the median of `Aligned.seconds` in
        milliseconds, None without faces. If the faces have annotations of visibility, the model
        predicts it and all landmarks are measured, also the result of
        `data_tools.metrics.occlusion_summary`.
    predicted : ndarray of shape (n, L, 2), float32

    Raises
    ------
    InputError
        As in `align_all`, and if the points are unknown in the scheme of the model or of the faces.
    """
    ours, theirs = shared_points(model.scheme_, faces.scheme, points)
    found = align_all(model, faces, n_starts, progress)
    figures = dict(
        metrics.summary(
            ours.of(found.shapes),
            theirs.of(faces.shapes),
            faces.scheme,
            boxes=faces.boxes,
            whole=faces.shapes,
        )
    )
    figures["points"] = theirs.name
    errors, _ = reference_errors(found.shapes, faces, model.scheme_, points)
    figures["by_yaw"] = errors_by_yaw(errors, faces)
    figures["ms_per_face"] = float(np.median(found.seconds) * 1e3) if len(faces) else None
    all_of_them = ours.sources is None and theirs.sources is None
    if all_of_them and faces.visible is not None and found.visible is not None:
        annotated = np.isfinite(faces.shapes).all(-1)
        figures |= metrics.occlusion_summary(found.visible[annotated], faces.visible[annotated])
    return figures, found.shapes


def reference_errors(predicted, faces, scheme=None, points=None):
    """Error of each face, divided by the default normaliser of its scheme (`Scheme.normalizer`).

    Parameters
    ----------
    predicted : ndarray of shape (n, L, 2)
    faces : FaceDataset
    scheme : Scheme, optional
        Of `predicted`; without it, that of the faces.
    points : int or str, optional
        As of `evaluate`.

    Returns
    -------
    errors : ndarray of shape (n,), float64
        As `data_tools.metrics.nme`.
    unit : str
        What they are fractions of, in words.
    """
    ours, theirs = shared_points(scheme or faces.scheme, faces.scheme, points)
    lengths = metrics.face_lengths(faces.shapes, faces.scheme)
    errors = metrics.point_errors(ours.of(predicted), theirs.of(faces.shapes), lengths)
    return metrics.face_errors(errors), metrics.UNITS[faces.scheme.normalizer]
