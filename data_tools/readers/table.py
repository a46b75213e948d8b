"""One csv file of faces, a line each, as `data_tools.writers.table` writes it."""

from pathlib import Path

import numpy as np

from features.errors import InputError
from features.files import head

from ..schemes import MAX_POINTS
from ._faces import Face
from ._lists import gather, inside, numbers, points
from ._named import image_folder
from ._rows import read_rows

BOX = ["image", "left", "top", "right", "bottom"]


def recognises(path):
    """Whether `path` is a csv file whose first line begins image,left,top,right,bottom,x0,y0."""
    return head(path, 40).startswith(f"{','.join(BOX)},x0,y0".encode())


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read a csv file of faces.

    The first line is ``image,left,top,right,bottom,x0,y0,x1,y1,…``, then ``visible0,visible1,…``
    for all landmarks or none, then names of attributes. Every other line is a face; nan marks a
    missing landmark, and visible is 1 or 0. An attribute is a flag where all say True or False, a
    number where all say one, and otherwise text. Pixels count from 0.

    Parameters
    ----------
    path : str or Path
    images : str or Path, optional
        Folder that images are relative to; without it, that of the file.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of the file.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB or is not of that form, or no face is
        usable; the message names the line.
    """
    path = Path(path)
    rows = read_rows(path)
    where, header = next(rows, (f"{path}, line 1", []))
    n_points = sum(name.startswith("x") and name[1:].isdecimal() for name in header)
    expected = [*BOX, *(f"{axis}{k}" for k in range(min(n_points, MAX_POINTS)) for axis in "xy")]
    if not n_points or header[: len(expected)] != expected:
        raise InputError(f"{where}: the header must be {','.join(BOX)},x0,y0,x1,y1,…")
    rest = header[len(expected) :]
    flags = [f"visible{k}" for k in range(n_points)]
    seen = rest[:n_points] == flags
    names = rest[n_points:] if seen else rest
    if len({*expected, *flags, *names}) < len(expected) + len(flags) + len(names):
        raise InputError(f"{where}: two columns have one name")
    found = []
    for where, row in rows:
        if len(row) != len(header):
            raise InputError(f"{where}: expected {len(header)} columns, found {len(row)}")
        cells = row[len(expected) :]
        box = tuple(numbers(row[1:5], where, "edge of a box").tolist())
        shape = points(row[5 : len(expected)], where)
        visible = None
        if seen:
            if not set(cells[:n_points]) <= {"0", "1"}:
                raise InputError(f"{where}: visible must be 0 or 1")
            visible = np.array(cells[:n_points]) == "1"
        file = inside(image_folder(path, images), row[0], where)
        found.append((file, Face(where, shape, box, visible), cells[n_points if seen else 0 :]))
    columns = [_column([more[k] for *_, more in found]) for k in range(len(names))]
    annotated = {}
    for i, (file, face, _) in enumerate(found):
        attributes = {name: column[i] for name, column in zip(names, columns, strict=True)}
        annotated.setdefault(file, []).append(face._replace(attributes=attributes))
    return gather(path, annotated, scheme=scheme, boxes=boxes, detector=detector, progress=progress)


def _column(cells):
    """Flags, numbers or texts, whichever all cells are."""
    if set(cells) <= {"True", "False"}:
        return [cell == "True" for cell in cells]
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return cells
