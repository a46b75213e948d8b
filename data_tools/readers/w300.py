"""300-W (Sagonas et al. 2013): 68 points of AFW, HELEN, LFPW, IBUG and its own faces."""

from pathlib import Path

from ._parts import has_points, read_parts

PARTS = (
    "afw", "helen/trainset", "helen/testset", "lfpw/trainset", "lfpw/testset", "ibug",
    "01_Indoor", "02_Outdoor", "300W/01_Indoor", "300W/02_Outdoor",
)  # fmt: skip


def recognises(path):
    """Whether `path` holds folders such as helen/trainset with .pts files."""
    return not has_points(Path(path)) and bool(_parts(Path(path)))


def _parts(path):
    return [name for name in PARTS if has_points(path / name)]


def read(path, *, parts=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read 300-W: folders of NAME.jpg or NAME.png with NAME.pts beside.

    Parameters
    ----------
    path : str or Path
        The folder of afw, helen/trainset, helen/testset, lfpw/trainset, lfpw/testset, ibug,
        01_Indoor and 02_Outdoor; those that are there are read.
    parts : sequence of str, optional
        Only these. Papers train on afw and both trainsets, and test on the others.
    boxes, scheme, detector, progress
        As in `read_folder`, for each of the folders; the set has no face boxes of its own.

    Returns
    -------
    FaceDataset
        With the scheme face68; `attributes` holds ``set``, the folder.

    Raises
    ------
    InputError
        As `read_folder`, or if there is none of the folders.
    """
    names = _parts(Path(path)) if parts is None else parts
    return read_parts(path, names, boxes=boxes, scheme=scheme, detector=detector, progress=progress)
