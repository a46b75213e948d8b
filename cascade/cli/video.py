"""``cascade video``."""

import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from data_tools.files import scratch_beside
from features.errors import InputError

from .app import Interrupted
from .common import (
    from_detector,
    inputs_of,
    load_model,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
    rounded,
    say,
)
from .options import Detector, Model, NStarts, Rotation, Start


def video(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] VIDEO|CAMERA",
            help="A video file, or a camera: 0, 1, …; before it, a model file or name.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Video with the landmarks: .mp4 or .avi."),
    ] = None,
    csv_: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Landmarks: a line for each face of a frame."),
    ] = None,
    json_: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="The same: a JSON object a line and frame."),
    ] = None,
    model: Model = None,
    detector: Detector = DEFAULT_DETECTOR,
    rotation: Rotation = 0.0,
    faces: Annotated[int, typer.Option(min=1, max=100, help="Faces to follow at once.")] = 1,
    check: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Let the detector look every N frames; up to four times rarer while it finds "
            "nothing that is wrong or new.",
        ),
    ] = 15,
    patience: Annotated[
        int, typer.Option(min=1, help="Looks in a row that may fail before a face is given up.")
    ] = 2,
    smooth: Annotated[
        bool, typer.Option("--smooth/--raw", help="Steady the landmarks with One Euro filters.")
    ] = True,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after N frames.")
    ] = None,
    n_starts: NStarts = None,
    start: Start = None,
):
    """Follow the landmarks of faces through a video or a camera's pictures.

    A face is detected once, and then found where it was in the frame before; one that comes back
    within four seconds keeps its number. The tables also tell how far mouth and eyes are open:
    height over width. Ctrl-C ends a camera's recording; of a video, the frames until then are kept,
    too.
    """
    import numpy as np

    from data_tools.video import VideoReader, video_codecs

    from ..video.tracking import Tracker

    *models, source = inputs
    if len(models) > (model is None):
        raise typer.BadParameter("give one video, and one model", param_hint="VIDEO|CAMERA")
    model = Path(models[0]) if models else model
    targets = [path for path in (out, csv_, json_) if path is not None]
    if not targets:
        raise typer.BadParameter("name what to write: --out, --csv or --json", param_hint="--out")
    camera = source.isdecimal() and not Path(source).exists()
    if camera and len(source) > 9:
        raise typer.BadParameter(f"there is no camera {source[:20]}…", param_hint="VIDEO|CAMERA")
    refuse_overwriting(
        {"--out": out, "--csv": csv_, "--json": json_},
        {"the video": None if camera else source, "--model": model, "--start": start}
        | inputs_of(None, detector),
    )
    for path in targets:
        refuse_unwritable(path)
    if out is not None:
        video_codecs(out)
    cascade = load_model(model, start)
    with VideoReader(int(source) if camera else source) as frames:
        with reporting() as progress:
            finder = from_detector(cascade, detector, progress, rotation=rotation)
        tracker = Tracker(
            cascade,
            lambda grey: finder.place(finder.detector(grey)),
            max_faces=faces,
            check_every=check,
            patience=patience,
            smooth=smooth,
            rate=frames.rate,
            n_starts=n_starts,
            memory=round(4 * frames.rate),
        )
        writers = []
        if out is not None:
            writers.append(_Drawer(out, frames, cascade.scheme_))
        if csv_ is not None:
            writers.append(_Csv(csv_, cascade.scheme_))
        if json_ is not None:
            writers.append(_JsonLines(json_, cascade.scheme_))
        seconds, n_found, stopped = _run(frames, tracker, writers, limit)
    if not seconds:
        raise InputError(f"{source}: no frame can be decoded; convert the video to MP4")
    width, height = frames.size
    median = float(np.median(seconds))
    say(f"followed faces through {len(seconds)} frames of {width}x{height}, {n_found} with a face")
    say(f"tracking took {median * 1e3:.1f} ms a frame in the median, {np.mean(seconds) * 1e3:.1f} "
        f"ms in the mean: {1 / np.mean(seconds):.0f} frames a second")  # fmt: skip
    say(f"wrote {', '.join(map(str, targets))}")
    for note in (writer.file.note for writer in writers if isinstance(writer, _Drawer)):
        if note is not None:
            say(f"! {note}")
    if not stopped and limit is None and len(seconds) < 0.9 * (frames.n_frames or 0):
        say(f"! only {len(seconds)} of {frames.n_frames} frames could be decoded")
    if stopped and frames.n_frames is not None:
        raise Interrupted(f"after {len(seconds)} of {frames.n_frames} frames")


