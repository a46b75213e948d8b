"""JD-landmark (Liu et al. 2019): 106 points of faces from 300-W's sets and others."""

from functools import partial
from pathlib import Path

from features.errors import InputError

from . import _txt106
from ._lists import gather, listed

_SUFFIX = ".txt"


def recognises(path):
    """Whether `path` holds landmark and picture, or folders that do, such as Training_data/AFW."""
    return bool(_parts(Path(path)))


def _parts(path):
    """Folders with landmark/NAME.jpg.txt and picture/NAME.jpg, up to two levels down."""
    found = []
    for pattern in ("landmark", "*/landmark", "*/*/landmark"):
        for folder in sorted(path.glob(pattern)) if path.is_dir() else []:
            if (folder.parent / "picture").is_dir() and any(folder.glob(f"*{_SUFFIX}")):
                found.append(folder.parent)
    return found


def read(path, *, boxes="csv", scheme=None, detector=None, progress=None):
    """Read JD-landmark: Training_data/SET and Test_data1, each with picture and landmark.

    The points of picture/NAME.jpg are in landmark/NAME.jpg.txt, a line 106 and 106 lines ``x y``.
    Its box, left, top, right and bottom, is in rect/NAME.jpg.rect or, for the training data, in
    NAME.jpg.rect beside the image; "csv" takes these where every face has one, and otherwise
    boxes.csv in `path`. Positions are taken as they are.

    Parameters
    ----------
    path : str or Path
        The folder of all, or one of them.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme lapa106; `attributes` holds ``set``, the folder as seen from `path`.

    Raises
    ------
    InputError
        If a folder cannot be read or no face is usable.
    """
    path, annotated, n_boxes = Path(path), {}, 0
    parts = _parts(path)
    if not parts:
        raise InputError(f"{path}: no folders picture and landmark in it or in folders below")
    for folder in parts:
        name = folder.relative_to(path).as_posix()
        for file in listed(folder / "landmark", f"*{_SUFFIX}"):
            image = folder / "picture" / file.name.removesuffix(_SUFFIX)
            rect = next((r for r in _rects(folder, image) if r.is_file()), None)
            n_boxes += rect is not None
            part = {"set": folder.name if name == "." else name}
            annotated[image] = partial(_txt106.face, file, part, rect)
    return gather(path, annotated, scheme=scheme or "lapa106", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=n_boxes == len(annotated))  # fmt: skip


def _rects(folder, image):
    yield from (folder / part / f"{image.name}.rect" for part in ("rect", "picture", "landmark"))
