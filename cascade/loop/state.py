"""Conversion of a trained cascade to a header and a dict of arrays, and back.

The content of a file is checked here, before any kernel uses it: types, shapes, ranges, and
consistency of all parts.
"""

import json
import math
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from data_tools.corrections import DetectorFit
from data_tools.schemes import Scheme
from features.errors import InputError
from features.frame import Frame

from ..pose.key_shapes import MAX_KEYS, KeyShapes
from ..pose.poses import Poses
from ..pose.routing import RoutedStage, Router
from ..stages.cross_fitting import MAX_PARTS
from ..stages.layout import from_arrays, to_arrays
from ..stages.registry import ALIASES, FEATURES, PREDICTORS, RUNNERS, find
from ..stages.stage import FittedStage
from .confidence import Calibration, Confidence
from .shape_modes import ShapeModes
from .starts import Starts

_MAX_STAGES = 1000
# Longest note, and largest number of notes.
_MAX_NOTES, _MAX_NOTE = 1000, 1 << 20
# Parameters that prediction uses.
_PREDICTING = {
    "test_starts": int,
    "test_mirror": bool,
    "restarts": int,
    "restart_spread": (int, float),
}
# Parameters that do not change the trained model.
_RUN_PARAMETERS = ("n_jobs", "memory_limit", "verbose")
# Parameters that are stored only if set, so that other files keep the bytes of earlier versions.
_IF_GIVEN = ("max_landmarks",)
# Classes of nested parameters, by their names in files.
_CLASSES = {"Poses": Poses, "Starts": Starts}


# ------------------------------------------------------------------------------------ to a state


def to_state(model, training=None):
    """Header and arrays of a trained cascade.

    Parameters
    ----------
    model : BaseCascade
    training : dict, optional
        State of an unfinished training; see `cascade.loop.checkpoint`.

    Returns
    -------
    header : dict
        Plain values, ready for JSON.
    arrays : dict of str to ndarray

    Raises
    ------
    InputError
        If a stage cannot be stored, as those made with scikit-learn regressors.
    """
    arrays = {"mean": model.mean_shape_, "starts": model.starts_}
    stages = []
    for t, stage in enumerate(model.stages_):
        prefix, what = f"stages.{t}", f"stage {t + 1}"
        if isinstance(stage, RoutedStage):
            arrays |= to_arrays(stage.router, f"{prefix}.router")
            routes = [_put(route, f"{prefix}.{k}", what, arrays, training)
                      for k, route in enumerate(stage.routes)]  # fmt: skip
            stages.append({"routes": routes})
        else:
            stages.append(_put(stage, prefix, what, arrays, training))
    header = {
        "method": model.method,
        "parameters": parameters(model),
        "scheme": model.scheme_.to_dict(),
        "frame": {"size": model.frame_.size, "face": model.frame_.face},
        "stages": stages,
        "history": model.history_,
        "notes": model.notes_,
        "versions": versions(),
    }
    if model.modes_ is not None:
        header["shape_modes"] = True
        arrays |= to_arrays(model.modes_, "modes")
    if model.keys_ is not None:
        arrays["keys"] = model.keys_.shapes
        score = _put(model.keys_.score, "score", "the score of the key shapes", arrays)
        header["keys"] = {"stages": model.keys_.n_stages, "score": score}
    if model.confidence_ is not None:
        arrays |= to_arrays(model.confidence_.calibration, "confidence")
        told = _put(model.confidence_.stage, "confidence", "the confidence", arrays)
        header["confidence"] = told
    header |= detectors_in(model)
    if training:
        header["training"] = training
    return header, arrays


def _put(stage, prefix, what, arrays, training=None):
    """Add the arrays of a plain stage to `arrays`, and those that only an unfinished training
    needs; its kinds, for the header."""
    if stage.kind not in RUNNERS:
        names = " with ".join(type(part).__name__ for part in (stage.feature, stage.predictor))
        raise InputError(
            f"{what} cannot be saved: {names} has no file format; "
            "keep the object in memory, or use features and regressors of the toolkit's own"
        )
    arrays |= to_arrays(stage.feature, f"{prefix}.feature")
    arrays |= to_arrays(stage.predictor, f"{prefix}.predictor")
    feature, predictor = stage.kind
    entry = {"feature": feature, "predictor": predictor}
    if training and stage.parts:
        for k, part in enumerate(stage.parts):
            arrays |= to_arrays(part, f"{prefix}.parts.{k}")
        entry["parts"] = len(stage.parts)
    return entry


def parameters(model):
    """The parameters that determine the trained model, ready for JSON."""
    chosen = {k: v for k, v in model.get_params(deep=False).items() if k not in _RUN_PARAMETERS}
    chosen = {k: v for k, v in chosen.items() if v is not None or k not in _IF_GIVEN}
    return json.loads(json.dumps(chosen, default=_plain))


