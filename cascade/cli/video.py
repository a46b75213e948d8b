"""``cascade video``."""

import time
from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from features.errors import InputError

from .app import Interrupted
from .common import (
    from_detector,
    inputs_of,
    load_model,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
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
    show: Annotated[
        bool, typer.Option("--show", help="Show the frames in a window; q closes it.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after N frames.")
    ] = None,
    n_starts: NStarts = None,
    start: Start = None,
):
    """Follow the landmarks of faces through a video or a camera's pictures.

    A face is detected once, and then found where it was in the frame before; one that comes back
    within four seconds keeps its number. The tables also tell how far mouth and eyes are open,
    height over width, and yaw, pitch and roll of the head in degrees. A camera alone, with nothing
    to write, is shown in a window. Ctrl-C ends a camera's recording; of a video, the frames until
    then are kept, too.
    """
    import numpy as np

    from data_tools.video import VideoReader, video_codecs

    from ..video.tracking import Tracker
    from .video_outputs import Csv, Drawer, JsonLines, Window

    *models, source = inputs
    if len(models) > (model is None):
        raise typer.BadParameter("give one video, and one model", param_hint="VIDEO|CAMERA")
    model = Path(models[0]) if models else model
    targets = [path for path in (out, csv_, json_) if path is not None]
    camera = source.isdecimal() and not Path(source).exists()
    show = show or (camera and not targets)
    if not targets and not show:
        raise typer.BadParameter(
            "name what to write, --out, --csv or --json, or --show the video", param_hint="--out"
        )
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
        writers = [Window(cascade.scheme_)] if show else []
        if out is not None:
            writers.append(Drawer(out, frames, cascade.scheme_))
        if csv_ is not None:
            writers.append(Csv(csv_, cascade.scheme_))
        if json_ is not None:
            writers.append(JsonLines(json_, cascade.scheme_))
        seconds, n_found, stopped = _run(frames, tracker, writers, limit)
    if not seconds:
        if stopped:
            raise Interrupted("before the first frame")
        raise InputError(
            f"camera {source}: gives no picture; is it free?"
            if camera
            else f"{source}: no frame can be decoded; convert the video to MP4"
        )
    width, height = frames.size
    median = float(np.median(seconds))
    say(f"followed faces through {len(seconds)} frames of {width}x{height}, {n_found} with a face")
    say(f"tracking took {median * 1e3:.1f} ms a frame in the median, {np.mean(seconds) * 1e3:.1f} "
        f"ms in the mean: {1 / np.mean(seconds):.0f} frames a second")  # fmt: skip
    if targets:
        say(f"wrote {', '.join(map(str, targets))}")
    for note in (writer.file.note for writer in writers if isinstance(writer, Drawer)):
        if note is not None:
            say(f"! {note}")
    closed = any(getattr(writer, "closed", False) for writer in writers)
    if not stopped and not closed and limit is None and len(seconds) < 0.9 * (frames.n_frames or 0):
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
                if any(getattr(writer, "closed", False) for writer in writers):
                    break
    except KeyboardInterrupt:
        stopped = True
    except BaseException:
        for writer in writers:
            writer.close(keep=False)
        raise
    for writer in writers:
        writer.close(keep=bool(seconds))
    return seconds, n_found, stopped
