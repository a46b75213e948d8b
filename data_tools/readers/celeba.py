"""CelebA (Liu et al. 2015): five points of 202599 faces, in the wild or aligned."""

import re
from pathlib import Path

from features.errors import InputError
from features.files import head

from ..files import read_text
from ._faces import Face
from ._lists import first_that, gather, inside, numbers, points

MAX_BYTES = 1 << 26
PARTS = ("train", "val", "test")
_COLUMNS = ["lefteye_x", "lefteye_y", "righteye_x", "righteye_y", "nose_x", "nose_y",
            "leftmouth_x", "leftmouth_y", "rightmouth_x", "rightmouth_y"]  # fmt: skip
_STEMS = ("list_landmarks_celeba", "list_landmarks_align_celeba")
_SUFFIXES = (".txt", ".csv")


def recognises(path):
    """Whether `path` is list_landmarks_celeba.txt or its like, or a folder that holds one."""
    return _list(Path(path)) is not None


def _list(path):
    files = [path] if path.is_file() else [
        path / folder / f"{stem}{suffix}"
        for folder in (".", "Anno") for stem in _STEMS for suffix in _SUFFIXES
    ]  # fmt: skip
    return first_that(files, lambda f: f.stem in _STEMS and b"lefteye_x" in head(f, 200))


def read(path, *, images=None, part=None, boxes="csv", scheme=None, detector=None,
         progress=None):  # fmt: skip
    """Read list_landmarks_celeba.txt or list_landmarks_align_celeba.txt, or their form as .csv.

    The first line is the number of images, the second has the names of the columns; every further
    line is an image and ten numbers. Kaggle's .csv begins with ``image_id`` and the column names,
    and is separated by commas. Left is the viewer's: the points are the centre of the right and the
    left eye, the nose and the right and the left corner of the mouth. Positions are taken as they
    are.

    Read as well, if present: list_bbox_celeba.txt, the boxes as left, top, width and
    height in the unaligned images; and list_eval_partition.txt, in the folder, Eval or Anno, which
    says of each image 0 for training, 1 for validation, 2 for test.

    Parameters
    ----------
    path : str or Path
        A list, or a folder that holds it or Anno with it; the unaligned one is taken first.
    images : str or Path, optional
        Folder of the images; without it, the first of Img/img_celeba, img_celeba, or for the
        aligned images img_align_celeba, beside the list or beside Anno.
    part : {"train", "val", "test"}, optional
        Only those faces.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes list_bbox_celeba; the aligned images have no boxes.

    Returns
    -------
    FaceDataset
        With the scheme centres5; `attributes` holds ``set``, empty where there is no partition.

    Raises
    ------
    InputError
        If a list cannot be read, is larger than 64 MiB or is not of that form, or no face is
        usable.
    """
    path = Path(path)
    table = _list(path)
    if table is None:
        raise InputError(f"{path}: no {_STEMS[0]}.txt of CelebA")
    if part is not None and part not in PARTS:
        raise InputError(f"part must be {', '.join(PARTS)}, not {part!r}")
    aligned = "align" in table.stem
    base = table.parent.parent if table.parent.name == "Anno" else table.parent
    if images is None:
        name = "img_align_celeba" if aligned else "img_celeba"
        tries = [base / "Img" / name, base / name, base / "Img" / name / name, base / name / name]
        images = first_that(tries, Path.is_dir) or base / name
    known = {} if aligned else _table(_beside(table, base, "list_bbox_celeba"), 4, _is_box_header)
    parts = _table(_beside(table, base, "list_eval_partition"), 1, lambda cells: "part" in cells[1])
    if part is not None and not parts:
        raise InputError(f"{path}: no list_eval_partition.txt, which says what part {part!r} is")
    annotated = {}
    for where, name, cells in _rows(table, 10, lambda cells: cells[-10:] == _COLUMNS):
        shape = points(cells, where)
        box = None
        if name in known:
            left, top, width, height = numbers(known[name][1], known[name][0]).tolist()
            box = left, top, left + width, top + height
        member = ""
        if name in parts:
            at, (number,) = parts[name]
            if number not in ("0", "1", "2"):
                raise InputError(f"{at}: a part is 0, 1 or 2, not {number[:20]!r}")
            member = PARTS[int(number)]
        if part in (None, member):
            face = Face(where, shape, box, attributes={"set": member})
            annotated.setdefault(inside(images, name, where), []).append(face)
    return gather(path, annotated, scheme=scheme or "centres5", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=bool(known))  # fmt: skip


def _is_box_header(cells):
    return cells[-4:] == ["x_1", "y_1", "width", "height"]


def _beside(table, base, stem):
    return first_that(
        folder / f"{stem}{suffix}"
        for folder in (table.parent, base, base / "Eval", base / "Anno")
        for suffix in _SUFFIXES
    )


def _table(path, n_columns, is_header):
    """(where, cells) by image of a list, which may be missing."""
    rows = [] if path is None else _rows(path, n_columns, is_header)
    return {name: (where, cells) for where, name, cells in rows}


def _rows(path, n_columns, is_header):
    """(where, image, cells) of each line below the number and the names of the columns."""
    for number, line in enumerate(read_text(path, MAX_BYTES).splitlines(), 1):
        cells = re.split(r"[\s,]+", line.strip()) if line.strip() else []
        if not cells or (number == 1 and len(cells) == 1):
            continue
        if number <= 2 and (len(cells) < 2 or is_header(cells)):
            continue
        where = f"{path}, line {number}"
        if len(cells) != n_columns + 1:
            raise InputError(
                f"{where}: expected an image and {n_columns} numbers, found {len(cells) - 1}"
            )
        yield where, cells[0], cells[1:]
