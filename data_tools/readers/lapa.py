"""LaPa (Liu et al. 2020): 22168 faces, 106 points each."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from . import _txt106
from ._lists import gather, listed

PARTS = ("train", "val", "test")


def recognises(path):
    """Whether `path` has images and landmarks in itself or in train, val or test."""
    return bool(_parts(Path(path)))


def _parts(path):
    return [
        folder
        for folder in (path, *(path / part for part in PARTS))
        if (folder / "landmarks").is_dir() and (folder / "images").is_dir()
        and any((folder / "landmarks").glob("*.txt"))
    ]  # fmt: skip


def read(path, *, boxes="csv", scheme=None, detector=None, progress=None):
    """Read LaPa: train, val and test, each with images/NAME.jpg and landmarks/NAME.txt.

    A file of landmarks is a line 106 and 106 lines ``x y``. Positions are taken as they are. The
    set has no face boxes; its folders labels are not read.

    Parameters
    ----------
    path : str or Path
        The folder of the three, or one of them.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme lapa106; `attributes` holds ``set``, the name of the folder.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path, annotated = Path(path), {}
    parts = _parts(path)
    if not parts:
        raise InputError(f"{path}: no folders images and landmarks in it, nor in train, val, test")
    for folder in parts:
        for file in listed(folder / "landmarks", "*.txt"):
            image = folder / "images" / f"{file.stem}.jpg"
            annotated[image] = partial(_txt106.face, file, {"set": folder.name})
    return gather(path, annotated, scheme=scheme or "lapa106", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip
