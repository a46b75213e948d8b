"""WFLW (Wu et al. 2018): 98 points of many faces in one text file."""

from pathlib import Path

import numpy as np

from features.errors import InputError

from ..files import read_text
from ._faces import Face
from ._lists import first_that, gather, inside
from .pts import MAX_COORDINATE

N_POINTS = 98
ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")
LISTS = ("list_98pt_rect_attr_train.txt", "list_98pt_rect_attr_test.txt")
IMAGES = "WFLW_images"
MAX_BYTES = 1 << 28
_FOLDERS = ("WFLW_annotations", "WFLW_annotations/list_98pt_rect_attr_train_test",
            "list_98pt_rect_attr_train_test")  # fmt: skip
_N_NUMBERS = 2 * N_POINTS + 4 + len(ATTRIBUTES)


def recognises(path):
    """Whether `path` is list_98pt_rect_attr_train.txt or its like, or a folder that holds one."""
    return _list(Path(path)) is not None


def _list(path):
    files = [path] if path.is_file() else [
        path / folder / name for folder in (".", *_FOLDERS) for name in LISTS
    ]  # fmt: skip
    return first_that(files, lambda f: f.is_file() and f.name.startswith("list_98pt_rect_attr_"))


def read_wflw(path, images, *, boxes="csv", detector=None, progress=None):
    """Read list_98pt_rect_attr_train.txt or list_98pt_rect_attr_test.txt.

    As `read`, but returns the attributes separately.

    Returns
    -------
    faces : FaceDataset
    attributes : dict of str to ndarray of shape (n,), bool
    """
    faces = read(path, images=images, boxes=boxes, detector=detector, progress=progress)
    return faces, faces.attributes


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read WFLW's list of faces.

    A line is one face: 98 times x and y, the box as left, top, right and bottom, a flag for each
    of six attributes, and the image file. Positions are taken as they are, in pixels from 0.

    Parameters
    ----------
    path : str or Path
        A list ``list_98pt_rect_attr_….txt``, or a folder with the training list in it, in
        WFLW_annotations or in WFLW_annotations/list_98pt_rect_attr_train_test.
    images : str or Path, optional
        The folder WFLW_images; without it, the one beside the list or up to three folders above.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of the list.

    Returns
    -------
    FaceDataset
        Image by image, with the scheme wflw98; unusable faces are left out and listed in
        ``skipped``. `attributes` says, bool, which faces have a large pose, an expression, odd
        illumination, make-up, occlusion or blur.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 256 MiB or has a line of another form, or no
        face is usable.
    """
    table = _list(Path(path))
    path = Path(path) if table is None else table
    if images is None:
        tries = [folder / IMAGES for folder in list(path.absolute().parents)[:4]]
        images = first_that(tries, Path.is_dir)
        if images is None:
            raise InputError(f"{path}: no folder {IMAGES} beside or above it; name it as images")
    annotated = {}
    for number, line in enumerate(read_text(path, MAX_BYTES).splitlines(), 1):
        if line.strip():
            file, face = _parse(f"{path}, line {number}", line, images)
            annotated.setdefault(file, []).append(face)
    return gather(path, annotated, scheme=scheme or "wflw98", boxes=boxes, detector=detector,
                  progress=progress)  # fmt: skip


def _parse(where, line, images):
    """The image file and the `Face` of one line."""
    # A file name may hold blanks, the numbers before it do not.
    *cells, name = line.strip().split(maxsplit=_N_NUMBERS)
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        values = np.zeros(0)
    if len(values) != _N_NUMBERS:
        raise InputError(
            f"{where}: expected 196 coordinates, 4 numbers of a box, 6 attributes and an image; "
            "take a file list_98pt_rect_attr_….txt"
        )
    if not (np.abs(values) <= MAX_COORDINATE).all():  # false for NaN
        raise InputError(f"{where}: a number must be finite and at most {MAX_COORDINATE:g}")
    shape, box, flags = np.split(values, [2 * N_POINTS, 2 * N_POINTS + 4])
    if not np.isin(flags, (0, 1)).all():
        raise InputError(f"{where}: an attribute must be 0 or 1, not {flags.tolist()}")
    shape = shape.reshape(N_POINTS, 2).astype(np.float32)
    attributes = dict(zip(ATTRIBUTES, (flags == 1).tolist(), strict=True))
    face = Face(where, shape, tuple(box.tolist()), attributes=attributes)
    return inside(images, name, where), face
