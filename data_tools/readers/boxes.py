"""Face boxes of many images in one file: csv, JSON or imglab's XML."""

import math
from pathlib import Path, PurePath
from typing import NamedTuple

from features.errors import InputError
from features.files import read_bytes

from ..files import read_text
from ._json import get, load
from ._rows import MAX_BYTES, read_rows
from ._xml import MAX_BYTES as MAX_XML_BYTES
from ._xml import Handler, parse_xml
from .pts import MAX_COORDINATE

COLUMNS = ("image", "left", "top", "right", "bottom")
# Other names of the columns, as detectors and annotation tools write them; corner and size first.
_SIZED = {("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height")}
_CORNERS = {COLUMNS[1:], ("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax")}
_NAMES = ("image", "file", "filename", "path", "name")
_SCORES = ("score", "confidence")


class Boxes(NamedTuple):
    """The boxes of many images, looked up by path first, then by file name.

    Attributes
    ----------
    entries : dict of str to list of (float, float, float, float)
        As `read_boxes` returns them.
    """

    entries: dict

    def of(self, path):
        """The boxes of an image, or None if the file has no line for it.

        A line with the path, or the end of it, takes precedence over one with the file name only.
        Lines for an image of the same name in another folder are ignored.
        """
        key = self.key(path)
        return None if key is None else self.entries[key]

    def key(self, path):
        """The name under which the file lists the boxes of an image, or None."""
        path = PurePath(path)
        name = path.as_posix()
        if name in self.entries:
            return name
        name = name.removeprefix(PurePath(path.anchor).as_posix()) if path.anchor else name
        while name:
            if name in self.entries:
                return name
            name = name.partition("/")[2]
        return None

    def unmatched(self, paths):
        """Names in the file that belong to none of these images."""
        used = {self.key(path) for path in paths}
        return [name for name in self.entries if name not in used]


def read_boxes(path):
    """Read the face boxes of many images.

    Parameters
    ----------
    path : str or Path
        A csv file, separated by commas or semicolons: ``image,left,top,right,bottom``, or
        ``image,x,y,w,h``, optionally with a column ``score``. Every further line is a box in
        0-based pixels of the image with that path or name. Or a JSON file: what ``cascade predict
        --json`` writes, or ``{"a.jpg": [[left, top, right, bottom], ...], ...}``. Or an imglab XML
        file, whose parts are not needed.

    Returns
    -------
    dict of str to list of (float, float, float, float)
        The boxes (left, top, right, bottom) of each image, in the order of the file or, where there
        are scores, the highest first. No edge lies beyond a million pixels, but they are not
        checked to have an area.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB (XML 256 MiB) or of another form, or a
        line is no box; the message names the line.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        return _from_json(path)
    if suffix == ".xml":
        handler = _ImglabBoxes(path)
        parse_xml(path, read_bytes(path, MAX_XML_BYTES), handler, "imglab")
        return handler.boxes
    return _from_csv(path)


def _from_csv(path):
    first = read_text(path, MAX_BYTES).partition("\n")[0]
    rows = read_rows(path, ";" if ";" in first and "," not in first else ",")
    where, header = next(rows, (f"{path}, line 1", []))
    names = [cell.lower() for cell in header]
    scored = len(names) == 6 and names[-1] in _SCORES
    edges = tuple(names[1:5])
    if len(names) != 5 + scored or names[0] not in _NAMES or edges not in _SIZED | _CORNERS:
        raise InputError(
            f"{where}: the header must be {','.join(COLUMNS)} (or image,x,y,w,h, optionally "
            f"with score), not {','.join(header)[:60]!r}"
        )
    boxes, scores = {}, {}
    for where, row in rows:
        if len(row) != len(names):
            raise InputError(f"{where}: expected {len(names)} columns, found {len(row)}")
        boxes.setdefault(row[0], []).append(_box(where, row[1:5], edges in _SIZED))
        if scored:
            scores.setdefault(row[0], []).append(_numbers(where, row[5:], "the score")[0])
    for name, values in scores.items():
        order = sorted(range(len(values)), key=lambda i: -values[i])
        boxes[name] = [boxes[name][i] for i in order]
    return boxes


def _from_json(path):
    content, boxes = load(path, MAX_BYTES), {}
    if isinstance(content, dict) and "images" in content:
        for i, entry in enumerate(get(content, "images", list, path)):
            where = f"{path}, image {i}"
            faces = get(entry, "faces", list, where)
            boxes[get(entry, "image", str, where)] = [
                _box(where, get(face, "box", list, where)) for face in faces
            ]
        return boxes
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: boxes in JSON must be an object that maps image names to lists of boxes"
        )
    for name, rows in content.items():
        if not isinstance(rows, list):
            raise InputError(f"{path}: {name[:40]!r} has no list of boxes")
        rows = [rows] if rows and not isinstance(rows[0], list) else rows
        boxes[name] = [_box(f"{path}, {name[:40]!r}", row) for row in rows]
    return boxes


class _ImglabBoxes(Handler):
    """The boxes of an imglab file, without parts; those to ignore are left out."""

    def __init__(self, path):
        super().__init__(path, "dataset")
        self.boxes, self._current = {}, None

    def begin(self, name, attributes):
        if name == "image":
            self._current = self.boxes.setdefault(self.text(attributes, name, "file"), [])
        elif name == "box" and attributes.get("ignore", "0") in ("0", "false"):
            if self._current is None:
                raise self.error("a box lies outside of an image")
            left, top, width, height = (
                self.number(attributes, name, key) for key in ("left", "top", "width", "height")
            )
            self._current.append((left, top, left + width, top + height))

    def end(self, name):
        if name == "image":
            self._current = None


def _box(where, values, sized=False):
    if len(values) != 4:
        raise InputError(f"{where}: a box has four numbers, not {len(values)}")
    a, b, c, d = _numbers(where, values, "left, top, right and bottom")
    return (a, b, a + c, b + d) if sized else (a, b, c, d)


def _numbers(where, values, what):
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        numbers = (math.nan,)
    if not all(abs(number) <= MAX_COORDINATE for number in numbers):  # false for NaN
        raise InputError(
            f"{where}: {what} must be numbers of pixels, at most {MAX_COORDINATE:.0f}, not "
            f"{[str(cell)[:40] for cell in values]}"
        )
    return numbers
