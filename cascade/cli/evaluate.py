"""``cascade evaluate``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from data_tools.files import replace_file

from .common import (
    check_boxes,
    from_detector,
    inputs_of,
    load_model,
    percent,
    read_faces,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
    say,
    terminal,
)
from .options import Boxes, Detector, Model, NStarts, Points, Start

_LABELS = {
    "nme_interocular": "NME by outer eye corners",
    "nme_interpupil": "NME by pupils",
    "nme_diagonal": "NME by the landmarks' diagonal",
    "nme_box": "NME by box size",
    "auc08": "AUC up to 8 % of the {unit}",
    "fr08": "failures above 8 % of the {unit}",
    "fr10": "failures above 10 % of the {unit}",
    "occluded": "covered landmarks",
    "occlusion_precision_at_recall40": "  found: precision at 40 % recall",
    "occlusion_recall_at_precision80": "  found: recall at 80 % precision",
    "occlusion_average_precision": "  found: average precision",
}


def evaluate(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="[MODEL] FOLDER",
            help="A model file or name, unless --model is given, and folders of images, each with "
            "a .pts file beside it, or imglab's .xml files.",
        ),
    ],
    model: Model = None,
    boxes: Boxes = "csv",
    detector: Detector = DEFAULT_DETECTOR,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results to this file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the cumulative error distribution.")
    ] = None,
    points: Points = None,
    n_starts: NStarts = None,
    start: Start = None,
    video: Annotated[
        bool,
        typer.Option(
            "--video",
            help="Follow the faces through videos, in folders as of 300-VW, or in the one that "
            "the package draws: drawn.",
        ),
    ] = False,
):
    """Measure errors and speed on annotated faces.

    Errors are fractions in the JSON file. Times are for one thread, without reading images or
    detecting faces. If the faces have visible.csv and the model predicts visibility, precision and
    recall of occluded landmarks are reported, too.

    With --video, reports jitter, lag, lost frames and time of tracking a face, with the default
    detector or --detector.
    """
    from rich.table import Table

    from data_tools.metrics import UNITS
    from data_tools.plots import FORMATS, plot_ced

    from ..judging.evaluation import evaluate as evaluate_model
    from ..judging.evaluation import reference_errors

    if plot is not None and plot.suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"a figure ends in {', '.join(FORMATS)}", param_hint="--plot")
    model, *folders = inputs if model is None else [model, *inputs]
    if not folders:
        raise typer.BadParameter("name a folder of faces to evaluate on", param_hint="FOLDER...")
    if video:
        from .evaluate_video import evaluate_video

        if plot is not None:
            raise typer.BadParameter("does not go with --video", param_hint="--plot")
        evaluate_video(model, folders, detector, json_, n_starts)
        return
    check_boxes(boxes, detector)
    refuse_overwriting(
        {"--json": json_, "--plot": plot},
        inputs_of(boxes, detector, MODEL=[model], faces=folders) | {"--start": start},
    )
    for path in (json_, plot):
        if path is not None:
            refuse_unwritable(path)
    cascade = load_model(model, start)
    with reporting() as progress:
        faces = read_faces(folders, boxes, detector, progress)
        if faces.scheme.n_points == cascade.scheme_.n_points:
            faces.scheme = cascade.scheme_
        if boxes == "detect":
            cascade = from_detector(cascade, detector, progress)
        figures, predicted = evaluate_model(
            cascade, faces, n_starts, progress.counting("aligning faces"), points
        )
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("faces", str(figures["n"]))
    if points is not None:
        table.add_row("points", figures["points"])
    if start is not None:
        figures["start"] = Path(start).stem
        table.add_row("begins with", figures["start"])
    for name, value in figures.items():
        if name in _LABELS:
            table.add_row(_LABELS[name].format(unit=UNITS[figures["normalizer"]]), percent(value))
    table.add_row("time per face", f"{figures['ms_per_face']:.3f} ms")
    terminal().print(table)
    _show_by_yaw(figures["by_yaw"])
    if json_ is not None:
        replace_file(json_, (json.dumps(figures, indent=2) + "\n").encode())
        say(f"wrote {json_}")
    if plot is not None:
        errors, unit = reference_errors(predicted, faces, cascade.scheme_, points)
        name = model.stem if start is None else f"{model.stem} from {figures['start']}"
        plot_ced({f"{name} ({cascade.method})": errors}, plot, xlabel=f"NME (% of the {unit})")
        say(f"wrote {plot}")


def _show_by_yaw(bins):
    """A line for each range of the heads' yaw, where there is more than one."""
    from rich.table import Table

    if len(bins) < 2:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("yaw of the head", "faces", "NME", "failures"):
        table.add_column(name, justify="left" if name.startswith("yaw") else "right")
    for name, row in bins.items():
        degrees = name.removeprefix("yaw ") + "°"
        table.add_row(degrees, str(row["n"]), percent(row["nme"]), percent(row["fr08"]))
    say()
    terminal().print(table)
