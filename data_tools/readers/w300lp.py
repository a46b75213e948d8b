"""300W-LP (Zhu et al. 2016): 300-W's faces and copies turned in 3-D, 68 points, pose."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from ._lists import gather, listed
from ._morphable import face

# Folders of the data set, and those of its mirrored images.
SETS = ("AFW", "HELEN", "IBUG", "LFPW")
_FLIPPED = tuple(f"{name}_Flip" for name in SETS)


def recognises(path):
    """Whether `path` holds folders such as AFW with ``AFW_….mat``, or is such a folder."""
    return bool(_folders(Path(path)))


def _folders(path):
    found = [path / name for name in (*SETS, *_FLIPPED)]
    if path.absolute().name in (*SETS, *_FLIPPED):
        found.insert(0, path)
    return [f for f in found if f.is_dir() and any(f.glob(f"{f.absolute().name[:3]}*_[0-9]*.mat"))]


def read(path, *, flipped=False, boxes="csv", scheme=None, detector=None, progress=None):
    """Read 300W-LP: AFW, HELEN, IBUG and LFPW, each of NAME.jpg with NAME.mat beside it.

    NAME_0 is a photograph as it was, NAME_1, NAME_2, … are copies turned farther. ``pt2d`` holds
    68 points, counted from 1 as Matlab does; those of the jaw lie where the 3-D jaw is, not on the
    visible outline. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
        The folder of the four, or one of them.
    flipped : bool
        Read the mirrored copies in AFW_Flip, …, too; training mirrors faces by itself.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme face68; `attributes` holds ``pitch``, ``yaw`` and ``roll`` in degrees as the
        files have them (at a positive yaw the nose points to the left of the image), and ``set``,
        the folder.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path, annotated = Path(path), {}
    folders = _folders(path)
    if not folders:
        raise InputError(f"{path}: no folders such as AFW with .mat files in them")
    for folder in folders:
        name = folder.absolute().name
        if flipped or name not in _FLIPPED or folder == path:
            for file in listed(folder, "*.mat"):
                annotated[file.with_suffix(".jpg")] = partial(face, file, _points, {"set": name})
    return gather(path, annotated, scheme=scheme or "face68", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip


def _points(content):
    return content.get("pt2d")
