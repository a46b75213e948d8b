"""``cascade train``."""

from contextlib import contextmanager
from enum import StrEnum
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from features.errors import InputError

from ..methods import METHODS
from .app import Interrupted
from .common import (
    check_boxes,
    file_size,
    inputs_of,
    percent,
    read_faces,
    refuse_overwriting,
    refuse_unwritable,
    reporting,
    say,
    with_scheme,
)
from .options import Augment, Boxes, Copies, Detector, Folders, Jobs, LandmarkScheme

Method = StrEnum("Method", {name: name for name in METHODS})
# Faces that the written file is checked on.
_N_CHECKED = 200


def _show_parameters_if_asked(context: typer.Context, method: Method):
    """Print what ``--parameters`` asks for, and exit before anything else is asked for."""
    # Eager options are read before eager arguments, so this one is known already.
    if context.params.get("parameters"):
        from .parameters import show

        show(method)
        raise typer.Exit()
    return method


def train(
    method: Annotated[
        Method,
        typer.Argument(
            help="What the stages are made of.", is_eager=True, callback=_show_parameters_if_asked
        ),
    ],
    folders: Folders,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Model file to write.")],
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|FOLDER",
            help="Faces to watch the error on: a share of the image files (0.1) or a folder.",
        ),
    ] = None,
    backgrounds: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Photographs without faces; method jda learns from them what is no face.",
        ),
    ] = None,
    boxes: Boxes = "csv",
    detector: Detector = DEFAULT_DETECTOR,
    scheme: LandmarkScheme = None,
    preset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How much to invest: small (to try out), default or accurate; also fast (aam, "
            "lbf), profiles (asm), robust and sift (sdm), published (cpr, esr, lbf, rcpr).",
        ),
    ] = "default",
    augment: Augment = None,
    copies: Copies = None,
    jobs: Jobs = -1,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|FILE|local:N",
            help="Train on the workers of a Dask cluster: address of its scheduler, a scheduler "
            "file, or local:N for N processes here. The model is the same to the byte. --jobs is "
            "then the number of threads a worker, -1 all that it has.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same file for any --jobs.")
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint FILE.part.")
    ] = False,
    detector_check: Annotated[
        bool,
        typer.Option(
            "--detector-check/--no-detector-check",
            help="Measure on the photographs how the boxes of the face detectors lie to those of "
            "the training, for predict to correct them.",
        ),
    ] = True,
    note: Annotated[
        list[str] | None,
        typer.Option(metavar="[KEY=]TEXT", help="Kept in the model file, e.g. 'terms=research'."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter, e.g. n_trees=300; dlib's and OpenCV's names are understood. Those "
            "of --augment as augment.light.shadow=0.8.",
        ),
    ] = None,
    parameters: Annotated[
        bool,
        typer.Option(
            "--parameters",
            is_eager=True,
            help="List the parameters of METHOD with defaults and meaning, and exit.",
        ),
    ] = False,
):
    """Train a model on folders of annotated faces, or on a store of crops (cascade store).

    A checkpoint FILE.part is written after every stage and removed at the end.
    Ctrl-C stops at any time; the same command with --resume goes on from there.
    """
    from data_tools.dataset import FaceDataset
    from data_tools.store import is_store

    from ..formats import format_of
    from .augmenting import Augmentation
    from .settings import configured
    from .stored import open_faces

    if jobs == 0:
        raise typer.BadParameter(
            "0 threads; give at least 1, or -1 for all cores", param_hint="--jobs"
        )
    extra = Augmentation(augment, copies, set_ or [])
    threads = None if dask is not None and jobs < 0 else jobs
    model = configured(METHODS[method], preset, extra.others, random_state=seed, n_jobs=threads)
    if dask is not None:
        _check_dask(method, model)
    _check_backgrounds(method, backgrounds, validation)
    kind = format_of(out)
    if kind.methods is not None and method not in kind.methods:
        raise InputError(
            f"{out.name}: {kind.name} holds models of method {', '.join(kind.methods)} alone; name "
            "a .safetensors file, or train another method"
        )
    refuse_unwritable(out)
    check_boxes(boxes, detector)
    stored = is_store(folders[0])
    refuse_overwriting({"--out": out}, inputs_of(boxes, detector, faces=folders))
    part = out.with_name(out.name + ".part")
    if part.exists() and not resume:
        raise InputError(
            f"{part}: an unfinished training left this checkpoint; add --resume to go on from it, "
            "or delete it to start anew"
        )
    with reporting() as progress:
        if resume and not part.exists():
            progress.say(f"no checkpoint at {part}: starting with the first stage")
        if stored:
            faces = with_scheme(open_faces(folders, model, extra), scheme)
        else:
            faces = with_scheme(read_faces(folders, boxes, detector, progress), scheme)
        faces, watched = _validation(faces, validation, boxes, detector, seed, progress)
        trained_on = extra.apply(faces, seed, jobs, progress, getattr(model, "face_size", None))
        progress.say(_counts(faces, watched, trained_on))
        notes = _notes(note or [], folders, faces, detector if boxes == "detect" else boxes)
        if stored:
            notes |= {name: faces.notes[name] for name in ("data", "boxes") if name in faces.notes}
        if extra:
            notes = {"augmentation": str(extra), **notes}
        second = _pictures(backgrounds, progress) if backgrounds else watched
        try:
            with _cluster(dask, threads) as cluster:
                model.fit(
                    trained_on, second, checkpoint=part, resume=resume, progress=progress,
                    notes=notes, **cluster,
                )  # fmt: skip
        except KeyboardInterrupt:
            raise Interrupted(_stopped(part)) from None
        if detector_check and not backgrounds and not stored:
            _check_detectors(model, faces, detector, progress)
        try:
            kind.write(model, out)
        except InputError as error:
            raise InputError(
                f"{error}; the trained stages are safe in {part}, make room and run the same "
                "command with --resume"
            ) from error
        part.unlink(missing_ok=True)
        progress.say("checking the model file")
        checked = (faces if watched is None else watched).subset(slice(_N_CHECKED))
        if not hasattr(checked, "files"):  # a store
            checked = FaceDataset.from_store(checked)
        errors, unit = _errors_in_memory_and_file(model, out if kind.reads else None, checked)
    last = model.history_[-1]
    figures = f"train {percent(last['train_nme'])}"
    if last["validation_nme"] is not None:
        figures += f", validation {percent(last['validation_nme'])}"
    loss = (errors[1] - errors[0]) * 100
    say(f"wrote {out}, {file_size(out)}, {len(model.stages_)} stages")
    say(f"NME by {unit}: {figures}")
    say(f"compact storage changes it by {loss:+.3f} % (measured on {len(checked)} faces)")
    say(f"next: cascade evaluate {out} FOLDER, or cascade predict {out} IMAGE --draw FOLDER")


