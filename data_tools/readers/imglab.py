"""The XML files of dlib's imglab: images, their boxes, and the parts in each box."""

import re
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.errors import InputError
from features.files import head, read_bytes

from ..dataset import Skipped
from ..schemes import MAX_POINTS
from ._faces import Face, box_source, collect, nothing_usable
from ._xml import MAX_BYTES, Handler, parse_xml

# Missing parts take room, too: the most for each that is there, and in any case.
_MAX_GAPS, _SMALL = 8, 1 << 20


def recognises(path):
    """Whether `path` is an XML file whose first element is `dataset`."""
    return first_element(path) == "dataset"


def first_element(path):
    """The name of the first element of an XML file; None where there is none near its beginning."""
    text = head(path) if Path(path).suffix.lower() == ".xml" else b""
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    # Past the declaration, style sheets and comments.
    while text.startswith((b"<?", b"<!--")):
        end = b"-->" if text.startswith(b"<!--") else b"?>"
        text = text.partition(end)[2].lstrip()
    found = re.match(rb"<([A-Za-z_][\w.-]*)", text)
    return found and found[1].decode("ascii")


def read_imglab(path, *, boxes="csv", scheme=None, detector=None, progress=None):
    """Read the annotated faces of an XML file of dlib's imglab.

    The landmarks are the parts, sorted by name: numerically if all names are numbers, else
    alphabetically, as in dlib. A part that a box lacks is a missing landmark. Unusable faces, and
    boxes marked ``ignore``, are left out and listed with the reason in ``dataset.skipped``.

    Parameters
    ----------
    path : str or Path
        Image files are named relative to its folder.
    boxes : {"csv", "tight", "detect"} or path
        As in `read_folder`, but "csv" takes the boxes of the XML file, whose right and bottom are
        the last pixels inside.
    scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        In the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, exceeds 256 MiB, is not such XML, declares a document type, has
        an invalid number or no usable face; the message names the line.
    """
    path = Path(path)
    images, skipped = _parse(path, read_bytes(path, MAX_BYTES))
    n_boxes = sum(len(faces) for faces in images.values())
    photographs = [
        (path.parent / file, lambda faces=faces: faces) for file, faces in images.items()
    ]
    find_boxes = box_source(boxes, detector)
    try:
        dataset = collect(photographs, find_boxes, scheme, skipped, progress)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if dataset is None:
        raise nothing_usable(path, f"{n_boxes} boxes with parts", skipped)
    return dataset


read = read_imglab


class Photograph(NamedTuple):
    """Every box of a photograph in an imglab file.

    Attributes
    ----------
    boxes : ndarray of shape (n, 4), float32
        (left, top, right, bottom); right and bottom are the last pixels inside.
    ignored : ndarray of shape (n,), bool
        Which are marked ``ignore``: detections there count neither as right nor as wrong.
    shapes : ndarray of shape (n, L, 2), float32
        Their parts, NaN where one is missing.
    """

    boxes: np.ndarray
    ignored: np.ndarray
    shapes: np.ndarray


def read_photographs(path):
    """Read the photographs of an imglab file with all their boxes, also those without parts.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of Path to Photograph
        By image file, in the order of the file; a photograph without boxes has no faces.

    Raises
    ------
    InputError
        As `read_imglab`.
    """
    path = Path(path)
    handler = _Dataset(path, every_box=True)
    parse_xml(path, read_bytes(path, MAX_BYTES), handler, "imglab")
    return {path.parent / file: found for file, found in handler.photographs().items()}


def _parse(path, data):
    """The `Face` list of each image file, and the boxes that are none."""
    handler = _Dataset(path)
    parse_xml(path, data, handler, "imglab")
    return handler.faces(), handler.skipped


