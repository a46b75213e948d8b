"""AFLW-19 (Zhu et al. 2016): 19 points, none missing, of 24386 faces of AFLW."""

from pathlib import Path

import numpy as np

from features.errors import InputError
from features.files import head

from ._faces import Face
from ._lists import first_that, gather, inside
from .mat5 import read_mat5
from .pts import MAX_COORDINATE

FILE = "AFLWinfo_release.mat"
N_POINTS, N_TRAIN = 19, 20_000
MAX_FACES = 100_000
MAX_BYTES, MAX_UNPACKED = 1 << 26, 1 << 27
_IMAGES = ("flickr", "data/flickr", "images", ".")


def recognises(path):
    """Whether `path` is AFLWinfo_release.mat of Matlab's version 5, or a folder that holds it."""
    return _file(Path(path)) is not None


def _file(path):
    files = [path] if path.is_file() else [path / FILE]
    return first_that(files, lambda f: f.name == FILE and head(f, 8).startswith(b"MATLAB 5"))


def read(path, *, images=None, part=None, boxes="csv", scheme=None, detector=None,
         progress=None):  # fmt: skip
    """Read AFLWinfo_release.mat.

    It holds ``nameList``, the image of each face; ``data``, a row a face of 19 x and 19 y;
    ``mask_new``, 1 where the landmark can be seen; ``bbox``, left, right, top and bottom; and
    ``ra``, the numbers from 1 of the faces in an order whose first 20000 are for training.
    Positions count from 1 as Matlab does, and from 0 in the result.

    Parameters
    ----------
    path : str or Path
        The file, or a folder that holds it.
    images : str or Path, optional
        Folder that names such as 3/image00035.jpg are relative to; without it, flickr or images
        beside the file, or its folder.
    part : {"train", "test", "frontal"}, optional
        Only those faces; frontal are the test faces of which all landmarks can be seen.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of the file.

    Returns
    -------
    FaceDataset
        With the scheme aflw19 and `visible`; `attributes` holds ``set``, train or test.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB or is not of that form, or no face is
        usable.
    """
    path = Path(path)
    if part not in (None, "train", "test", "frontal"):
        raise InputError(f"part must be train, test or frontal, not {part!r}")
    file = _file(path)
    if file is None:
        raise InputError(f"{path}: no {FILE} of AFLW-19")
    if images is None:
        images = first_that([file.parent / name for name in _IMAGES], Path.is_dir)
    content = read_mat5(file, texts=True, max_bytes=MAX_BYTES, max_unpacked=MAX_UNPACKED)
    names = content.get("nameList")
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_FACES:
        raise InputError(f"{file}: need nameList of 1 to {MAX_FACES} images")
    n_faces = len(names)
    data = _matrix(file, content, "data", (n_faces, 2 * N_POINTS))
    seen = _matrix(file, content, "mask_new", (n_faces, N_POINTS)) > 0.5
    corners = _matrix(file, content, "bbox", (n_faces, 4)) - 1
    order = _matrix(file, content, "ra", (1, n_faces), (n_faces, 1)).ravel()
    if not np.array_equal(np.sort(order), np.arange(1, n_faces + 1)):
        raise InputError(f"{file}: ra must contain each number from 1 to {n_faces} once")
    in_training = np.zeros(n_faces, bool)
    in_training[order[:N_TRAIN].astype(int) - 1] = True
    shapes = np.stack(np.split(data, 2, axis=1), axis=-1) - 1
    annotated = {}
    for i, name in enumerate(names):
        frontal = not in_training[i] and seen[i].all()
        member = "train" if in_training[i] else "test"
        if part in (None, member) or (part == "frontal" and frontal):
            left, right, top, bottom = corners[i].tolist()
            where = f"{file}, face {i + 1}"
            face = Face(where, shapes[i].astype(np.float32), (left, top, right, bottom), seen[i],
                        {"set": member})  # fmt: skip
            annotated.setdefault(inside(images, name, where), []).append(face)
    return gather(path, annotated, scheme=scheme or "aflw19", boxes=boxes, detector=detector,
                  progress=progress)  # fmt: skip


def _matrix(file, content, name, *shapes):
    found = content.get(name)
    if not isinstance(found, np.ndarray) or found.shape not in shapes:
        raise InputError(f"{file}: need {name} of {shapes[0]}, as AFLW-19 has it")
    if not (np.abs(found) <= MAX_COORDINATE).all():  # false for NaN
        raise InputError(f"{file}: {name} has numbers that are no positions in an image")
    return found
