"""A folder of images with a .pts annotation beside each, boxes.csv and visible.csv."""

from pathlib import Path

import cv2

from features.errors import InputError

from ..cells import guarded
from ..files import make_folder, replace_file
from .pts import write_pts


def write_folder(folder, faces, *, progress=None):
    """Write faces so that `read_folder` returns them, images in grey.

    A face is NAME.png and NAME.pts, named after its image; further faces of an image are NAME_2,
    NAME_3, …, each with the whole image. The boxes go to boxes.csv, and what can be seen to
    visible.csv where the faces say so.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing; nothing else may be in it.
    faces : FaceDataset
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.

    Returns
    -------
    list of str
        The name of the image file of each face.

    Raises
    ------
    InputError
        If the folder is not empty, or something cannot be read or written.
    """
    folder = Path(folder)
    tables = {"boxes.csv": [_row("image", "left", "top", "right", "bottom")]}
    if faces.visible is not None:
        tables["visible.csv"] = [_row("image", *range(faces.shapes.shape[1]))]
    refuse_filled(folder)
    make_folder(folder)
    names = unique_names(faces.files)
    for i, name in enumerate(names):
        _, data = cv2.imencode(".png", faces.image(i))
        replace_file(folder / name, data.tobytes())
        write_pts((folder / name).with_suffix(".pts"), faces.shapes[i])
        tables["boxes.csv"].append(_row(guarded(name), *(f"{edge:.3f}" for edge in faces.boxes[i])))
        if faces.visible is not None:
            tables["visible.csv"].append(_row(guarded(name), *faces.visible[i].astype(int)))
        if progress is not None:
            progress(i + 1, len(names))
    for name, rows in tables.items():
        replace_file(folder / name, "".join(rows).encode())
    return names


write = write_folder


def refuse_filled(folder):
    """Raise InputError if anything is in `folder`: a data set never mixes with other files.

    To be called before hours of work; a folder that is missing is fine.
    """
    try:
        filled = any(True for _ in Path(folder).iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    if filled:
        raise InputError(f"{folder}: is not empty; name a new folder")


def unique_names(files):
    """A name NAME.png of its own for each of some files."""
    taken, names = set(), []
    for file in files:
        # A comma or a quote would need quoting in the tables, a dot at the front hides the file.
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(file).stem)
        name, k = stem, 1
        while name.lower() in taken:  # as file systems that ignore case see it
            k += 1
            name = f"{stem}_{k}"
        taken.add(name.lower())
        names.append(f"{name}.png")
    return names


def _row(*values):
    return ",".join(map(str, values)) + "\n"
