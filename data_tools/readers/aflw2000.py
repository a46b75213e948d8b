"""AFLW2000-3D (Zhu et al. 2016): 2000 faces of AFLW at all angles, 68 points, pose."""

from functools import partial
from pathlib import Path

from features.errors import InputError
from features.files import head

from ._lists import gather, listed
from ._morphable import face

_NAMES = "image[0-9][0-9][0-9][0-9][0-9]*.mat"
_VARIABLES = {68: "pt3d_68", 21: "pt2d"}
SCHEMES = {68: "face68", 21: "aflw21"}


def recognises(path):
    """Whether `path` is a folder with files such as image00050.mat of Matlab's version 5."""
    path = Path(path)
    first = next(path.glob(_NAMES), None) if path.is_dir() else None
    return first is not None and head(first, 8).startswith(b"MATLAB 5")


def read(path, *, points=68, boxes="csv", scheme=None, detector=None, progress=None):
    """Read AFLW2000-3D: image00002.jpg with image00002.mat beside it, and so on.

    ``pt3d_68`` holds x, y and depth of 68 points, of which x and y are taken; those of the jaw lie
    where the 3-D jaw is, not on the visible outline. ``pt2d`` holds AFLW's 21 points, -1 where one
    is not visible. Both count from 1 as Matlab does. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
    points : {68, 21}
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme face68 or aflw21; `attributes` holds ``pitch``, ``yaw`` and ``roll`` in
        degrees as the files have them: at a positive yaw the nose points to the left of the image.

    Raises
    ------
    InputError
        If the folder cannot be read or no face is usable.
    """
    path = Path(path)
    if points not in _VARIABLES:
        raise InputError(f"points must be 68 or 21, not {points!r}")
    annotated = {
        file.with_suffix(".jpg"): partial(face, file, partial(_points, points))
        for file in listed(path, _NAMES)
    }
    return gather(path, annotated, scheme=scheme or SCHEMES[points], boxes=boxes,
                  detector=detector, progress=progress, own_boxes=False)  # fmt: skip


def _points(n_points, content):
    found = content.get(_VARIABLES[n_points])
    return found if found is not None and found.shape[1:] == (n_points,) else None
