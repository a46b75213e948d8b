"""COFW (Burgos-Artizzu et al. 2013): faces with occlusion, in Matlab files of version 7.3.

Such a file is HDF5, which needs the h5py module. The HDF5 library has had vulnerabilities that a
crafted file can exploit, so read only files from the authors.
"""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from features.errors import InputError
from features.files import head
from features.images import MAX_PIXELS, as_grey

from ..dataset import FaceDataset, Skipped, fault
from ._faces import MAX_KEPT, Face, best_box, box_source, nothing_usable
from .mat5 import read_mat5
from .pts import MAX_COORDINATE

N_POINTS = 29
MAX_FACES = 100_000


# What files of version 7.3 begin with; Matlab puts 512 bytes before HDF5's own beginning.
_MATLAB, _HDF5 = b"MATLAB 7.3 MAT-file", b"\x89HDF\r\n\x1a\n"


def recognises(path):
    """Whether `path` is a Matlab file of version 7.3."""
    path = Path(path)
    first = head(path, 600) if path.suffix.lower() == ".mat" else b""
    return first.startswith((_MATLAB, _HDF5)) or first[512:].startswith(_HDF5)


def read(path, *, points68=None, boxes="csv", scheme=None, detector=None, progress=None):
    """As `read_cofw`, with the boxes of `read_folder`: "csv" takes those of the file."""
    faces = read_cofw(path, points68=points68, progress=progress)
    if scheme is not None:
        faces = replace(faces, scheme=scheme)
    return faces if boxes == "csv" else with_boxes(faces, boxes, detector)


def with_boxes(faces, boxes, detector):
    """Faces whose images are in memory with other boxes, as `read_folder` takes them."""
    find = box_source(boxes, detector)
    found, skipped = [], []
    for i, file in enumerate(faces.files):
        face = Face(file, faces.shapes[i])
        box = best_box(find(Path(file), faces.image(i), [face])[0], face.shape)
        size = faces.image(i).shape[::-1]
        problem = "no face box" if box is None else fault(face.shape, box, size)
        found.append(None if problem else box)
        if problem:
            skipped.append(Skipped(file, problem))
    kept = [i for i, box in enumerate(found) if box is not None]
    if not kept:
        raise nothing_usable(faces.files[0], f"{len(faces)} with such boxes", skipped)
    return replace(
        faces.subset(kept),
        boxes=np.stack([found[i] for i in kept]),
        skipped=[*faces.skipped, *skipped],
    )


def read_cofw(path, *, points68=None, progress=None):
    """Read COFW_train_color.mat, COFW_test_color.mat or their grey versions.

    The file holds ``phisTr`` or ``phisT``, a row a face of 29 x, 29 y and 29 flags of occlusion;
    ``bboxesTr`` or ``bboxesT``, a row a face of left, top, width and height; and ``IsTr`` or
    ``IsT``, the images. Positions count from 1 there, and from 0 in the result.

    Parameters
    ----------
    path : str or Path
    points68 : str or Path, optional
        Folder of the files 1_points.mat, 2_points.mat, … of COFW-68 (Ghiasi & Fowlkes 2015), which
        annotate the test faces with 68 points and their occlusion; they replace the 29.
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.

    Returns
    -------
    FaceDataset
        With images in memory and `visible`; unusable faces are left out and listed in ``skipped``.

    Raises
    ------
    InputError
        If h5py is missing, or a file cannot be read or is not what it should be.
    """
    path = Path(path)
    with _open(path) as file:
        part = "Tr" if "phisTr" in file else "T"
        table = _matrix(file, f"phis{part}", 3 * N_POINTS, path)
        corners = _matrix(file, f"bboxes{part}", 4, path)
        references = _references(file, f"Is{part}", path)
        if not len(table) == len(corners) == len(references):
            raise InputError(
                f"{path}: has {len(table)} annotations, {len(corners)} boxes and "
                f"{len(references)} images; the file is damaged"
            )
        x, y, covered = np.split(table, 3, axis=1)
        shapes, visible = np.stack([x, y], -1) - 1, covered < 0.5
        scheme = "cofw29"
        if points68 is not None:
            faces68 = [read_points68(Path(points68), i + 1) for i in range(len(table))]
            shapes, visible = (np.stack(column) for column in zip(*faces68, strict=True))
            scheme = "face68"
        boxes = np.hstack([corners[:, :2], corners[:, :2] + corners[:, 2:]]) - 1
        images, kept, skipped, n_bytes = [], [], [], 0
        for i, reference in enumerate(references):
            image = _image(file, reference, f"{path}, image {i + 1}")
            n_bytes += image.size
            if n_bytes > MAX_KEPT:
                raise InputError(
                    f"{path}: its images need more than {MAX_KEPT >> 30} GiB; split it"
                )
            problem = fault(shapes[i].astype(np.float32), boxes[i], image.shape[::-1])
            if problem:
                skipped.append(Skipped(f"{path}, face {i + 1}", problem))
            else:
                images.append(image)
                kept.append(i)
            if progress is not None:
                progress(i + 1, len(references))
    if not kept:
        raise nothing_usable(path, len(references), skipped)
    faces = FaceDataset.from_arrays(
        images,
        shapes[kept],
        boxes[kept],
        scheme,
        files=[f"{path.stem}_{i + 1:04d}" for i in kept],
        visible=visible[kept],
    )
    faces.skipped = skipped
    return faces


