"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DETECTORS, kind_of
from data_tools.schemes import SCHEMES

BOX_SOURCES = ("csv", "tight", "detect")


def known_detector(detector):
    """Refuse an unknown detector before any work, whether it will be needed or not."""
    if detector is not None and kind_of(detector) not in DETECTORS:
        raise typer.BadParameter(f"{detector!r}; choose one of {', '.join(DETECTORS)}")
    return detector


Folders = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER",
        help="Folders of images, each image with a .pts file beside it, or imglab's .xml files.",
    ),
]
Boxes = Annotated[
    str,
    typer.Option(
        metavar="csv|tight|detect|FILE",
        help="Face boxes: the folder's boxes.csv, the landmarks' bounding box, a detector, "
        "or a csv file image,left,top,right,bottom.",
    ),
]
Detector = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Face detector: jda and lbp (always there), dlib (where installed), jda:FILE or "
        "yunet:FILE.",
        callback=known_detector,
    ),
]
Rotation = Annotated[
    float,
    typer.Option(
        "--rotation",
        min=0,
        max=180,
        metavar="DEGREES",
        help="By how much faces may be turned in the plane, to either side, such as 90 or 180; "
        "without it, by about 40 (with jda, which alone takes it). More takes longer.",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option("--model", "-m", metavar="MODEL", help="Model file, or a name: cascade models."),
]
NStarts = Annotated[
    int | None,
    typer.Option(
        "--starts",
        min=1,
        max=16,
        help="Number of starts, whose median is the result; without it, the model's own number.",
    ),
]
Augment = Annotated[
    str | None,
    typer.Option(
        "--augment",
        metavar="NAMES",
        help="Add changed copies of the faces: pose, expression, light, occlusion, blur, lowres, "
        "noise, jpeg, with commas between them.",
    ),
]
Copies = Annotated[
    int | None,
    typer.Option(min=1, max=1000, help="Copies of each face for --augment; default 2."),
]
Points = Annotated[
    str | None,
    typer.Option(
        "--points",
        metavar="N|NAME",
        help="Measure these points alone, such as 51 (of 68, without the jaw), 5, or 68 of faces "
        "with 98.",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="MODEL",
        help="What a shape model (asm, aam) begins with: a model by name or file, whose landmarks "
        "it refines; without it, the mean shape in the box.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Threads; -1 takes every core.")]
AugmentSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of --augment, e.g. augment.light.shadow=0.8; cascade train sdm "
        "--parameters lists them.",
    ),
]
LandmarkScheme = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help=f"Landmark scheme: {', '.join(SCHEMES)} or a JSON file; without it, by the "
        "number of points.",
    ),
]
