"""Export to and import from annotation tools, by the general writers and readers of data sets."""

from pathlib import Path

import numpy as np

from data_tools.readers import find_source, read_source
from data_tools.writers import WRITERS, write_faces
from features.errors import InputError

from .face import Face

#: Path of each export within the folder, by the name of the format.
EXPORTS = {
    "imglab": "export-imglab.xml",
    "coco": "export-coco.json",
    "cvat": "export-cvat.xml",
    "label-studio": "export-label-studio.json",
    "labelme": "export-labelme",
    "csv": "export-faces.csv",
}


def formats():
    """(name, title) of the export formats."""
    return [(writer.name, writer.title) for writer in WRITERS if writer.name in EXPORTS]


def export(session, name):
    """Write the finished faces for an annotation tool into the folder; return the path.

    Raises
    ------
    InputError
        If the format is unknown, no face is finished, or the file cannot be written.
    """
    if not isinstance(name, str) or name not in EXPORTS:
        raise InputError(f"no format {name!r}; choose one of {', '.join(EXPORTS)}")
    path = session.path / EXPORTS[name]
    write_faces(path, session.dataset(), name)
    return path


def sources(session):
    """Files of annotation tools in the folder, without our exports: (name, title), sorted."""
    found, tools = [], {writer.name for writer in WRITERS}
    for path in sorted(session.path.iterdir()):
        if path.suffix.lower() not in (".xml", ".json", ".csv") or path.name in EXPORTS.values():
            continue
        source = find_source(path) if path.is_file() else None
        if source is not None and source.name in tools:
            found.append((path.name, source.title))
    return found


def bring_in(session, path):
    """Import faces from an annotation tool's file, for images that have none yet.

    Parameters
    ----------
    session : Session
    path : str or Path
        Of one of the data sets of `data_tools.readers.SOURCES`.

    Returns
    -------
    n_taken, n_left : int
        Faces that were taken, and those left out: of images that are labelled already, or not in
        the folder.

    Raises
    ------
    InputError
        If the file cannot be read, or its faces have another landmark scheme.
    """
    faces = _read(path)
    n_points = session.scheme.n_points
    if faces.scheme.n_points != n_points:
        raise InputError(
            f"{path}: its faces have {faces.scheme.n_points} landmarks, but the scheme of the "
            f"folder has {n_points}; start with the scheme of that many"
        )
    found = {}
    for k, file in enumerate(faces.files):
        found.setdefault(Path(file).resolve(), []).append(k)
    taken = 0
    for i, entry in enumerate(session.entries):
        members = found.get(entry.path.resolve(), [])
        before = session.image(i)
        if members and not before["faces"] and not before["problem"]:
            session.save(i, [_face(faces, k).to_json() for k in members], before["revision"])
            taken += len(members)
    return taken, len(faces) - taken


def _read(path):
    try:
        return read_source(path)
    except InputError as error:
        if "no usable face" not in str(error):
            raise
        return read_source(path, boxes="tight")  # tools need not draw boxes


def _face(faces, k):
    n_points = faces.scheme.n_points
    occluded = np.zeros(n_points, bool) if faces.visible is None else ~faces.visible[k]
    return Face(tuple(faces.boxes[k].tolist()), faces.shapes[k].astype(np.float64), occluded)
