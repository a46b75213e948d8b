"""``cascade predict``."""

import io
import json
import sys
from collections import Counter
from csv import writer as csv_writer
from itertools import chain, count
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from data_tools.cells import guarded
from data_tools.detector_table import DEFAULT_DETECTOR
from data_tools.files import make_folder, replace_file
from features.errors import InputError

from .app import WRONG_INPUT
from .common import (
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
from .options import Jobs, Model, NStarts, Rotation, Start, known_detector

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
        typer.Option(
            metavar="FILE",
            help="Face boxes: csv (image,left,top,right,bottom or image,x,y,w,h, perhaps with "
            "score), the JSON of this command, or imglab's .xml.",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Face detector: jda (default), lbp, dlib, jda:FILE or yunet:FILE.",
            callback=known_detector,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            help="Leave out faces that the detector is less sure of: jda tells log odds from 1.8, "
            "lbp counts from 4, dlib from 0, YuNet from 0.6 to 1; the scores are in the JSON.",
        ),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Leave out faces whose landmarks are right with a lower probability, as the model "
            "tells it.",
        ),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(
            min=24,
            max=1 << 14,
            help="Long side of the image in pixels that is searched; more finds smaller faces.",
        ),
    ] = None,
    rotation: Rotation = 0.0,
    json_: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Landmarks of all images; - is stdout."),
    ] = None,
    pts: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A .pts file a face.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Landmarks: a line for each face.")
    ] = None,
    draw: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Images with the landmarks drawn.")
    ] = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="With --draw: number the landmarks, from 0.")
    ] = False,
    chips: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="An upright image of one size of each face."),
    ] = None,
    chip_size: Annotated[
        int, typer.Option(min=8, max=4096, help="Side of the chips in pixels.")
    ] = 256,
    chip_margin: Annotated[
        float,
        typer.Option(
            min=0, max=4, help="Their border around brows and chin, as a share of what is between."
        ),
    ] = 0.25,
    pose: Annotated[
        bool, typer.Option("--pose", help="Add yaw, pitch and roll of the head in degrees.")
    ] = False,
    n_starts: NStarts = None,
    start: Start = None,
    jobs: Jobs = 1,
):
    """Find the landmarks of the faces in images.

    Without --json, --csv, --pts, --draw or --chips, the JSON goes to stdout. Models that tell
    visibility add the probability that each landmark can be seen, and covered ones are drawn in
    red. A positive yaw turns the nose to the left of the image, a positive pitch lifts the chin,
    and a positive roll is clockwise.
    """
    if boxes is not None and detector is not None:
        raise typer.BadParameter("give boxes or a detector, not both", param_hint="--boxes")
    if boxes is not None and (min_score, resolution, rotation) != (None, None, 0):
        raise typer.BadParameter(
            "go with a detector, not with --boxes",
            param_hint="--min-score, --resolution, --rotation",
        )
    if jobs == 0:
        raise typer.BadParameter(
            "0 threads; give at least 1, or -1 for all cores", param_hint="--jobs"
        )
    if model is None and looks_like_model(inputs[0]):
        model, *inputs = inputs
        _refuse_nothing(model)
    if not inputs:
        raise typer.BadParameter("no image to predict", param_hint="IMAGE...")
    images, ignored = _images(inputs)
    stems = _stems(images) if any((pts, draw, chips)) else {}
    if all(each is None for each in (json_, csv, pts, draw, chips)):
        json_ = _STDOUT
    outputs = {"--json": None if json_ == _STDOUT else json_, "--csv": csv}
    for path in images:
        if pts is not None:
            outputs[f"--pts {path}"] = pts / f"{stems[path]}.pts"
        if draw is not None:
            outputs[f"--draw {path}"] = draw / f"{stems[path]}.landmarks.png"
        if chips is not None:
            outputs[f"--chips {path}"] = chips / f"{stems[path]}.png"
    sources = inputs_of(boxes, detector, image=images) | {"the model": model, "--start": start}
    refuse_overwriting(outputs, sources)
    for path in (outputs["--json"], csv):
        if path is not None:
            refuse_unwritable(path)
    cascade = load_model(model, start)
    if min_confidence is not None and cascade.confidence_ is None:
        raise InputError(
            "this model does not tell its confidence; leave --min-confidence out, or train with "
            "--set confidence=True"
        )
    head = _head(cascade.scheme_) if pose else None
    cut = None
    if chips is not None:
        from .chips import ChipWriter

        cut = ChipWriter(chips, stems, cascade, chip_size, chip_margin)
    writers = []
    if pts is not None:
        writers.append(_PtsWriter(pts, stems))
    if draw is not None:
        writers.append(_Drawer(draw, stems, cascade.scheme_, numbers))
    entries, n_faces, n_failed = [], 0, 0
    with reporting() as progress:
        if ignored:
            progress.say(f"left out what is no image: {ignored}")
        cascade, find = _box_source(
            cascade, boxes, detector, images, progress, min_score=min_score, long_side=resolution,
            rotation=rotation,
        )  # fmt: skip
        tell = progress.counting("fitting faces")
        colour = draw is not None or chips is not None
        results = _found(cascade, images, find, n_starts, jobs, min_confidence, colour)
        n_unsure = 0
        for i, (path, found) in enumerate(results, 1):
            if isinstance(found, _Unusable):
                progress.say(printable(f"error: {found}"))
                n_failed += 1
            else:
                n_unsure += found.n_unsure
                if not found.boxes.size and not found.n_unsure:
                    why = f"no box in {boxes} for this image" if boxes else "no face found"
                    progress.say(printable(f"{path}: {why}"))
                for writer in writers:
                    writer(path, found)
                n_faces += len(found.boxes)
                entries.append(_entry(path, found, head))
                if cut is not None:
                    cut.add(entries[-1], path, found)
            tell(i, len(images))
        if n_unsure:
            progress.say(f"left out {n_unsure} of {n_unsure + n_faces} faces below the confidence")
    if csv is not None:
        replace_file(csv, _table(entries, cascade, pose))
    if json_ is not None:
        _write_json(json_, {"scheme": cascade.scheme_.name, "images": entries})
    written = [
        str(target) for target in (json_, csv, pts, draw, chips) if target not in (None, _STDOUT)
    ]
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


