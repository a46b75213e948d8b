"""ONNX files: the whole way from an image and boxes to landmarks in standard operators.

Written, not read: the file runs wherever onnxruntime does, in a browser too, and gives the
landmarks that the predictor of this toolkit gives.
"""

import json

import numpy as np

from data_tools.files import replace_file
from features.errors import InputError, require_range

from ..._version import __version__
from ...loop.face_space import NEAR_SCALE
from ...pose.routing import RoutedStage
from .graph import Graph, Tensor
from .stages import KINDS, apply_stage
from .views import placements, repeated, sound_boxes, views

# Runtimes since 2022 know it, and the `Shape` of a single axis asks for 15.
_OPSET = 17
_IR_VERSION = 8
_USE = (
    "images: (m, H, W) uint8 grey, one for all boxes or one a box. boxes: (n, 4) float32 (left, "
    "top, right, bottom) in pixels, as the detector in metadata 'boxes' gives them. shapes: "
    "(n, L, 2) float32, x before y, pixel centres at integers; NaN for a box that cannot be or "
    "lies outside its image."
)


def write(model, path, *, n_starts=None, mirror=None):
    """Write an ONNX model that does what `model` does.

    Inputs are `images` (m, H, W) uint8 grey, one for all boxes or one a box, and `boxes` (n, 4)
    float32; the output is `shapes` (n, L, 2) float32 in pixels. m, n, H and W may vary from call to
    call. Crops, several starts and the mirror image are part of the graph. A box that cannot be
    gives NaN instead of an error.

    Parameters
    ----------
    model : BaseCascade
        An ERT or LBF cascade, or one made of their stages.
    path : str or Path
    n_starts, mirror : optional
        As in `predict`; the file keeps them.

    Raises
    ------
    InputError
        If `model` has other stages, the package onnx is not installed, or the file cannot be
        written.

    Notes
    -----
    The operators add and round as the predictor does; with onnxruntime on a CPU, the landmarks are
    the same to the bit. Each face is read in place or from a crop, as in `predict`.

    Examples
    --------
    >>> import onnxruntime
    ... session = onnxruntime.InferenceSession("model.onnx")
    ... grey = cv2.imread("face.png", cv2.IMREAD_GRAYSCALE)
    ... boxes = np.float32([[40, 60, 180, 200]])
    ... (shapes,) = session.run(["shapes"], {"images": grey[None], "boxes": boxes})
    ... # doctest: +SKIP
    """
    replace_file(path, dumps(model, n_starts=n_starts, mirror=mirror))


def dumps(model, *, n_starts=None, mirror=None):
    """The bytes of `write`; equal models give equal bytes."""
    model._check_fitted()
    _check(model)
    n_starts, mirror = _options(model, n_starts, mirror)
    try:
        graph = Graph()
    except ImportError as error:
        raise InputError("writing ONNX needs the package onnx: pip install onnx") from error
    images, boxes = Tensor(graph, "images", np.uint8), Tensor(graph, "boxes", np.float32)
    low, high, sound = sound_boxes(boxes, images, model.frame_.face)
    center, side = placements(low, high)
    n = boxes.size(0)
    found = views(images, n, center, side, model.frame_, NEAR_SCALE, mirror)
    view = repeated(found, n_starts)
    starts = np.tile(model.starts_[:n_starts], (len(found), 1, 1)).swapaxes(1, 2)
    n_runs, _, n_landmarks = starts.shape
    shapes = graph.const(starts[:, None]).expand(1, n, 1, 1)
    shapes = shapes.reshape(-1, 2, n_landmarks)
    for stage in model.stages_:
        shapes = apply_stage(stage, model.reference, shapes, view)
    answers = shapes.reshape(n_runs, -1, 2, n_landmarks)
    if mirror:
        answers = _unmirrored(answers, n_starts, model.scheme_.flip)
    shapes = side * _median(answers, n_runs) + center
    shapes = sound.where(shapes, np.nan).transpose(0, 2, 1)
    shapes = graph.named("shapes", shapes)

    proto = graph.model(
        "face alignment",
        [(images, ["m", "height", "width"]), (boxes, ["n", 4])],
        [(shapes, ["n", n_landmarks, 2])],
        _OPSET,
        ir_version=_IR_VERSION,
        producer_name="cascade-align",
        producer_version=__version__,
        doc_string=_USE,
    )
    for key, value in _facts(model, n_starts, mirror).items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString(deterministic=True)


def _check(model):
    """Refuse what the graph has no operators for."""
    for t, stage in enumerate(model.stages_):
        if isinstance(stage, RoutedStage):
            raise InputError(f"stage {t + 1} has routes, which no ONNX file can; train without")
        if stage.kind not in KINDS:
            raise InputError(
                f"a model of method {model.method!r} cannot be an ONNX file: only stages of ERT "
                f"and LBF can, and stage {t + 1} is {' with '.join(map(str, stage.kind))}; "
                "train ert or lbf"
            )
    if model.modes_ is not None:
        raise InputError(
            f"a model whose stages move {len(model.modes_.moved)} of {model.scheme_.n_points} "
            "landmarks cannot be an ONNX file; set max_landmarks to all and train again"
        )
    if model.restarts or model.keys_ is not None:
        raise InputError(
            f"a model of method {model.method!r} that chooses among starts on its way (restarts, "
            "or key shapes of poses) cannot be an ONNX file; train it without"
        )


def _options(model, n_starts, mirror):
    """The options of `predict`, the model's own where they are None."""
    flip = model.scheme_.flip
    n_starts = model.test_starts if n_starts is None else n_starts
    require_range("n_starts", n_starts, 1, len(model.starts_))
    if mirror and flip is None:
        raise InputError(f"landmark scheme {model.scheme_.name!r} has no flip index to mirror by")
    return n_starts, flip is not None and bool(model.test_mirror if mirror is None else mirror)


def _unmirrored(answers, n_starts, flip):
    """Answers (2k, n, 2, L) whose second half, found in the mirror, is turned back."""
    seen = answers.between(n_starts, 2 * n_starts, 0).take(list(flip), 3)
    back = seen * np.array([[-1], [1]])
    return answers.graph.join([answers.between(0, n_starts, 0), back], 0)


def _median(answers, n_runs):
    """Median (n, 2, L) of the answers (runs, n, 2, L)."""
    if n_runs == 1:
        return answers.take(0)
    graph, dtypes = answers.graph, [answers.dtype, np.int64]
    ranked, _ = graph.nodes("TopK", [answers, graph.ints(n_runs)], dtypes, axis=0, largest=0)
    middle = ranked.take(n_runs // 2)
    return middle if n_runs % 2 else (ranked.take(n_runs // 2 - 1) + middle) / 2


def _facts(model, n_starts, mirror):
    """What the file says about itself, strings."""
    scheme = model.scheme_
    facts = {str(key): str(value) for key, value in model.notes_.items()}
    return facts | {
        "method": model.method,
        "scheme": scheme.name,
        "flip": json.dumps(None if scheme.flip is None else list(map(int, scheme.flip))),
        "starts": str(n_starts),
        "mirror": json.dumps(bool(mirror)),
    }
