"""Trained stages as operators of ONNX: the arithmetic of our kernels, in their order of adding.

Shapes are (n, 2, L), the n samples first and points last: onnxruntime is fast where few numbers
meet a row of many. Sums of floats run over the first axis: row by row is how it adds there, one
after another as the kernels do, so that float32 rounds alike.
"""

from dataclasses import dataclass

import numpy as np

from features._hog_kernels import STEPS

from . import hog
from .similarity import Similarity

# Beyond any pixel, as in the kernels.
_FAR = float(1 << 20)
# Levels of trees whose nodes are all compared.
_WHOLE_LEVELS = 3


@dataclass
class State:
    """Where the samples are.

    Attributes
    ----------
    shapes : Tensor (n, 2, L) float32
        In the box frame.
    visibility : Tensor (n, L) float32, or None
        Of models that predict it.
    """

    shapes: object
    visibility: object = None


def apply_stage(stage, reference, state, view, planes=None):
    """The `State` after one stage.

    Parameters
    ----------
    stage : FittedStage
        Of one of the `KINDS`.
    reference : ndarray of shape (L, 2), float32
        Centred mean shape.
    state : State
    view : View
        Of n faces.
    planes : Planes, optional
        Of the same faces; what HOG reads.
    """
    pose = Similarity(reference.T, state.shapes)
    totals = see(stage, pose, state, view, planes)
    delta = apply_basis(totals, stage.predictor.basis, stage.predictor.bias, len(reference))
    moved = state.shapes + pose.turn(delta.between(0, 1, 1), delta.between(1, 2, 1))
    visibility = state.visibility
    if stage.predictor.bias.size == 3 * len(reference):
        visibility = visibility + delta.take(2, 1)
    return State(moved, visibility)


def see(stage, pose, state, view, planes):
    """Sums (n, R) float32 that the basis of a stage is multiplied with."""
    return _READERS[stage.kind](stage, pose, state, view, planes)


def _trees(stage, pose, state, view, planes):
    trees = stage.predictor
    pixels = _anchored_pixels(stage.feature, pose, state.shapes, view)
    n_pixels = len(stage.feature.anchors)
    leaves = _leaves(pixels, n_pixels, view, trees.first, trees.second, trees.threshold)
    return _sum_of_leaves(leaves, trees.leaves)


