"""``cascade faces PHOTOS --detect``: photographs or a video become a set of annotated faces."""

from pathlib import Path

import numpy as np

from data_tools.cells import guarded
from data_tools.files import make_folder, replace_file
from features.errors import InputError

from .app import Interrupted
from .common import from_detector, load_model, printable, reporting, say

_REVIEW = "review"


def annotate_pictures(source, out, detector, landmarks, *, every=10, min_score=None,
                      resolution=None, rotation=0.0):  # fmt: skip
    """Find faces and landmarks, write the folder and the sheets to look through."""
    from data_tools.writers.folder import FolderWriter, refuse_filled

    from ..detection.annotating import annotate, count, pictures

    source = Path(source)
    if not source.exists():
        raise InputError(f"{source}: no such folder, image or video")
    refuse_filled(out)
    model = load_model(landmarks)
    names, found, origins, empty, stopped = [], [], [], 0, False
    with reporting() as progress:
        finder = from_detector(model, detector, progress, min_score=min_score,
                               long_side=resolution, rotation=rotation)  # fmt: skip
        tell, total = progress.counting("annotating faces"), count(source)
        with FolderWriter(out, scored=True) as writer:
            try:
                told = pictures(source, every, lambda error: progress.say(printable(error)))
                for done, picture in enumerate(told, 1):
                    faces = [] if picture is None else annotate(picture.image, finder)
                    empty += picture is not None and not faces
                    for face in faces:
                        name = writer.name(picture.name)
                        writer.add(name, picture.image, face.shape, face.box, score=face.score)
                        names.append(name)
                        found.append(face._replace(shape=None))
                        origins.append(picture._replace(image=None))
                    if total is not None:
                        tell(min(done, total), total)
            except KeyboardInterrupt:
                stopped = True
        if not found:
            raise _nothing(source, stopped)
        order = _write_doubts(out, names, found, origins)
        pages = _write_sheets(out, names, found, order, model.scheme_, progress)
    say(f"wrote {len(names)} faces to {out}, {model.scheme_.n_points} landmarks; in {empty} other "
        "pictures no face was found")  # fmt: skip
    say(f"look at {pages[0]}{f' to {pages[-1].name}' if pages[1:] else ''}, the least certain "
        "faces first; delete a picture and its .pts file to leave a face out")  # fmt: skip
    if stopped:
        raise Interrupted(f"after {len(set(names))} faces, which are in {out}")


def _nothing(source, stopped):
    if stopped:
        return Interrupted("before a face was found")
    return InputError(
        f"{source}: no face found; try another --detector, or a higher --resolution for small faces"
    )


def _write_doubts(out, names, found, origins):
    """attributes.csv, and the faces in the order of their doubt."""
    from ..detection.annotating import doubts

    doubt = doubts(found)
    lines = ["image,photograph,frame,score,disagreement,confidence,doubt"]
    for name, face, origin, value in zip(names, found, origins, doubt, strict=True):
        numbers = (face.score, face.disagreement, face.confidence, value)
        cells = ["" if np.isnan(number) else f"{number:.6g}" for number in numbers]
        frame = "" if origin.frame is None else str(origin.frame)
        photograph = guarded(origin.name.replace(",", " "))
        lines.append(",".join([guarded(name), photograph, frame, *cells]))
    replace_file(out / "attributes.csv", ("\n".join(lines) + "\n").encode())
    return np.argsort(-doubt, kind="stable")


def _write_sheets(out, names, found, order, scheme, progress):
    """The contact sheets, from what was written; their paths."""
    import cv2

    from data_tools.readers import read_pts
    from data_tools.sheets import face_tile, sheets
    from features.images import read_image

    def tiles():
        tell = progress.counting("drawing the sheets")
        for done, i in enumerate(order, 1):
            path, face = out / names[i], found[i]
            yield face_tile(
                read_image(path, grey=False), read_pts(path.with_suffix(".pts")), face.box,
                scheme, (path.stem[-28:], _caption(face)),
            )  # fmt: skip
            tell(done, len(order))

    folder, paths = make_folder(out / _REVIEW), []
    for page, sheet in enumerate(sheets(tiles()), 1):
        paths.append(folder / f"sheet_{page:03d}.png")
        replace_file(paths[-1], cv2.imencode(".png", sheet)[1].tobytes())
    return paths


def _caption(face):
    if np.isfinite(face.confidence):
        return f"confidence {face.confidence:.2f}"
    return f"score {face.score:.2f}, apart {face.disagreement * 100:.1f} %"
