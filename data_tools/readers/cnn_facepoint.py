"""CNN_FacePoint (Sun et al. 2013): boxes and five points of faces from LFW and the web."""

from pathlib import Path

from features.files import head

from ._faces import Face
from ._lists import first_that, gather_lines, numbers, points

LISTS = ("trainImageList.txt", "testImageList.txt")


def recognises(path):
    """Whether `path` is trainImageList.txt or testImageList.txt, or a folder that holds one."""
    path = Path(path)
    files = [path] if path.is_file() else [path / name for name in LISTS]
    return first_that(files, lambda f: f.name in LISTS and bool(head(f, 1))) is not None


def read(path, *, images=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read trainImageList.txt or testImageList.txt, or both from their folder.

    A line is an image file, whose folders may be separated by backslashes; the box as left, right,
    top, bottom; and x and y of the centre of the right and the left eye, the nose, the right and
    the left corner of the mouth. Positions are taken as they are, in pixels from 0.

    Parameters
    ----------
    path : str or Path
        A list, or the folder that holds them.
    images : str or Path, optional
        The folder that files are named relative to; without it, that of the list.
    boxes, scheme, detector, progress
        As in `read_folder`, but "csv" takes the boxes of the list.

    Returns
    -------
    FaceDataset
        With the scheme centres5; `attributes` holds ``set``, the name of the list.

    Raises
    ------
    InputError
        If a list cannot be read, is larger than 64 MiB or is not of that form, or no face is
        usable.
    """
    return gather_lines(
        path, LISTS, _face, 14, images=images, scheme=scheme or "centres5", boxes=boxes,
        detector=detector, progress=progress,
    )  # fmt: skip


def _face(cells, where, file):
    left, right, top, bottom = numbers(cells[:4], where, "edge of a box").tolist()
    shape = points(cells[4:], where)
    return Face(where, shape, (left, top, right, bottom), attributes={"set": file.stem})
