"""The native model file: safetensors with a JSON header; nothing in it can run.

A file that is truncated, altered, of a newer version, or whose numbers do not fit together is
refused before any kernel sees it. Writing goes to a temporary file that is then renamed.
"""

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from data_tools.files import replace_file
from data_tools.schemes import Scheme
from features.dlib_pixels import BoxIndexedPixels
from features.errors import InputError
from features.frame import Frame
from features.hog import HogDescriptors, HogWithShape
from features.lbf import LocalBinaryFeatures
from features.line_pixels import LineIndexedPixels
from features.opencv_forests import FacemarkForests
from features.pixels import ShapeIndexedPixels
from features.sift import SiftDescriptors

from ..pose.key_shapes import MAX_KEYS, KeyShapes
from ..pose.routing import RoutedStage, Router
from ..stages.dlib.regressor import BoxTrees, CompactBoxTrees
from ..stages.ferns.regressor import Ferns, ZonedFerns
from ..stages.layout import from_arrays, to_arrays
from ..stages.lbf.regressor import SparseLinear
from ..stages.linear.regressor import ReducedLinear
from ..stages.opencv.regressor import LeafWeights
from ..stages.stage import FittedStage
from ..stages.trees.regressor import Trees

FORMAT = "cascade-align"
# A file says 1 unless it holds key shapes or routes, which came with 2.
VERSION = 2
# The key in the file's metadata; one key, because several come in no fixed order.
_HEADER = "cascade"
_MAX_BYTES = 1 << 30
_MAX_STAGES = 1000

FEATURES = {
    cls.KIND: cls
    for cls in (
        BoxIndexedPixels,
        FacemarkForests,
        HogDescriptors,
        HogWithShape,
        LineIndexedPixels,
        LocalBinaryFeatures,
        ShapeIndexedPixels,
        SiftDescriptors,
    )
}
PREDICTORS = {
    cls.KIND: cls
    for cls in (
        BoxTrees, CompactBoxTrees, Ferns, LeafWeights, ReducedLinear, SparseLinear, Trees,
        ZonedFerns,
    )
}  # fmt: skip
# Parameters that prediction reads.
_PREDICTING = {
    "test_starts": int,
    "test_mirror": bool,
    "restarts": int,
    "restart_spread": (int, float),
}
# Methods that predict with one feature alone.
_ONLY_FEATURE = {"dlib": BoxIndexedPixels, "opencv": FacemarkForests}
# Parameters that change how training runs but not what it yields.
_RUN_PARAMETERS = ("n_jobs", "memory_limit")


def save(model, path, training=None):
    """Write a trained cascade.

    Parameters
    ----------
    model : BaseCascade
    path : str or Path
    training : dict, optional
        State of an unfinished training; see `cascade.loop.checkpoint`.

    Raises
    ------
    InputError
        If the folder cannot be written, or a stage has no compact form, as those made with
        scikit-learn regressors other than linear ones.
    """
    replace_file(path, dumps(model, training))


def dumps(model, training=None):
    """The bytes of a model file; equal models give equal bytes."""
    arrays = {"mean": model.mean_, "starts": model.starts_}
    stages = []
    for t, stage in enumerate(model.stages_):
        prefix, what = f"stages.{t}", f"stage {t + 1}"
        if isinstance(stage, RoutedStage):
            arrays |= to_arrays(stage.router, f"{prefix}.router")
            routes = [_put(route, f"{prefix}.{k}", what, arrays)
                      for k, route in enumerate(stage.routes)]  # fmt: skip
            stages.append({"routes": routes})
        else:
            stages.append(_put(stage, prefix, what, arrays))
    keys = model.keys_
    later = keys is not None or any("routes" in kinds for kinds in stages)
    header = {
        "format": FORMAT,
        "version": VERSION if later else 1,
        "method": model.method,
        "parameters": parameters(model),
        "scheme": model.scheme_.to_dict(),
        "frame": {"size": model.frame_.size, "face": model.frame_.face},
        "stages": stages,
        "history": model.history_,
        "notes": model.notes_,
        "versions": _versions(),
    }
    if keys is not None:
        arrays["keys"] = keys.shapes
        score = _put(keys.score, "score", "the score of the key shapes", arrays)
        header["keys"] = {"stages": keys.n_stages, "score": score}
    if training:
        header["training"] = training
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header["sha256"] = _digest(header, arrays)
    return pack(arrays, {_HEADER: json.dumps(header, sort_keys=True)})


def _put(stage, prefix, what, arrays):
    """Add the arrays of a plain stage to `arrays`; its kinds, for the header."""
    kinds = {}
    for role, part, known in (
        ("feature", stage.feature, FEATURES),
        ("predictor", stage.predictor, PREDICTORS),
    ):
        if getattr(part, "KIND", None) not in known:
            raise InputError(
                f"{what} cannot be saved: {type(part).__name__} has no compact form; "
                "keep the object in memory, or use one of the toolkit's own"
            )
        arrays |= to_arrays(part, f"{prefix}.{role}")
        kinds[role] = part.KIND
    return kinds


def load(path):
    """Read a trained cascade.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    BaseCascade
        Of the class that trained it, ready to predict.

    Raises
    ------
    InputError
        If the file is missing, not a model file, truncated, altered, of a newer version, or its
        arrays do not fit together.
    """
    header, arrays = read(path)
    try:
        return _build(header, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}; the file is damaged, get it again") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: the header is damaged ({error}); get the file again") from error


