"""``cascade predict``."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from data_tools.files import make_folder, replace_file
from features.errors import InputError

from .app import WRONG_INPUT
from .common import (
    SEEN,
    from_detector,
    inputs_of,
    load_model,
    looks_like_model,
    printable,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
    rounded,
)
from .options import Model, NStarts, known_detector

_STDOUT = Path("-")


def predict(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="[MODEL] IMAGE",
            help="Image files, or folders of them. A first argument that is no image file "
            "is the model; without one, the pretrained model is used.",
        ),
    ],
    model: Model = None,
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Face boxes: a csv file image,left,top,right,bottom."),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Face detector: lbp (default), dlib or yunet:FILE.",
            callback=known_detector,
        ),
    ] = None,
    json_: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Landmarks of all images; - is stdout."),
    ] = None,
    pts: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A .pts file a face.")] = None,
    draw: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Images with the landmarks drawn.")
    ] = None,
    n_starts: NStarts = None,
):
    """Find the landmarks of the faces in images.

    Without --json, --pts or --draw, the JSON goes to stdout. Models that tell visibility add the
    probability that each landmark can be seen, and covered ones are drawn in red.
    """
    if boxes is not None and detector is not None:
        raise typer.BadParameter("give boxes or a detector, not both", param_hint="--boxes")
    if model is None and looks_like_model(inputs[0]):
        model, *inputs = inputs
    if not inputs:
        raise typer.BadParameter("no image to predict", param_hint="IMAGE...")
    images = _images(inputs)
    if json_ is None and pts is None and draw is None:
        json_ = _STDOUT
    outputs = {"--json": None if json_ == _STDOUT else json_}
    for path in images:
        if pts is not None:
            outputs[f"--pts {path.name}"] = pts / f"{path.stem}.pts"
        if draw is not None:
            outputs[f"--draw {path.name}"] = draw / f"{path.stem}.landmarks.png"
    refuse_overwriting(outputs, inputs_of(boxes, detector, image=images) | {"the model": model})
    if outputs["--json"] is not None:
        refuse_unwritable(json_)
    cascade = load_model(model)
    writers = []
    if pts is not None:
        writers.append(_PtsWriter(pts, images))
    if draw is not None:
        writers.append(_Drawer(draw, images, cascade.scheme_))
    entries, n_faces, n_failed = [], 0, 0
    with reporting() as progress:
        cascade, find = _box_source(cascade, boxes, detector, progress)
        tell = progress.counting("fitting faces")
        for i, path in enumerate(images, 1):
            try:
                entry = _align(cascade, path, find, n_starts, writers)
            except _Unusable as error:
                progress.say(printable(f"error: {error}"))
                n_failed += 1
            else:
                if not entry["faces"]:
                    progress.say(printable(f"{path}: no face found"))
                n_faces += len(entry["faces"])
                entries.append(entry)
            tell(i, len(images))
    if json_ is not None:
        _write_json(json_, {"scheme": cascade.scheme_.name, "images": entries})
    written = [str(target) for target in (json_, pts, draw) if target not in (None, _STDOUT)]
    n_images = len(images)
    text = f"{n_faces} face{'s' * (n_faces != 1)} in {n_images} image{'s' * (n_images != 1)}"
    text += f"; wrote {', '.join(written)}" if written else ""
    print(printable(text), file=sys.stderr)
    if n_failed:
        raise typer.Exit(WRONG_INPUT)
    if not n_faces:
        raise InputError(
            "no face found in any image; give the boxes with --boxes, or try another --detector"
        )


class _Unusable(Exception):
    """One image that cannot be aligned; the others go on."""


def _align(cascade, path, find, n_starts, writers):
    """The entry of one image for the JSON file."""
    import numpy as np

    from features.images import as_grey, read_image

    try:
        image = read_image(path, grey=False)
        grey = as_grey(image)
        boxes = np.asarray(find(path, grey), np.float32).reshape(-1, 4)
        aligned = cascade.align(grey, boxes, n_starts=n_starts) if len(boxes) else None
        if hasattr(cascade, "place"):  # what is shown are the boxes as the model wants them
            boxes = cascade.place(boxes)
    except InputError as error:
        text = str(error)
        raise _Unusable(text if str(path) in text else f"{path}: {text}") from error
    shapes = [] if aligned is None else aligned.shapes
    visible = None if aligned is None else aligned.visible
    for writer in writers:
        writer(path, image, shapes, boxes, visible)
    faces = []
    for i, shape in enumerate(shapes):
        face = {"box": rounded(boxes[i]), "landmarks": rounded(shape)}
        if aligned.spread is not None:
            face["spread"] = np.round(aligned.spread[i].astype(float), 5).tolist()
        if visible is not None:
            face["visible"] = rounded(visible[i])
        faces.append(face)
    height, width = grey.shape
    return {"image": str(path), "width": width, "height": height, "faces": faces}


def _images(inputs):
    """The image files; a folder stands for those in it."""
    from data_tools.readers.folder import IMAGE_SUFFIXES

    images = []
    for path in inputs:
        if path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES]
            if not inside:
                raise InputError(f"{path}: no image in the folder; see its subfolders")
            images += inside
        else:
            images.append(path)
    return images


def _box_source(cascade, table, detector, progress):
    """The model for the boxes that the options ask for, and a function (path, image) to them."""
    if table is not None:
        from data_tools.readers import read_boxes

        known = read_boxes(table)
        return cascade, lambda path, grey: known.get(path.name, [])
    finder = from_detector(cascade, detector or "lbp", progress)
    return finder, lambda path, grey: finder.detector(grey)


def _write_json(path, content):
    text = json.dumps(content, allow_nan=False) + "\n"
    if path == _STDOUT:
        sys.stdout.write(text)
    else:
        replace_file(path, text.encode())


class _FolderWriter:
    """Writes one or more files an image to a folder, named after the image."""

    def __init__(self, folder, images):
        self.folder = make_folder(folder)
        first = {}
        for path in images:
            other = first.setdefault(path.stem, path)
            if other is not path:
                raise InputError(
                    f"{path} and {other} would write the same files in {folder}; run them apart, "
                    "into two folders"
                )


class _PtsWriter(_FolderWriter):
    """NAME.pts; further faces of an image are NAME_2.pts, NAME_3.pts, …"""

    def __init__(self, folder, images):
        super().__init__(folder, images)
        for path in images:
            beside = path.with_suffix(".pts")
            if beside.exists() and folder.resolve() == path.parent.resolve():
                raise InputError(f"{beside}: would be overwritten; name another folder for --pts")

    def __call__(self, path, image, shapes, boxes, visible):
        from data_tools.writers import write_pts

        for i, shape in enumerate(shapes):
            suffix = f"_{i + 1}" if i else ""
            write_pts(self.folder / f"{path.stem}{suffix}.pts", shape)


class _Drawer(_FolderWriter):
    """NAME.landmarks.png, covered landmarks in another colour"""

    def __init__(self, folder, images, scheme):
        super().__init__(folder, images)
        self.scheme = scheme

    def __call__(self, path, image, shapes, boxes, visible):
        import cv2

        from data_tools.plots import overlay

        seen = None if visible is None else visible >= SEEN
        drawn = overlay(image, shapes, self.scheme, boxes, visible=seen) if len(shapes) else image
        _, data = cv2.imencode(".png", drawn)
        replace_file(self.folder / f"{path.stem}.landmarks.png", data.tobytes())
