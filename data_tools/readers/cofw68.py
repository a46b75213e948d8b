"""COFW-68 (Ghiasi & Fowlkes 2015): COFW's 507 test faces with 68 points and their occlusion."""

from pathlib import Path

import numpy as np

from features.errors import InputError

from ._faces import Face
from ._lists import first_that, gather, images_below, listed
from .cofw import read as read_cofw_faces
from .cofw import read_points68
from .mat5 import read_mat5

_FOLDER = "test_annotations"
_COFW = ("COFW_test_color.mat", "COFW_test.mat")
_BOXES = "cofw68_test_bboxes.mat"


def recognises(path):
    """Whether `path` has a folder test_annotations of files 1_points.mat, …, or is that folder."""
    return _annotations(Path(path)) is not None


def _annotations(path):
    folders = [path, path / _FOLDER, path / "COFW68_Data" / _FOLDER]
    return first_that(folders, lambda f: f.is_dir() and any(f.glob("[0-9]*_points.mat")))


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read cofw68-benchmark: COFW68_Data/test_annotations/1_points.mat, 2_points.mat, ….

    Such a file holds ``Points`` (68, 2), counted from 1, and ``Occ`` (68), 1 where covered. The
    benchmark has no images: they are in COFW_test_color.mat of COFW.

    Parameters
    ----------
    path : str or Path
        The folder of the benchmark, COFW68_Data or test_annotations.
    images : str or Path, optional
        COFW_test_color.mat, or a folder of the test images as 1.png, 2.png, … or 001.jpg, …;
        without it, COFW_test_color.mat beside test_annotations or a folder above.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes COFW's boxes, or with a folder of images those of
        cofw68_test_bboxes.mat (left, top, width and height, counted from 1).

    Returns
    -------
    FaceDataset
        With the scheme face68 and `visible`.

    Raises
    ------
    InputError
        If the images are not found, or a file cannot be read or has another format.
    """
    path = Path(path)
    folder = _annotations(path)
    if folder is None:
        raise InputError(f"{path}: no folder {_FOLDER} of 1_points.mat, …; name COFW-68's folder")
    if images is None:
        images = first_that(
            above / name for above in (folder, *list(folder.absolute().parents)[:3])
            for name in _COFW
        )  # fmt: skip
    if images is None:
        raise InputError(
            f"{path}: the images are not here; put {_COFW[0]} of COFW beside {_FOLDER}, or name "
            "it or a folder of them as images"
        )
    options = {"boxes": boxes, "detector": detector, "progress": progress}
    if not Path(images).is_dir():
        return read_cofw_faces(images, points68=folder, scheme=scheme, **options)
    found = {_number(name): file for name, file in images_below(images).items()}
    corners = _corners(folder.parent / _BOXES)
    annotated = {}
    for file in listed(folder, "[0-9]*_points.mat"):
        number = _number(file.stem.partition("_")[0])
        if number is not None:
            shape, visible = read_points68(folder, number)
            box = None
            if corners is not None and 1 <= number <= len(corners):
                left, top, width, height = (corners[number - 1] - (1, 1, 0, 0)).tolist()
                box = left, top, left + width, top + height
            face = Face(str(file), shape.astype(np.float32), box, visible)
            image = found.get(number, Path(images) / f"{number}.png")
            annotated.setdefault(image, []).append(face)
    return gather(path, annotated, scheme=scheme or "face68", own_boxes=corners is not None,
                  **options)  # fmt: skip


def _number(name):
    return int(name) if name.isdecimal() and len(name) < 9 else None


def _corners(file):
    if not file.is_file():
        return None
    found = read_mat5(file).get("bboxes", np.zeros(0))
    if found.ndim != 2 or found.shape[1] != 4 or not np.isfinite(found).all():
        raise InputError(f"{file}: need bboxes of left, top, width and height, as COFW-68 has them")
    return found
