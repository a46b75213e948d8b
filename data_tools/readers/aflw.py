"""AFLW (Köstinger et al. 2011): 21 points of faces at all angles, in a database of SQLite."""

import math
import sqlite3
import urllib.parse
from contextlib import closing
from pathlib import Path

import numpy as np

from features.errors import InputError
from features.files import head

from ._faces import Face
from ._lists import first_that, gather, inside
from .pts import MAX_COORDINATE

N_POINTS = 21
MAX_BYTES = 1 << 29
MAX_FACES = 200_000
MAX_TEXT = 4096
# Limit of SQLite's virtual machine steps per query; queries on AFLW itself take a tenth.
_MAX_STEPS, _STEP = 500_000_000, 1_000_000
_MAGIC = b"SQLite format 3\0"
_FILES = ("aflw.sqlite", "data/aflw.sqlite")
_IMAGES = ("flickr", "data/flickr", "images", ".")
_QUERIES = {
    "faces": "SELECT face_id, file_id FROM Faces ORDER BY face_id",
    "images": "SELECT file_id, filepath FROM FaceImages",
    "boxes": "SELECT face_id, x, y, w, h FROM FaceRect",
    "poses": "SELECT face_id, roll, pitch, yaw FROM FacePose",
    "sexes": "SELECT face_id, sex FROM FaceMetaData",
    "points": "SELECT face_id, feature_id, x, y FROM FeatureCoords",
}


def recognises(path):
    """Whether `path` is a database of SQLite, or a folder with aflw.sqlite or data/aflw.sqlite."""
    return _database(Path(path)) is not None


def _database(path):
    files = [path] if path.is_file() else [path / name for name in _FILES]
    return first_that(files, lambda file: head(file, len(_MAGIC)) == _MAGIC)


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read AFLW's database, aflw.sqlite.

    Tables: Faces(face_id, file_id), FaceImages(file_id, filepath), FaceRect(face_id, x, y, w, h),
    FacePose(face_id, roll, pitch, yaw in radians), FaceMetaData(face_id, sex) and
    FeatureCoords(face_id, feature_id from 1 to 21, x, y); a landmark without a row is not visible,
    and missing in the result. Positions are taken as they are. The file is opened read-only and as
    one that nobody changes.

    Parameters
    ----------
    path : str or Path
        The database, or a folder that holds it or data/aflw.sqlite.
    images : str or Path, optional
        Folder that the database's names, such as 0/image00002.jpg, are relative to; without it,
        flickr or images beside the database, or its folder.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of FaceRect.

    Returns
    -------
    FaceDataset
        With the scheme aflw21; `attributes` holds ``pitch``, ``yaw`` and ``roll`` in degrees, NaN
        where unknown, and ``sex``: m, f or empty.

    Raises
    ------
    InputError
        If the file cannot be read, exceeds 512 MiB, is damaged, lacks a table or has invalid
        values; the message names the table and face.
    """
    path = Path(path)
    file = _database(path)
    if file is None:
        raise InputError(f"{path}: not an SQLite database; name aflw.sqlite or its folder")
    if images is None:
        images = first_that([file.parent / name for name in _IMAGES], Path.is_dir)
    tables = _tables(file)
    names = {key: _name(images, file, key, name) for key, name in tables["images"]}
    shapes = {key: np.full((N_POINTS, 2), np.nan) for key, _ in tables["faces"]}
    for key, index, x, y in tables["points"]:
        if not isinstance(index, int) or not 1 <= index <= N_POINTS:
            raise InputError(f"{file}, FeatureCoords: feature_id of face {key!r} is not 1 to 21")
        if key in shapes:
            shapes[key][index - 1] = _numbers(file, "FeatureCoords", key, (x, y))
    rects = {key: _numbers(file, "FaceRect", key, rect) for key, *rect in tables["boxes"]}
    poses = {key: _angles(file, key, angles) for key, *angles in tables["poses"]}
    sexes = {key: sex if sex in ("m", "f") else "" for key, sex in tables["sexes"]}
    annotated = {}
    for key, file_id in tables["faces"]:
        if file_id not in names:
            raise InputError(f"{file}, Faces: face {key!r} is of an image that FaceImages lacks")
        box = None
        if key in rects:
            left, top, width, height = rects[key]
            box = left, top, left + width, top + height
        roll, pitch, yaw = poses.get(key, (math.nan,) * 3)
        attributes = {"pitch": pitch, "yaw": yaw, "roll": roll, "sex": sexes.get(key, "")}
        face = Face(f"{file}, face {key}", shapes[key].astype(np.float32), box, None, attributes)
        annotated.setdefault(names[file_id], []).append(face)
    return gather(path, annotated, scheme=scheme or "aflw21", boxes=boxes, detector=detector,
                  progress=progress)  # fmt: skip


def _tables(file):
    """The rows of each query."""
    try:
        size = file.stat().st_size
    except OSError as error:
        raise InputError(f"{file}: cannot read the file ({error.strerror})") from error
    if size > MAX_BYTES:
        raise InputError(f"{file}: larger than the {MAX_BYTES} bytes such a file may have")
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?mode=ro&immutable=1"
    found, steps = {}, [0]

    def count():
        steps[0] += _STEP
        return steps[0] > _MAX_STEPS  # true ends the query

    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1 << 20)
            database.set_progress_handler(count, _STEP)
            database.execute("PRAGMA trusted_schema = OFF")
            # Views, virtual tables (without a page of their own) and generated columns could be
            # anything, of any cost.
            real = {
                name
                for (name,) in database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 "
                    "LIMIT 10000"
                )
            }
            for key, query in _QUERIES.items():
                table = query.partition("FROM ")[2].split()[0]
                hidden = database.execute("SELECT hidden FROM pragma_table_xinfo(?)", (table,))
                if table not in real or any(flag for (flag,) in hidden):
                    raise InputError(f"{file}: has no table {table}, so it is not AFLW's database")
                limit = MAX_FACES * (N_POINTS if key == "points" else 1)
                rows = database.execute(f"{query} LIMIT {limit + 1}").fetchall()
                if len(rows) > limit:
                    raise InputError(f"{file}, {table}: more than {limit} rows")
                found[key] = rows
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: not a sound database of AFLW ({error}); get it anew") from error
    return found


def _name(images, file, key, name):
    if not isinstance(name, str) or len(name) > MAX_TEXT:
        raise InputError(f"{file}, FaceImages: image {key!r} has no name")
    return inside(images, name, f"{file}, FaceImages, image {key!r}")


def _numbers(file, table, key, values):
    if not all(isinstance(v, int | float) and abs(v) <= MAX_COORDINATE for v in values):
        raise InputError(f"{file}, {table}: face {str(key)[:40]} has an invalid number")
    return [float(value) for value in values]


def _angles(file, key, values):
    if any(value is None for value in values):
        return (math.nan,) * 3
    return [math.degrees(value) for value in _numbers(file, "FacePose", key, values)]
