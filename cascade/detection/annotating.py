"""Automatic annotation of photographs or videos, and the order in which to review the faces."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_tools.readers.folder import IMAGE_SUFFIXES
from data_tools.scenes import image_files
from data_tools.video import VideoReader
from features.errors import InputError
from features.images import as_grey, read_image

from .placing import box_of

#: Number of starts whose results are compared, for models without a confidence.
N_COMPARED = 5


class Picture(NamedTuple):
    """A photograph or frame: the name for its faces, the image (BGR), and the frame number.

    The number is None for a photograph.
    """

    name: str
    image: np.ndarray
    frame: int | None = None


class Annotation(NamedTuple):
    """A face as it was found.

    Attributes
    ----------
    shape : ndarray of shape (L, 2), float32
    box : ndarray of shape (4,), float32
        The detector's, corrected to those that the model was trained with.
    score : float
        The detector's score; NaN if it has none.
    disagreement : float
        Disagreement between several starts: the mean of `Alignment.spread` over the landmarks, in
        box sides. NaN for models with a single start.
    confidence : float
        The model's confidence; NaN if it has none.
    """

    shape: np.ndarray
    box: np.ndarray
    score: float
    disagreement: float
    confidence: float


def pictures(source, every=1, skipped=None):
    """The photographs of a folder, one image file, or the frames of a video, one at a time.

    Parameters
    ----------
    source : str or Path
    every : int
        For videos: use only frames whose number, counted from 0, is a multiple of this.
    skipped : callable, optional
        Called with an `InputError` for each photograph that cannot be read, which is left out;
        without it, the error is raised.

    Yields
    ------
    Picture or None
        None for each frame that is not used, so that the caller can count frames.

    Raises
    ------
    InputError
        If there is nothing at `source`, or it is no video.
    """
    source = Path(source)
    if source.is_dir() or source.suffix.lower() in IMAGE_SUFFIXES:
        for path in photographs(source):
            try:
                yield Picture(path.name, read_image(path, grey=False))
            except InputError as error:
                if skipped is None:
                    raise
                skipped(error)
                yield None
        return
    with VideoReader(source) as frames:
        for number, frame in enumerate(frames):
            due = number % every == 0
            yield Picture(f"{source.stem}_{number:06d}", frame, number) if due else None


def photographs(source):
    """The image files of a folder, sorted; or the one file that is given.

    Raises
    ------
    InputError
        If there is none.
    """
    found = image_files(source) if Path(source).is_dir() else [Path(source)]
    if not found:
        raise InputError(f"{source}: no image in the folder; see its subfolders")
    return found


def count(source):
    """Number of images and frames that `pictures` reads; None if a video does not say."""
    source = Path(source)
    if source.is_dir() or source.suffix.lower() in IMAGE_SUFFIXES:
        return len(photographs(source))
    with VideoReader(source) as frames:
        return frames.n_frames


def annotate(image, finder):
    """The faces of an image with landmarks, and their confidence.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, 3), uint8, BGR
    finder : FromDetector

    Returns
    -------
    list of Annotation
        The largest and surest first.
    """
    grey = as_grey(image)
    boxes, scores, turns = finder.find(grey)
    if not len(boxes):
        return []
    found, placed = finder.align(grey, boxes, turns=turns), finder.place(boxes, turns)
    unknown = np.full(len(boxes), np.nan)
    confidence = getattr(found, "confidence", None)
    apart = unknown if confidence is not None else _disagreement(finder.model, grey, found, placed)
    columns = zip(
        found.shapes,
        placed,
        unknown if scores is None else scores,
        apart,
        unknown if confidence is None else confidence,
        strict=True,
    )
    return [Annotation(shape, box, *map(float, numbers)) for shape, box, *numbers in columns]


def _disagreement(model, grey, found, placed):
    """Mean spread of several starts around the landmarks of each face, in box sides: (n,)."""
    mean = getattr(model, "mean_shape_", None)
    boxes = placed if mean is None else np.array([box_of(shape, mean)[0] for shape in found.shapes])
    sound = (boxes[:, 2] - boxes[:, 0] >= 1) & np.isfinite(boxes).all(1)
    boxes = np.where(sound[:, None], boxes, placed)
    try:
        spread = model.align(grey, boxes, n_starts=N_COMPARED).spread
    except InputError:  # a model with one way to start, as shape models
        spread = None
    return np.full(len(boxes), np.nan) if spread is None else spread.mean(1)


def doubts(annotations):
    """Scores for the order of review: the least certain faces have the highest doubt.

    If the model has a confidence, the doubt is the rank of its complement. Otherwise it is the mean
    of two ranks, of the detector's score and of the agreement between starts, since the scales of
    these two cannot be compared.

    Parameters
    ----------
    annotations : sequence of Annotation

    Returns
    -------
    ndarray of shape (n,), float64
        In [0, 1].

    Examples
    --------
    >>> unknown = float("nan")
    >>> faces = [Annotation(None, None, s, d, unknown) for s, d in ((9, 0.1), (5, 0.3), (7, 0.2))]
    >>> doubts(faces).tolist()
    [0.0, 1.0, 0.5]
    """
    columns = {
        name: np.array([getattr(each, name) for each in annotations], np.float64)
        for name in ("confidence", "score", "disagreement")
    }
    sure = columns["confidence"]
    ranked = [-sure] if np.isfinite(sure).all() else [-columns["score"], columns["disagreement"]]
    ranked = [_rank(column) for column in ranked if np.isfinite(column).any()]
    return np.mean(ranked, axis=0) if ranked else np.zeros(len(annotations))


def _rank(values):
    """Share of the other values that are lower; equal values count half, NaN ranks highest."""
    values = np.where(np.isnan(values), np.inf, values)
    ordered = np.sort(values)
    below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (below + upto - 1) / 2 / max(len(values) - 1, 1)
