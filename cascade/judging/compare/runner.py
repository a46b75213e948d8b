"""Runs models side by side: the same faces and boxes, one thread, in alternating order."""

import gc
import platform
import time
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from data_tools import metrics
from data_tools.boxes import iou, tight_box
from data_tools.schemes import get_scheme, scheme_for
from features.errors import InputError

from ..points import points_of
from ..timing import one_thread, warm_up

# What `read_folder` says of an annotated face that has no box.
_NO_BOX = "no face box"


@dataclass
class Result:
    """The results of one model.

    Attributes
    ----------
    model : Model
    points : PointSet
        The points that it finds, in terms of the faces' landmarks.
    shapes : ndarray of shape (n, P, 2), float32
        In pixels; NaN where it found nothing.
    seconds : ndarray of shape (n,), float64
        Wall time per face, from the decoded grey image.
    cpu_seconds : ndarray of shape (n,), float64
        CPU time per face, summed over threads: it hardly depends on other load, and shows if a
        model uses more than one thread.
    first_seconds : float
        Time of its first call, including compilation.
    problem : str
        The error at the first face on which the model failed; empty if there was none.
    """

    model: object
    points: object
    shapes: np.ndarray
    seconds: np.ndarray
    cpu_seconds: np.ndarray
    first_seconds: float = 0.0
    problem: str = ""
    reduced: object = None
    """The points among those that the model finds, where it finds others; None where it does not.
    """

    @property
    def label(self):
        """Name of the model."""
        return self.model.label


@dataclass
class Comparison:
    """The results of several models on the same faces.

    Attributes
    ----------
    faces : FaceDataset
    results : list of Result
    subsets : dict of str to ndarray of shape (n,), bool
        Named subsets of the faces.
    without_box : list of str
        Image files without a detected face, which count as failures of every model.
    kind : str
        Normaliser of the errors; see `data_tools.metrics.face_lengths`.
    seconds : dict of str to float
        CPU time of reading images, of the models, and of the measuring code.
    asked : PointSet, optional
        The points on which all models are compared; by default all that the models find.
    """

    faces: object
    results: list
    subsets: dict = field(default_factory=dict)
    without_box: list = field(default_factory=list)
    kind: str = "interocular"
    seconds: dict = field(default_factory=dict)
    asked: object = None

    @cached_property
    def point_sets(self):
        """The sets of points that models are compared on, largest first.

        Every model has a row for its own points and for each smaller set that can be computed from
        them; if points are requested, only for these.
        """
        if self.asked is not None:
            return [self.asked]
        found = {result.points.name: result.points for result in self.results}
        return sorted(found.values(), key=lambda points: -points.n_points)

    def rivals(self, points):
        """The results from which `points` can be computed."""
        return [r for r in self.results if r.points.sources is None or r.points == points]

    @cached_property
    def lengths(self):
        """Normaliser of each face in pixels, always of the whole annotation: (n,)."""
        return metrics.face_lengths(
            self.faces.shapes, self.faces.scheme, kind=self.kind, boxes=self.faces.boxes
        )

    def point_errors(self, result, points):
        """Normalised errors of each point (n, P) of one model."""
        shapes = result.shapes if result.points == points else points.of(result.shapes)
        return metrics.point_errors(shapes, points.of(self.faces.shapes), self.lengths)

    def errors(self, result, points):
        """Normalised mean error of each face (n,) of one model."""
        return metrics.face_errors(self.point_errors(result, points))

    @property
    def overhead(self):
        """CPU time of the measuring code as a share of the models'."""
        return self.seconds["harness"] / max(self.seconds["models"], 1e-12)


def compare(models, faces, subsets=None, progress=None, points=None):
    """Run models on the same faces and boxes.

    For each face all models predict in turn, in an order that rotates from face to face, so that
    load on the machine or a warm cache favours none. Libraries are limited to one thread. Images
    are decoded before the time is measured. A call that raises an exception counts as a missed
    face.

    Parameters
    ----------
    models : list of Model
        See `specs.open_models`.
    faces : FaceDataset
    subsets : dict of str to ndarray of shape (n,), bool, optional
        Named subsets of the faces that are reported separately.
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.
    points : int or str, optional
        Compare only on these; see `cascade.judging.points.points_of`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If there is no model or no face, or a model finds points that the faces lack or fails on
        every face.
    """
    if not len(faces):
        raise InputError("no face to compare on; give folders with annotated faces")
    asked = None if points is None else points_of(faces.scheme, points)
    results = [_blank_result(model, faces, asked) for model in models]
    lost = [entry.file for entry in faces.skipped if entry.reason == _NO_BOX]
    collecting = gc.isenabled()
    try:
        with one_thread():
            _warm_up(results, faces)
            gc.disable()
            seconds = _rounds(results, faces, progress)
    finally:
        if collecting:
            gc.enable()
    for result in results:
        _mark_seen(result.model.find, faces)
        if result.problem and not np.isfinite(result.shapes).any():
            raise InputError(f"{result.model.spec}: fails at every face: {result.problem}")
    return Comparison(
        faces, results, dict(subsets or {}), lost, faces.scheme.normalizer, seconds, asked
    )