def _forests(stage, pose, state, view, planes):
    feature, shapes = stage.feature, state.shapes
    n_points, n_landmarks = len(feature.offsets), stage.predictor.bias.size // 2
    around = _whole(view.side * pose.turn(*feature.offsets.T) + 0.5).reshape(-1, 2, 1, n_points)
    at = _whole(view.pixel_of(shapes)).reshape(-1, 2, n_landmarks, 1)
    pixels = view.read((at + around).reshape(-1, 2, n_landmarks * n_points))
    landmark = np.repeat(np.arange(n_landmarks), len(feature.first) // n_landmarks)[:, None]
    first, second = (landmark * n_points + index for index in (feature.first, feature.second))
    leaves = _leaves(pixels, n_landmarks * n_points, view, first, second, feature.threshold)
    return _sum_of_leaves(leaves, stage.predictor.weights)


def _anchored_ferns(stage, pose, state, view, planes):
    pixels = _anchored_pixels(stage.feature, pose, state.shapes, view)
    bins = _bins(pixels, len(stage.feature.anchors), view, stage.predictor)
    return _sum_of_leaves(bins, stage.predictor.leaves)


def _line_ferns(stage, pose, state, view, planes):
    pixels = _line_pixels(stage.feature, state.shapes, view)
    bins = _bins(pixels, len(stage.feature.fractions), view, stage.predictor)
    return _sum_of_leaves(bins, stage.predictor.leaves)


def _zoned_ferns(stage, pose, state, view, planes):
    """Sums of the leaves of each zone, weighed by how visible it is."""
    ferns = stage.predictor
    pixels = _line_pixels(stage.feature, state.shapes, view)
    bins = _bins(pixels, len(stage.feature.fractions), view, ferns)
    zones = np.unique(ferns.zone)
    rows = _rows_of_leaves(bins, ferns.leaves).cast(np.float32)
    member = (ferns.zone == zones[:, None]).astype(np.float32)
    # Whole numbers far below 2**24: a product adds them exactly.
    totals = rows.graph.const(member).product(rows)
    weights = _zone_weights(state.visibility, ferns.zone_of, zones)
    products = totals.transpose(1, 0, 2) * weights.reshape(len(zones), -1, 1)
    return products.sum(0)


def _linear(stage, pose, state, view, planes):
    feature, weights = stage.feature, stage.predictor.weights
    n_numbers = feature.n_numbers * pose.reference.shape[1]
    numbers = hog.describe(feature, pose, state.shapes, view, planes)
    totals = hog.project(numbers, weights[:n_numbers], len(feature.cells))
    if feature.shape_gain:
        gain, weights = feature.shape_gain, weights[n_numbers:]
        totals = totals + hog.project_shape(pose, state.shapes, gain, weights)
    return totals.cast(np.float32) / np.float32(STEPS)


def _anchored_pixels(feature, pose, shapes, view):
    index = _row(shapes.graph, feature.anchors).reshape(1, 1, -1)
    # In onnxruntime, elements are picked several times faster than slices of one number.
    anchors = shapes.pick_along(index.expand(view.number(), 2, 1), 2)
    return view.read(view.pixel_of(pose.turn(*feature.offsets.T, anchors)))


def _line_pixels(feature, shapes, view):
    first, second = (shapes.take(points, 2) for points in feature.points)
    return view.read(view.pixel_of(first + feature.fractions * (second - first)))


def _whole(tensor):
    return tensor.min(_FAR).max(-_FAR).floor()


_READERS = {
    ("pixels", "trees"): _trees,
    ("lbf", "sparse-linear"): _forests,
    ("pixels", "ferns"): _anchored_ferns,
    ("line-pixels", "ferns"): _line_ferns,
    ("line-pixels", "zoned-ferns"): _zoned_ferns,
    ("hog", "reduced-linear"): _linear,
    ("hog-with-shape", "reduced-linear"): _linear,
}
#: Kinds of stages that `apply_stage` knows.
KINDS = frozenset(_READERS)


def _leaves(pixels, n_pixels, view, first, second, threshold):
    """Rows (n, K) of the table of all leaves that the trees end in.

    `pixels` (1, n * n_pixels) int32 holds one sample after another. A node of onnxruntime costs
    about as much as a thousand picks, so of the upper levels all nodes are compared at once, and
    each is then the place of a node of the next level. On the levels below, all trees take one
    step, then all the next. The nodes of a level are in the order of the trees, so that the
    children of node g are 2g and 2g + 1 of the next level.
    """
    n_trees, depth = len(first), first.shape[1].bit_length()
    n_whole = min(depth, _WHOLE_LEVELS)
    levels = [slice((1 << t) - 1, (2 << t) - 1) for t in range(depth)]
    upper = [
        np.concatenate([array[:, nodes].reshape(-1) for nodes in levels[:n_whole]])
        for array in (first, second, threshold)
    ]
    places = n_trees * ((1 << np.arange(n_whole + 1)) - 1)
    # Of node g of level t, where its left child is among all nodes of the upper levels, or, of
    # the last of them, in the level below.
    left = [2 * np.arange(n_trees << t) + (places[t + 1] if t + 1 < n_whole else 0)
            for t in range(n_whole)]  # fmt: skip
    after = _compare(pixels, n_pixels, view, *upper) + _long_row(pixels.graph, np.concatenate(left))
    place = after.between(0, n_trees, 1)
    for _ in range(n_whole - 1):
        place = after.pick_along(place, 1)
    if n_whole == depth:
        return place
    place = place.reshape(1, -1)
    start = view.starts(n_pixels, n_trees)
    for nodes in levels[n_whole:]:
        a, b, limit = (_row(pixels.graph, array[:, nodes]) for array in (first, second, threshold))
        difference = pixels.pick(a.pick(place) + start) - pixels.pick(b.pick(place) + start)
        place = 2 * place + (difference >= limit.pick(place)).cast(np.int32)
    return place.reshape(-1, n_trees)


def _compare(pixels, n_pixels, view, first, second, threshold):
    """Which of k tests hold of each sample, (n, k) int32: whether the difference of two of its
    pixels reaches a threshold; `pixels` as of `_leaves`."""
    rows = pixels.reshape(-1, n_pixels)
    first, second = (
        rows.pick_along(_row(pixels.graph, index).expand(view.number(), 1), 1)
        for index in (first, second)
    )
    return (first - second >= _row(pixels.graph, threshold)).cast(np.int32)


def _bins(pixels, n_pixels, view, ferns):
    """Rows (n, K) of the table of all leaves that the ferns end in; `pixels` as of `_leaves`."""
    n_ferns, depth = ferns.first.shape
    # All first tests before all second ones: bits then add up over the first axis.
    tests = (array.T.reshape(-1) for array in (ferns.first, ferns.second, ferns.threshold))
    right = _compare(pixels, n_pixels, view, *tests).reshape(-1, depth, n_ferns)
    digits = (1 << np.arange(depth)[::-1]).reshape(-1, 1)
    return (right * digits).sum(1) + (np.arange(n_ferns) << depth)


def _row(graph, array):
    """Small numbers as a row of int32; in the file they take two bytes."""
    small = np.int16 if array.min() < 0 else np.uint16
    return graph.const(array.reshape(1, -1).astype(small)).cast(np.int32)


def _long_row(graph, array):
    """A row of int32."""
    return graph.const(array.reshape(1, -1).astype(np.int32))


def _rows_of_leaves(leaves, table):
    return leaves.graph.const(table.reshape(-1, table.shape[2])).take(leaves)


def _sum_of_leaves(leaves, table):
    """Sums (n, R) float32 of the rows (n, K) of a table of leaves of int8."""
    rows = _rows_of_leaves(leaves, table)
    ones = leaves.graph.const(np.ones((1, len(table)), np.uint8))
    # A product with ones adds bytes as they are, where a sum would want them as floats.
    totals = leaves.graph.node("MatMulInteger", ones, rows, dtype=np.int32)
    return totals.reshape(-1, table.shape[2]).cast(np.float32)


def _zone_weights(visibility, zone_of, zones):
    """How much the ferns of each of `zones` count (Z, n); see `zone_weights` of the kernels."""
    n_landmarks = len(zone_of)
    seen = visibility.max(0.02).min(1).transpose(1, 0).reshape(n_landmarks, -1, 1)
    member = zone_of[:, None] == zones
    columns = np.concatenate([member, np.ones((n_landmarks, 1))], 1).reshape(n_landmarks, 1, -1)
    sums = (seen * columns).sum(0).transpose(1, 0)
    count = member.sum(0)
    mean = sums.between(len(zones), len(zones) + 1, 0) / n_landmarks
    ratio = sums.between(0, len(zones), 0) / (np.maximum(count, 1)[:, None] * mean)
    there = sums.graph.const((count > 0)[:, None])
    return there.where(ratio.min(2), 1.0)


def apply_basis(totals, basis, bias, n_landmarks):
    """``bias + totals @ basis`` of totals (n, R): what the shapes, and the visibilities where they
    are predicted, move by, (n, 2 or 3, L) in the mean-shape frame."""
    # The bias is one more row, which counts once, before the others.
    weights = totals.transpose(1, 0).padded([[1, 0], [0, 0]], 1)
    rows = np.concatenate([bias[None], basis])
    axes = [rows[:, 0 : 2 * n_landmarks : 2], rows[:, 1 : 2 * n_landmarks : 2]]
    axes += [rows[:, 2 * n_landmarks :]] if rows.shape[1] > 2 * n_landmarks else []
    products = weights.reshape(len(rows), -1, 1) * np.stack(axes, 1).reshape(len(rows), 1, -1)
    return products.sum(0).reshape(-1, len(axes), n_landmarks)