class _Dataset(Handler):
    """Collects boxes and parts; keeps numbers alone, so that memory stays near the file's size."""

    def __init__(self, path, every_box=False):
        super().__init__(path, "dataset")
        self.skipped = []
        self._every_box = every_box
        self._names = {}
        self._images = {}
        self._boxes = self._box = None

    def begin(self, name, attributes):
        if name == "image":
            self._boxes = self._images.setdefault(self.text(attributes, name, "file"), [])
        elif name == "box":
            self._begin_box(attributes)
        elif name == "part":
            self._add_part(attributes)

    def end(self, name):
        if name == "image":
            self._boxes = None
        elif name == "box":
            line, ignored, _, parts = self._box
            self._box = None
            if not self._every_box and (ignored or not parts):
                why = "a box marked to be ignored" if ignored else "a box without parts"
                self.skipped.append(Skipped(f"{self.path}, line {line}", why))
                self._boxes.pop()

    def _begin_box(self, attributes):
        if self._boxes is None or self._box is not None:
            raise self.error("a box lies outside of an image or in another box")
        left, top, width, height = (
            self.number(attributes, "box", key) for key in ("left", "top", "width", "height")
        )
        box = left, top, left + width - 1, top + height - 1
        ignored = attributes.get("ignore", "0") not in ("0", "false")
        self._box = self.line(), ignored, box, array("d")
        self._boxes.append(self._box)

    def _add_part(self, attributes):
        if self._box is None:
            raise self.error("a part lies outside of a box")
        name = self.text(attributes, "part", "name")
        index = self._names.setdefault(name, len(self._names))
        if len(self._names) > MAX_POINTS:
            raise self.error(f"more than {MAX_POINTS} parts have a name")
        parts = self._box[3]
        if len(parts) >= 3 * MAX_POINTS:
            raise self.error(f"a box has more than {MAX_POINTS} parts")
        parts.extend((index, *(self.number(attributes, "part", key) for key in "xy")))

    def faces(self):
        """The `Face` list of each image file."""
        order = self._order()
        return {
            file: [self._face(order, *box) for box in boxes]
            for file, boxes in self._images.items()
            if boxes
        }

    def photographs(self):
        """The `Photograph` of each image file."""
        order = self._order()
        found = {}
        for file, boxes in self._images.items():
            faces = [self._face(order, *box) for box in boxes]
            found[file] = Photograph(
                np.array([face.box for face in faces], np.float32).reshape(-1, 4),
                np.array([ignored for _, ignored, *_ in boxes], bool),
                np.array([face.shape for face in faces], np.float32).reshape(
                    len(faces), len(order), 2
                ),
            )
        return found

    def _order(self):
        """Place of each part among the landmarks, by the order in which names turned up."""
        order = np.empty(len(self._names), np.intp)
        order[[self._names[name] for name in sorted_names(self._names)]] = np.arange(len(order))
        n_boxes = sum(map(len, self._images.values()))
        n_parts = sum(len(parts) // 3 for boxes in self._images.values() for *_, parts in boxes)
        if n_boxes * len(order) > max(_SMALL, _MAX_GAPS * n_parts):
            raise InputError(
                f"{self.path}: {n_boxes} boxes have only few of {len(order)} parts each; name "
                "the same "
                "parts in every box"
            )
        return order

    def _face(self, order, line, ignored, box, parts):
        parts = np.asarray(parts).reshape(-1, 3)
        index = order[parts[:, 0].astype(np.intp)]
        if len(np.unique(index)) < len(index):
            raise InputError(f"{self.path}, line {line}: a box has two parts of one name")
        shape = np.full((len(order), 2), np.nan, np.float32)
        shape[index] = parts[:, 1:]
        return Face(f"{self.path}, line {line}", shape, box)


def sorted_names(names):
    """Names of parts, sorted numerically if all are numbers, else alphabetically.

    Examples
    --------
    >>> sorted_names(["10", "9", "0"]), sorted_names(["mouth", "eye", "9"])
    (['0', '9', '10'], ['9', 'eye', 'mouth'])
    """
    if not all(name.isascii() and name.isdecimal() for name in names):
        return sorted(names)
    # By the digits: int refuses numbers of thousands of them.
    return sorted(names, key=lambda name: (len(name.lstrip("0")), name.lstrip("0"), name))
