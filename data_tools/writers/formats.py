"""The formats that faces can be written in.

A new format is one module with `write`, and one entry in `WRITERS`.
"""

from importlib import import_module
from typing import NamedTuple

from features.errors import InputError


class Writer(NamedTuple):
    """A format. Its module has ``write(path, faces, *, progress=None)``."""

    name: str
    title: str
    module: str

    def load(self):
        """The module."""
        return import_module(f"{__package__}.{self.module}")


WRITERS = (
    Writer("pts", "a folder of images with .pts files beside them", "folder"),
    Writer("imglab", "dlib's imglab, XML", "imglab"),
    Writer("coco", "COCO keypoints, JSON", "coco"),
    Writer("cvat", "CVAT 1.1 for images, XML", "cvat"),
    Writer("label-studio", "Label Studio, JSON", "label_studio"),
    Writer("labelme", "a folder of LabelMe's JSON files", "labelme"),
    Writer("csv", "one csv file, a line a face", "table"),
)


def write_faces(path, faces, format, *, progress=None):
    """Write faces in one of the formats of `WRITERS`.

    Parameters
    ----------
    path : str or Path
        A file, or for pts and labelme a folder.
    faces : FaceDataset
    format : str
        The name of the format.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Raises
    ------
    InputError
        If there is no such format, an image cannot be read or a file not written.
    """
    for writer in WRITERS:
        if writer.name == format:
            writer.load().write(path, faces, progress=progress)
            return
    known = ", ".join(writer.name for writer in WRITERS)
    raise InputError(f"no format {format!r} to write faces in; choose one of {known}")
