"""``cascade info``."""

from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError

from .common import file_size, percent, printable, say, terminal

# The facts of the model card come in this order, any others after them.
_CARD = ("name", "data", "terms", "boxes", "limits", "figures")
# What a row of the history always has.
_ERRORS = ("stage", "train_nme", "validation_nme")


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]", help="Model file or name; without it, the pretrained model."
        ),
    ] = None,
):
    """Show what a model file holds: method, parameters, history, model card."""
    from importlib.resources import as_file

    from ..models import available, model_resource

    if model is not None and (model.exists() or str(model) not in available()):
        return _show(model)
    with as_file(model_resource("default" if model is None else str(model))) as path:
        return _show(path)


def _show(path):
    from ..loop.state import parameters as parameters_of
    from ..models import load

    cascade = load(path)
    scheme, frame = cascade.scheme_, getattr(cascade, "frame_", None)
    # Files of dlib's and OpenCV's tell sizes, and not how their models were trained.
    trained = bool(cascade.history_)
    say(f"{path}, {file_size(path)}", style="bold")
    _rows(
        "",
        {
            "method": cascade.method,
            **_first_part(cascade),
            "stages": f"{len(cascade.stages_)}: {_kinds(cascade.stages_)}",
            **_poses(cascade),
            "landmarks": f"{scheme.n_points} ({scheme.name})"
            + ("" if scheme.flip is not None else ", no mirror known")
            + _moved(cascade),
            **(
                {"face size": f"{frame.face} px in crops of {frame.size} px"}
                if trained and frame
                else {}
            ),
            **_unfinished(path),
        },
    )
    notes = cascade.notes_
    order = [key for key in _CARD if key in notes] + [key for key in notes if key not in _CARD]
    _rows(
        "Detectors, measured in training",
        {
            name: f"finds {fit.found:.0%} of {fit.n_faces} faces; corrected, its boxes overlap "
            f"those of the training by {fit.overlap:.0%}"
            for name, fit in cascade.detectors_.items()
        },
    )
    _rows("Model card", {key: notes[key] for key in order})
    parameters = parameters_of(cascade)
    told = parameters if trained else getattr(cascade, "SIZES", ())
    _rows("Parameters", _flat({name: parameters[name] for name in told}))
    if trained:
        say()
        say("History", style="bold")
        terminal().print(_history(cascade.history_), markup=False)


def _rows(title, facts):
    if not facts:
        return
    if title:
        say()
        say(title, style="bold")
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        for i, line in enumerate(str(value).splitlines() or [""]):
            say(f"{name if i == 0 else '':<{width}}{line}")


def _flat(parameters):
    """Parameters of parameters as the option --set names them: ``starts.n``."""
    flat = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in value.items() if k != "class"}
        else:
            flat[name] = value
    return flat


def _kinds(stages):
    """The kinds of feature and predictor, each once, in their order."""
    names = [" with ".join(kind or "?" for kind in s.kind) for s in stages]
    return ", then ".join(dict.fromkeys(names))


def _moved(cascade):
    """How many of the landmarks stages move, where it is not all."""
    modes = getattr(cascade, "modes_", None)
    if modes is None:
        return ""
    return f", of which stages move {len(modes.moved)}; {len(modes.basis)} modes tell the others"


def _poses(cascade):
    """How the model meets turned heads, if it does."""
    facts, keys = {}, cascade.keys_
    if keys is not None:
        facts["key shapes"] = f"{len(keys.shapes)}, the best after stage {keys.n_stages} goes on"
    routes = {t: len(s.routes) for t, s in enumerate(cascade.stages_, 1) if hasattr(s, "routes")}
    if routes:
        facts["routes"] = f"{max(routes.values())} from stage {min(routes)} on"
    return facts


def _first_part(cascade):
    """What a face detector has before and after its stages."""
    front = getattr(cascade, "front_", None)
    if front is None:
        return {}
    facts = {"first part": f"{len(front.limits)} trees on pixels of a fixed window"}
    if cascade.verifier_ is not None:
        facts["last look"] = "a linear classifier on HOG descriptors at the landmarks"
    return facts


def _history(rows):
    """A table of the stages: errors, and what their regressors chose."""
    from rich.table import Table

    chosen = list(dict.fromkeys(name for row in rows for name in row if name not in _ERRORS))
    titles = map(printable, chosen)
    table = Table("stage", "train NME", "validation NME", *titles, box=None, pad_edge=False)
    for row in rows:
        stage, *errors = (row.get(name) for name in _ERRORS)
        others = (printable(row.get(name, "")) for name in chosen)
        table.add_row(str(stage), *map(percent, errors), *others)
    return table


def _unfinished(path):
    """Further entries of the header; empty for files of other formats."""
    from ..loop import model_file

    try:
        header, _ = model_file.read(path)
    except InputError:
        return {}
    versions = header.get("versions")
    facts = {}
    if isinstance(versions, dict):
        facts["made with"] = ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))
    if "training" in header:
        facts["state"] = "checkpoint of an unfinished training"
    return facts
