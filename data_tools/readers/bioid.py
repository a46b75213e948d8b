"""BioID (Jesorsky et al. 2001): 1521 grey images of 23 people, 20 points each."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from ._faces import Face, Unusable, reason
from ._lists import first_that, gather, images_below, listed
from .pts import read_pts

N_POINTS = 20
_POINTS = "points_20"


def recognises(path):
    """Whether `path` has a folder points_20 of files bioid_0000.pts, or is that folder."""
    return _points(Path(path)) is not None


def _points(path):
    folders = (path, path / _POINTS)
    return first_that(folders, lambda f: f.is_dir() and any(f.glob("bioid_[0-9]*.pts")))


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read BioID's 20 points.

    The folder points_20 holds bioid_0000.pts, bioid_0001.pts, …, whose coordinates count from 0,
    unlike 300-W's. The images are BioID_0000.pgm, …; the files BioID_0000.eye beside them hold the
    pupils alone and are not needed. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
        The folder that holds points_20 and, in it or below, the images; or points_20 itself.
    images : str or Path, optional
        Folder of the images, where they lie elsewhere.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme bioid20.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path = Path(path)
    points = _points(path)
    if points is None:
        raise InputError(f"{path}: no folder {_POINTS} of bioid_0000.pts, …; name BioID's folder")
    root = Path(images) if images is not None else points.parent
    found = {name.lower(): file for name, file in images_below(root).items()}
    annotated = {}
    for file in listed(points, "*.pts"):
        image = found.get(file.stem.lower(), root / f"{file.stem}.pgm")
        annotated[image] = partial(_face, file)
    return gather(path, annotated, scheme=scheme or "bioid20", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip


def _face(file):
    try:
        shape = read_pts(file, first=0)
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error
    if len(shape) != N_POINTS:
        raise Unusable(file, f"has {len(shape)} points, not {N_POINTS}")
    return [Face(str(file), shape)]
