"""Keypoints of COCO (Lin et al. 2014) and COCO-WholeBody (Jin et al. 2020) in JSON."""

from pathlib import Path

import numpy as np

from features.errors import InputError

from ..dataset import Skipped
from ..schemes import MAX_POINTS
from . import _json
from ._faces import Face
from ._lists import gather, inside, numbers
from ._named import image_folder

# Where the 68 points of a face lie among the keypoints of a whole body.
_FACES = {133: slice(23, 91), 136: slice(26, 94)}


def recognises(path):
    """Whether `path` is a JSON file that begins as COCO's do: with info, images, annotations, …"""
    return path.is_file() and _json.kind(path) == "coco"


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read keypoints in COCO's format.

    ``annotations`` have ``keypoints``, repeated x, y and v, where v is 0 for a landmark that is not
    labelled (missing), 1 for one that is labelled but not visible, 2 for a visible one; and
    ``bbox``, left, top, width and height. If all v of a file are 1, or all are 2, visibility counts
    as unknown. COCO-WholeBody's ``face_kpts`` and ``face_box`` are taken where an annotation has
    them; of 133 or 136 keypoints, as whole bodies have them (COCO-WholeBody, Halpe), the 68 of the
    face. Positions are taken as they are.

    Parameters
    ----------
    path : str or Path
    images : str or Path, optional
        Folder that ``file_name`` is relative to; without it, that of the file.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of the file.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 256 MiB or is not of that form, or no face is
        usable; the message names the entry.
    """
    path = Path(path)
    content = _json.load(path)
    files = {}
    for i, image in enumerate(_json.get(content, "images", list, str(path))):
        where = f"{path}, images[{i}]"
        name = _json.get(image, "file_name", str, where)
        key = _json.get(image, "id", (int, str), where)
        files[key] = inside(image_folder(path, images), name, where)
    found, skipped = [], []
    for i, entry in enumerate(_json.get(content, "annotations", list, str(path))):
        where = f"{path}, annotations[{i}]"
        key = _json.get(entry, "image_id", (int, str), where)
        if key not in files:
            raise InputError(f"{where}: image_id {str(key)[:40]} is not among the images")
        table, box, problem = _face(entry, where)
        if problem:
            skipped.append(Skipped(where, problem))
        else:
            found.append((files[key], where, table, box))
    flags = {v for *_, table, _ in found for v in np.unique(table[:, 2]).tolist()}
    says = {1.0, 2.0} <= flags <= {0.0, 1.0, 2.0}
    annotated = {}
    for file, where, table, box in found:
        shape = np.where(table[:, 2:] > 0, table[:, :2], np.nan).astype(np.float32)
        face = Face(where, shape, box, table[:, 2] == 2 if says else None)
        annotated.setdefault(file, []).append(face)
    return gather(path, annotated, scheme=scheme, boxes=boxes, detector=detector,
                  progress=progress, skipped=skipped,
                  own_boxes=any(box is not None for *_, box in found))  # fmt: skip


def _face(entry, where):
    """x, y and v (L, 3), the box or None, and why it is none of a face, or None."""
    whole = "face_kpts" in entry
    if whole and not entry.get("face_valid", True):
        return None, None, "no valid face"
    points = _json.get(entry, "face_kpts" if whole else "keypoints", list, where, [])
    if not points:
        return None, None, "no keypoints"
    if len(points) % 3 or len(points) > 3 * MAX_POINTS:
        raise InputError(
            f"{where}: keypoints are x, y and v of each point in turn, not {len(points)} numbers"
        )
    table = numbers(points, where, "keypoint").reshape(-1, 3)
    table = table[_FACES.get(len(table), slice(None))]
    if not (table[:, 2] > 0).any():
        return None, None, "no keypoint is labelled"
    box = _json.get(entry, "face_box" if whole else "bbox", list, where, [])
    if not box:
        return table, None, None
    if len(box) != 4:
        raise InputError(f"{where}: a box is left, top, width and height, not {len(box)} numbers")
    left, top, width, height = numbers(box, where, "edge of a box").tolist()
    return table, (left, top, left + width, top + height), None
