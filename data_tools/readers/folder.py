"""A folder of images with a .pts annotation beside each."""

import re
from functools import partial
from pathlib import Path

from features.errors import InputError

from ..dataset import Skipped
from ._faces import Face, Unusable, box_source, collect, reason
from ._lists import IMAGE_SUFFIXES
from .pts import read_pts
from .visible import read_visible

VISIBLE = "visible.csv"
# A further face of a.jpg: a.face2.pts, a.face3.pts, …
_FURTHER = re.compile(r"(.+)\.face([2-9]|[1-9][0-9]{1,3})")


def read_folder(folder, *, boxes="csv", scheme=None, detector=None, progress=None):
    """Read the annotated faces of a folder: each image with a .pts file of the same name.

    Further faces of an image a.jpg are in a.face2.pts, a.face3.pts and so on.

    Unusable files are left out and listed with the reason in ``dataset.skipped``. To find them,
    every image is decoded once, but not kept in memory. A file visible.csv in the folder says which
    landmarks can be seen (see `read_visible`); it must name every image, and the .pts file of every
    further face.

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
        The landmark scheme; by default the built-in one with that number of points.
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
    images, annotations, skipped = pairs(folder)
    table = folder / "boxes.csv"
    if boxes == "csv" and not table.exists():
        raise InputError(f"{folder}: no boxes.csv in the folder; add one or choose boxes='tight'")
    find_boxes = box_source(boxes, detector, table)
    seen = read_visible(folder / VISIBLE) if (folder / VISIBLE).exists() else None
    further = further_faces(folder)
    photographs = [
        (image, partial(_annotated, image, annotations[image], further.get(image.stem, []), seen))
        for image in images
    ]
    try:
        dataset = collect(photographs, find_boxes, scheme, skipped, progress)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    if dataset is None:
        raise InputError(_nothing_found(folder, len(images), skipped))
    return dataset


def pairs(folder):
    """The images that have an annotation, sorted, the annotation of each, and what has no pair."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    points = {path.stem: path for path in paths if path.suffix.lower() == ".pts"}
    stems = {path.stem for path in paths if path.suffix.lower() in IMAGE_SUFFIXES}
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
        first = _FURTHER.fullmatch(stem)
        if stem not in taken and not (first and first[1] in taken and stem not in stems):
            skipped.append(Skipped(str(path), "no image beside it"))
    return list(annotations), annotations, skipped


def further_faces(folder):
    """The .pts files of further faces, by the stem of their image and in their order.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to list of Path
        Without those that belong to an image of that very name.
    """
    found, stems = {}, set()
    for path in folder.iterdir():
        name = _FURTHER.fullmatch(path.stem)
        if name and path.suffix.lower() == ".pts":
            found.setdefault(name[1], {})[int(name[2])] = path
        elif name and path.suffix.lower() in IMAGE_SUFFIXES:
            stems.add(path.stem)
    return {
        stem: [path for _, path in sorted(numbered.items()) if path.stem not in stems]
        for stem, numbered in found.items()
    }


def _annotated(image, path, further, seen):
    return [_face(path, image.name, image, seen)] + [
        _face(other, other.name, image, seen) for other in further
    ]


def _face(path, line, image, seen):
    """The face in a .pts file; `line` is what visible.csv calls it."""
    try:
        shape = read_pts(path)
    except InputError as error:
        raise Unusable(path, reason(error, path)) from error
    flags = None if seen is None else seen.get(line)
    if seen is not None and (flags is None or len(flags) != len(shape)):
        found = "no line" if flags is None else f"{len(flags)} flags for {len(shape)} landmarks"
        raise Unusable(image, f"{found} in {VISIBLE}" + (f" for {line}" * (line != image.name)))
    return Face(str(path), shape, visible=flags)


def _nothing_found(folder, n_pairs, skipped):
    if not n_pairs and not skipped:
        return f"{folder}: no image and no .pts file in the folder; see its subfolders"
    text = f"{folder}: no usable face among {n_pairs} annotated images"
    if skipped:
        text += f" and {len(skipped)} skipped files; {Path(skipped[0].file).name}: "
        text += skipped[0].reason
    return text