class _Found(NamedTuple):
    """What was found in an image."""

    image: object
    boxes: object
    scores: object
    alignment: object
    n_unsure: int = 0

    @property
    def shapes(self):
        return [] if self.alignment is None else self.alignment.shapes

    @property
    def seen(self):
        """Which landmarks are drawn as visible, or None."""
        from ..detection.drawing import drawn_as_seen

        return drawn_as_seen(None if self.alignment is None else self.alignment.visible)


def _found(cascade, images, find, n_starts, n_jobs, least, colour):
    """Pairs of an image file and its `_Found`, or an `_Unusable`, in order."""
    from joblib import Parallel, delayed

    if n_jobs == 1:
        return ((path, _align(cascade, path, find, n_starts, least, colour)) for path in images)
    # Threads: decoding, detection and our kernels release Python's lock.
    threads = Parallel(n_jobs, prefer="threads", return_as="generator")
    results = threads(
        delayed(_align)(cascade, path, find, n_starts, least, colour) for path in images
    )
    return zip(images, results, strict=True)


def _align(cascade, path, find, n_starts, least, colour):
    import numpy as np

    from features.images import read_image

    try:
        # Grey as in training; a JPEG in grey is decoded in half the time.
        grey = read_image(path)
        image = read_image(path, grey=False) if colour else grey
        boxes, scores, turns = find(path, grey)
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        options = {} if cascade.confidence_ is None else {"confidence": True}
        if turns is not None:
            options["turns"] = turns
        aligned = cascade.align(grey, boxes, n_starts=n_starts, **options) if len(boxes) else None
        if hasattr(cascade, "place"):  # what is shown are the boxes as the model wants them
            boxes = cascade.place(boxes, turns)
    except InputError as error:
        text = str(error)
        return _Unusable(text if str(path) in text else f"{path}: {text}")
    n = len(boxes)
    if least is not None and n:
        sure = aligned.face_confidence >= least
        aligned, boxes = aligned.of_faces(sure), boxes[sure]
        scores = None if scores is None else scores[sure]
    return _Found(image, boxes, scores, aligned, n - len(boxes))


def _head(scheme):
    """The head of a scheme; refused before any image is read."""
    from data_tools.heads import head_shape

    try:
        return head_shape(scheme)
    except InputError as error:
        raise InputError(
            f"the pose of faces of scheme {scheme.name!r} is not known; leave --pose out"
        ) from error


def _entry(path, found, head=None):
    """The entry of one image for the JSON file, with poses by the `head`, if any."""
    import numpy as np

    faces, aligned = [], found.alignment
    poses = None if head is None or not len(found.shapes) else head.pose(found.shapes)
    for i, shape in enumerate(found.shapes):
        face = {"box": rounded(found.boxes[i]), "landmarks": rounded(shape)}
        if found.scores is not None:
            face["score"] = round(float(found.scores[i]), 4)
        if aligned.spread is not None:
            face["spread"] = np.round(aligned.spread[i].astype(float), 5).tolist()
        if aligned.visible is not None:
            face["visible"] = rounded(aligned.visible[i])
        if aligned.confidence is not None:
            face["confidence"] = round(float(aligned.face_confidence[i]), 4)
            face["landmark_confidence"] = rounded(aligned.confidence[i])
        if poses is not None:
            known = np.isfinite(poses[i]).all()
            angles = np.round(poses[i], 2).tolist() if known else [None] * 3
            face["pose"] = dict(zip(("yaw", "pitch", "roll"), angles, strict=True))
        faces.append(face)
    height, width = found.image.shape[:2]
    return {"image": str(path), "width": width, "height": height, "faces": faces}


