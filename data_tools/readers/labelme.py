"""LabelMe's JSON: points and rectangles, a file an image."""

from pathlib import Path

from features.errors import InputError

from ..dataset import Skipped
from . import _json
from ._lists import gather, inside, listed, numbers
from ._named import Named, faces_of, image_folder, own_boxes

# The image may be in it, too.
MAX_BYTES = 1 << 28


def recognises(path):
    """Whether `path` is a JSON file with shapes, or a folder whose first JSON file is one."""
    if path.is_dir():
        path = next((file for file in sorted(path.glob("*.json"))), path)
    return path.is_file() and _json.kind(path) == "labelme"


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read annotations of LabelMe.

    A file has ``shapes``: points, whose label is the landmark's name, and rectangles, given by two
    corners; other shapes are ignored. Shapes with the same group_id form one face; points without a
    group_id form one face, too. A rectangle whose group has no points is a candidate for the box of
    any face. Landmarks are sorted by name: numerically if all names are numbers, else
    alphabetically. The flag ``occluded`` marks a point that something covers. Coordinates are not
    changed. The image is the file ``imagePath``; a copy in ``imageData`` is not read.

    Parameters
    ----------
    path : str or Path
        A file, or a folder of them.
    images : str or Path, optional
        Folder of the images under the last part of ``imagePath``; without it, ``imagePath`` is
        relative to the file, and may not lead out of its folder.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the rectangles, or the file boxes.csv where there are
        none.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If a file cannot be read, is larger than 256 MiB or is not of that form, or no face is
        usable; the message names the shape.
    """
    path = Path(path)
    found, skipped = {}, []
    for file in listed(path, "*.json") if path.is_dir() else [path]:
        content = _json.load(file, MAX_BYTES)
        name = _json.get(content, "imagePath", str, str(file))
        if images is not None:
            name = name.replace("\\", "/").rpartition("/")[2]
        image = inside(image_folder(file, images), name, str(file))
        faces = _faces(_json.get(content, "shapes", list, str(file)), file)
        if faces:
            found.setdefault(image, []).extend(faces)
        else:
            skipped.append(Skipped(str(file), "no points"))
    return gather(path, faces_of(path, found), scheme=scheme, boxes=boxes, detector=detector,
                  progress=progress, skipped=skipped, own_boxes=own_boxes(found))  # fmt: skip


def _faces(shapes, file):
    points, hidden, rectangles = {}, {}, {}
    for i, shape in enumerate(shapes):
        where = f"{file}, shape {i}"
        kind = _json.get(shape, "shape_type", str, where, "polygon")
        if kind not in ("point", "rectangle"):
            continue
        group = _json.get(shape, "group_id", (int, str), where, None)
        pairs = _json.get(shape, "points", list, where)
        expected = 1 if kind == "point" else 2
        if len(pairs) != expected or any(
            not isinstance(pair, list) or len(pair) != 2 for pair in pairs
        ):
            raise InputError(f"{where}: a {kind} has {expected} pairs of x and y")
        values = numbers([v for pair in pairs for v in pair], where, "coordinate").tolist()
        if kind == "rectangle":
            (x, y, other_x, other_y) = values
            corners = min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)
            rectangles.setdefault(group, []).append(corners)
            continue
        label = _json.get(shape, "label", str, where)
        of_face = points.setdefault(group, {})
        if label in of_face:
            raise InputError(
                f"{where}: a face has two points {label[:40]!r}; give each face its own group_id"
            )
        of_face[label] = tuple(values)
        if _json.get(shape, "flags", dict, where, {}).get("occluded") is True:
            hidden.setdefault(group, set()).add(label)
    free = [box for group, found in rectangles.items() if group not in points for box in found]
    return [
        Named(str(file), of_face, hidden.get(group, set()), rectangles.get(group) or free)
        for group, of_face in points.items()
    ]
