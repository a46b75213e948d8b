"""ONNX files: the whole way from an image and boxes to landmarks in standard operators.

Written, not read: the file runs wherever onnxruntime does, in a browser too, and gives the
landmarks that the predictor of this toolkit gives.
"""

import numpy as np

from data_tools.files import replace_file
from features.errors import InputError, require_count

from ..._version import __version__
from ...loop.face_space import NEAR_SCALE
from ..exporting import Plan, facts, refuse_other_stages, routes_of
from .choices import best_key, best_starts, distances, median, run_stages
from .graph import Graph, Tensor
from .hog import levels_needed, make_planes
from .stages import KINDS, State
from .views import cropped_views, picture, placements, repeated, sound_boxes, views

# Runtimes since 2022 know it.
_OPSET = 17
_OLDEST_OPSET, _NEWEST_OPSET = 13, 22
_USE = (
    "images: (m, H, W) uint8 grey, one for all boxes or one a box. boxes: (n, 4) float32 (left, "
    "top, right, bottom) in pixels, as the detector in metadata 'boxes' gives them. shapes: "
    "(n, L, 2) float32, x before y, pixel centres at integers; NaN for a box that cannot be or "
    "lies outside its image. spread (n, L), where there are several starts: how far their answers "
    "lie apart, in units of the box. visible (n, L), where the model says so: probabilities."
)


def write(model, path, *, n_starts=None, mirror=None, opset=_OPSET):
    """Write an ONNX model that does what `model` does.

    Inputs are `images` (m, H, W) uint8 grey, one for all boxes or one a box, and `boxes` (n, 4)
    float32; the output is `shapes` (n, L, 2) float32 in pixels. m, n, H and W may vary from call to
    call. Crops, key shapes, routes, several starts and the mirror image are part of the graph. A
    box that cannot be gives NaN instead of an error. A model of several starts has the output
    `spread` (n, L) too, and one that predicts visibility `visible` (n, L); see `Alignment`.

    Parameters
    ----------
    model : BaseCascade
        An ERT, LBF, SDM, ESR, CPR or RCPR cascade, or one made of their stages.
    path : str or Path
    n_starts, mirror : optional
        As in `predict`; the file keeps them.
    opset : int
        Version of ONNX's operators, 13 to 22.

    Raises
    ------
    InputError
        If `model` has other stages, the package onnx is not installed, or the file cannot be
        written.

    Notes
    -----
    The operators add and round as the predictor does; with onnxruntime on a CPU, the landmarks are
    the same to the bit, those of SDM and of routes but for what an angle and a sum of distances
    are rounded to. Each face is read in place or from a crop, as in `predict`. Positions
    of pixels are 32-bit integers: images of 2**31 pixels in all or more give NaN.

    Examples
    --------
    >>> import onnxruntime
    ... session = onnxruntime.InferenceSession("model.onnx")
    ... grey = cv2.imread("face.png", cv2.IMREAD_GRAYSCALE)
    ... boxes = np.float32([[40, 60, 180, 200]])
    ... (shapes,) = session.run(["shapes"], {"images": grey[None], "boxes": boxes})
    ... # doctest: +SKIP
    """
    replace_file(path, dumps(model, n_starts=n_starts, mirror=mirror, opset=opset))


