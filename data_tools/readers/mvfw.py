"""MVFW and OCFW: 68 points of faces in multiple views, and of occluded faces."""

from pathlib import Path

from ._parts import below, read_parts

NAMES = ("mvfw", "ocfw")


def recognises(path):
    """Whether `path` is a folder called MVFW or OCFW, in any case, with .pts files in or below."""
    path = Path(path)
    return path.absolute().name.lower() in NAMES and path.is_dir() and bool(below(path))


def read(path, *, boxes="csv", scheme=None, detector=None, progress=None):
    """Read MVFW or OCFW: a folder of that name with images and .pts files.

    No copy of the data sets was available when this was written. They are expected in the layout of
    300-W: NAME.jpg or NAME.png with NAME.pts beside it, pixels counted from 1, in the folder or in
    subfolders such as train and test.

    Parameters
    ----------
    path : str or Path
    boxes, scheme, detector, progress
        As in `read_folder`, for each of the folders.

    Returns
    -------
    FaceDataset
        With the scheme of as many points; `attributes` holds ``set``, the folder.

    Raises
    ------
    InputError
        As `read_folder`.
    """
    path = Path(path)
    return read_parts(path, below(path), boxes=boxes, scheme=scheme, detector=detector,
                      progress=progress)  # fmt: skip
