"""``cascade compare``."""

from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from data_tools.files import make_folder

from .common import (
    check_boxes,
    inputs_of,
    printable,
    read_faces,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
    say,
    terminal,
)
from .options import Boxes, Detector, Folders, Points, Rotation, Start

_WIDTH = 130


def compare(
    folders: Folders,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="[NAME=]SPEC",
            help="A model file, a pretrained name (ert68), dlib:FILE, opencv-lbf:FILE, "
            "opencv-kazemi:FILE, mediapipe, mtcnn, mtcnn?networks=3, tcdcn:model.mat, dcnn:FOLDER, "
            "vanillacnn:FOLDER, onnx:FILE?size=112&layout=nchw&mean=0&scale=0.0039&decode=coords "
            "(or heatmap, uvmap, 3dmm, iuv) or python:module:function; once for each model.",
        ),
    ] = None,
    detectors: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Compare face detectors instead: of lbp, dlib, haar (with OpenCV 4), yunet:FILE. "
            "Folders may then also be photographs without faces.",
        ),
    ] = None,
    boxes: Boxes = "csv",
    detector: Detector = DEFAULT_DETECTOR,
    rotation: Rotation = 0.0,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the results go.")
    ] = Path("comparison"),
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Take only this many faces, spread evenly over the folders."),
    ] = None,
    subsets: Annotated[
        list[Path] | None,
        typer.Option(
            "--subsets",
            metavar="FILE",
            help="Report subsets of the faces separately: a list of image names, or a csv file "
            "with a column image and columns of labels.",
        ),
    ] = None,
    points: Points = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of bootstrap intervals and collages.")
    ] = 0,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="With --detectors: annotated faces on which it is measured how the boxes of each "
            "detector lie; without it, the faces of the comparison.",
        ),
    ] = None,
    collages: Annotated[
        int,
        typer.Option(
            min=0,
            max=100_000,
            help="With --detectors, annotated faces and a folder without faces: pictures with "
            "faces of 20 to 200 px pasted into photographs, upright and turned by 30°.",
        ),
    ] = 100,
    min_face: Annotated[
        float,
        typer.Option(min=0, help="With --detectors: smaller faces, in pixels, count neither way."),
    ] = 0.0,
    all_backgrounds: Annotated[
        bool,
        typer.Option(
            "--all-backgrounds",
            help="With --detectors: all photographs without faces, not only the third that "
            "training holds back.",
        ),
    ] = False,
    start: Start = None,
):
    """Compare models on the same faces and boxes: accuracy, time and size.

    Writes tables (csv, json), the cumulative error figure (png, pdf, svg) and report.html, a
    self-contained page for the browser. Times are for one thread, without reading images or
    detecting faces.

    With --detectors, compares face detectors: recall against wrong boxes per image, on whole
    photographs (imglab files), annotated folders and folders without faces.
    """
    if detectors is not None:
        if model:
            raise typer.BadParameter(
                "compare models or detectors, not both in one run", param_hint="--detectors"
            )
        from .compare_detectors import compare_detectors

        compare_detectors(
            folders, detectors, out, calibrate=calibrate, n_collages=collages, limit=limit,
            min_face=min_face, every_background=all_backgrounds, seed=seed, rotation=rotation,
        )  # fmt: skip
        return
    if rotation:
        raise typer.BadParameter("goes with --detectors", param_hint="--rotation")
    if not model:
        raise typer.BadParameter(
            "name at least one model, or detectors with --detectors", param_hint="--model"
        )
    import numpy as np

    from ..judging.compare import compare as run
    from ..judging.compare import report, tables
    from ..judging.compare.specs import Spec, open_models
    from ..judging.compare.subsets import read_subsets
    from ..judging.yaw import yaw_masks

    check_boxes(boxes, detector)
    sources = inputs_of(
        boxes, detector, subsets=subsets or [], model=[Spec.parse(text).target for text in model]
    ) | {"--start": start}
    refuse_overwriting({f"--out {name}": out / name for name in report.FILES}, sources)
    out = make_folder(out)
    refuse_unwritable(out / "report.html")
    with reporting() as progress:
        models = open_models(model, detector if boxes == "detect" else None, start)
        for each in models if start is not None else ():
            if getattr(each.find, "start", None) is not None:
                progress.say(printable(f"{each.label} begins with {each.find.start}"))
        faces = read_faces(folders, boxes, detector, progress)
        if limit is not None and limit < len(faces):
            skipped = faces.skipped
            faces = faces.subset(np.linspace(0, len(faces) - 1, limit).astype(int))
            # Faces without a box count as failures of the whole set, not of a part of it.
            faces.skipped = [entry for entry in skipped if entry.reason != "no face box"]
        parts = {}
        for path in subsets or []:
            parts |= read_subsets(path, faces.files)
        by_yaw = yaw_masks(faces)
        parts |= by_yaw if len(by_yaw) > 1 else {}
        comparison = run(models, faces, parts, progress.counting("comparing"), points)
        progress.say("resampling faces and writing the report")
        written = report.write_report(comparison, out, seed)
    _show(comparison, tables.rows(comparison, seed), tables, by_yaw if len(by_yaw) > 1 else {})
    _show_pairs(tables.pairs(comparison, seed))
    say()
    for path, what in written:
        say(f"wrote {path}: {what}")


