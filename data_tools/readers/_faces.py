"""From annotations to a dataset: what all readers of annotated faces share."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.errors import InputError
from features.images import read_image

from ..boxes import iou, tight_box
from ..dataset import FaceDataset, Skipped, fault, refuse_mixed
from .boxes import read_boxes

# Least intersection over union of a detection with the landmarks' box that makes it this face:
# boxes of five inner landmarks reach 0.2 on their own face, boxes of neighbours hardly overlap.
MIN_OVERLAP = 0.15


class Face(NamedTuple):
    """An annotated face before its image was seen."""

    origin: str
    """What a message names: the annotation's file, and its line."""
    shape: np.ndarray
    box: tuple | None = None
    """The box that the annotation itself has."""
    visible: np.ndarray | None = None
    """Which landmarks can be seen (L,), bool; None where nobody says."""


class Unusable(Exception):
    """A file to leave out: its name and the reason."""


def collect(photographs, find_boxes, scheme, skipped, progress):
    """The usable faces of photographs as a dataset, or None where there is none.

    Parameters
    ----------
    photographs : list of (Path, callable)
        Image files, and functions that return the `Face` list of each or raise `Unusable`.
    find_boxes : callable
        See `box_source`.
    scheme
        As in `FaceDataset`.
    skipped : list of Skipped
        What is left out is added here.
    progress : callable or None
        Called as ``progress(done, total)`` after each image.
    """
    faces = []
    for done, (path, annotated) in enumerate(photographs, 1):
        try:
            faces += _usable(path, annotated(), find_boxes, skipped)
        except Unusable as error:
            skipped.append(Skipped(str(error.args[0]), error.args[1]))
        if progress is not None:
            progress(done, len(photographs))
    if not faces:
        return None
    origins, files, shapes, boxes, sizes, visible = zip(*faces, strict=True)
    refuse_mixed(origins, [len(shape) for shape in shapes])
    stacked = np.stack(shapes), np.stack(boxes)
    seen = None if any(flags is None for flags in visible) else np.stack(visible)
    return FaceDataset(list(files), *stacked, scheme, sorted(skipped), sizes=sizes, visible=seen)


def _usable(path, faces, find_boxes, skipped):
    """(origin, file, shape, box, size, visible) of each usable face of one photograph."""
    sound = []
    for face in faces:
        problem = fault(face.shape)
        if problem:
            skipped.append(Skipped(face.origin, problem))
        else:
            sound.append(face)
    if not sound:
        return []
    try:
        image = read_image(path)
    except InputError as error:
        raise Unusable(path, reason(error, path)) from error
    size = image.shape[::-1]
    found = []
    for face, candidates in zip(sound, find_boxes(path, image, sound), strict=True):
        box = _best_box(candidates, face.shape)
        problem = "no face box" if box is None else fault(face.shape, box, size)
        if problem:
            skipped.append(Skipped(str(path), problem))
        else:
            found.append((face.origin, str(path), face.shape, box, size, face.visible))
    return found


def nothing_usable(path, among, skipped):
    """The error of annotations, in words `among`, of which no face can be used."""
    first = f"; {skipped[0].file}: {skipped[0].reason}" if skipped else ""
    return InputError(f"{path}: no usable face among {among}{first}")


def reason(error, path):
    """The message of an error without the file's name, which a list of skipped files gives."""
    return str(error).removeprefix(str(path)).lstrip(":, ")


def box_source(boxes, detector, table=None):
    """The function (path, image, faces) -> candidate boxes of each face that `boxes` asks for.

    Parameters
    ----------
    boxes : {"csv", "tight", "detect"} or path
    detector : callable or None
    table : path, optional
        The file that "csv" stands for; without it, "csv" takes the boxes of the annotations.
    """
    if boxes == "tight":
        return lambda path, image, faces: [[tight_box(face.shape)] for face in faces]
    if boxes == "detect":
        if detector is None:
            raise InputError("boxes='detect' needs a detector: a callable from image to boxes")
        return lambda path, image, faces: _detections(path, detector(image), faces)
    if boxes != "csv":
        table = Path(boxes)
    if table is None:
        return lambda path, image, faces: [[face.box] for face in faces]
    known = read_boxes(table)
    return lambda path, image, faces: [known.get(path.name, [])] * len(faces)


def _detections(path, found, faces):
    try:
        found = np.asarray(found, np.float64).reshape(-1, 4)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the detector returned no boxes (n, 4): {error}") from error
    overlaps = [iou(found, tight_box(face.shape))[:, 0] for face in faces]
    return [found[overlap >= MIN_OVERLAP] for overlap in overlaps]


def _best_box(candidates, shape):
    if not len(candidates):
        return None
    best = int(np.argmax(iou(candidates, tight_box(shape))))
    return np.asarray(candidates[best], np.float32)
