"""MTFL (Zhang et al. 2014): five points and attributes of faces from AFLW, LFW and the web."""

from pathlib import Path

from features.errors import InputError
from features.files import head

from ..files import read_text
from ._faces import Face
from ._lists import first_that, gather, inside, numbers, points

LISTS = ("training.txt", "testing.txt")
MAX_BYTES = 1 << 26
ATTRIBUTES = ("gender", "smile", "glasses", "pose")


def recognises(path):
    """Whether `path` is training.txt or testing.txt of MTFL, or a folder that holds one."""
    path = Path(path)
    files = [path] if path.is_file() else [path / name for name in LISTS]
    return first_that(files, _is_list) is not None


def _is_list(path):
    line = head(path).decode("utf-8", "replace").partition("\n")[0].split()
    if path.name.lower() not in LISTS or len(line) != 1 + 10 + len(ATTRIBUTES):
        return False
    return all(_numeric(cell) for cell in line[1:])


def _numeric(text):
    return text.lstrip("-").replace(".", "", 1).isdecimal()


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read training.txt or testing.txt of MTFL, or both from their folder.

    A line is an image file, whose folders may be separated by backslashes; five x, then five y:
    centre of the right and the left eye, nose, right and left corner of the mouth; then gender
    (1 male, 2 female), smile (1 smiling, 2 not), glasses (1 with, 2 without) and pose (1 to 5: yaw
    of -60, -30, 0, 30, 60 degrees). Positions are taken as they are. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
        A list, or the folder that holds them.
    images : str or Path, optional
        The folder that files are named relative to; without it, that of the list.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme centres5; `attributes` holds the four numbers and ``set``, the name of the
        list.

    Raises
    ------
    InputError
        If a list cannot be read, is larger than 64 MiB or is not of that form, or no face is
        usable.
    """
    path = Path(path)
    files = [path] if path.is_file() else [f for n in LISTS if (f := path / n).is_file()]
    annotated = {}
    for file in files:
        root = file.parent if images is None else Path(images)
        for number, line in enumerate(read_text(file, MAX_BYTES).splitlines(), 1):
            where = f"{file}, line {number}"
            name, *cells = line.split() or [""]
            if not name:
                continue
            if len(cells) != 10 + len(ATTRIBUTES):
                raise InputError(f"{where}: expected an image and 14 numbers, found {len(cells)}")
            x, y = cells[:5], cells[5:10]
            shape = points([v for pair in zip(x, y, strict=True) for v in pair], where)
            values = numbers(cells[10:], where).tolist()
            attributes = {**dict(zip(ATTRIBUTES, values, strict=True)), "set": file.stem}
            face = Face(where, shape, attributes=attributes)
            annotated.setdefault(inside(root, name, where), []).append(face)
    return gather(path, annotated, scheme=scheme or "centres5", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip
