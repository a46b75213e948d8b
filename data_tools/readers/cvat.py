"""CVAT's XML of version 1.1 for images: points, skeletons and boxes."""

import math
from pathlib import Path

from features.files import read_bytes

from ..dataset import Skipped
from ..schemes import MAX_POINTS
from ._lists import gather, inside
from ._named import MAX_BOXES, Named, faces_of, image_folder, own_boxes
from ._xml import MAX_BYTES, Handler, parse_xml
from .imglab import first_element


def recognises(path):
    """Whether `path` is an XML file whose first element is `annotations`."""
    return first_element(path) == "annotations"


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read "CVAT for images 1.1".

    Faces are annotated in one of three ways. A skeleton is a face: the labels of its ``points``
    name the landmarks, and a landmark is missing if ``outside`` is 1. A ``points`` element with
    several points is a face with landmarks 0, 1, 2, … in order. ``points`` elements with one point
    each and the same group_id make a face; their labels name the landmarks. ``occluded`` marks a
    landmark that something covers. The box of a face is the ``box`` with the same group_id, or the
    one that overlaps the landmarks most. Landmarks are sorted by name: numerically if all names are
    numbers, else alphabetically. Coordinates are not changed.

    Parameters
    ----------
    path : str or Path
    images : str or Path, optional
        Folder that names of images are relative to; without it, that of the file.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of the file, or the file boxes.csv where
        there are none.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If the file cannot be read, exceeds 256 MiB, is not such XML, declares a document type, has
        an invalid number or no usable face; the message names the line.
    """
    path = Path(path)
    handler = _Annotations(path)
    parse_xml(path, read_bytes(path, MAX_BYTES), handler, "CVAT")
    folder, found, skipped = image_folder(path, images), {}, []
    for line, name, faces in handler.images:
        where = f"{path}, line {line}"
        if faces:
            found.setdefault(inside(folder, name, where), []).extend(faces)
        else:
            skipped.append(Skipped(where, "no points"))
    return gather(path, faces_of(path, found), scheme=scheme, boxes=boxes, detector=detector,
                  progress=progress, skipped=skipped, own_boxes=own_boxes(found))  # fmt: skip


class _Annotations(Handler):
    """Collects the faces of each image."""

    def __init__(self, path):
        super().__init__(path, "annotations")
        self.images = []
        self._image = self._skeleton = None

    def begin(self, name, attributes):
        if name == "track":
            raise self.error("a track of a video; export as 'CVAT for images 1.1'")
        if name == "image":
            if self._image is not None:
                raise self.error("an image lies in an image")
            self._image = _Image(self.text(attributes, name, "name"), self.line())
        elif self._image is None:
            return
        elif name == "box":
            corners = [self.number(attributes, name, k) for k in ("xtl", "ytl", "xbr", "ybr")]
            if len(self._image.boxes) >= MAX_BOXES:
                raise self.error(f"more than {MAX_BOXES} boxes in an image")
            self._image.boxes.append((attributes.get("group_id"), tuple(corners)))
        elif name == "skeleton":
            if self._skeleton is not None:
                raise self.error("a skeleton lies in a skeleton")
            self._skeleton = {}, set()
            self._image.faces.append((attributes.get("group_id"), self.line(), *self._skeleton))
        elif name == "points":
            self._points(attributes)

    def end(self, name):
        if name == "skeleton":
            self._skeleton = None
        elif name == "image" and self._image is not None:
            self.images.append((self._image.line, self._image.name, self._image.named(self.path)))
            self._image = None

    def _points(self, attributes):
        texts = self.text(attributes, "points", "points").split(";")
        if len(texts) > MAX_POINTS:
            raise self.error(f"more than {MAX_POINTS} points")
        pairs = [text.split(",") for text in texts]
        if any(len(pair) != 2 for pair in pairs):
            raise self.error("points must be x,y;x,y;…")
        values = [tuple(self.value(v, "points", "points") for v in pair) for pair in pairs]
        covered = attributes.get("occluded", "0") == "1"
        if self._skeleton is None and len(values) > 1:
            names = [str(i) for i in range(len(values))]
            face = dict(zip(names, values, strict=True)), set(names if covered else ())
            self._image.faces.append((attributes.get("group_id"), self.line(), *face))
            return
        if len(values) != 1:
            raise self.error("a point of a skeleton must be one x,y")
        face = self._skeleton
        if face is None:
            face = self._image.free(attributes.get("group_id"), self.line())
        label = self.text(attributes, "points", "label")
        if label in face[0]:
            raise self.error(f"a face has two points {label[:40]!r}; group them by group_id")
        outside = attributes.get("outside", "0") == "1"
        face[0][label] = (math.nan, math.nan) if outside else values[0]
        if covered and not outside:
            face[1].add(label)


class _Image:
    """What an image holds so far."""

    def __init__(self, name, line):
        self.name, self.line = name, line
        self.boxes, self.faces = [], []
        self._free = {}

    def free(self, group, line):
        """The face of single points of a group."""
        if group not in self._free:
            self._free[group] = {}, set()
            self.faces.append((group, line, *self._free[group]))
        return self._free[group]

    def named(self, path):
        """The `Named` faces."""
        of_group = {}
        for group, box in self.boxes:
            of_group.setdefault(group, []).append(box)
        of_group.pop(None, None)
        anybody = [box for _, box in self.boxes]  # one list, however many faces there are
        return [
            Named(f"{path}, line {line}", points, hidden, of_group.get(group, anybody))
            for group, line, points, hidden in self.faces
            if points
        ]