def _run(frames, tracker, writers, limit):
    """Track all frames: seconds of each, how many have a face, and whether Ctrl-C came."""
    total = frames.n_frames
    if limit is not None:
        total = limit if total is None else min(limit, total)
    seconds, n_found, stopped = [], 0, False
    try:
        with reporting() as progress:
            tell = progress.counting("following faces")
            for number, frame in enumerate(frames):
                if number == limit:
                    break
                began = time.perf_counter()
                found = tracker.update(frame)
                seconds.append(time.perf_counter() - began)
                n_found += len(found) > 0
                for writer in writers:
                    writer.add(number, number / frames.rate, frame, found)
                if total is not None:
                    tell(min(number + 1, total), total)
    except KeyboardInterrupt:
        stopped = True
    except BaseException:
        for writer in writers:
            writer.close(keep=False)
        raise
    for writer in writers:
        writer.close(keep=bool(seconds))
    return seconds, n_found, stopped


class _Drawer:
    """A video with the landmarks, covered ones in another colour."""

    def __init__(self, path, frames, scheme):
        from data_tools.video import VideoWriter

        self.scheme = scheme
        self.file = VideoWriter(path, frames.rate, frames.size)

    def add(self, number, seconds, frame, found):
        from data_tools.plots import overlay

        from ..detection.drawing import drawn_as_seen

        if len(found):
            seen = drawn_as_seen(found.visible)
            frame = overlay(frame, found.shapes, self.scheme, visible=seen)
        self.file.write(frame)

    def close(self, keep):
        self.file.close(keep)


class _Lines:
    """A text file that grows line by line and appears when it is complete."""

    def __init__(self, path):
        self.path = path
        self.scratch = scratch_beside(path)
        self.file = self.scratch.open("x", encoding="utf-8")

    def close(self, keep):
        try:
            self.file.close()
            if keep:
                os.replace(self.scratch, self.path)
        finally:
            self.scratch.unlink(missing_ok=True)


class _Csv(_Lines):
    """frame, seconds, face, then x and y of each landmark, then how far mouth and eyes are open"""

    def __init__(self, path, scheme):
        from data_tools.openings import measurable

        super().__init__(path)
        self.scheme = scheme
        points = [f"x{i},y{i}" for i in range(scheme.n_points)]
        measures = [f"{name}_opening" for name in measurable(scheme)]
        self.file.write(",".join(["frame", "seconds", "face", *points, *measures]) + "\n")

    def add(self, number, seconds, frame, found):
        from data_tools.openings import openings

        measures = openings(found.shapes, self.scheme).values()
        for i, face in enumerate(found.ids.tolist()):
            cells = [f"{value:.3f}" for value in found.shapes[i].ravel()]
            cells += [f"{values[i]:.4f}" for values in measures]
            self.file.write(f"{number},{seconds:.4f},{face},{','.join(cells)}\n")


class _JsonLines(_Lines):
    """{"frame", "seconds", "faces": [{"face", "box", "landmarks", "openings", …}]} a line"""

    def __init__(self, path, scheme):
        super().__init__(path)
        self.scheme = scheme

    def add(self, number, seconds, frame, found):
        import numpy as np

        from data_tools.openings import openings

        faces, measures = [], openings(found.shapes, self.scheme)
        for i, face in enumerate(found.ids.tolist()):
            entry = {"face": face, "box": rounded(found.boxes[i])}
            entry["landmarks"] = rounded(found.shapes[i])
            # JSON knows no NaN.
            entry["openings"] = {
                name: round(float(values[i]), 4) if np.isfinite(values[i]) else None
                for name, values in measures.items()
            }
            if found.visible is not None:
                entry["visible"] = rounded(found.visible[i])
            faces.append(entry)
        line = {"frame": number, "seconds": round(seconds, 4), "faces": faces}
        self.file.write(json.dumps(line, allow_nan=False) + "\n")
