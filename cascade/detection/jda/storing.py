"""A joint cascade as a header of plain values and a dict of arrays, and back."""

import numpy as np

from features.errors import InputError, require_count

from ...loop.state import detectors_in, history_of, parameters, recalled, versions
from ...stages.layout import from_arrays, to_arrays
from .front import Front
from .stages import stage_from, stage_to
from .verifying import Verifier

MAX_STAGES = 20


def to_state(model, training=None):
    """Header and arrays of a joint cascade; `training` as of `cascade.loop.state.to_state`."""
    arrays = {"mean": model.mean_shape_}
    if len(model.front_.limits):
        arrays |= to_arrays(model.front_, "front")
    for t, stage in enumerate(model.stages_):
        arrays |= stage_to(stage, f"stages.{t}")
    if model.verifier_ is not None:
        arrays |= to_arrays(model.verifier_, "verifier")
    header = {
        "method": model.method,
        "parameters": parameters(model),
        "scheme": model.scheme_.to_dict(),
        "stages": len(model.stages_),
        "verifier": model.verifier_ is not None,
        "history": model.history_,
        "notes": model.notes_,
        "versions": versions(),
        **detectors_in(model),
    }
    if training:
        header["training"] = training
        header["draw"] = model.training_.negatives.draw
        others = model.training_.others
        if others is not None:
            arrays["others"] = others.origin
    return header, arrays


def parts_of(scheme, header, arrays):
    """What a file holds of the first part and the stages, and of an unfinished training.

    Parameters
    ----------
    scheme : Scheme
    header, arrays
        As of `to_state`.

    Returns
    -------
    front : Front
    stages : list of Stage
    history : list of dict
    origin : ndarray of shape (n, 5), int64
        Windows that were mined.
    draw : int
        Photographs drawn for them.

    Raises
    ------
    InputError
        Naming what is missing, of another type, out of range, or does not fit the rest.
    """
    n = header["stages"]
    require_count("stages", n, 0, MAX_STAGES)
    sizes = {"landmarks": scheme.n_points, "coordinates": 2 * scheme.n_points}
    front = from_arrays(Front, arrays, "front", dict(sizes))
    stages, first = [], None
    for t in range(n):
        stage = stage_from(arrays, f"stages.{t}", dict(sizes))
        if stage.shapes != (first := first or stage.shapes):
            raise InputError(f"stage {t + 1} is of other sizes than the first")
        stages.append(stage)
    draw = header.get("draw", 0)
    require_count("draw", draw, 0, 1 << 40)
    origin = arrays.get("others", np.zeros((0, 5), np.int64))
    if origin.dtype != np.int64 or origin.ndim != 2 or origin.shape[1] != 5:
        raise InputError("array others is not int64 of five columns")
    return front, stages, history_of(header["history"]), origin, draw


def restore(model, header, arrays):
    """Fill a model with what a file holds, and make it ready to search.

    Parameters
    ----------
    model : JDA
        From `cascade.loop.state.begun`.
    header, arrays
        As of `to_state`.

    Raises
    ------
    InputError
        As `parts_of`.
    """
    n_points = model.scheme_.n_points
    mean = arrays.get("mean")
    if mean is None or mean.dtype != np.float32 or mean.shape != (n_points, 2):
        raise InputError("array mean is missing or holds no shape of the scheme's landmarks")
    if not np.abs(mean).max() < 100:
        raise InputError("array mean lies far from the box")
    model.mean_shape_ = mean
    model.front_, model.stages_, _, _, _ = parts_of(model.scheme_, header, arrays)
    model.verifier_ = None
    if header["verifier"] is True:
        model.verifier_ = from_arrays(Verifier, arrays, "verifier", {"landmarks": n_points})
    recalled(model, header)
    model.make_ready()
    return model
