"""MERL-RAV (Kumar et al. 2020): 68 points of AFLW's faces, with occlusion labels."""

from functools import partial
from pathlib import Path

import numpy as np

from features.errors import InputError

from ._faces import Face, Unusable, reason
from ._lists import gather, images_below, listed
from .pts import read_pts

VIEWS = ("frontal", "left", "lefthalf", "right", "righthalf")
PARTS = ("trainset", "testset")


def recognises(path):
    """Whether `path` holds folders such as frontal/trainset/labels."""
    return bool(_labels(Path(path)))


def _labels(path):
    return [
        (view, part, path / view / part / "labels")
        for view in VIEWS for part in PARTS if (path / view / part / "labels").is_dir()
    ]  # fmt: skip


def read(path, *, images=None, part=None, boxes="csv", scheme=None, detector=None,
         progress=None):  # fmt: skip
    """Read MERL-RAV: VIEW/trainset/labels/image12345.pts, and testset likewise.

    The views are frontal, left, lefthalf, right and righthalf. A .pts file counts pixels from 1.
    Two negative coordinates mark an occluded landmark at their absolute values; -1 -1 marks one
    that the head itself hides, which is read as missing. The images are AFLW's, image12345.jpg; of
    an image with several faces the labels are image12345.pts, image12345_2.pts, …. The set has no
    face boxes.

    Parameters
    ----------
    path : str or Path
    images : str or Path, optional
        AFLW's folder flickr or another with the images in it or below; without it, `path`, where
        images beside the labels, in VIEW/trainset/images, are found, too.
    part : {"trainset", "testset"}, optional
        Only those faces.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme face68, NaN where the head hides a landmark, `visible`, and in `attributes`
        ``view`` and ``set``.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path = Path(path)
    labels = [entry for entry in _labels(path) if part in (None, entry[1])]
    if not labels:
        raise InputError(f"{path}: no folders such as frontal/{part or PARTS[0]}/labels")
    found = images_below(path if images is None else images)
    files = {}
    for view, part_, folder in labels:
        for file in listed(folder, "*.pts"):
            stem = file.stem.partition("_")[0]
            image = found.get(file.stem) or found.get(stem, path / f"{stem}.jpg")
            files.setdefault(image, []).append((file, {"view": view, "set": part_}))
    annotated = {image: partial(_faces, entries) for image, entries in files.items()}
    return gather(path, annotated, scheme=scheme or "face68", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip


def _faces(entries):
    found = []
    for file, attributes in entries:
        try:
            shape, visible = read_labels(file)
        except InputError as error:
            raise Unusable(file, reason(error, file)) from error
        found.append(Face(str(file), shape, visible=visible, attributes=attributes))
    return found


def read_labels(file):
    """The landmarks (68, 2), float32, NaN where the head hides them, and what can be seen (68,).

    Raises
    ------
    InputError
        If the file cannot be read or has another number of points.
    """
    raw = read_pts(file, first=0)
    if len(raw) != 68:
        raise InputError(f"{file}: has {len(raw)} points, not 68")
    itself, covered = (raw == -1).all(1), (raw < 0).all(1)
    shape = np.where(itself[:, None], np.nan, np.where(covered[:, None], -raw, raw)) - 1
    return shape.astype(np.float32), ~covered
