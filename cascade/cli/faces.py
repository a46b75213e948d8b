"""``cascade faces``: convert data sets, photographs or drawn faces to a folder of faces."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from data_tools.cells import guarded
from data_tools.detector_table import DEFAULT_DETECTOR
from data_tools.files import replace_file
from features.errors import InputError

from .common import check_boxes, reporting, say, tell_skipped
from .options import Augment, AugmentSettings, Boxes, Copies, Detector, Rotation

_DRAWN, _LIST = "drawn", "list"


def faces(
    source: Annotated[
        str,
        typer.Argument(
            metavar="drawn|SOURCE",
            help="drawn, for faces that the package draws itself, or the file or folder of a "
            "data set or an "
            "annotation tool, as its authors give it: cascade faces list names them.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder to write, new or empty; in another --format, perhaps a file.",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="pts, or the format of an annotation tool: imglab, coco, cvat, label-studio, "
            "labelme, csv.",
        ),
    ] = "pts",
    boxes: Boxes = "csv",
    detector: Detector = DEFAULT_DETECTOR,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, max=100_000, help="Faces to draw.")
    ] = 400,
    occluders: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of drawn faces that something covers in part."),
    ] = 0.0,
    size: Annotated[
        int, typer.Option(min=32, max=2048, help="Side of drawn images in pixels.")
    ] = 256,
    points: Annotated[
        int,
        typer.Option(
            min=68,
            max=1 << 15,
            help="Points of drawn faces; of more than 68, scheme.json beside them is for --scheme.",
        ),
    ] = 68,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of drawn faces and of copies.")] = 0,
    augment: Augment = None,
    copies: Copies = None,
    set_: AugmentSettings = None,
    detect: Annotated[
        bool,
        typer.Option(
            "--detect",
            help="Annotate: SOURCE is a folder of photographs or a video; --detector finds the "
            "faces and --landmarks their landmarks.",
        ),
    ] = False,
    landmarks: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="With --detect: model file or name; without it, sdm68."),
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, metavar="N", help="With --detect, of a video: each Nth frame.")
    ] = 10,
    min_score: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="With --detect: leave out faces of a lower score."),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(
            min=24, max=1 << 14, help="With --detect: long side in pixels that is searched."
        ),
    ] = None,
    rotation: Rotation = 0.0,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the images, if they are not where the data set expects them.",
        ),
    ] = None,
    points68: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For COFW: the 68 points of COFW-68's test faces."),
    ] = None,
):
    """Write a folder of faces: drawn ones, a data set's, or those found in photographs.

    Writes grey images with .pts files beside them and boxes.csv; also visible.csv if occlusion is
    annotated, and attributes.csv if the data set has further annotations, which compare accepts as
    --subsets. All other commands read the files of data sets directly, too.

    With --detect, faces in photographs or a video are found and annotated: images in colour, .pts
    files, boxes.csv with the detector's scores, attributes.csv with the confidence of each face,
    and contact sheets for review, least certain faces first.
    """
    from data_tools.writers import WRITERS, write_faces, write_folder
    from data_tools.writers.folder import refuse_filled

    from .augmenting import Augmentation

    if source == _LIST:
        from data_tools.readers import SOURCES

        width = max(len(each.name) for each in SOURCES)
        for each in SOURCES:
            say(f"{each.name:<{width}}  {each.title}")
        return
    extra = Augmentation(augment, copies, set_ or [])
    if extra.others:
        raise typer.BadParameter(
            f"{extra.others[0]!r} is none of --augment; write augment.light.shadow=0.8",
            param_hint="--set",
        )
    if out is None:
        raise typer.BadParameter("name the folder or file to write", param_hint="--out")
    if detect:
        from .annotate import annotate_pictures

        if form != "pts":
            raise typer.BadParameter("--detect writes pts; convert it then", param_hint="--format")
        annotate_pictures(source, out, detector, landmarks, every=every, min_score=min_score,
                          resolution=resolution, rotation=rotation)  # fmt: skip
        return
    only = {"--landmarks": landmarks, "--min-score": min_score, "--resolution": resolution}
    only["--rotation"] = rotation or None
    for name, value in only.items():
        if value is not None:
            raise typer.BadParameter("goes with --detect", param_hint=name)
    known = [writer.name for writer in WRITERS]
    if form not in known:
        raise typer.BadParameter(f"choose one of {', '.join(known)}", param_hint="--format")
    if form == "pts":
        refuse_filled(out)
    elif out.exists():
        raise InputError(f"{out}: exists already; name another file or folder")
    find = check_boxes(boxes, detector)
    options = {"images": images, "points68": points68}
    options = {name: value for name, value in options.items() if value is not None}
    with reporting() as progress:
        told = progress.counting("reading faces" if source != _DRAWN else "drawing faces")
        if source == _DRAWN:
            if options:
                name = f"--{next(iter(options))}"
                raise typer.BadParameter("does not go with drawn; leave it out", param_hint=name)
            from data_tools.synthetic import synthetic_faces

            read = synthetic_faces(
                number, seed, size, points=points, occluders=occluders, progress=told
            )
        else:
            read = _read(source, options | {"boxes": boxes, "detector": find, "progress": told})
        tell_skipped(read.skipped, progress)
        read = extra.apply(read, seed, 1, progress)
        writing = progress.counting("writing faces")
        if form == "pts":
            names = write_folder(out, read, progress=writing)
            if read.scheme.n_points > 68 and source == _DRAWN:
                scheme = json.dumps(read.scheme.to_dict()) + "\n"
                replace_file(out / "scheme.json", scheme.encode())
            if read.attributes:
                _write_attributes(out / "attributes.csv", names, read.attributes)
        else:
            write_faces(out, read, form, progress=writing)
    text = f"wrote {len(read)} faces to {out}, {read.scheme.n_points} landmarks"
    if read.visible is not None:
        text += f", {(~read.visible).mean():.1%} of them covered"
    say(text)


def _read(source, options):
    """The faces of a data set, by the reader that knows its files."""
    from inspect import signature

    from data_tools.readers import SOURCES, find_source, read_folder

    path, found = Path(source), find_source(source)
    if found is None and path.suffix.lower() == ".txt" and "images" in options:
        found = next(each for each in SOURCES if each.name == "wflw")  # its list by another name
    if found is None and not path.is_dir():
        what = "no such file or folder" if not path.exists() else "of no data set that is known"
        raise InputError(f"{source}: {what}; those known are listed by cascade faces list")
    read = read_folder if found is None else found.load().read
    for name in options:
        if name not in signature(read).parameters:
            raise typer.BadParameter(
                f"does not go with {source}; leave it out", param_hint=f"--{name}"
            )
    return read(path, **options)


def _write_attributes(path, names, attributes):
    """A column an attribute: its value, and of a flag its name or nothing."""
    rows = [",".join(["image", *map(guarded, attributes)])]
    for i, image in enumerate(names):
        cells = [_cell(name, column[i]) for name, column in attributes.items()]
        rows.append(",".join([guarded(image), *cells]))
    replace_file(path, ("\n".join(rows) + "\n").encode())


def _cell(name, value):
    if isinstance(value, np.bool_):
        return guarded(name) if value else ""
    if isinstance(value, np.number):
        return f"{value:.6g}"
    return guarded(str(value).replace(",", " "))
