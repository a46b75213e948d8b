"""LJSON, menpo's format of landmarks (menpo.org): groups of points, a file an image."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from ..schemes import MAX_POINTS
from . import _json
from ._faces import Face, Unusable, reason
from ._lists import IMAGE_SUFFIXES, gather, listed, points

MAX_BYTES = 1 << 22
SUFFIX = ".ljson"
_GROUPS = ("LJSON", "PTS")


def recognises(path):
    """Whether `path` is a file of that suffix, or a folder that holds one."""
    if path.is_dir():
        return next(path.glob(f"*{SUFFIX}"), None) is not None
    return path.is_file() and path.suffix.lower() == SUFFIX


def read(path, *, group=None, images=None, boxes="csv", scheme=None, detector=None,
         progress=None):  # fmt: skip
    """Read LJSON of version 1, 2 or 3: NAME.ljson beside an image NAME.jpg or its like.

    Points are y, then x, counted from 0; null marks a missing one. The format has no face boxes.

    Parameters
    ----------
    path : str or Path
        A file, or a folder of them.
    group : str, optional
        Name of the group of points in files of version 3; without it, LJSON, PTS or the one with
        most points.
    images : str or Path, optional
        Folder of the images; without it, that of the file.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path, annotated = Path(path), {}
    for file in listed(path, f"*{SUFFIX}") if path.is_dir() else [path]:
        folder = file.parent if images is None else Path(images)
        stem = folder / file.stem
        image = next(
            (f for suffix in IMAGE_SUFFIXES if (f := stem.with_name(stem.name + suffix)).is_file()),
            stem.with_name(f"{stem.name}.jpg"),
        )
        annotated[image] = partial(_face, file, group)
    return gather(path, annotated, scheme=scheme, boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip


def _face(file, group):
    try:
        return [Face(str(file), read_landmarks(file, group=group))]
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error


def read_landmarks(file, *, group=None):
    """The landmarks (L, 2), float32, x before y, of one file.

    Raises
    ------
    InputError
        If the file cannot be read, exceeds 4 MiB, or is not of that form.
    """
    content = _json.load(file, MAX_BYTES)
    version = _json.get(content, "version", int, str(file))
    if version == 1:
        groups = _json.get(content, "groups", list, str(file))
        found = [
            _json.get(point, "point", list, f"{file}, group {i}")
            for i, entry in enumerate(groups)
            for point in _json.get(entry, "landmarks", list, f"{file}, group {i}")
        ]
    elif version == 2:
        found = _points(content, str(file))
    elif version == 3:
        groups = _json.get(content, "groups", dict, str(file))
        found = _chosen({name: _points(each, f"{file}, group {name[:40]}")
                         for name, each in groups.items()}, group, file)  # fmt: skip
    else:
        raise InputError(f"{file}: LJSON of version {version}; versions 1 to 3 can be read")
    if not 1 <= len(found) <= MAX_POINTS:
        raise InputError(f"{file}: holds {len(found)} landmarks; need 1 to {MAX_POINTS}")
    if any(not isinstance(point, list) or len(point) != 2 for point in found):
        raise InputError(f"{file}: a point must be y and x")
    nothing = float("nan")
    return points([nothing if v is None else v for y, x in found for v in (x, y)], str(file))


def _points(entry, where):
    return _json.get(_json.get(entry, "landmarks", dict, where), "points", list, where)


def _chosen(groups, group, file):
    if group is not None:
        if group not in groups:
            raise InputError(f"{file}: has no group {group!r}, but {', '.join(groups)[:60]}")
        return groups[group]
    if not groups:
        raise InputError(f"{file}: has no group of landmarks")
    for name in _GROUPS:
        if name in groups:
            return groups[name]
    return max(groups.values(), key=len)
