"""Models of OpenCV's ``FacemarkLBF`` (.yaml), read and written.

A file is written by ``cv::FileStorage`` and has five numbers and many matrices of float64: the mean
shape, the offsets and thresholds of every tree, and the weights of every stage. Matrices are base64
or text. Only this subset of YAML is read, without a YAML library: all keys are located first, and
every size is checked before a matrix is decoded. Memory stays below four times the size of the
file.

OpenCV's units are half the width and height of the box, the toolkit's are the whole; halving and
doubling are exact in floating point, so a file that is read and written again does not change.
"""

import base64
import binascii
import re
from itertools import islice
from pathlib import Path

import numpy as np

from data_tools.files import replace_file
from data_tools.schemes import MAX_POINTS
from features.errors import InputError
from features.opencv_forests import MAX_DEPTH, FacemarkForests

from ..methods.opencv import FacemarkLBF
from ..stages.opencv.predictor import LeafWeights
from ..stages.stage import FittedStage

_MAX_BYTES = 1 << 30
_MAX_STAGES, _MAX_TREES, _MAX_KEYS = 1000, 1 << 12, 1 << 17
_COUNTS = ("stages_n", "tree_n", "tree_depth", "n_landmarks")
# Every key stands at the beginning of a line, and nothing else does.
_KEY = re.compile(rb"\n([A-Za-z_]\w{0,63}):")
_MATRIX = re.compile(
    rb"\s*!!opencv-matrix\s+rows:\s*(\d{1,9})\s+cols:\s*(\d{1,9})\s+dt:\s*\"?(\w{1,8})\"?\s+data:"
)
_BINARY = re.compile(rb"\s*!!binary\s*\|")
_SPACE = b" \t\r\n"
# Base64 begins with the type of the numbers, filled up to this many bytes.
_TYPE_BYTES = 24
_DTYPES = {"d": np.dtype("<f8"), "f": np.dtype("<f4"), "i": np.dtype("<i4")}
_LINE = 64


def recognises(head, size=0):
    """Whether a file that begins with `head` may be what ``cv::FileStorage`` writes.

    Examples
    --------
    >>> recognises(b"%YAML:1.0")
    True
    """
    return head.startswith(b"%YAML")


