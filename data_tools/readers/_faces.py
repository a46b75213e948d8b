"""From annotations to a dataset: the part that all readers share."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.errors import InputError
from features.images import read_image

from ..boxes import iou, tight_box
from ..dataset import FaceDataset, Skipped, fault, refuse_mixed
from .boxes import Boxes, read_boxes

# Least intersection over union of a detection with the landmarks' box that makes it this face:
# boxes of five inner landmarks reach 0.2 on their own face, boxes of neighbours hardly overlap.
MIN_OVERLAP = 0.15
# Bytes of all images that a dataset holds in memory.
MAX_KEPT = 4 << 30


class Face(NamedTuple):
    """An annotated face before its image was seen."""

    origin: str
    """What a message names: the annotation's file, and its line."""
    shape: np.ndarray
    box: tuple | None = None
    """The box that the annotation itself has."""
    visible: np.ndarray | None = None
    """Which landmarks can be seen (L,), bool; None where nobody says."""
    attributes: dict | None = None
    """What else is said of it, by name; the same names for every face of a data set."""


class Unusable(Exception):
    """A file to leave out: its name and the reason."""


def collect(photographs, find_boxes, scheme, skipped, progress, load=read_image, keep=False):
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
    load : callable
        The grey image of one of the paths; called for each once, in their order.
    keep : bool
        Whether the dataset holds the images, for where they cannot be read again.

    Raises
    ------
    InputError
        If faces differ in the number of landmarks, or the images to keep need above `MAX_KEPT`.
    """
    faces, n_bytes = [], 0
    for done, (path, annotated) in enumerate(photographs, 1):
        try:
            found = _usable(path, annotated(), find_boxes, skipped, load)
            n_bytes += found[0].image.size if found and keep else 0
            if n_bytes > MAX_KEPT:
                raise InputError(
                    f"the images need more than {MAX_KEPT >> 30} GiB of memory; keep fewer of them"
                )
            faces += found if keep else [face._replace(image=None) for face in found]
        except Unusable as error:
            skipped.append(Skipped(str(error.args[0]), error.args[1]))
        if progress is not None:
            progress(done, len(photographs))
    if not faces:
        return None
    origins, files, shapes, boxes, sizes, visible, attributes, images = zip(*faces, strict=True)
    refuse_mixed(origins, [len(shape) for shape in shapes])
    return FaceDataset(
        list(files),
        np.stack(shapes),
        np.stack(boxes),
        scheme,
        sorted(skipped),
        images=list(images) if keep else None,
        sizes=sizes,
        visible=None if any(flags is None for flags in visible) else np.stack(visible),
        attributes={
            name: np.array([of_face[name] for of_face in attributes]) for name in attributes[0]
        },
    )


class _Usable(NamedTuple):
    """What the dataset takes of a face."""

    origin: str
    file: str
    shape: np.ndarray
    box: np.ndarray
    size: tuple
    visible: np.ndarray | None
    attributes: dict
    image: np.ndarray | None


def _usable(path, faces, find_boxes, skipped, load):
    """`_Usable` of each usable face of one photograph."""
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
        image = load(path)
    except InputError as error:
        raise Unusable(path, reason(error, path)) from error
    size = image.shape[::-1]
    found = []
    for face, candidates in zip(sound, find_boxes(path, image, sound), strict=True):
        box = best_box(candidates, face.shape)
        problem = "no face box" if box is None else fault(face.shape, box, size)
        if problem:
            skipped.append(Skipped(str(path), problem))
        else:
            more = face.attributes or {}
            found.append(
                _Usable(face.origin, str(path), face.shape, box, size, face.visible, more, image)
            )
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
    known = Boxes(read_boxes(table))
    return lambda path, image, faces: [known.of(path) or []] * len(faces)


def _detections(path, found, faces):
    try:
        found = np.asarray(found, np.float64).reshape(-1, 4)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the detector returned no boxes (n, 4): {error}") from error
    overlaps = [iou(found, tight_box(face.shape))[:, 0] for face in faces]
    return [found[overlap >= MIN_OVERLAP] for overlap in overlaps]


def best_box(candidates, shape):
    """The candidate box (4,), float32, that overlaps the landmarks most; None of none."""
    if not len(candidates):
        return None
    best = int(np.argmax(iou(candidates, tight_box(shape))))
    return np.asarray(candidates[best], np.float32)