def dumps(model, *, n_starts=None, mirror=None, opset=_OPSET):
    """The bytes of `write`; equal models give equal bytes."""
    refuse_other_stages(model, KINDS, "an ONNX file")
    model._check_fitted()
    require_count("opset", opset, _OLDEST_OPSET, _NEWEST_OPSET)
    plan = Plan.of(model, n_starts, mirror)
    try:
        graph = Graph()
    except ImportError as error:
        raise InputError("writing ONNX needs the package onnx: pip install onnx") from error
    images, boxes = Tensor(graph, "images", np.uint8), Tensor(graph, "boxes", np.float32)
    low, high, sound = sound_boxes(boxes, images, model.frame_.face)
    center, side = placements(low, high)
    n = boxes.size(0)
    found, planes = _views(model, plan, images, n, center, side)
    answers = _answers(model, plan, found, planes, n)
    middle = median(answers.shapes, len(found) * plan.n_starts)
    shapes = side * middle + center
    made = {"shapes": sound.where(shapes, np.nan).transpose(0, 2, 1)}
    sound = sound.reshape(-1, 1)
    if len(found) * plan.n_starts > 1:
        apart = median(distances(answers.shapes, middle), len(found) * plan.n_starts)
        made["spread"] = sound.where(apart, np.nan)
    if answers.visibility is not None:
        seen = median(answers.visibility, len(found) * plan.n_starts).max(0).min(1)
        made["visible"] = sound.where(seen, np.nan)

    n_landmarks = model.scheme_.n_points
    axes = {"shapes": ["n", n_landmarks, 2]}
    proto = graph.model(
        "face alignment",
        [(images, ["m", "height", "width"]), (boxes, ["n", 4])],
        [(graph.named(k, t), axes.get(k, ["n", n_landmarks])) for k, t in made.items()],
        opset,
        producer_name="cascade-align",
        producer_version=__version__,
        doc_string=_USE,
    )
    for key, value in facts(model, plan).items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString(deterministic=True)


def _views(model, plan, images, n, center, side):
    """The views of all faces, one or with the mirror image two, and the `Planes` of all or None."""
    frame, stages = model.frame_, [r for s in model.stages_ for r in routes_of(s)[1]]
    if not any(stage.needs_crop for stage in stages):
        return views(images, n, center, side, frame, NEAR_SCALE, plan.mirror), None
    found, crops = cropped_views(images, n, center, side, frame, plan.mirror)
    readers = [stage for stage in stages if stage.needs_crop]
    if model.keys_ is not None:
        readers.append(model.keys_.score)
    n_levels = levels_needed(readers, frame)
    planes = make_planes(crops, frame.size, n_levels)
    if plan.mirror:
        mirrored, seen = picture(found[1], frame.size)
        planes = planes.joined(make_planes(mirrored, frame.size, n_levels, seen))
    return found, planes


def _answers(model, plan, found, planes, n):
    """The `State` of all answers, (views * starts, n, …), those of the mirror image turned back."""
    graph, reference, n_landmarks = n.graph, model.reference, model.scheme_.n_points
    n_views, early = len(found), model.stages_[: plan.n_early]
    n_tries, n_keys = plan.openings.shape[0] * plan.n_starts, plan.openings.shape[2]
    begin = np.tile(plan.openings.reshape(-1, n_landmarks, 2).swapaxes(1, 2), (n_views, 1, 1))
    shapes = graph.const(begin[:, None]).expand(1, n, 1, 1).reshape(-1, 2, n_landmarks)
    state = State(shapes)
    if any(r.predictor.bias.size > 2 * n_landmarks for s in model.stages_ for r in routes_of(s)[1]):
        state.visibility = shapes.take(0, 1) * 0 + 1

    def at(times):
        return repeated(found, times), planes and planes.repeated(n_views, times)

    if plan.n_early:
        here = at(n_tries * n_keys)
        state = run_stages(early, reference, state, *here)
        if model.keys_ is not None:
            counts = n_views * n_tries, n_keys
            state = best_key(model.keys_.score, reference, state, *here, counts)
        if plan.attempts:
            limit = np.float32(model.restart_spread)
            state = best_starts(state, plan, n_views, n_landmarks, limit)
    state = run_stages(model.stages_[plan.n_early :], reference, state, *at(plan.n_starts))
    n_runs = n_views * plan.n_starts
    shapes, visibility = state.shapes.reshape(n_runs, -1, 2, n_landmarks), state.visibility
    if visibility is not None:
        visibility = visibility.reshape(n_runs, -1, n_landmarks)
    if plan.mirror:
        flip = list(model.scheme_.flip)
        shapes = _unmirrored(shapes, plan.n_starts, flip, 3, np.array([[-1], [1]]))
        if visibility is not None:
            visibility = _unmirrored(visibility, plan.n_starts, flip, 2, 1)
    return State(shapes, visibility)


def _unmirrored(answers, n_starts, flip, axis, sign):
    """Answers (2k, n, …, L) whose second half, found in the mirror, is turned back."""
    back = answers.between(n_starts, 2 * n_starts, 0).take(flip, axis) * sign
    return answers.graph.join([answers.between(0, n_starts, 0), back], 0)
