"""Common parts of the exports of trained cascades to other runtimes (ONNX, C)."""

import json
from dataclasses import dataclass

import numpy as np

from features.errors import InputError, require_range

from ..loop.prediction import Predictor
from ..pose.routing import RoutedStage


@dataclass(frozen=True)
class Plan:
    """How an exported program predicts: its fixed options of `predict`, and its initial shapes.

    Attributes
    ----------
    n_starts : int
    mirror : bool
    n_early : int
        Stages before a choice among starts.
    attempts : int
        How often a face may be restarted; 0 for never.
    openings : ndarray of shape (attempts + 1, n_starts, K, L, 2), float32
        Initial shapes of each start of each attempt: the K key shapes placed at the start, or the
        start itself.
    """

    n_starts: int
    mirror: bool
    n_early: int
    attempts: int
    openings: np.ndarray

    @classmethod
    def of(cls, model, n_starts=None, mirror=None):
        """The plan of a trained cascade; options as of `predict`.

        Raises
        ------
        InputError
            For more starts than the model has, or mirroring without a flip index.
        """
        flip = model.scheme_.flip
        n_starts = model.test_starts if n_starts is None else n_starts
        require_range("n_starts", n_starts, 1, len(model.starts_))
        if mirror and flip is None:
            raise InputError(
                f"landmark scheme {model.scheme_.name!r} has no flip index to mirror by; leave "
                "mirror out"
            )
        mirror = flip is not None and bool(model.test_mirror if mirror is None else mirror)
        attempts = 0
        if model.restarts and n_starts > 1:
            attempts = min(model.restarts, len(model.starts_) // n_starts - 1)
        starts = model.starts_[: (attempts + 1) * n_starts]
        openings = starts.reshape(attempts + 1, n_starts, 1, *starts.shape[1:])
        if model.keys_ is not None:
            # All starts of an attempt together, as they are in a prediction.
            placed = [model.keys_.placed(tried[:, 0], model.mean_shape_) for tried in openings]
            by_key = np.stack(placed).reshape(attempts + 1, -1, n_starts, *starts.shape[1:])
            openings = by_key.swapaxes(1, 2)
        n_early = model.n_early if attempts or model.keys_ is not None else 0
        return cls(n_starts, mirror, n_early, attempts, openings)


def refuse_other_stages(model, kinds, target):
    """Raise InputError if a model has kinds of stages that cannot be exported to `target`.

    Parameters
    ----------
    model : Aligner
    kinds : collection of (str, str)
        Pairs of feature and predictor by their names in `cascade.stages.registry`.
    target : str
        Name of the export for messages.
    """
    if model.method == "jda":
        raise InputError(
            f"the detector 'jda' cannot be {target}: how many windows of an image go on is known "
            "only while it is searched, and they are gathered one after another, for which ONNX "
            "has no operators; write C source: cascade convert jda detector.c"
        )
    if not isinstance(model, Predictor):
        raise InputError(
            f"a model of method {model.method!r} cannot be {target}: a shape model solves linear "
            "equations at each step, for which ONNX has no operator and the C code no function; "
            "train sdm, ert or lbf"
        )
    if model.modes_ is not None:
        raise InputError(
            f"a model whose stages move {len(model.modes_.moved)} of {model.scheme_.n_points} "
            f"landmarks cannot be {target}; set max_landmarks to all and train again"
        )
    for t, stage in enumerate(model.stages_):
        if stage.kind not in kinds:
            raise InputError(
                f"a model of method {model.method!r} cannot be {target}: stage {t + 1} is "
                f"{' with '.join(map(str, stage.kind))}, which only the toolkit itself runs; train "
                "sdm, ert, lbf, esr, cpr or rcpr"
            )


def routes_of(stage):
    """The router of a stage, or None, and the plain stages that it chooses from."""
    if isinstance(stage, RoutedStage):
        return stage.router, stage.routes
    return None, (stage,)


def facts(model, plan):
    """Metadata of an exported program: a dict of strings."""
    scheme = model.scheme_
    return {str(key): str(value) for key, value in model.notes_.items()} | {
        "method": model.method,
        "scheme": scheme.name,
        "flip": json.dumps(None if scheme.flip is None else list(map(int, scheme.flip))),
        "starts": str(plan.n_starts),
        "mirror": json.dumps(plan.mirror),
    }
