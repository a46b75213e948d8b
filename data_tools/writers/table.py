"""One csv file, a line a face."""

import csv
import io
from pathlib import Path

from features.errors import InputError

from ..files import replace_file
from ._images import by_image


def write(path, faces, *, progress=None):
    """Write faces as one csv file; `data_tools.readers.table` reads it and documents its columns.

    Parameters
    ----------
    path : str or Path
        Images are named relative to its folder; those that are not in it are written to the folder
        images beside it.
    faces : FaceDataset
        With what can be seen, and their attributes.
    progress : callable, optional
        Called as ``progress(done, total)`` after each image.

    Raises
    ------
    InputError
        If an attribute has the name of another column, an image cannot be read or a file cannot be
        written.
    """
    path, out = Path(path), io.StringIO()
    n_points = faces.scheme.n_points
    header = ["image", "left", "top", "right", "bottom"]
    header += [f"{axis}{k}" for k in range(n_points) for axis in "xy"]
    if faces.visible is not None:
        header += [f"visible{k}" for k in range(n_points)]
    twice = [name for name in faces.attributes if name in header or not name.strip()]
    if twice:
        raise InputError(f"{path}: an attribute cannot be called {twice[0]!r}; rename it")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([*header, *faces.attributes])
    for name, _, members in by_image(path.parent, faces, progress):
        for i in members:
            row = [name, *faces.boxes[i].tolist(), *faces.shapes[i].ravel().tolist()]
            if faces.visible is not None:
                row += faces.visible[i].astype(int).tolist()
            rows.writerow([*row, *(column[i] for column in faces.attributes.values())])
    replace_file(path, out.getvalue().encode())
