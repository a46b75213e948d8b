"""Helpers that readers of data sets share: image names, numbers in text, faces by image."""

from pathlib import Path, PurePosixPath

import numpy as np

from features.errors import InputError
from features.images import read_image

from ..files import read_text
from ._faces import box_source, collect, nothing_usable
from .pts import MAX_COORDINATE

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
# Images that are looked for by name in a folder and its subfolders.
_MAX_FILES, _MAX_DEPTH = 1_000_000, 4
_MAX_LIST = 1 << 26  # bytes of a list of faces


def inside(folder, name, where):
    """The file called `name` in `folder` or below; backslashes separate folders, too.

    Raises
    ------
    InputError
        If the name leads out of the folder; `where` says which line or entry has it.
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    if (
        not name
        or relative.is_absolute()
        or ".." in relative.parts
        or any(c in name for c in ":\0\n")
    ):
        raise InputError(f"{where}: the image {name[:60]!r} lies outside the folder of images")
    return Path(folder) / relative


def numbers(texts, where, what="number"):
    """The numbers that texts say, float64; NaN for ``nan``.

    Raises
    ------
    InputError
        If one is not a number, is infinite, or is larger than any image.
    """
    try:
        values = np.array([float(text) for text in texts], np.float64)
    except (ValueError, TypeError, OverflowError):
        shown = next((t for t in texts if not _is_number(t)), texts)
        raise InputError(f"{where}: {str(shown)[:40]!r} is not a {what}") from None
    if (np.abs(values) > MAX_COORDINATE).any():
        raise InputError(f"{where}: a {what} is above {MAX_COORDINATE:g}, larger than any image")
    return values


def _is_number(text):
    try:
        float(text)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def points(values, where, first=0):
    """A shape (L, 2), float32, from alternating x and y; `first` is the index of the first pixel.

    A point with a NaN in x or y is missing.
    """
    shape = np.array(numbers(values, where, "coordinate")).reshape(-1, 2) - first
    shape[np.isnan(shape).any(1)] = np.nan
    return shape.astype(np.float32)


def images_below(folder):
    """Image files in a folder and its subfolders by their names without suffix, each the first.

    Raises
    ------
    InputError
        If there are more than a million files, or the folder cannot be read.
    """
    folder, found, n_files = Path(folder), {}, 0
    try:
        for depth in range(_MAX_DEPTH):
            for path in sorted(folder.glob("/".join(["*"] * (depth + 1)))):
                n_files += 1
                if n_files > _MAX_FILES:
                    raise InputError(f"{folder}: more than {_MAX_FILES} files; name a subfolder")
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    found.setdefault(path.stem, path)
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    return found


def listed(folder, pattern="*"):
    """The files of a folder that fit a pattern, sorted.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
        return sorted(path for path in folder.glob(pattern) if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error


def gather_lines(path, names, face_of, n_numbers, *, images=None, **options):
    """The faces of text files whose lines are an image file and numbers, one line per face.

    Parameters
    ----------
    path : Path
        A list, or the folder that holds lists of these `names`.
    names : sequence of str
    face_of : callable
        ``face_of(cells, where, file)`` is the `Face` of the texts of a line's numbers.
    n_numbers : int
    images : str or Path, optional
        The folder that files are named relative to; without it, that of the list.
    options
        As of `gather`.

    Raises
    ------
    InputError
        If a list cannot be read, is larger than 64 MiB or has a line of another form, or as of
        `gather`.
    """
    path = Path(path)
    files = [path] if path.is_file() else [f for n in names if (f := path / n).is_file()]
    annotated = {}
    for file in files:
        root = file.parent if images is None else Path(images)
        for number, line in enumerate(read_text(file, _MAX_LIST).splitlines(), 1):
            where = f"{file}, line {number}"
            name, *cells = line.split() or [""]
            if not name:
                continue
            if len(cells) != n_numbers:
                raise InputError(
                    f"{where}: expected an image and {n_numbers} numbers, found {len(cells)}"
                )
            face = face_of(cells, where, file)
            annotated.setdefault(inside(root, name, where), []).append(face)
    return gather(path, annotated, **options)


def gather(path, annotated, *, scheme, boxes="csv", detector=None, progress=None, skipped=(),
           own_boxes=True, load=read_image, keep=False):  # fmt: skip
    """The usable faces of a data set; the options are those of `read_folder`.

    Parameters
    ----------
    path : Path
        Named in messages; its folder may contain a boxes.csv.
    annotated : dict of Path to (list of Face or callable)
        The faces of each image; a callable returns them, or raises `Unusable`.
    own_boxes : bool
        Whether "csv" takes the boxes of the annotation; else it takes the file boxes.csv.
    load, keep
        As in `collect`.

    Raises
    ------
    InputError
        If no face is usable, faces differ in the number of landmarks, or there are no boxes.
    """
    table = None
    if boxes == "csv" and not own_boxes:
        table = (path if path.is_dir() else path.parent) / "boxes.csv"
        if not table.exists():
            raise InputError(
                f"{path}: this data set has no face boxes; choose boxes='tight' or 'detect', or "
                f"add {table.name}"
            )
    photographs = [
        (image, faces if callable(faces) else lambda faces=faces: faces)
        for image, faces in annotated.items()
    ]
    skipped = list(skipped)
    find_boxes = box_source(boxes, detector, table)
    try:
        found = collect(photographs, find_boxes, scheme, skipped, progress, load, keep)
    except InputError as error:
        if str(error).startswith(str(path)):
            raise
        raise InputError(f"{path}: {error}") from error
    if found is None:
        raise nothing_usable(path, f"those of {len(annotated)} images", skipped)
    return found


def first_that(paths, exists=Path.is_file):
    """The first of the paths that is there, or None."""
    return next((path for path in map(Path, paths) if exists(path)), None)
