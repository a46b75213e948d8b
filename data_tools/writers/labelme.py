"""A folder of LabelMe's JSON files."""

import json
from pathlib import Path

from ..files import make_folder, replace_file
from ._images import by_image, landmarks
from .folder import unique_names


def write(path, faces, *, progress=None):
    """Write a file for LabelMe for each image; `data_tools.readers.labelme` reads them.

    A face is a rectangle and points with one group_id, named by landmark numbers from 0. Missing
    landmarks are left out; a landmark that all faces lack is lost. The flag ``occluded`` marks an
    occluded landmark.

    Parameters
    ----------
    path : str or Path
        A folder, made where it is missing. Images that are not in it are written to images in it.
    faces : FaceDataset
    progress : callable, optional
        Called as ``progress(done, total)`` after each image.

    Raises
    ------
    InputError
        If an image cannot be read or a file not written.
    """
    folder = make_folder(path)
    images = by_image(folder, faces, progress)
    names = unique_names([name for name, *_ in images])
    for file, (name, (width, height), members) in zip(names, images, strict=True):
        shapes = []
        for group, i in enumerate(members):
            left, top, right, bottom = faces.boxes[i].tolist()
            shapes.append(_shape("face", [[left, top], [right, bottom]], group, "rectangle"))
            for k, x, y, visible in landmarks(faces, i):
                flags = {"occluded": True} if visible is False else {}
                shapes.append(_shape(str(k), [[x, y]], group, "point", flags))
        content = {
            "version": "5.7.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        text = json.dumps(content, indent=1)
        replace_file(folder / f"{Path(file).stem}.json", text.encode())


def _shape(label, points, group, kind, flags=None):
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": flags or {},
        "mask": None,
    }
