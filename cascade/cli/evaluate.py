"""``cascade evaluate``."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data_tools.files import replace_file
from data_tools.metrics import nme

from ..evaluation import evaluate as evaluate_model
from .common import (
    Boxes,
    Detector,
    Folders,
    NStarts,
    load_model,
    percent,
    read_faces,
    refuse_unwritable,
    reporting,
    say,
    terminal,
)

_LABELS = {
    "nme_interocular": "NME by outer eye corners",
    "nme_interpupil": "NME by pupils",
    "nme_diagonal": "NME by diagonal",
    "nme_box": "NME by box size",
    "auc08": "AUC up to 8 %",
    "fr08": "failures above 8 %",
}


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file.")],
    folders: Folders,
    boxes: Boxes = "csv",
    detector: Detector = "lbp",
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the cumulative error distribution.")
    ] = None,
    n_starts: NStarts = 1,
):
    """Measure errors and speed on annotated faces.

    Errors are fractions in the JSON file. Times are of one thread, without reading or detecting.
    """
    for path in (json_, plot):
        if path is not None:
            refuse_unwritable(path)
    cascade = load_model(model)
    with reporting() as progress:
        faces = read_faces(folders, boxes, detector, progress)
        if faces.scheme.n_points == cascade.scheme_.n_points:
            faces.scheme = cascade.scheme_
        figures, predicted = evaluate_model(
            cascade, faces, n_starts, progress.counting("aligning faces")
        )
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("faces", str(figures["n"]))
    for name, value in figures.items():
        if name in _LABELS:
            table.add_row(_LABELS[name], f"{value:.3f}" if name == "auc08" else percent(value))
    table.add_row("time per face", f"{figures['ms_per_face']:.3f} ms")
    terminal.print(table)
    if json_ is not None:
        text = json.dumps({name: _plain(value) for name, value in figures.items()}, indent=2)
        replace_file(json_, (text + "\n").encode())
        say(f"wrote {json_}")
    if plot is not None:
        from data_tools.plots import plot_ced

        kind = "interocular" if faces.scheme.eye_corners else "diagonal"
        errors = nme(predicted, faces.shapes, faces.scheme, kind=kind)
        plot_ced({f"{model.stem} ({cascade.method})": errors}, plot)
        say(f"wrote {plot}")


def _plain(value):
    """A figure for JSON, which knows no NaN."""
    return None if value != value else value
