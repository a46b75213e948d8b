"""Label Studio's JSON: key points and rectangles in percent of the image."""

import re
import urllib.parse
from pathlib import Path

from features.errors import InputError

from ..dataset import Skipped
from . import _json
from ._lists import IMAGE_SUFFIXES, gather, inside, numbers
from ._named import Named, faces_of, image_folder, own_boxes

_MAX_SIDE = 1 << 20


def recognises(path):
    """Whether `path` is a JSON file that is a list of tasks with annotations."""
    return path.is_file() and _json.kind(path) == "label-studio"


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read tasks of Label Studio, exported as JSON.

    The first text in a task's ``data`` with the suffix of an image file names the image. Of its
    ``annotations``, the last that was not cancelled is used. Its ``result`` has key points (type
    keypointlabels, one label each) and rectangles (rectanglelabels), with x and y in percent of
    original_width and original_height from the upper left corner. A point belongs to the rectangle
    that its parentID names; points without one form one face, and rectangles without points are
    candidates for its box. Landmarks are sorted by label: numerically if all labels are numbers,
    else alphabetically. A point whose ``meta`` text contains the word hidden is occluded.

    Parameters
    ----------
    path : str or Path
    images : str or Path, optional
        Folder of the images; by default that of the file. Images are found by the path in ``data``
        or by its last part, with or without the eight digits that Label Studio puts before it.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the rectangles, or the file boxes.csv where there are
        none.

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
    tasks, found, skipped = _json.load(path), {}, []
    if not isinstance(tasks, list):
        raise InputError(f"{path}: must be a list of tasks; export from Label Studio as JSON")
    for i, task in enumerate(tasks):
        where = f"{path}, task {i}"
        image = _image(task, where, image_folder(path, images))
        faces = _faces(task, where)
        if faces:
            found.setdefault(image, []).extend(faces)
        else:
            skipped.append(Skipped(where, "no key points"))
    return gather(path, faces_of(path, found), scheme=scheme, boxes=boxes, detector=detector,
                  progress=progress, skipped=skipped, own_boxes=own_boxes(found))  # fmt: skip


def _image(task, where, folder):
    for value in _json.get(task, "data", dict, where).values():
        if isinstance(value, str):
            # A file that is served where it lies has its path behind ?d=.
            whole = urllib.parse.unquote(value.rpartition("?d=")[2]).replace("\\", "/")
            name = whole.rpartition("/")[2]
            if name.lower().endswith(IMAGE_SUFFIXES):
                if not whole.startswith("/") and "://" not in whole:
                    file = inside(folder, whole, where)
                    if file.exists():
                        return file
                file = inside(folder, name, where)
                bare = re.sub(r"^[0-9a-f]{8}-", "", name)
                return file if file.exists() or bare == name else inside(folder, bare, where)
    raise InputError(f"{where}: data names no image file")


def _faces(task, where):
    """The `Named` faces of a task."""
    done = [
        entry
        for entry in _json.get(task, "annotations", list, where, [])
        if not isinstance(entry, dict) or entry.get("was_cancelled") is not True
    ]
    result = _json.get(done[-1], "result", list, where, []) if done else []
    points, hidden, rectangles = {}, {}, {}
    for k, entry in enumerate(result):
        at = f"{where}, result {k}"
        kind = _json.get(entry, "type", str, at, "")
        if kind == "rectanglelabels" or kind == "rectangle":
            key = _json.get(entry, "id", str, at, f"rectangle {k}")
            rectangles[key] = _rectangle(entry, at)
        elif kind == "keypointlabels":
            value, size = _value(entry, at)
            labels = _json.get(value, "keypointlabels", list, at)
            if len(labels) != 1 or not isinstance(labels[0], str):
                raise InputError(f"{at}: a key point has one label, not {str(labels)[:40]}")
            parent = _json.get(entry, "parentID", str, at, None)
            of_face = points.setdefault(parent, {})
            if labels[0] in of_face:
                raise InputError(f"{at}: a face has two key points {labels[0][:40]!r}")
            x, y = (numbers([value.get(key)], at, "coordinate")[0] for key in "xy")
            of_face[labels[0]] = (x * size[0] / 100, y * size[1] / 100)
            if "hidden" in str(entry.get("meta", "")):
                hidden.setdefault(parent, set()).add(labels[0])
    free = [box for key, box in rectangles.items() if key not in points]
    return [
        Named(where, of_face, hidden.get(parent, set()),
              [rectangles[parent]] if parent in rectangles else free)
        for parent, of_face in points.items()
    ]  # fmt: skip


def _value(entry, at):
    size = [
        numbers([_json.get(entry, key, (int, float), at)], at)[0]
        for key in ("original_width", "original_height")
    ]
    if not all(1 <= side <= _MAX_SIDE for side in size):
        raise InputError(f"{at}: image size {size[0]}x{size[1]} is invalid; export the tasks again")
    return _json.get(entry, "value", dict, at), size


def _rectangle(entry, at):
    value, (width, height) = _value(entry, at)
    keys = ("x", "y", "width", "height")
    x, y, w, h = numbers([value.get(key) for key in keys], at).tolist()
    corners = x * width, y * height, (x + w) * width, (y + h) * height
    return tuple(edge / 100 for edge in corners)
