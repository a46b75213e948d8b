"""``cascade evaluate --video``: how well a face is followed through annotated videos."""

import json
from itertools import chain

from data_tools.files import replace_file
from features.errors import InputError

from .common import (
    check_detector,
    from_detector,
    load_model,
    printable,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
    say,
    terminal,
)

_DRAWN, _WIDTH = "drawn", 120


def evaluate_video(model, sources, detector, json_, n_starts):
    """Follow faces through the videos of `sources`, show a table and write the figures."""
    from ..judging.video import annotated_clips, drawn_clip, figures, follow
    from ..video.tracking import Tracker

    check_detector(detector)
    drawn = [str(source) == _DRAWN and not source.exists() for source in sources]
    refuse_overwriting(
        {"--json": json_},
        {
            "MODEL": model,
            **{f"videos {s}": s for s, d in zip(sources, drawn, strict=True) if not d},
        },
    )
    if json_ is not None:
        refuse_unwritable(json_)
    cascade, rows = load_model(model), []
    with reporting() as progress:
        finder = from_detector(cascade, detector, progress)
        clips = chain.from_iterable(
            [drawn_clip()] if is_drawn else annotated_clips(source, cascade.scheme_)
            for source, is_drawn in zip(sources, drawn, strict=True)
        )
        for clip in clips:
            if clip.truth.shape[1] != cascade.scheme_.n_points:
                raise InputError(
                    f"{clip.name} has {clip.truth.shape[1]} landmarks but the model finds "
                    f"{cascade.scheme_.n_points}; take a model of the same landmarks"
                )
            tracker = Tracker(
                cascade, lambda grey: finder.place(finder.detector(grey)), rate=clip.rate,
                n_starts=n_starts, memory=round(4 * clip.rate),
            )  # fmt: skip
            found = follow(tracker, clip, progress.counting(f"following {clip.name}"))
            rows.append({"video": clip.name} | figures(clip, found))
    _show(rows)
    if json_ is not None:
        replace_file(json_, (json.dumps(rows, indent=2, allow_nan=False) + "\n").encode())
        say(f"wrote {json_}")


_COLUMNS = (
    ("frames", lambda r: str(r["frames"])),
    ("lost", lambda r: _percent(r["lost"])),
    ("numbers", lambda r: str(r["numbers"])),
    ("NME", lambda r: _pair(r, "nme", 100, 2)),
    ("jitter", lambda r: _pair(r, "jitter", 1000, 2)),
    ("removed", lambda r: _percent(r["jitter_removed"])),
    ("lag", lambda r: _pair(r, "lag", 1, 2)),
    ("CPU ms", lambda r: f"{r['cpu_ms_mean']:.2f}"),
)


def _show(rows):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("video", no_wrap=True)
    for name, _ in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(Text(printable(row["video"])), *(cell(row) for _, cell in _COLUMNS))
    Console(highlight=False, width=max(terminal().width, _WIDTH)).print(table)
    say("as found → smoothed; NME in %, jitter in thousandths of the face's side where it rests, "
        "and the share of its energy that smoothing removes; lag in frames where it moves; CPU ms: "
        "mean of a frame, detector included, one thread")  # fmt: skip


def _percent(value):
    return "–" if value is None else f"{value * 100:.1f} %"


def _pair(row, name, scale, digits):
    values = (row[f"{name}_raw"], row[name])
    return " → ".join("–" if v is None else f"{v * scale:.{digits}f}" for v in values)