def _table(entries, cascade, pose=False):
    """The same as csv: image, number of the face, box, x and y of each landmark, then the pose, and
    the confidence of a model that tells it."""
    points = [f"{axis}{i}" for i in range(cascade.scheme_.n_points) for axis in "xy"]
    more = ["yaw", "pitch", "roll"] if pose else []
    sure = [] if cascade.confidence_ is None else ["confidence"]
    lines = [["image", "face", "left", "top", "right", "bottom", *points, *more, *sure]]
    for entry in entries:
        for k, face in enumerate(entry["faces"]):
            numbers = [*face["box"], *(value for point in face["landmarks"] for value in point)]
            turns = ["" if v is None else str(v) for v in face["pose"].values()] if pose else []
            told = [str(face[name]) for name in sure]
            lines.append([guarded(entry["image"]), str(k), *map(str, numbers), *turns, *told])
    text = io.StringIO(newline="")
    csv_writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


def _refuse_nothing(model):
    """Raise InputError for a first argument that is nothing at all."""
    from ..models import available

    if not model.suffix and not model.exists() and str(model) not in available():
        raise InputError(
            f"{model}: no such image, folder or model file, nor one of the models "
            f"{', '.join(available())}"
        )


def _images(inputs):
    """The image files, where a folder stands for those in it; and what it holds besides."""
    from data_tools.readers.folder import IMAGE_SUFFIXES

    images, others = [], Counter()
    for path in inputs:
        if path.is_dir():
            files = [p for p in sorted(path.iterdir()) if p.is_file()]
            inside = [p for p in files if p.suffix.lower() in IMAGE_SUFFIXES]
            others.update(p.suffix.lower() or "no suffix" for p in files if p not in inside)
            if not inside:
                raise InputError(f"{path}: no image in the folder; see its subfolders")
            images += inside
        else:
            images.append(path)
    return images, ", ".join(f"{n} {suffix}" for suffix, n in sorted(others.items()))


def _stems(images):
    """How the files that belong to each image are called: by its name, or also by its folder."""
    stems, taken = {}, set()
    for path in dict.fromkeys(images):
        stem = path.stem if path.stem not in taken else f"{path.parent.name}-{path.stem}"
        free = chain([stem], (f"{stem}-{k}" for k in count(2)))
        stems[path] = next(each for each in free if each not in taken)
        taken.add(stems[path])
    return stems


def _box_source(cascade, table, detector, images, progress, **search):
    """The model for the boxes that the options ask for, and a function (path, image) to
    `data_tools.detectors.Finds`."""
    if table is None:
        finder = from_detector(cascade, detector or DEFAULT_DETECTOR, progress, **search)
        return finder, lambda path, grey: finder.find(grey)
    from data_tools.detectors import Finds
    from data_tools.readers import Boxes, read_boxes

    known = Boxes(read_boxes(table))
    unmatched = known.unmatched(images)
    if unmatched:
        few = ", ".join(unmatched[:3]) + (", …" if len(unmatched) > 3 else "")
        progress.say(printable(f"{table}: {len(unmatched)} names are of none of the images: {few}"))
    return cascade, lambda path, grey: Finds(known.of(path) or [])


def _write_json(path, content):
    text = json.dumps(content, allow_nan=False) + "\n"
    if path == _STDOUT:
        sys.stdout.write(text)
    else:
        replace_file(path, text.encode())


class _PtsWriter:
    """NAME.pts; further faces of an image are NAME_2.pts, NAME_3.pts, …"""

    def __init__(self, folder, stems):
        self.folder, self.stems = make_folder(folder), stems
        for path in stems:
            beside = path.with_suffix(".pts")
            if beside.exists() and folder.resolve() == path.parent.resolve():
                raise InputError(f"{beside}: would be overwritten; name another folder for --pts")

    def __call__(self, path, found):
        from data_tools.writers import write_pts

        for i, shape in enumerate(found.shapes):
            suffix = f"_{i + 1}" if i else ""
            write_pts(self.folder / f"{self.stems[path]}{suffix}.pts", shape)


class _Drawer:
    """NAME.landmarks.png, covered landmarks in another colour"""

    def __init__(self, folder, stems, scheme, numbers):
        self.folder, self.stems, self.scheme = make_folder(folder), stems, scheme
        self.numbers = numbers

    def __call__(self, path, found):
        import cv2

        from data_tools.plots import overlay

        drawn = found.image
        if len(found.shapes):
            drawn = overlay(drawn, found.shapes, self.scheme, found.boxes, visible=found.seen,
                            numbers=self.numbers)  # fmt: skip
        _, data = cv2.imencode(".png", drawn)
        replace_file(self.folder / f"{self.stems[path]}.landmarks.png", data.tobytes())