def read(path):
    """Header and arrays of a model file, checked against its digest, not yet for their meaning."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(
                f"{path}: larger than any model file; name a model that was saved here"
            )
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(_HEADER)
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a whole model file ({error}); get it again") from error
    try:
        header = json.loads(text)
        known = header["format"] == FORMAT
        found = int(header["version"])
    except (TypeError, ValueError, KeyError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not a model file of this toolkit") from error
    if not known:
        raise InputError(f"{path}: not a model file of this toolkit")
    if found > VERSION:
        raise InputError(
            f"{path}: format version {found} is newer than this toolkit's {VERSION}; "
            "upgrade with pip install --upgrade cascade-align"
        )
    digest = header.pop("sha256", None)
    if digest != _digest(header, arrays):
        raise InputError(
            f"{path}: the file was altered or damaged after it was written; get it again"
        )
    return header, arrays


def parameters(model):
    """The parameters that decide what training yields, ready for JSON."""
    chosen = {k: v for k, v in model.get_params(deep=False).items() if k not in _RUN_PARAMETERS}
    if chosen.get("starts", ()) is None:  # by name: the default may change
        chosen["starts"] = model.default_starts
    return json.loads(json.dumps(chosen, default=_plain))


def _plain(value):
    if hasattr(value, "get_params"):
        return {"class": type(value).__name__, **value.get_params(deep=False)}
    if isinstance(value, np.generic):
        return value.item()
    return repr(value)


def _build(header, arrays):
    from ..methods import METHODS  # the methods know how to save themselves

    scheme = Scheme.from_dict(header["scheme"])
    chosen = {k: v for k, v in header["parameters"].items() if k not in _RUN_PARAMETERS}
    model = METHODS.from_header(header["method"], chosen)
    model.scheme_ = scheme
    frame = header["frame"]
    model.frame_ = Frame(int(frame["size"]), int(frame["face"]))
    shapes = {"mean": 2, "starts": 3} | ({"keys": 3} if "keys" in header else {})
    for name, dimensions in shapes.items():
        array = arrays.get(name)
        if array is None or array.dtype != np.float32 or array.ndim != dimensions:
            raise InputError(f"array {name} is missing or not float32 of {dimensions} dimensions")
        if array.shape[-2:] != (scheme.n_points, 2) or not np.isfinite(array).all():
            raise InputError(f"array {name} holds no shapes of {scheme.n_points} landmarks")
    model.mean_, model.starts_ = arrays["mean"], arrays["starts"]
    for name, kind in _PREDICTING.items():
        if not isinstance(getattr(model, name, False), kind):
            raise InputError(f"parameter {name} cannot be {getattr(model, name)!r}")
    if not 1 <= int(model.test_starts) <= len(model.starts_):
        raise InputError(f"{model.test_starts} starts to predict from, {len(model.starts_)} kept")
    if not 1 <= len(header["stages"]) <= _MAX_STAGES:
        raise InputError(f"{len(header['stages'])} stages cannot be")
    model.stages_ = [
        _stage(t, kinds, arrays, scheme.n_points) for t, kinds in enumerate(header["stages"])
    ]
    if "keys" in header:
        model.keys_ = _keys(header["keys"], arrays, len(model.stages_), scheme.n_points)
    features = {stage.kind[0] for stage in model.stages_}
    only = _ONLY_FEATURE.get(model.method)
    if only is not None and (features != {only} or model.keys_ is not None):
        raise InputError(f"a model of method {model.method!r} has a stage of another")
    if features != {BoxIndexedPixels}:
        _refuse_point(model.mean_)
    model.history_ = [dict(row) for row in header["history"]]
    model.notes_ = dict(header["notes"])
    model._plan()
    return model


def _refuse_point(mean):
    """Refuse a mean shape without size, which nothing can be aligned with; dlib alone does without
    aligning a single landmark."""
    with np.errstate(over="ignore", invalid="ignore"):
        energy = np.square(mean - mean.mean(0)).sum()
    if not 0 < energy < np.inf:
        raise InputError("the mean shape is a single point")


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
    sizes = {"landmarks": n_landmarks, "coordinates": n_outputs}
    parts = {}
    for role, known in (("feature", FEATURES), ("predictor", PREDICTORS)):
        if kinds[role] not in known:
            raise InputError(f"{what} has an unknown {role} {kinds[role]!r}")
        parts[role] = from_arrays(known[kinds[role]], arrays, f"{prefix}.{role}", sizes)
    return FittedStage(**parts)


def _keys(entry, arrays, n_stages, n_landmarks):
    n_early, shapes = int(entry["stages"]), arrays["keys"]
    if not 1 <= len(shapes) <= MAX_KEYS or not 1 <= n_early <= n_stages:
        raise InputError(f"{len(shapes)} key shapes after {n_early} stages cannot be")
    score = _plain_stage(entry["score"], arrays, "score", "the score", n_landmarks, 1)
    if score.kind != (HogDescriptors, ReducedLinear):
        raise InputError("the score of the key shapes is of an unknown kind")
    return KeyShapes(shapes, n_early, score)


def _digest(header, arrays):
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()


def _versions():
    found = {"python": platform.python_version(), "numpy": np.__version__}
    try:
        found["cascade-align"] = version("cascade-align")
    except PackageNotFoundError:
        pass
    return found
