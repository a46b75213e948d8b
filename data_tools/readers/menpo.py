"""Menpo (Zafeiriou et al. 2017): 68 points of semi-frontal and 39 of profile faces."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from ..dataset import Skipped
from ._faces import Face, Unusable, reason
from ._lists import gather
from .folder import pairs
from .pts import read_pts

SCHEMES = {68: "face68", 39: "menpo39"}
_NAMES = ("aflw__face_*.pts", "fddb__face_*.pts")


def recognises(path):
    """Whether `path` holds .pts files such as aflw__face_39822.pts, or does in a folder below."""
    return bool(_folders(Path(path)))


def _folders(path):
    if not path.is_dir():
        return []
    candidates = [path, *sorted(folder for folder in path.glob("*") if folder.is_dir())]
    return [folder for folder in candidates if any(any(folder.glob(name)) for name in _NAMES)]


def read(path, *, points=68, boxes="csv", scheme=None, detector=None, progress=None):
    """Read Menpo's 2-D faces of one kind: NAME.jpg with NAME.pts beside it.

    Names begin with aflw__face_ or fddb__face_. Semi-frontal faces have 68 points, profiles 39;
    pixels count from 1. The set has no face boxes. Some published annotations run backwards along
    the jaw or the eyebrow; they are taken as they are.

    Parameters
    ----------
    path : str or Path
        The folder, or one whose folders hold the faces.
    points : {68, 39}
        Which of them; the others are listed in ``skipped``.
    boxes, scheme, detector, progress
        As in `read_folder`; boxes.csv is looked for in `path`.

    Returns
    -------
    FaceDataset
        With the scheme face68 or menpo39.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path = Path(path)
    if points not in SCHEMES:
        raise InputError(f"points must be 68 or 39, not {points!r}")
    annotated, skipped = {}, []
    for folder in _folders(path):
        _, annotations, missing = pairs(folder)
        skipped += missing
        annotated |= {
            image: partial(_face, file, points) for image, file in annotations.items()
        }  # fmt: skip
    if not annotated:
        skipped = skipped or [Skipped(str(path), "no file such as aflw__face_39822.pts")]
    return gather(path, annotated, scheme=scheme or SCHEMES[points], boxes=boxes,
                  detector=detector, progress=progress, skipped=skipped,
                  own_boxes=False)  # fmt: skip


def _face(file, n_points):
    try:
        shape = read_pts(file)
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error
    if len(shape) != n_points:
        raise Unusable(file, f"has {len(shape)} points; read it with points={len(shape)}")
    return [Face(str(file), shape)]