def machine():
    """One line that describes the machine on which times were measured."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _blank_result(model, faces, asked):
    found, reduced = model.find.points, None
    try:
        points = points_of(faces.scheme, found)
        if asked is not None and points.sources is not None and points != asked:
            points = None
    except InputError as error:
        points, problem = None, error
    if points is None and asked is None:
        raise InputError(f"{model.spec}: finds points that the faces lack: {problem}") from problem
    if points is None:
        # What the model finds is no part of the annotation, but what is asked for is part of both.
        try:
            own = scheme_for(int(found)) if str(found).isdigit() else get_scheme(str(found))
            reduced, points = points_of(own, asked.name), asked
        except InputError as error:
            raise InputError(
                f"{model.spec}: finds {found}, in which {asked.name} is not known"
            ) from error
    n = len(faces)
    shapes = np.full((n, points.n_points, 2), np.nan, np.float32)
    return Result(model, points, shapes, np.zeros(n), np.zeros(n), reduced=reduced)


def _warm_up(results, faces):
    image = faces.image(0)
    for result in results:
        box = result.model.place(image, faces.boxes[0])
        box = faces.boxes[0] if box is None else box
        result.first_seconds = warm_up(partial(_answer, result, image, box))


def _rounds(results, faces, progress):
    """Run every model on every face; return the times."""
    clock, cpu, n = time.perf_counter, time.process_time, len(results)
    reading = 0.0
    began = cpu()
    for i in range(len(faces)):
        opened = cpu()
        image, box = faces.image(i), faces.boxes[i]
        reading += cpu() - opened
        for k in range(n):
            result = results[(i + k) % n]
            opened = cpu()
            own_box = result.model.place(image, box)
            reading += cpu() - opened
            cpu_start, start = cpu(), clock()
            answer = None if own_box is None else _answer(result, image, own_box)
            result.seconds[i] = clock() - start
            result.cpu_seconds[i] = cpu() - cpu_start
            _keep(result, i, answer)
        if progress is not None:
            progress(i + 1, len(faces))
    models = float(sum(result.cpu_seconds.sum() for result in results))
    harness = cpu() - began - reading - models
    return {"reading": reading, "models": models, "harness": max(0.0, harness)}


def _answer(result, image, box):
    try:
        return result.model.find(image, box)
    except Exception as error:  # whatever a peer raises, the comparison goes on
        result.problem = result.problem or f"{type(error).__name__}: {error}"
        return None


def _keep(result, i, answer):
    if answer is None:
        return
    answer, reduced = np.asarray(answer, np.float32), result.reduced
    expected = result.points.n_points if reduced is None else reduced.n_landmarks
    if answer.shape != (expected, 2):
        raise InputError(
            f"{result.model.spec}: gave an answer of shape {answer.shape} for {expected} points"
        )
    result.shapes[i] = answer if reduced is None else reduced.of(answer[None])[0]


def _mark_seen(find, faces):
    """Mark a model whose own notes name a folder of these faces as training data."""
    trained_on = getattr(find, "trained_on", "")
    folders = {"/".join(Path(file).resolve().parts[-3:-1]) for file in faces.files}
    named = sorted(folder for folder in folders if folder in trained_on)
    if named and not find.seen:
        find.seen = f"trained on {', '.join(named)}"


def facts(faces):
    """Properties of faces that errors may depend on.

    Returns
    -------
    dict of str to ndarray of shape (n,), float64
        ``turn``, see `turn_of_head`; ``size``, the side of the landmarks' box in pixels;
        ``overlap``, intersection over union of the given box with the landmarks' box.
    """
    tight = tight_box(faces.shapes)
    size = np.sqrt(np.clip(tight[:, 2:] - tight[:, :2], 0, None).prod(1))
    overlap = np.array([iou(a, b)[0, 0] for a, b in zip(faces.boxes, tight, strict=True)])
    return {"turn": turn_of_head(faces.shapes, faces.scheme), "size": size, "overlap": overlap}


def turn_of_head(shapes, scheme):
    """A measure of the yaw of heads, from 2-D landmarks alone.

    When a head turns, the landmarks on its middle line shift relative to the midpoints of the
    mirror pairs. The measure is their mean shift along the lines through the pairs, divided by the
    mean width of the pairs: 0 for a frontal face, negative if it looks to the left of the image.

    Parameters
    ----------
    shapes : array_like of shape (n, L, 2)
    scheme : Scheme

    Returns
    -------
    ndarray of shape (n,), float64
        NaN without a mirror index or where landmarks are missing.
    """
    shapes = np.asarray(shapes, np.float64)
    flip = np.arange(scheme.n_points) if scheme.flip is None else np.array(scheme.flip)
    index = np.arange(scheme.n_points)
    middle, right = index[flip == index], index[flip > index]
    if scheme.flip is None or not len(middle) or not len(right):
        return np.full(len(shapes), np.nan)
    one, other = shapes[:, right], shapes[:, flip[right]]
    across = (other - one).mean(1)
    # Pairs are ordered by index, not by side: all must point one way along the axis.
    signs = np.sign(((other - one) * across[:, None]).sum(-1, keepdims=True))
    across = ((other - one) * signs).mean(1)
    across *= np.where(across[:, :1] < 0, -1, 1)
    width = np.hypot(*across.T)
    offset = shapes[:, middle].mean(1) - ((one + other) / 2).mean(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (offset * across).sum(-1) / width**2