def read(path):
    """Read a ``FacemarkLBF``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    FacemarkLBF
        Ready to predict what OpenCV predicts.

    Raises
    ------
    InputError
        If the file is missing, truncated, lacks a matrix, or has invalid counts, sizes or numbers.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than any facemark; name another file")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the file ({error.strerror})") from error
    try:
        return _read(_Entries(data))
    except InputError as error:
        raise InputError(
            f"{path}: not a sound FacemarkLBF of OpenCV: {error}; get the file again"
        ) from error


def _read(file):
    n_stages = file.count("stages_n", 1, _MAX_STAGES)
    n_trees = file.count("tree_n", 1, _MAX_TREES)
    depth = file.count("tree_depth", 2, MAX_DEPTH + 1) - 1
    n_landmarks = file.count("n_landmarks", 2, MAX_POINTS)
    n_codes, n_leaves = n_landmarks * n_trees, 1 << depth
    # A number takes two bytes at the least, and OpenCV keeps room for leaves among the nodes.
    numbers = n_stages * n_codes * n_leaves * (2 * 5 + 2 * n_landmarks)
    if 2 * numbers > file.size:
        raise InputError(
            f"{n_stages} stages of {n_trees} trees of depth {depth + 1} at {n_landmarks} landmarks "
            f"do not fit into its {file.size} bytes"
        )
    mean = file.floats("regressor_meanshape", (n_landmarks, 2)) / 2
    sizes = {"landmarks": n_landmarks, "codes": n_codes, "nodes": n_leaves - 1, "leaves": n_leaves}
    stages = []
    for t in range(n_stages):
        points = np.empty((n_codes, n_leaves - 1, 4))
        threshold = np.empty((n_codes, n_leaves - 1), np.int16)
        for code in range(n_codes):
            name = f"{t}_{code // n_trees}_{code % n_trees}"
            # Nodes count from 1; those from the middle on would be children of leaves.
            points[code] = file.floats(f"tree_{name}", (2 * n_leaves, 4))[1:n_leaves] / 2
            limits = file.integers(f"thresholds_{name}", 2 * n_leaves)[1:n_leaves]
            threshold[code] = np.clip(limits, -256, 256)  # beyond what pixels differ by
        weights = file.floats(f"weights_{t}", (2 * n_landmarks, n_codes * n_leaves))
        # One leaf, all coordinates: that is what lies together when shapes are moved.
        weights = np.divide(weights.T, 2, order="C").reshape(n_codes, n_leaves, -1)
        forests = FacemarkForests(mean, points, threshold)
        forests.check(sizes)
        stages.append(FittedStage(forests, LeafWeights(weights)))
    return FacemarkLBF.from_stages(stages)


class _Entries:
    """The top-level keys of a file and the bytes that belong to them."""

    def __init__(self, data):
        self.size = len(data)
        if not recognises(data[:8]):
            raise InputError("it does not begin with %YAML")
        found = islice(_KEY.finditer(data), _MAX_KEYS + 1)
        marks = [(m.group(1), m.start(), m.end()) for m in found]
        if len(marks) > _MAX_KEYS:
            raise InputError(f"it holds more than {_MAX_KEYS} entries")
        ends = [start for _, start, _ in marks] + [len(data)]
        self._data = data
        self._spans = {}
        for (key, _, start), end in zip(marks, ends[1:], strict=True):
            if key in self._spans:
                raise InputError(f"{key.decode()} occurs twice")
            self._spans[key] = start, end

    def _value(self, key):
        """The bytes after a key up to the next, or to the end of the document."""
        span = self._spans.get(key.encode())
        if span is None:
            raise InputError(f"{key} is missing")
        return self._data[slice(*span)].rstrip(_SPACE).removesuffix(b"...")

    def count(self, key, low, high):
        """A whole number from `low` to `high`."""
        text = self._value(key).strip(_SPACE)
        if not re.fullmatch(rb"-?\d{1,18}", text) or not low <= int(text) <= high:
            shown = text[:20].decode("ascii", "replace")
            raise InputError(f"{key} is {shown!r}; it must be {low} to {high}")
        return int(text)

    def floats(self, key, shape):
        """A matrix of `shape`, finite float64."""
        value = self._value(key)
        head = _MATRIX.match(value)
        if head is None:
            raise InputError(f"{key} is not a matrix")
        rows, columns, kind = int(head[1]), int(head[2]), head[3].decode()
        if (rows, columns) != shape or kind not in "df":
            raise InputError(
                f"{key} is a matrix of {rows} by {columns} numbers of type {kind!r}, not "
                f"{shape[0]} by {shape[1]} of type 'd'"
            )
        numbers = _numbers(key, value[head.end() :], kind, rows * columns, float)
        if not np.isfinite(numbers).all():
            raise InputError(f"{key} holds numbers that are not finite")
        return numbers.astype(np.float64).reshape(shape)

    def integers(self, key, n):
        """A list of `n` integers, int32."""
        return _numbers(key, self._value(key), "i", n, int)


def _numbers(key, value, kind, n, parse):
    """`n` numbers in base64 or in brackets."""
    binary = _BINARY.match(value)
    try:
        if binary is None:
            text = value.strip(_SPACE)
            if text[:1] + text[-1:] != b"[]":
                raise InputError(f"{key} ends early or is not a list")
            parts = text[1:-1].split(b",")
            if len(parts) != n:
                raise InputError(f"{key} holds {len(parts)} numbers, not {n}")
            return np.array([parse(part) for part in parts], _DTYPES[kind])
        content = value[binary.end() :].translate(None, _SPACE)
        content = base64.b64decode(content, validate=True)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InputError(f"{key} holds a malformed number") from error
    written = content[:_TYPE_BYTES].decode("ascii", "replace").strip().lstrip("0123456789")
    content = content[_TYPE_BYTES:]
    if written != kind or len(content) != n * _DTYPES[kind].itemsize:
        raise InputError(
            f"{key} holds {len(content)} bytes of type {written!r}, not {n} numbers of type "
            f"{kind!r}"
        )
    return np.frombuffer(content, _DTYPES[kind])


def write(model, path):
    """Write a file that ``cv2.face.createFacemarkLBF().loadModel`` reads.

    Parameters
    ----------
    model : FacemarkLBF
        Read from such a file, or trained here.
    path : str or Path

    Raises
    ------
    InputError
        If `model` is not a `FacemarkLBF`, or the file cannot be written.

    Notes
    -----
    A file that OpenCV wrote is reproduced byte for byte.
    """
    replace_file(path, dumps(model))


def dumps(model):
    """The bytes of `write`."""
    if not isinstance(model, FacemarkLBF):
        raise InputError(
            f"a model of method {model.method!r} cannot be a file of OpenCV's FacemarkLBF: that "
            "reads pixels in another way; train method 'opencv' instead"
        )
    model._check_fitted()
    stages = model.stages_
    sizes = {stage.feature.points.shape for stage in stages}
    if len(sizes) > 1 or any((s.feature.reference != _mean(model)).any() for s in stages):
        raise InputError(
            "OpenCV's format stores one mean shape and one size of trees, but the stages "
            "differ in them; train method 'opencv' instead"
        )
    ((n_codes, n_nodes, _),) = sizes
    n_landmarks, n_leaves = len(model.mean_shape_), n_nodes + 1
    n_trees = n_codes // n_landmarks
    # Weights are float64 in base64, and every landmark is in every leaf.
    if len(stages) * n_codes * n_leaves * 2 * n_landmarks * 8 * 4 // 3 > _MAX_BYTES:
        raise InputError(
            f"a file of OpenCV's holds every landmark in every leaf: {n_landmarks} landmarks in "
            f"{len(stages)} stages of {n_codes} trees are more than the {_MAX_BYTES} bytes that "
            "are read of such a file; train fewer trees, or fewer landmarks"
        )
    counts = len(stages), n_trees, n_nodes.bit_length() + 1, n_landmarks
    parts = [b"%YAML:1.0\n---\n"]
    parts += [b"%s: %d\n" % (key.encode(), n) for key, n in zip(_COUNTS, counts, strict=True)]
    parts.append(_matrix("regressor_meanshape", _mean(model) * 2))
    for t, stage in enumerate(stages):
        nodes = np.zeros((n_codes, 2 * n_leaves, 4))
        limits = np.zeros((n_codes, 2 * n_leaves), np.int32)
        nodes[:, 1:n_leaves] = stage.feature.points * 2
        limits[:, 1:n_leaves] = stage.feature.threshold
        for code in range(n_codes):
            name = f"{t}_{code // n_trees}_{code % n_trees}"
            parts.append(_matrix(f"tree_{name}", nodes[code]))
            parts.append(b"thresholds_%s: !!binary |\n" % name.encode())
            parts.append(_base64(limits[code], b"1i", b"   "))
        weights = stage.predictor.weights.reshape(n_codes * n_leaves, -1)
        parts.append(_matrix(f"weights_{t}", weights.T * 2))
    return b"".join(parts)


def _mean(model):
    return model.stages_[0].feature.reference


def _matrix(key, matrix):
    rows, columns = matrix.shape
    head = f"{key}: !!opencv-matrix\n   rows: {rows}\n   cols: {columns}\n   dt: d\n"
    return head.encode() + b"   data: !!binary |\n" + _base64(matrix, b"1d", b"      ")


def _base64(array, kind, indent):
    """Lines of base64, each with an `indent`."""
    dtype = _DTYPES[kind[-1:].decode()]
    content = kind.ljust(_TYPE_BYTES) + np.ascontiguousarray(array, dtype).tobytes()
    text = base64.b64encode(content)
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return indent + (b"\n" + indent).join(lines) + b"\n"
