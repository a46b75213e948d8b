"""Trained stages as operators of ONNX: the arithmetic of our kernels, in their order of adding.

Shapes are (n, 2, L), the n samples first and points last: onnxruntime is fast where few numbers
meet a row of many. Sums of floats run over the first axis: row by row is how it adds there, one
after another as the kernels do, so that float32 rounds alike.
"""

import numpy as np

# Beyond any pixel, as in the kernels.
_FAR = float(1 << 20)


def apply_stage(stage, reference, shapes, view):
    """The shapes (n, 2, L) after one stage.

    Parameters
    ----------
    stage : FittedStage
        Of one of the `KINDS`.
    reference : ndarray of shape (L, 2), float32
        Centred mean shape.
    shapes : Tensor (n, 2, L) float32
    view : View
        Of n faces.
    """
    pose = _Similarity(reference.T, shapes)
    leaves, table = _READERS[stage.kind](stage, pose, shapes, view)
    delta = _update(leaves, table, stage.predictor)
    return shapes + pose.turn(delta.between(0, 1, 1), delta.between(1, 2, 1))


class _Similarity:
    """The scaled rotation (a, b) that aligns the reference (2, L) with each shape."""

    def __init__(self, reference, shapes):
        x, y = reference
        energy = np.cumsum(x * x + y * y, dtype=np.float32)[-1]
        terms = x * shapes + np.stack([y, -y]) * shapes.take([1, 0], 1)
        # A sum over the last axis would add in another order, so every sum but the last goes waste.
        self._linear = terms.running_sum(2).take([-1], 2) / energy
        self._turned = self._linear.take([1, 0], 1) * np.array([[-1], [1]])

    def turn(self, x, y, start=None):
        """``start + [[a, -b], [b, a]] @ (x, y)`` of points: (n, 2, p)."""
        first = self._linear * x
        return (first if start is None else start + first) + self._turned * y


def _trees(stage, pose, shapes, view):
    feature, trees = stage.feature, stage.predictor
    anchors = shapes.take(feature.anchors, 2)
    points = view.pixel_of(pose.turn(*feature.offsets.T, anchors))
    pixels = view.read(points)
    leaves = _leaves(pixels, len(feature.anchors), trees.first, trees.second, trees.threshold)
    return leaves, trees.leaves


def _forests(stage, pose, shapes, view):
    feature, weights = stage.feature, stage.predictor.weights
    n_points, n_landmarks = len(feature.offsets), stage.predictor.bias.size // 2
    around = _whole(view.side * pose.turn(*feature.offsets.T) + 0.5).reshape(-1, 2, 1, n_points)
    at = _whole(view.pixel_of(shapes)).reshape(-1, 2, n_landmarks, 1)
    pixels = view.read((at + around).reshape(-1, 2, n_landmarks * n_points))
    landmark = np.repeat(np.arange(n_landmarks), len(feature.first) // n_landmarks)[:, None]
    first, second = (landmark * n_points + index for index in (feature.first, feature.second))
    leaves = _leaves(pixels, n_landmarks * n_points, first, second, feature.threshold)
    return leaves, weights


def _whole(tensor):
    return tensor.min(_FAR).max(-_FAR).floor()


_READERS = {("pixels", "trees"): _trees, ("lbf", "sparse-linear"): _forests}
#: Kinds of stages that `apply_stage` knows.
KINDS = frozenset(_READERS)


def _leaves(pixels, n_pixels, first, second, threshold):
    """Rows (n, K) of the table of all leaves that the trees end in.

    `pixels` (1, n * n_pixels) int32 holds one sample after another. All trees take one step, then
    all the next. The nodes of a level are in the order of the trees, so that the children of node g
    are 2g and 2g + 1 of the next level.
    """
    graph, n_trees = pixels.graph, len(first)
    n = pixels.size(1) / n_pixels
    start = (graph.count(n).cast(np.int32) * n_pixels).reshape(-1, 1)
    start = start.expand(1, n_trees).reshape(1, -1)
    place = graph.const(np.arange(n_trees, dtype=np.int32)).expand(n, n_trees).reshape(1, -1)
    for level in range(first.shape[1].bit_length()):
        nodes = slice((1 << level) - 1, (2 << level) - 1)
        a, b, limit = (_row(graph, array[:, nodes]) for array in (first, second, threshold))
        difference = pixels.pick(a.pick(place) + start) - pixels.pick(b.pick(place) + start)
        right = difference >= limit.pick(place)
        place = 2 * place + right.cast(np.int32)
    return place.reshape(-1, n_trees)


def _row(graph, array):
    """Small numbers as a row of int32; in the file they take two bytes."""
    small = np.int16 if array.min() < 0 else np.uint16
    return graph.const(array.reshape(1, -1).astype(small)).cast(np.int32)


def _update(leaves, table, predictor):
    """What the shapes move by (n, 2, L), in the mean-shape frame."""
    n_landmarks = predictor.bias.size // 2
    rows = leaves.graph.const(table.reshape(-1, table.shape[2])).take(leaves)
    # Whole numbers far below 2**24: float32 adds them exactly, in any order.
    totals = rows.cast(np.float32).sum(1)
    # The bias is one more row, which counts once, before the others.
    weights = totals.transpose(1, 0).padded([[1, 0], [0, 0]], 1)
    basis = np.concatenate([predictor.bias[None], predictor.basis])
    basis = basis.reshape(-1, 1, n_landmarks, 2).swapaxes(2, 3).reshape(len(basis), 1, -1)
    products = weights.reshape(len(basis), -1, 1) * basis
    return products.sum(0).reshape(-1, 2, n_landmarks)
