"""MTFL (Zhang et al. 2014): five points and attributes of faces from AFLW, LFW and the web."""

from pathlib import Path

from features.files import head

from ._faces import Face
from ._lists import first_that, gather_lines, numbers, points

LISTS = ("training.txt", "testing.txt")
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
    return gather_lines(
        path, LISTS, _face, 10 + len(ATTRIBUTES), images=images, scheme=scheme or "centres5",
        boxes=boxes, detector=detector, progress=progress, own_boxes=False,
    )  # fmt: skip


def _face(cells, where, file):
    x, y = cells[:5], cells[5:10]
    shape = points([v for pair in zip(x, y, strict=True) for v in pair], where)
    values = numbers(cells[10:], where).tolist()
    attributes = {**dict(zip(ATTRIBUTES, values, strict=True)), "set": file.stem}
    return Face(where, shape, attributes=attributes)
