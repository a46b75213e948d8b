"""``cascade store``: the crops of faces as a folder that training reads without loading it."""

from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from features.errors import InputError
from features.frame import Frame
from features.workers import Workers

from .common import check_boxes, read_faces, reporting, say, with_scheme
from .options import (
    Augment,
    AugmentSettings,
    Boxes,
    Copies,
    Detector,
    Folders,
    Jobs,
    LandmarkScheme,
)


def store(
    folders: Folders,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="STORE", help="Folder to make, new or empty."),
    ] = None,
    boxes: Boxes = "csv",
    detector: Detector = DEFAULT_DETECTOR,
    scheme: LandmarkScheme = None,
    frame_size: Annotated[
        int, typer.Option(min=16, max=4096, help="Side of the crops in pixels.")
    ] = Frame.size,
    face_size: Annotated[
        int, typer.Option(min=16, max=4096, help="Side of the face box in them, in pixels.")
    ] = Frame.face,
    mirror: Annotated[
        bool, typer.Option("--mirror/--no-mirror", help="Whether to add mirrored faces.")
    ] = True,
    augment: Augment = None,
    copies: Copies = None,
    set_: AugmentSettings = None,
    jobs: Jobs = -1,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other copies.")] = 0,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Write nothing: read the stores named and compare their digests."
        ),
    ] = False,
):
    """Crop annotated faces once, into a folder that train takes in place of folders.

    Training then reads crops from disk as it needs them: faces may be more than fit into memory,
    and several machines may read one store. An interrupted run leaves no store.
    """
    from data_tools.store import open_store, write_store

    from .augmenting import Augmentation

    if jobs == 0:
        raise typer.BadParameter(
            "0 threads; give at least 1, or -1 for all cores", param_hint="--jobs"
        )
    if verify:
        for folder in folders:
            with reporting() as progress:
                found = open_store(
                    folder, verify=True, progress=progress.counting("reading the store")
                )
            say(f"{folder}: {_counts(found)}; all files are as they were written")
        return
    if out is None:
        raise typer.BadParameter("name the folder to make", param_hint="--out")
    extra = Augmentation(augment, copies, set_ or [])
    if extra.others:
        raise typer.BadParameter(
            f"{extra.others[0]!r} is none of --augment; write augment.light.shadow=0.8",
            param_hint="--set",
        )
    frame = Frame(frame_size, face_size)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there already; name a new folder")
    check_boxes(boxes, detector)
    with reporting() as progress:
        faces = with_scheme(read_faces(folders, boxes, detector, progress), scheme)
        changed = extra.apply(faces, seed, jobs, progress, face_size)
        names = ["/".join(folder.resolve().parts[-2:]).lstrip("/") for folder in folders]
        notes = {"data": f"{len(faces)} faces of {', '.join(names)}"}
        notes["boxes"] = boxes if boxes in ("csv", "tight") else Path(boxes).name
        if boxes == "detect":
            notes["boxes"] = detector
        if extra:
            notes["augmentation"] = str(extra)
        with Workers(jobs) as workers:
            write_store(
                out, changed, frame, mirror=mirror, notes=notes, workers=workers,
                progress=progress.counting("cropping faces"),
            )  # fmt: skip
    size = sum(file.stat().st_size for file in out.iterdir())
    say(f"wrote {out}, {size / 1e6:.1f} MB: {_counts(open_store(out))}")
    say(f"next: cascade train ert {out} --out model.safetensors")


def _counts(store):
    n_mirrored = int(store.mirrored.sum())
    text = f"{len(store)} crops of {store.frame.size}x{store.frame.size} pixels"
    text += f", {n_mirrored} of them mirrored" if n_mirrored else ""
    return f"{text}, {store.scheme.n_points} landmarks ({store.scheme.name})"
