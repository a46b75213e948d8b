"""Faces whose landmarks have names, as in annotation tools."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.errors import InputError

from ..schemes import MAX_POINTS
from ._faces import Face, best_box
from .imglab import sorted_names

# Missing landmarks take room, too: the most for each that is there, and in any case.
_MAX_GAPS, _SMALL = 8, 1 << 20
# Each face of an image is compared with each of its boxes.
MAX_BOXES = 1000


class Named(NamedTuple):
    """A face as a tool has it."""

    where: str
    points: dict
    """x and y by name, NaN for a landmark that is said to be missing."""
    hidden: set
    """Names of landmarks that something covers."""
    boxes: list
    """Boxes of its image that may be its own."""


def faces_of(path, images):
    """The `Face` list of each image from its `Named` faces.

    Landmarks are sorted by name: numerically if all names are numbers, else alphabetically. A
    landmark that a face lacks is missing (NaN).

    Raises
    ------
    InputError
        If there are more than 32768 names, most faces lack most of them, or an image has above
        1000 boxes.
    """
    faces = [face for found in images.values() for face in found]
    for face in faces:
        if len(face.boxes) > MAX_BOXES:
            raise InputError(f"{face.where}: more than {MAX_BOXES} boxes in an image")
    names = sorted_names({name for face in faces for name in face.points})
    if len(names) > MAX_POINTS:
        raise InputError(f"{path}: more than {MAX_POINTS} landmarks have a name")
    n_points = sum(len(face.points) for face in faces)
    if len(faces) * len(names) > max(_SMALL, _MAX_GAPS * n_points):
        raise InputError(
            f"{path}: {len(faces)} faces have only few of {len(names)} landmarks each; name "
            "the same "
            "landmarks in every face"
        )
    says = any(face.hidden for face in faces)
    return {
        image: [_face(names, face, says) for face in found] for image, found in images.items()
    }  # fmt: skip


def _face(names, named, says):
    missing = (np.nan, np.nan)
    shape = np.float32([named.points.get(name, missing) for name in names])
    visible = None
    if says:
        there = np.isfinite(shape).all(1).tolist()
        visible = np.array([t and n not in named.hidden for n, t in zip(names, there, strict=True)])
    box = best_box(named.boxes, shape) if named.boxes and np.isfinite(shape).any() else None
    return Face(named.where, shape, None if box is None else tuple(box.tolist()), visible)


def own_boxes(images):
    """Whether any of the faces has a box."""
    return any(face.boxes for found in images.values() for face in found)


def image_folder(path, images):
    """The folder that image names are relative to: as given, or that of the file."""
    if images is not None:
        return Path(images)
    return path if path.is_dir() else path.parent
