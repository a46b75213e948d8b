"""``cascade compare --detectors``: face detectors on the same photographs."""

from data_tools.files import make_folder
from features.errors import InputError

from .common import printable, refuse_overwriting, refuse_unwritable, reporting, say, terminal

_WIDTH = 150


def compare_detectors(sources, names, out, *, calibrate=None, n_collages=100, limit=None,
                      min_face=0.0, every_background=False, seed=0, rotation=0.0):  # fmt: skip
    """Evaluate detectors on all `sources`, show the table and write the report."""
    from data_tools.collages import collages
    from data_tools.scenes import KINDS, read_scenes

    from ..judging.detection import judge, open_detectors, report
    from ..judging.detection.tables import rows

    refuse_overwriting(
        {f"--out {name}": out / name for name in report.FILES},
        {f"argument {path}": path for path in sources},
    )
    peers = open_detectors(names, rotation)
    out = make_folder(out)
    refuse_unwritable(out / report.FILES[0])
    with reporting() as progress:
        sets, faces = [], None
        for path in sources:
            scenes, read = read_scenes(
                path,
                every_background=every_background,
                progress=progress.counting("reading faces"),
            )
            if scenes.kind == "backgrounds" and not every_background:
                progress.say(f"{path}: the third of the photographs that training holds back, "
                             f"{len(scenes)}")  # fmt: skip
            sets.append(scenes)
            faces = faces or read
        empty = [file for scenes in sets if scenes.kind == "backgrounds" for file in scenes.files]
        if n_collages and faces is not None and empty:
            sets += [
                collages(faces, empty, n_collages, seed, name="collages"),
                collages(faces, empty, n_collages, seed, turn=30.0, name="collages, turned by 30°"),
            ]
        if limit is not None:
            sets = [_spread(scenes, limit) for scenes in sets]
        if min_face:
            sets = [scenes.without_small(min_face) for scenes in sets]
        calibration = None
        if calibrate is not None:
            calibration, read = read_scenes(calibrate, progress=progress.counting("reading faces"))
            if not calibration.n_faces:
                raise InputError(
                    f"{calibrate}: has no annotated face to measure boxes on; name a folder of "
                    "annotated faces"
                )
            calibration = _spread(calibration, 100)
        judgement = judge(peers, sets, calibration, progress=progress.counting)
        written = report.write_report(judgement, out)
    table = rows(judgement)
    for scenes in sets:
        say()
        say(f"{scenes.name}: {KINDS[scenes.kind]}; {len(scenes)} images, {scenes.n_faces} faces",
            style="bold")  # fmt: skip
        _show([row for row in table if row["set"] == scenes.name], bool(scenes.n_faces))
    _explain(judgement)
    for path, what in written:
        say(f"wrote {path}: {what}")


def _spread(scenes, n):
    """At most n photographs, spread evenly."""
    import numpy as np

    if n >= len(scenes):
        return scenes
    return scenes.subset(np.linspace(0, len(scenes) - 1, n).astype(int))


def _show(rows, with_faces):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("detector", no_wrap=True)
    sizes = list(dict.fromkeys(name for row in rows for name in row["by_size"]))
    columns = ["wrong an image", "CPU ms"]
    if with_faces:
        allowed = [f"at {wrong}" for wrong in rows[0]["recall_at"]]
        named = [f"{name} px ({rows[0]['by_size'][name]['n']})" for name in sizes]
        columns = ["found", *named, columns[0], *allowed, "AP", "uncorrected", columns[1]]
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [f"{row['wrong_per_image']:.3f}", f"{row['cpu_ms']:.1f}"]
        if with_faces:
            cells = [
                _percent(row["recall"]),
                *(_percent(row["by_size"][name]["recall"]) for name in sizes),
                cells[0],
                *map(_percent, row["recall_at"].values()),
                _percent(row["average_precision"]),
                _percent(row["recall_uncorrected"]),
                cells[1],
            ]
        table.add_row(Text(printable(row["detector"])), *cells)
    Console(highlight=False, width=max(terminal().width, _WIDTH)).print(table)


def _explain(judgement):
    """Explain the columns, and how boxes were made comparable."""
    from data_tools.scenes import CONVENTIONS

    say()
    say(f"found, in %: faces that a box overlaps by {judgement.overlap:g} (intersection over "
        "union) or more, at the detector's own threshold; 'at 0.1': with at most 0.1 wrong boxes "
        "an image; AP: average precision; CPU ms: median of an image, one thread")  # fmt: skip
    for convention, where in judgement.measured_on.items():
        say(f"annotated boxes: {CONVENTIONS[convention]}; boxes of the detectors are corrected to "
            f"them, as measured on {where}:")  # fmt: skip
        for (label, name), fit in judgement.fits.items():
            if name == convention:
                say(f"  {label}: {_correction(fit)}")


def _correction(fit):
    if fit is None:
        return "finds no face, nothing to correct"
    c = fit.correction
    return (
        f"side × {c.scale:.3f}, moved by {c.shift_x:+.3f} and {c.shift_y:+.3f} sides (down is +); "
        f"median overlap then {fit.overlap:.2f}"
    )


def _percent(value):
    return "–" if value is None else f"{value * 100:.1f}"
