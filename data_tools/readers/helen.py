"""HELEN (Le et al. 2012): 2330 photographs, 194 points each."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from ..files import read_text
from ._faces import Face, Unusable, reason
from ._lists import first_that, gather, images_below, listed, points

N_POINTS = 194
MAX_BYTES = 1 << 18
_LISTS = {"train": "trainnames.txt", "test": "testnames.txt"}


def recognises(path):
    """Whether `path` has a folder annotation of files 1.txt, 2.txt, …, or is that folder."""
    return _annotation(Path(path)) is not None


def _annotation(path):
    return first_that([path, path / "annotation"], lambda f: f.is_dir() and _is_face(f))


def _is_face(folder):
    first = next((f for f in folder.glob("[0-9]*.txt") if f.stem.isdecimal()), None)
    if first is None:
        return False
    with first.open("rb") as file:
        lines = file.read(200).splitlines()
    return len(lines) > 2 and b"," not in lines[0] and lines[1].count(b",") == 1


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read HELEN's own 194 points.

    The folder annotation holds 1.txt, 2.txt, …: first the name of the image without suffix, then
    194 lines ``x , y``. Positions are taken as they are. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
        The folder that holds annotation and, in it or below, the images; or annotation itself.
        trainnames.txt and testnames.txt in it, a name a line, say what is for training and test.
    images : str or Path, optional
        Folder of the images, where they lie elsewhere.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme helen194; `attributes` holds ``set``: train, test or empty.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path = Path(path)
    annotation = _annotation(path)
    if annotation is None:
        raise InputError(f"{path}: no folder annotation of 1.txt, 2.txt, …; name HELEN's folder")
    root = annotation.parent
    sets = {}
    for name, file in _LISTS.items():
        if (root / file).is_file():
            sets |= dict.fromkeys(read_text(root / file, MAX_BYTES).split(), name)
    found = images_below(root if images is None else images)
    annotated, skipped = {}, []
    files = [file for file in listed(annotation, "*.txt") if file.stem.isdecimal()]
    for file in sorted(files, key=lambda file: int(file.stem[:20])):
        try:
            name = read_text(file, MAX_BYTES).partition("\n")[0].strip()
        except InputError:
            name = ""
        image = found.get(name, root / f"{file.stem}.jpg")
        annotated[image] = partial(_face, file, sets.get(name, ""))
    return gather(path, annotated, scheme=scheme or "helen194", boxes=boxes, detector=detector,
                  progress=progress, skipped=skipped, own_boxes=False)  # fmt: skip


def _face(file, part):
    try:
        shape = read_landmarks(file)
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error
    return [Face(str(file), shape, attributes={"set": part})]


def read_landmarks(file):
    """The landmarks (194, 2), float32, of one file of annotation.

    Raises
    ------
    InputError
        If it cannot be read, exceeds 256 KiB or is not of that form; the message names the line.
    """
    lines = read_text(file, MAX_BYTES).splitlines()
    found = [(number, line) for number, line in enumerate(lines, 1) if number > 1 and line.strip()]
    if len(found) != N_POINTS:
        raise InputError(f"{file}: has {len(found)} points, not {N_POINTS}")
    cells = []
    for number, line in found:
        pair = line.split(",")
        if len(pair) != 2:
            raise InputError(f"{file}, line {number}: expected 'x , y', not {line[:40]!r}")
        cells += pair
    return points(cells, file)
