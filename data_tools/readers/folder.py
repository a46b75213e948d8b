"""A folder of images with a .pts annotation beside each."""

from pathlib import Path

import numpy as np

from features.errors import InputError
from features.images import read_image

from ..boxes import iou, tight_box
from ..dataset import FaceDataset, Skipped, fault, refuse_mixed
from .boxes import read_boxes
from .pts import read_pts

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
# Least intersection over union of a detection with the landmarks' box that makes it this face:
# boxes of five inner landmarks reach 0.2 on their own face, boxes of neighbours hardly overlap.
MIN_OVERLAP = 0.15


def read_folder(folder, *, boxes="csv", scheme=None, detector=None, progress=None):
    """Read the annotated faces of a folder: each image with a .pts file of the same name.

    What cannot be used is left out and listed with its reason in ``dataset.skipped``. Every image
    is decoded once to be sure of that, and not kept.

    Parameters
    ----------
    folder : str or Path
        Subfolders are not searched.
    boxes : {"csv", "tight", "detect"} or path
        Where the face boxes come from. "csv": the folder's boxes.csv (see `read_boxes`); a path:
        that file. "tight": the bounding box of the landmarks, which for schemes from the eyebrows
        to the chin is close to a detector's box (on the 300-W training faces, the median
        intersection over union is 0.91; squares of the same centre fit less). "detect": the
        `detector`. Of several boxes of an image, the one that overlaps the landmarks most.
    scheme : Scheme, str or Path, optional
        What the landmarks are; without it, the built-in scheme of that many points.
    detector : callable, optional
        For "detect": takes a grey image (H, W), uint8, and returns the boxes (n, 4) of its faces.
    progress : callable, optional
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    FaceDataset
        Sorted by file name.

    Raises
    ------
    InputError
        If the folder or its boxes cannot be read, no face is usable, or faces differ in the
        number of landmarks.
    """
    folder = Path(folder)
    images, annotations, skipped = _pair(folder)
    find_boxes = _box_source(folder, boxes, detector)
    faces = []
    for done, image in enumerate(images, 1):
        try:
            faces.append(_read_face(image, annotations[image], find_boxes))
        except _Unusable as error:
            skipped.append(Skipped(str(error.args[0]), error.args[1]))
        if progress is not None:
            progress(done, len(images))
    if not faces:
        raise InputError(_nothing_found(folder, len(images), skipped))
    files, shapes, chosen, sizes = zip(*faces, strict=True)
    refuse_mixed([annotations[Path(file)] for file in files], [len(shape) for shape in shapes])
    try:
        return FaceDataset(
            list(files), np.stack(shapes), np.stack(chosen), scheme, sorted(skipped), sizes=sizes
        )
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error


def read_folders(folders, **options):
    """Read several folders as one dataset, in order; the options are those of `read_folder`.

    `progress` counts the images of each folder apart.

    Raises
    ------
    InputError
        If one of the folders is refused, or they differ in the number of landmarks.
    """
    if isinstance(folders, str | Path):
        folders = [folders]
    return FaceDataset.concatenate([read_folder(folder, **options) for folder in folders])


class _Unusable(Exception):
    """A face to leave out: the file and the reason."""


def _pair(folder):
    """The images that have an annotation, sorted, the annotation of each, and what has no pair."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    points = {path.stem: path for path in paths if path.suffix.lower() == ".pts"}
    annotations, taken, skipped = {}, {}, []
    for path in paths:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if path.stem not in points:
            skipped.append(Skipped(str(path), "no .pts annotation beside it"))
        elif path.stem in taken:
            reason = f"its annotation already belongs to {taken[path.stem].name}"
            skipped.append(Skipped(str(path), reason))
        else:
            taken[path.stem] = path
            annotations[path] = points[path.stem]
    for stem, path in points.items():
        if stem not in taken:
            skipped.append(Skipped(str(path), "no image beside it"))
    return list(annotations), annotations, skipped


def _read_face(path, annotation, find_boxes):
    try:
        shape = read_pts(annotation)
    except InputError as error:
        raise _Unusable(annotation, _reason(error, annotation)) from error
    problem = fault(shape)
    if problem:
        raise _Unusable(annotation, problem)
    try:
        image = read_image(path)
    except InputError as error:
        raise _Unusable(path, _reason(error, path)) from error
    size = image.shape[::-1]
    box = _best_box(path, find_boxes(path, image, shape), shape)
    problem = fault(shape, box, size)
    if problem:
        raise _Unusable(path, problem)
    return str(path), shape, box, size


def _reason(error, path):
    """The message of an error without the file's name, which a list of skipped files gives."""
    return str(error).removeprefix(str(path)).lstrip(":, ")


def _box_source(folder, boxes, detector):
    """The function (path, image, shape) -> candidate boxes that the option `boxes` asks for."""
    if boxes == "tight":
        return lambda path, image, shape: [tight_box(shape)]
    if boxes == "detect":
        if detector is None:
            raise InputError("boxes='detect' needs a detector: a callable from image to boxes")
        return lambda path, image, shape: _detections(path, detector(image), shape)
    table = folder / "boxes.csv" if boxes == "csv" else Path(boxes)
    if boxes == "csv" and not table.exists():
        raise InputError(f"{folder}: no boxes.csv in the folder; add one or choose boxes='tight'")
    known = read_boxes(table)
    return lambda path, image, shape: known.get(path.name, [])


def _detections(path, found, shape):
    try:
        found = np.asarray(found, np.float64).reshape(-1, 4)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the detector returned no boxes (n, 4): {error}") from error
    return found[iou(found, tight_box(shape))[:, 0] >= MIN_OVERLAP]


def _best_box(path, candidates, shape):
    if not len(candidates):
        raise _Unusable(path, "no face box")
    best = int(np.argmax(iou(candidates, tight_box(shape))))
    return np.asarray(candidates[best], np.float32)


def _nothing_found(folder, n_pairs, skipped):
    if not n_pairs and not skipped:
        return f"{folder}: no image and no .pts file in the folder; see its subfolders"
    text = f"{folder}: no usable face among {n_pairs} annotated images"
    if skipped:
        text += f" and {len(skipped)} skipped files; {Path(skipped[0].file).name}: "
        text += skipped[0].reason
    return text
