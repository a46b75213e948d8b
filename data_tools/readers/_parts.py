"""Data sets that are several folders of images with .pts files beside them."""

from pathlib import Path

import numpy as np

from features.errors import InputError

from ..dataset import FaceDataset
from .folder import read_folder

SUFFIX = ".pts"


def has_points(folder):
    """Whether a folder itself holds .pts files."""
    return folder.is_dir() and next(folder.glob(f"*{SUFFIX}"), None) is not None


def read_parts(path, names, **options):
    """Read folders below `path` as one dataset; the attribute ``set`` names the folder of each
    face.

    Parameters
    ----------
    path : Path
    names : sequence of str
        The folders, relative to `path`.
    **options
        Those of `read_folder`.

    Raises
    ------
    InputError
        If there is no folder, or one is refused.
    """
    found = []
    for name in names:
        faces = read_folder(Path(path) / name, **options)
        faces.attributes["set"] = np.array([name] * len(faces))
        found.append(faces)
    if not found:
        raise InputError(
            f"{path}: no folder with images and .pts files; check that this is the folder "
            "of the data set"
        )
    return FaceDataset.concatenate(found)


def below(path, depth=3):
    """The folders that hold .pts files: `path` as "." and those below it, sorted."""
    found = ["."] if has_points(path) else []
    for level in range(1, depth + 1):
        for folder in sorted(path.glob("/".join(["*"] * level))):
            if has_points(folder):
                found.append(folder.relative_to(path).as_posix())
    return found
