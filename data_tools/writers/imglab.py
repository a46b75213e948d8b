"""XML files of dlib's imglab."""

import os
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from ..files import replace_file


def write_imglab(path, dataset):
    """Write the annotations of a dataset, for imglab and dlib's trainer.

    Parameters
    ----------
    path : str or Path
        Image files are named relative to its folder.
    dataset : FaceDataset
        Boxes and landmarks are rounded, since dlib reads whole pixels. Missing landmarks are left
        out; a landmark that all faces lack is lost.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    faces = {}
    for i, file in enumerate(dataset.files):
        faces.setdefault(file, []).append(i)
    digits = max(2, len(str(dataset.scheme.n_points - 1)))
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<dataset>", "<images>"]
    for file, indices in faces.items():
        relative = os.path.relpath(file, path.parent)
        lines.append(f"  <image file={quoteattr(Path(relative).as_posix())}>")
        for i in indices:
            left, top, right, bottom = np.rint(dataset.boxes[i]).astype(int).tolist()
            size = f"width='{right - left + 1}' height='{bottom - top + 1}'"
            lines.append(f"    <box top='{top}' left='{left}' {size}>")
            for k, (x, y) in enumerate(np.rint(dataset.shapes[i]).tolist()):
                if np.isfinite(x) and np.isfinite(y):
                    lines.append(f"      <part name='{k:0{digits}d}' x='{x:.0f}' y='{y:.0f}'/>")
            lines.append("    </box>")
        lines.append("  </image>")
    lines += ["</images>", "</dataset>", ""]
    replace_file(path, "\n".join(lines).encode())


def write(path, faces, *, progress=None):
    """As `write_imglab`, with the arguments that all writers have."""
    write_imglab(path, faces)
    if progress is not None:
        progress(len(faces), len(faces))