def _plain(value):
    if hasattr(value, "get_params"):
        return {"class": type(value).__name__, **value.get_params(deep=False)}
    if isinstance(value, np.generic):
        return value.item()
    return repr(value)


def versions():
    """Versions of Python, numpy and this package, for the header."""
    found = {"python": platform.python_version(), "numpy": np.__version__}
    try:
        found["cascade-align"] = version("cascade-align")
    except PackageNotFoundError:
        pass
    return found


# ---------------------------------------------------------------------------------- from a state


def untrained(cls, header):
    """An untrained `cls` with the parameters of a header; unknown ones are left out.

    Parameters
    ----------
    cls : type
        The class of the method, see `cascade.methods.METHODS`.
    header : dict
    """
    known = cls._get_param_names()
    chosen = {k: v for k, v in dict(header["parameters"]).items() if k not in _RUN_PARAMETERS}
    made = {k: _value(v) for k, v in chosen.items() if k in known}
    # Version 0.1 wrote null for 'poses' where nothing is done for turned heads.
    if made.get("poses", ()) is None:
        del made["poses"]
    # The recipes of a `Cascade` are not in the file, its trained stages are.
    made.pop("stages", None)
    return cls(**made)


def begun(cls, header):
    """A model of `cls` with checked parameters and the scheme of a header, and nothing else yet."""
    model = untrained(cls, header)
    model.check_parameters()
    model.scheme_ = Scheme.from_dict(header["scheme"])
    return model


def recalled(model, header):
    """Fill a model with what a header tells about it: history, notes and measured detectors."""
    model.history_ = history_of(header["history"])
    model.notes_ = notes_of(header["notes"])
    model.detectors_ = detectors_of(header.get("detectors", {}))


def _value(value):
    """A parameter from a header; unknown nested parameters are left out."""
    cls = _CLASSES.get(value.get("class")) if isinstance(value, dict) else None
    if cls is None:
        return value
    made = cls(**{k: v for k, v in value.items() if k in cls._get_param_names()})
    if cls is Starts:
        made.mix = tuple(made.mix)
    return made


def restore(model, header, arrays):
    """Fill an untrained model with the content of a file, and prepare it for prediction.

    Parameters
    ----------
    model : BaseCascade
        From `untrained`.
    header, arrays
        As of `to_state`.

    Returns
    -------
    BaseCascade
        `model`.

    Raises
    ------
    InputError
        If something is missing, of another type, out of range or inconsistent; the message names
        it.
    """
    scheme = Scheme.from_dict(header["scheme"])
    model.scheme_ = scheme
    frame = header["frame"]
    model.frame_ = Frame(int(frame["size"]), int(frame["face"]))
    n_points = n_moved = scheme.n_points
    model.modes_ = None
    if header.get("shape_modes"):
        sizes = {"landmarks": n_points, "coordinates": 2 * n_points}
        model.modes_ = from_arrays(ShapeModes, arrays, "modes", sizes)
        n_moved = len(model.modes_.moved)
    shapes = {"mean": (n_points, 2), "starts": (None, n_moved, 2)}
    if "keys" in header:
        shapes["keys"] = shapes["starts"]
    for name, wanted in shapes.items():
        array = arrays.get(name)
        if array is None or array.dtype != np.float32 or array.ndim != len(wanted):
            raise InputError(f"array {name} is missing or not float32 of {len(wanted)} dimensions")
        if array.shape[-2:] != wanted[-2:] or not np.isfinite(array).all():
            raise InputError(f"array {name} holds no shapes of {wanted[-2]} landmarks")
    model.mean_shape_, model.starts_ = arrays["mean"], arrays["starts"]
    for name, kind in _PREDICTING.items():
        value = getattr(model, name, False)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise InputError(f"parameter {name} has an invalid value: {value!r}")
    if not 1 <= model.test_starts <= len(model.starts_):
        raise InputError(f"{model.test_starts} starts to predict from, {len(model.starts_)} kept")
    if not 0 <= model.restarts <= 1000 or not 0 <= model.restart_spread < math.inf:
        raise InputError(f"{model.restarts} restarts beyond {model.restart_spread} cannot be")
    model.stages_ = stages_from(header, arrays, n_moved)
    model.keys_ = None
    if "keys" in header:
        model.keys_ = _keys(header["keys"], arrays, len(model.stages_), n_moved)
    model.confidence_ = None
    if "confidence" in header:
        model.confidence_ = _confidence(header["confidence"], arrays, n_moved)
    recalled(model, header)
    model.check_stages()
    model._plan()
    return model


def stages_from(header, arrays, n_landmarks):
    """The trained stages that header and arrays describe.

    Parameters
    ----------
    header, arrays
        As of `to_state`.
    n_landmarks : int

    Returns
    -------
    list of FittedStage

    Raises
    ------
    InputError
        As `restore`.
    """
    if not 1 <= len(header["stages"]) <= _MAX_STAGES:
        raise InputError(f"the file has {len(header['stages'])} stages, an impossible number")
    return [_stage(t, kinds, arrays, n_landmarks) for t, kinds in enumerate(header["stages"])]