def _show(comparison, rows, tables, by_yaw):
    """The table of each set of points and subset; of the bins of the yaw, one table."""
    from rich.console import Console

    # Beyond the edge of a narrow terminal rather than cut.
    wide = Console(highlight=False, width=max(terminal().width, _WIDTH))
    for points in comparison.point_sets:
        for subset in tables.subsets_of(comparison):
            if subset in by_yaw:
                continue
            part = [r for r in rows if r["points"] == points.name and r["subset"] == subset]
            say()
            title = f"{part[0]['n']} faces" + (f" ({subset})" if subset != tables.ALL else "")
            say(f"{title}, {points.label}", style="bold")
            wide.print(_table(part))
        _show_by_yaw([r for r in rows if r["points"] == points.name], by_yaw)
    starts = {row["model"]: row["boxes"] for row in rows}
    for label, text in starts.items() if len({*starts.values()}) > 1 else ():
        say(f"  {label}: {text}")
    seen = {row["model"]: row["seen"] for row in rows if row["seen"]}
    for model, text in seen.items():
        say(f"* {model}: {text}")
    for result in comparison.results:
        if result.problem:
            say(f"! {result.label} failed on a face: {result.problem}")
    say(f"errors in % of the {comparison.kind} distance, 95 % bootstrap intervals; "
        f"the harness took {comparison.overhead:.1%} of the models' time")  # fmt: skip


def _show_by_yaw(rows, by_yaw):
    """The mean error of each model at each range of the heads' yaw."""
    from rich.table import Table
    from rich.text import Text

    from ..judging.yaw import PREFIX

    if not by_yaw:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("NME by the yaw of the head", no_wrap=True)
    for name in by_yaw:
        table.add_column(f"{name.removeprefix(PREFIX)}°", justify="right", no_wrap=True)
    count = {row["subset"]: row["n"] for row in rows}
    table.add_row("faces", *(str(count[name]) for name in by_yaw))
    for model in dict.fromkeys(row["model"] for row in rows):
        nme = {row["subset"]: row["nme"] for row in rows if row["model"] == model}
        table.add_row(Text(printable(model)), *(_percent(nme[name]) for name in by_yaw))
    say()
    terminal().print(table)


def _show_pairs(tests):
    """Which of two models errs less, where chance does not explain it."""
    say()
    for test in tests:
        p = test["p_holm"]
        verdict = "differ" if p < 0.05 else "do not differ beyond chance"
        say(f"{test['model']} and {test['other']} on {test['points']}: {verdict} "
            f"(p = {p:.2g}; {test['wins']} faces better, {test['losses']} worse)")  # fmt: skip


def _table(rows):
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True)
    columns = (
        "NME", "95 %", "AUC@8", "FR@8", "median", "ms a face", "CPU ms", "MB", "load s", "misses"
    )  # fmt: skip
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        interval = "–"
        if row["nme_low"] is not None:
            interval = f"{row['nme_low'] * 100:.2f}–{row['nme_high'] * 100:.2f}"
        lost = f" + {row['no_box']} no box" if row["no_box"] else ""
        table.add_row(
            Text(printable(row["model"] + (" *" if row["seen"] else ""))),
            _percent(row["nme"]),
            interval,
            _percent(row["auc08"]),
            _percent(row["fr08"]),
            _percent(row["median"]),
            f"{row['ms_per_face']:.3f}",
            f"{row['cpu_ms_per_face']:.3f}",
            "–" if row["megabytes"] is None else f"{row['megabytes']:.1f}",
            f"{row['load_seconds']:.2f}",
            f"{row['misses']}{lost}",
        )
    return table


def _percent(value):
    return "–" if value is None else f"{value * 100:.2f}"
