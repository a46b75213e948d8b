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
from features.box_pixels import BoxIndexedPixels
from features.errors import InputError
from features.frame import Frame
from features.hog import HogDescriptors
from features.lbf import LocalBinaryFeatures
from features.line_pixels import LineIndexedPixels
from features.pixels import ShapeIndexedPixels

from ..regressors.box_trees import BoxTrees, CompactBoxTrees
from ..regressors.ferns import Ferns, ZonedFerns
from ..regressors.linear import ReducedLinear
from ..regressors.sparse_ridge import SparseLinear
from ..regressors.trees import Trees
from ..stage import FittedStage
from .layout import from_arrays, to_arrays

FORMAT = "cascade-align"
VERSION = 1
# The key in the file's metadata; one key, because several come in no fixed order.
_HEADER = "cascade"
_MAX_BYTES = 1 << 30
_MAX_STAGES = 1000

FEATURES = {
    cls.KIND: cls
    for cls in (
        BoxIndexedPixels,
        HogDescriptors,
        LineIndexedPixels,
        LocalBinaryFeatures,
        ShapeIndexedPixels,
    )
}
PREDICTORS = {
    cls.KIND: cls
    for cls in (
        BoxTrees, CompactBoxTrees, Ferns, ReducedLinear, SparseLinear, Trees, ZonedFerns,
    )
}  # fmt: skip
# Parameters that change how training runs but not what it yields.
_RUN_PARAMETERS = ("n_jobs", "memory_limit")


def save(model, path, training=None):
    """Write a trained cascade.

    Parameters
    ----------
    model : BaseCascade
    path : str or Path
    training : dict, optional
        State of an unfinished training; see `cascade.checkpoint`.

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
        for role, part, known in (
            ("feature", stage.feature, FEATURES),
            ("predictor", stage.predictor, PREDICTORS),
        ):
            if getattr(part, "KIND", None) not in known:
                raise InputError(
                    f"stage {t + 1} cannot be saved: {type(part).__name__} has no compact form; "
                    "keep the object in memory, or use one of the toolkit's own"
                )
            arrays |= to_arrays(part, f"stages.{t}.{role}")
        stages.append({"feature": stage.feature.KIND, "predictor": stage.predictor.KIND})
    header = {
        "format": FORMAT,
        "version": VERSION,
        "method": model.method,
        "parameters": parameters(model),
        "scheme": model.scheme_.to_dict(),
        "frame": {"size": model.frame_.size, "face": model.frame_.face},
        "stages": stages,
        "history": model.history_,
        "notes": model.notes_,
        "versions": _versions(),
    }
    if training:
        header["training"] = training
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header["sha256"] = _digest(header, arrays)
    return pack(arrays, {_HEADER: json.dumps(header, sort_keys=True)})


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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
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
    except (TypeError, ValueError, KeyError, RecursionError) as error:
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
    model = METHODS.from_header(header["method"], header["parameters"])
    model.scheme_ = scheme
    frame = header["frame"]
    model.frame_ = Frame(int(frame["size"]), int(frame["face"]))
    for name, dimensions in (("mean", 2), ("starts", 3)):
        array = arrays.get(name)
        if array is None or array.dtype != np.float32 or array.ndim != dimensions:
            raise InputError(f"array {name} is missing or not float32 of {dimensions} dimensions")
        if array.shape[-2:] != (scheme.n_points, 2) or not np.isfinite(array).all():
            raise InputError(f"array {name} holds no shapes of {scheme.n_points} landmarks")
    model.mean_, model.starts_ = arrays["mean"], arrays["starts"]
    if not 1 <= int(model.test_starts) <= len(model.starts_):
        raise InputError(f"{model.test_starts} starts to predict from, {len(model.starts_)} kept")
    if not np.ptp(model.mean_, axis=0).max() > 0:
        raise InputError("the mean shape is a single point")
    if not 1 <= len(header["stages"]) <= _MAX_STAGES:
        raise InputError(f"{len(header['stages'])} stages cannot be")
    model.stages_ = [
        _stage(t, kinds, arrays, scheme.n_points) for t, kinds in enumerate(header["stages"])
    ]
    model.history_, model.notes_ = list(header["history"]), dict(header["notes"])
    model._plan()
    return model


def _stage(t, kinds, arrays, n_landmarks):
    sizes = {"landmarks": n_landmarks, "coordinates": 2 * n_landmarks}
    parts = {}
    for role, known in (("feature", FEATURES), ("predictor", PREDICTORS)):
        if kinds[role] not in known:
            raise InputError(f"stage {t + 1} has an unknown {role} {kinds[role]!r}")
        parts[role] = from_arrays(known[kinds[role]], arrays, f"stages.{t}.{role}", sizes)
    return FittedStage(**parts)


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