def _stage(t, kinds, arrays, n_landmarks):
    prefix, what = f"stages.{t}", f"stage {t + 1}"
    if "routes" not in kinds:
        return _plain_stage(kinds, arrays, prefix, what, n_landmarks, 2 * n_landmarks)
    sizes = {"landmarks": n_landmarks}
    router = from_arrays(Router, arrays, f"{prefix}.router", sizes)
    if len(kinds["routes"]) != sizes["routes"]:
        raise InputError(f"{what} has {len(kinds['routes'])} routes to {sizes['routes']} centres")
    routes = [
        _plain_stage(route, arrays, f"{prefix}.{k}", what, n_landmarks, 2 * n_landmarks)
        for k, route in enumerate(kinds["routes"])
    ]
    if any(route.kind != routes[0].kind for route in routes):
        raise InputError(f"{what} has routes of several kinds")
    return RoutedStage(router, tuple(routes))


def _plain_stage(kinds, arrays, prefix, what, n_landmarks, n_outputs):
    pair = tuple(_kind(kinds[role], table, role, what) for role, table in (
        ("feature", FEATURES), ("predictor", PREDICTORS)))  # fmt: skip
    if pair not in RUNNERS:
        raise InputError(f"{what} has the feature {pair[0]!r}, which {pair[1]!r} cannot read")
    sizes = {"landmarks": n_landmarks, "coordinates": n_outputs}
    feature = from_arrays(find(FEATURES[pair[0]]), arrays, f"{prefix}.feature", sizes)
    cls = find(PREDICTORS[pair[1]])
    predictor = from_arrays(cls, arrays, f"{prefix}.predictor", sizes)
    n_parts = kinds.get("parts", 0)
    if not isinstance(n_parts, int) or not 0 <= n_parts <= MAX_PARTS:
        raise InputError(f"{what} has {n_parts!r} parts of faces; at most {MAX_PARTS} can be")
    parts = [from_arrays(cls, arrays, f"{prefix}.parts.{k}", sizes) for k in range(n_parts)]
    return FittedStage(feature, predictor, tuple(parts))


def _kind(name, table, role, what):
    if not isinstance(name, str):
        raise InputError(f"{what} has no name of a {role}")
    name = ALIASES.get(name, name)
    if name not in table:
        raise InputError(f"{what} has an unknown {role} {name!r}")
    return name


def _keys(entry, arrays, n_stages, n_landmarks):
    n_early, shapes = int(entry["stages"]), arrays["keys"]
    if not 1 <= len(shapes) <= MAX_KEYS or not 1 <= n_early <= n_stages:
        raise InputError(f"{len(shapes)} key shapes after {n_early} stages cannot be")
    score = _plain_stage(entry["score"], arrays, "score", "the score", n_landmarks, 1)
    if score.kind != ("hog", "reduced-linear"):
        raise InputError("the score of the key shapes is of an unknown kind")
    return KeyShapes(shapes, n_early, score)


def _confidence(entry, arrays, n_landmarks):
    stage = _plain_stage(
        entry, arrays, "confidence", "the confidence", n_landmarks, n_landmarks + 1
    )
    if stage.kind != ("hog-with-shape", "reduced-linear"):
        raise InputError("the confidence is of an unknown kind")
    return Confidence(stage, from_arrays(Calibration, arrays, "confidence", {}))


def history_of(rows):
    """The rows of a header's history: dicts of numbers, strings and None."""
    if not isinstance(rows, list) or len(rows) > _MAX_STAGES:
        raise InputError("the history is not a list of stages")
    for row in rows:
        values = list(row.values()) if isinstance(row, dict) else [[]]
        if not all(value is None or isinstance(value, int | float | str) for value in values):
            raise InputError("the history may hold only numbers and short texts")
        for name in ("stage", "train_nme", "validation_nme"):
            if isinstance(row.get(name), str | bool):
                raise InputError(f"the history's {name} is not a number")
    return [dict(row) for row in rows]


def detectors_in(model):
    """The entry of a header that keeps the measured detectors of a model; none, no entry."""
    fits = {name: fit.to_dict() for name, fit in model.detectors_.items()}
    return {"detectors": fits} if fits else {}


def detectors_of(entries):
    """The measured detectors of a header."""
    if not isinstance(entries, dict) or len(entries) > _MAX_NOTES:
        raise InputError("the detectors are no entries of name and values")
    return {str(name)[:100]: DetectorFit.from_dict(entry) for name, entry in entries.items()}


def notes_of(notes):
    """The notes of a header: a dict of short strings."""
    if not isinstance(notes, dict) or len(notes) > _MAX_NOTES:
        raise InputError("the notes are no entries of name and text")
    for key, value in notes.items():
        if not isinstance(value, str) or len(value) > _MAX_NOTE:
            raise InputError(f"the note {key[:40]!r} is not a text")
    return dict(notes)