def _check_detectors(model, faces, detector, progress):
    """Measure the detectors at hand, and tell what predict will have of them."""
    from ..detection import known_detectors, measure_detectors

    detectors = dict.fromkeys([*known_detectors(), detector])
    measure_detectors(model, faces, detectors, progress.counting("measuring face detectors"))
    for name, fit in model.detectors_.items():
        progress.say(
            f"detector {name}: finds {fit.found:.0%} of the faces, its boxes overlap by "
            f"{fit.overlap:.0%} after correction"
        )
    if not model.detectors_:
        progress.say("no face detector finds the faces: predict needs --boxes")


def _validation(faces, validation, boxes, detector, seed, progress):
    """Faces to train on and faces to watch, or None."""
    if validation is None:
        return faces, None
    try:
        share = float(validation)
    except ValueError:
        watched = read_faces([Path(validation)], boxes, detector, progress)
        return faces, with_scheme(watched, faces.scheme)
    if share == 0:
        return faces, None
    if not 0 < share < 1:
        raise typer.BadParameter(
            f"a share lies between 0 and 1, not {validation}", param_hint="--validation"
        )
    watched, faces = faces.split(share, seed)
    return faces, watched


def _check_backgrounds(method, backgrounds, validation):
    """Refuse a face detector without backgrounds, and backgrounds for anything else."""
    if method != "jda":
        if backgrounds:
            raise typer.BadParameter(
                f"method {method} learns from faces alone", param_hint="--backgrounds"
            )
        return
    if not backgrounds:
        raise typer.BadParameter(
            "method jda needs a folder of photographs without faces", param_hint="--backgrounds"
        )
    if validation:
        raise typer.BadParameter(
            "method jda watches faces of its own, see its parameter watched",
            param_hint="--validation",
        )


def _check_dask(method, model):
    """Refuse a cluster, before any work, for what one machine alone can train."""
    from ..loop.on_cluster import refuse_undivided

    if "client" not in signature(model.fit).parameters:
        raise typer.BadParameter(
            f"method {method} cannot be trained over several workers", param_hint="--dask"
        )
    refuse_undivided(model)


@contextmanager
def _cluster(dask, threads):
    """What `fit` is told of the cluster that ``--dask`` names."""
    if dask is None:
        yield {}
        return
    from ..distributed.cluster import open_client

    with open_client(dask, threads) as client:
        yield {"client": client}


def _pictures(folders, progress):
    """The photographs of folders, grey, in the order of their names."""
    from data_tools.readers.folder import IMAGE_SUFFIXES
    from features.images import read_image

    files = [file for folder in folders for file in sorted(folder.glob("*"))
             if file.suffix.lower() in IMAGE_SUFFIXES]  # fmt: skip
    if not files:
        raise InputError(f"{folders[0]}: no photograph here; name a folder of images without faces")
    tell, pictures = progress.counting("reading backgrounds"), []
    for k, file in enumerate(files):
        pictures.append(read_image(file))
        tell(k + 1, len(files))
    return pictures


def _counts(faces, watched, trained_on):
    text = f"{len(faces)} faces to train on"
    if len(trained_on) > len(faces):
        text += f" and {len(trained_on) - len(faces)} changed copies"
    if watched is not None:
        text += f", {len(watched)} to validate on"
    return f"{text}, {faces.scheme.n_points} landmarks ({faces.scheme.name})"


def _notes(notes, folders, faces, boxes):
    """What the model file says of its origin."""
    # The last two parts of a path tell a data set without telling where someone keeps it.
    names = ["/".join(folder.resolve().parts[-2:]).lstrip("/") for folder in folders]
    kept = {"data": f"{len(faces)} faces of {', '.join(names)}"}
    kept["boxes"] = boxes if boxes in ("csv", "tight") else Path(boxes).name
    for note in notes:
        key, equals, text = note.partition("=")
        if not equals or not key.strip().isidentifier():
            key, text = "note", note
        key = key.strip()
        kept[key] = f"{kept['note']}\n{text}" if key == "note" and key in kept else text
    return kept


def _stopped(part):
    if part.exists():
        return f"the trained stages are in {part}; run the same command with --resume to go on"
    return "before the first stage was trained; there is nothing to go on from"


def _errors_in_memory_and_file(model, path, faces):
    """NME of what was trained and of what its file holds, and their unit in words."""
    import numpy as np

    from ..formats import load
    from ..judging.evaluation import align_all, reference_errors

    errors = []
    for aligner in (model, model if path is None else load(path)):
        found, unit = reference_errors(align_all(aligner, faces).shapes, faces)
        errors.append(np.nanmean(found))
    return errors, unit
