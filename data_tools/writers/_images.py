"""Paths of images relative to an annotation file."""

from pathlib import Path

import cv2

from ..files import make_folder, replace_file
from .folder import unique_names

FOLDER = "images"


def by_image(folder, faces, progress=None):
    """The faces of each image, and how the image is called from a folder.

    An image file in the folder or below is named as it is. Any other, and one in memory, is written
    there, grey, as images/NAME.png: readers do not follow names that lead out of a folder.

    Parameters
    ----------
    folder : Path
    faces : FaceDataset
    progress : callable, optional
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    list of (str, (int, int), list of int)
        Name with slashes, width and height, and the faces' indices, in the order of their first.
    """
    indices = {}
    for i, file in enumerate(faces.files):
        # Images in memory may share a name: a photograph and the changed copies of its faces.
        image = None if faces.images is None else faces.images[i]
        indices.setdefault((file, None if image is None else id(image)), []).append(i)
    base, found = folder.absolute(), []
    names = unique_names([file for file, _ in indices])
    for done, ((file, in_memory), members) in enumerate(indices.items(), 1):
        first = members[0]
        path = Path(file).absolute()
        if in_memory or not path.is_relative_to(base) or ".." in path.parts or ":" in path.name:
            image = faces.image(first)
            name = f"{FOLDER}/{names[done - 1]}"
            make_folder(folder / FOLDER)
            replace_file(folder / name, cv2.imencode(".png", image)[1].tobytes())
            size = image.shape[::-1]
        else:
            name = path.relative_to(base).as_posix()
            size = faces.image(first).shape[::-1] if faces.sizes is None else faces.sizes[first]
        found.append((name, (int(size[0]), int(size[1])), members))
        if progress is not None:
            progress(done, len(indices))
    return found


def landmarks(faces, i):
    """(index, x, y, visible) of each landmark of a face that is there; visible None if unknown."""
    for k, (x, y) in enumerate(faces.shapes[i].tolist()):
        if x == x and y == y:
            yield k, x, y, None if faces.visible is None else bool(faces.visible[i, k])