@contextmanager
def _open(path):
    """The file, of which any damage is an InputError."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path}: such a file needs the h5py module; install it with: pip install h5py"
        ) from error
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    # What h5py raises depends on where the damage is.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a sound Matlab file of version 7.3; get it anew") from error


def _dataset(file, name, path):
    """The dataset of that name, if it is in the file itself."""
    import h5py

    link = file.get(name, getlink=True)
    found = file.get(name) if isinstance(link, h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{path}: has no variable {name}, so it is not COFW")
    return _plain(found, f"{path}, {name}")


def _plain(dataset, where):
    # Both are ways to point at other files on this machine.
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{where}: refers to another file; get the file anew")
    return dataset


def _matrix(file, name, n_columns, path):
    """A real matrix (n, n_columns); HDF5 shows Matlab's columns as rows."""
    found = _dataset(file, name, path)
    if found.dtype.kind not in "fiu" or found.ndim != 2 or found.shape[0] != n_columns:
        raise InputError(
            f"{path}: {name} must be a matrix of {n_columns} columns, not {found.dtype} "
            f"{found.shape[::-1]}"
        )
    if not 1 <= found.shape[1] <= MAX_FACES:
        raise InputError(f"{path}: {name} has {found.shape[1]} rows; need 1 to {MAX_FACES}")
    matrix = np.asarray(found[()], np.float64).T
    if not (np.abs(matrix) <= MAX_COORDINATE).all():  # false for NaN
        raise InputError(f"{path}: {name} has numbers that are no positions in an image")
    return matrix


def _references(file, name, path):
    import h5py

    found = _dataset(file, name, path)
    if h5py.check_ref_dtype(found.dtype) is not h5py.Reference or found.size > MAX_FACES:
        raise InputError(f"{path}: {name} must be a cell array of images")
    return found[()].ravel()


def _image(file, reference, where):
    """The image (H, W), uint8, that a reference leads to."""
    import h5py

    if not reference:
        raise InputError(f"{where}: the reference leads nowhere; the file is damaged")
    found = file[reference]
    colour = isinstance(found, h5py.Dataset) and found.ndim == 3 and found.shape[0] == 3
    if not isinstance(found, h5py.Dataset) or found.dtype != np.uint8 or not (
        found.ndim == 2 or colour
    ):  # fmt: skip
        raise InputError(f"{where}: not a grey or colour image of 8 bits")
    if not 1 <= np.prod(found.shape[-2:], dtype=np.float64) <= MAX_PIXELS:
        raise InputError(f"{where}: {found.shape[-2]}x{found.shape[-1]} pixels; shrink it")
    return as_grey(_plain(found, where)[()].T, "rgb")


def read_points68(folder, number):
    """Shape (68, 2) and visibility (68,) of one test face of COFW-68."""
    path = folder / f"{number}_points.mat"
    content = read_mat5(path)
    points, covered = content.get("Points", np.zeros(0)), content.get("Occ", np.zeros(0))
    if points.shape != (68, 2) or covered.size != 68:
        raise InputError(f"{path}: need Points (68, 2) and Occ (68), as COFW-68 has them")
    if not (np.abs(points) <= MAX_COORDINATE).all():
        raise InputError(f"{path}: has numbers that are no positions in an image")
    return points - 1, covered.ravel() < 0.5
