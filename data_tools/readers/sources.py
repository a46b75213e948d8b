"""The data sets that can be read, each recognised by its own files.

A new data set is one module with `recognises` and `read`, and one entry in `SOURCES`.
"""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from features.errors import InputError

from ..dataset import FaceDataset
from .folder import read_folder


class Source(NamedTuple):
    """A data set, or a format that annotation tools write.

    Its module has ``recognises(path) -> bool``, a quick check of the set's own files, and
    ``read(path, *, boxes="csv", scheme=None, detector=None, progress=None) -> FaceDataset``, which
    may have further options of its own.
    """

    name: str
    title: str
    module: str

    def load(self):
        """The module."""
        return import_module(f"{__package__}.{self.module}")


SOURCES = (
    Source("imglab", "dlib's imglab, XML", "imglab"),
    Source("cvat", "CVAT 1.1 for images, XML", "cvat"),
    Source("coco", "COCO and COCO-WholeBody keypoints, JSON", "coco"),
    Source("label-studio", "Label Studio, JSON", "label_studio"),
    Source("labelme", "LabelMe, JSON", "labelme"),
    Source("csv", "a csv file of faces, a line each", "table"),
    Source("ljson", "menpo's LJSON", "ljson"),
    Source("300w", "300-W (68 points)", "w300"),
    Source("300vw", "300-VW, videos (68 points)", "vw300"),
    Source("300w-lp", "300W-LP (68 points, pose)", "w300lp"),
    Source("aflw2000-3d", "AFLW2000-3D (68 points, pose)", "aflw2000"),
    Source("aflw", "AFLW, sqlite (21 points, pose)", "aflw"),
    Source("aflw19", "AFLW-19, AFLWinfo_release.mat (19 points)", "aflw19"),
    Source("bioid", "BioID (20 points)", "bioid"),
    Source("celeba", "CelebA (5 points)", "celeba"),
    Source("cnn-facepoint", "CNN_FacePoint (5 points)", "cnn_facepoint"),
    Source("cofw", "COFW (29 points, occlusion)", "cofw"),
    Source("cofw68", "COFW-68 (68 points, occlusion)", "cofw68"),
    Source("helen194", "HELEN (194 points)", "helen"),
    Source("jd-landmark", "JD-landmark (106 points)", "jd"),
    Source("lapa", "LaPa (106 points)", "lapa"),
    Source("lfpw", "LFPW, list of positions (29 points, occlusion)", "lfpw"),
    Source("menpo", "Menpo (68 or 39 points)", "menpo"),
    Source("merl-rav", "MERL-RAV (68 points, occlusion)", "merl_rav"),
    Source("mtfl", "MTFL (5 points)", "mtfl"),
    Source("muct", "MUCT (76 points)", "muct"),
    Source("mvfw", "MVFW and OCFW (68 points)", "mvfw"),
    Source("wflw", "WFLW (98 points)", "wflw"),
)


def find_source(path):
    """The `Source` whose files lie at `path`, or None.

    Parameters
    ----------
    path : str or Path
        A folder or a file.
    """
    for source in SOURCES:
        try:
            if source.load().recognises(Path(path)):
                return source
        except (OSError, ValueError):  # what cannot be looked at, and a null in the name
            continue
    return None


def read_source(path, **options):
    """Read a data set in the form that its authors give it.

    Parameters
    ----------
    path : str or Path
        The folder or the file of one of `SOURCES`; the docstring of its module's `read` says which
        layout it expects.
    **options
        Those of `read_folder`, and those that the `read` of the data set has of its own.

    Returns
    -------
    FaceDataset
        Annotations of occlusion are in `visible`; those of pose, and the names of subsets, are in
        `attributes`.

    Raises
    ------
    InputError
        If the files belong to no known data set, cannot be read, or have no usable face.
    """
    source = find_source(path)
    if source is None:
        if not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
        raise InputError(
            f"{path}: not a known data set; known are {', '.join(s.title for s in SOURCES)}"
        )
    return source.load().read(path, **options)


def read_folders(folders, **options):
    """Read several folders or data sets as one dataset, in order.

    Parameters
    ----------
    folders : path or sequence of paths
        Folders for `read_folder`, and whatever `read_source` reads.
    **options
        Those of `read_folder`; `progress` counts the images of each apart.

    Raises
    ------
    InputError
        If one of the folders is refused, or they differ in the number of landmarks.
    """
    if isinstance(folders, str | Path):
        folders = [folders]
    return FaceDataset.concatenate([_reader(path)(path, **options) for path in folders])


def _reader(path):
    source = find_source(path)
    if source is not None:
        return source.load().read
    return read_source if Path(path).is_file() else read_folder
