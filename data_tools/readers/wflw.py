"""WFLW (Wu et al. 2018): 98 points of many faces in one text file."""

from pathlib import Path, PurePosixPath

import numpy as np

from features.errors import InputError

from ..files import read_text
from ._faces import Face, box_source, collect, nothing_usable
from .pts import MAX_COORDINATE

N_POINTS = 98
ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")
MAX_BYTES = 1 << 28
_N_NUMBERS = 2 * N_POINTS + 4 + len(ATTRIBUTES)


def read_wflw(path, images, *, boxes="csv", detector=None, progress=None):
    """Read list_98pt_rect_attr_train.txt or list_98pt_rect_attr_test.txt.

    A line is one face: 98 times x and y, the box as left, top, right and bottom, a flag for each
    of six attributes, and the image file. Positions are taken as they are, in pixels from 0.

    Parameters
    ----------
    path : str or Path
    images : str or Path
        The folder WFLW_images.
    boxes : {"csv", "tight", "detect"} or path
        As in `read_folder`, but "csv" takes the boxes of the list.
    detector, progress
        As in `read_folder`.

    Returns
    -------
    faces : FaceDataset
        Image by image; unusable faces are left out and listed in ``skipped``.
    attributes : dict of str to ndarray of shape (n,), bool
        Which faces have a large pose, an expression, odd illumination, make-up, occlusion or blur.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 256 MiB or has a line of another form, or no
        face is usable.
    """
    path, images = Path(path), Path(images)
    annotated, flags_of, skipped = {}, {}, []
    for number, line in enumerate(read_text(path, MAX_BYTES).splitlines(), 1):
        if line.strip():
            face, flags, name = _parse(f"{path}, line {number}", line)
            annotated.setdefault(images / name, []).append(face)
            # A dataset does not keep the line of a face; its file and landmarks tell it.
            flags_of[str(images / name), face.shape.tobytes()] = flags
    photographs = [(file, lambda faces=faces: faces) for file, faces in annotated.items()]
    faces = collect(photographs, box_source(boxes, detector), "wflw98", skipped, progress)
    if faces is None:
        raise nothing_usable(path, f"those of {len(annotated)} images", skipped)
    pairs = zip(faces.files, faces.shapes, strict=True)
    flags = np.stack([flags_of[file, shape.tobytes()] for file, shape in pairs])
    return faces, dict(zip(ATTRIBUTES, flags.T, strict=True))


def _parse(where, line):
    """The `Face`, the flags (6,) and the image file of one line."""
    # A file name may hold blanks, the numbers before it do not.
    *numbers, name = line.strip().split(maxsplit=_N_NUMBERS)
    try:
        values = np.array([float(number) for number in numbers])
    except ValueError:
        values = np.zeros(0)
    if len(values) != _N_NUMBERS:
        raise InputError(
            f"{where}: expected 196 coordinates, 4 numbers of a box, 6 attributes and an image; "
            "take a file list_98pt_rect_attr_….txt"
        )
    if not (np.abs(values) <= MAX_COORDINATE).all():  # false for NaN
        raise InputError(f"{where}: a number is beyond any image")
    shape, box, flags = np.split(values, [2 * N_POINTS, 2 * N_POINTS + 4])
    if not np.isin(flags, (0, 1)).all():
        raise InputError(f"{where}: an attribute must be 0 or 1, not {flags.tolist()}")
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in name or ":" in name:
        raise InputError(f"{where}: the image {name[:60]!r} lies outside the folder of images")
    shape = shape.reshape(N_POINTS, 2).astype(np.float32)
    return Face(where, shape, tuple(box.tolist())), flags == 1, name
