"""dlib's ``shape_predictor`` files (.dat), read and written.

A file is a sequence of integers: the version, the initial shape as a column matrix, the trees of
all stages, and for each stage the landmarks that pixels are tied to and the offsets from them.
Reading takes one pass over the bytes, with every count checked against what is left of the file
before anything is allocated for it; memory stays below three times the size of the file.
"""

from pathlib import Path

import numpy as np

from data_tools.files import replace_file
from data_tools.schemes import MAX_POINTS as MAX_LANDMARKS
from features.dlib_pixels import BoxIndexedPixels
from features.errors import InputError

from ..methods.dlib import ShapePredictor
from ..stages.dlib.predictor import BoxTrees
from ..stages.stage import FittedStage
from . import _dlib_kernels as kernels

_MAX_BYTES = 1 << 30
_MAX_STAGES, _MAX_PIXELS, _MAX_SPLITS = 1000, 1 << 16, (1 << 15) - 1
_VERSION = 1
# The least bytes of an integer and of a float.
_INT, _FLOAT = 2, 4
_PROBLEMS = {
    kernels.TRUNCATED: "it ends early",
    kernels.BAD_NUMBER: "it holds a number that is malformed or not finite",
    kernels.BAD_SIZE: "its trees or leaves are not all of one size",
}


def recognises(head, size):
    """Whether a file of `size` bytes that begins with `head` may be a ``shape_predictor``.

    Examples
    --------
    >>> recognises(bytes.fromhex("01 01 81 0a 81 01 03 6e b8"), 1000)
    True
    """
    # The other model files begin with the length of a header, which is shorter than the file.
    return head[:2] == b"\x01\x01" and int.from_bytes(head[:8], "little") > size


def read(path):
    """Read a ``shape_predictor``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ShapePredictor
        Ready to predict what dlib predicts.

    Raises
    ------
    InputError
        If the file is missing or truncated; if counts, indices or numbers are out of range; if
        trees are incomplete or differ in depth within a stage; or if data follow its end.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path}: not a regular file")
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise InputError(f"{path}: larger than any shape predictor; name another file")
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot read the file ({error.strerror})") from error
    try:
        return _read(_Reader(data))
    except InputError as error:
        raise InputError(f"{path}: not a sound dlib shape predictor: {error}") from error


def _read(file):
    (version,) = file.ints(1)
    if version != _VERSION:
        raise InputError(f"its version is {version}, not {_VERSION}")
    # A matrix is announced by its negated rows and columns.
    rows, columns = (abs(n) for n in file.ints(2))
    if columns != 1 or rows % 2 or not 2 <= rows <= 2 * MAX_LANDMARKS:
        raise InputError(f"a shape of {rows} by {columns} numbers is invalid; it must be 2 L by 1")
    initial = file.floats(rows).reshape(-1, 2)
    n_stages = file.count("stages", _MAX_STAGES, _INT)
    trees = [file.trees(rows) for _ in range(n_stages)]
    anchors = file.anchors(n_stages)
    offsets = file.offsets(n_stages)
    file.end()
    return ShapePredictor.from_stages(initial, _stages(initial, trees, anchors, offsets))


def _stages(initial, trees, anchors, offsets):
    stages = []
    parts = zip(trees, anchors, offsets, strict=True)
    for t, ((first, second, threshold, leaves), anchor, offset) in enumerate(parts, 1):
        n_pixels = len(anchor)
        if len(offset) != n_pixels:
            raise InputError(f"stage {t} has {n_pixels} anchors but {len(offset)} offsets")
        for name, index, limit in (
            ("split", first, n_pixels),
            ("split", second, n_pixels),
            ("pixel", anchor, len(initial)),
        ):
            if index.min() < 0 or index.max() >= limit:
                raise InputError(f"a {name} of stage {t} has an index outside 0 to {limit - 1}")
        feature = BoxIndexedPixels(anchor.astype(np.uint16), offset)
        splits = first.astype(np.uint16), second.astype(np.uint16), threshold
        stages.append(FittedStage(feature, BoxTrees.from_leaves(*splits, leaves, initial)))
    return stages


class _Reader:
    """A position in the bytes of a file."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def _go(self, at):
        if at < 0:
            raise InputError(_PROBLEMS[int(at)])
        self.at = int(at)

    def _require(self, n_bytes):
        if n_bytes > len(self.data) - self.at:
            raise InputError(_PROBLEMS[kernels.TRUNCATED])

    def ints(self, n):
        """The next `n` integers, a list."""
        return self._array(n, np.int64, _INT, kernels.read_ints).tolist()

    def floats(self, n):
        """The next `n` floats, float32."""
        return self._array(n, np.float32, _FLOAT, kernels.read_floats)

    def _array(self, n, dtype, n_bytes, kernel):
        self._require(n * n_bytes)
        out = np.empty(n, dtype)
        self._go(kernel(self.data, self.at, out))
        return out

    def count(self, what, limit, n_bytes):
        """The length of a list of `what`, each of at least `n_bytes`."""
        (n,) = self.ints(1)
        if not 1 <= n <= limit:
            raise InputError(f"{n} {what}; the number must be 1 to {limit}")
        self._require(n * n_bytes)
        return n

    def trees(self, n_values):
        """First and second pixel, threshold and leaves of a stage's trees."""
        n_trees = self.count("trees", 1 << 24, _INT)
        start = self.at
        n_splits = self.count("splits", _MAX_SPLITS, 2 * _INT + _FLOAT)
        self.at = start  # each tree says it again
        if n_splits & (n_splits + 1):
            raise InputError(f"a tree of {n_splits} splits is not complete")
        leaf = 2 * _INT + n_values * _FLOAT
        self._require(n_trees * (n_splits * (2 * _INT + _FLOAT) + (n_splits + 1) * leaf))
        nodes = n_trees, n_splits
        out = (
            np.empty(nodes, np.int64),
            np.empty(nodes, np.int64),
            np.empty(nodes, np.float32),
            np.empty((n_trees, n_splits + 1, n_values), np.float32),
        )
        self._go(kernels.read_trees(self.data, self.at, *out))
        return out

    def anchors(self, n_stages):
        """Landmarks that the pixels of each stage are tied to."""
        self._same("stages of anchors", n_stages)
        return [
            np.array(self.ints(self.count("pixels", _MAX_PIXELS, _INT))) for _ in range(n_stages)
        ]

    def offsets(self, n_stages):
        """Offsets (P, 2) of the pixels of each stage."""
        self._same("stages of offsets", n_stages)
        return [
            self.floats(2 * self.count("offsets", _MAX_PIXELS, 2 * _FLOAT)).reshape(-1, 2)
            for _ in range(n_stages)
        ]

    def _same(self, what, expected):
        (n,) = self.ints(1)
        if n != expected:
            raise InputError(
                f"{n} {what} for {expected} stages of trees; the numbers must be equal"
            )

    def end(self):
        if self.at != len(self.data):
            raise InputError(f"{len(self.data) - self.at} bytes follow its end")


def write(model, path):
    """Write a file that dlib's ``shape_predictor`` loads.

    Parameters
    ----------
    model : ShapePredictor
        Read from such a file, or trained here.
    path : str or Path

    Raises
    ------
    InputError
        If `model` is not a `ShapePredictor`, or the file cannot be written.

    Notes
    -----
    A model that was read from a file and not packed since is written byte for byte as it was.
    """
    replace_file(path, dumps(model))


def dumps(model):
    """The bytes of `write`."""
    if not isinstance(model, ShapePredictor):
        raise InputError(
            f"a model of method {model.method!r} cannot be a dlib file: dlib adds leaves in the "
            "frame of the box and reads pixel differences only; train method 'dlib' instead"
        )
    model._check_fitted()
    n_stages = len(model.stages_)
    numbers = sum(len(s.predictor.first) * (s.predictor.first.shape[1] + 1) for s in model.stages_)
    if 4 * numbers * model.mean_shape_.size > _MAX_BYTES:
        raise InputError(
            f"a dlib file holds every landmark in every leaf: {len(model.mean_shape_)} landmarks "
            f"in {numbers} leaves are more than the {_MAX_BYTES} bytes that are read of such a "
            "file; train fewer trees, or fewer landmarks"
        )
    out = _Writer()
    out.ints(_VERSION, -model.mean_shape_.size, -1)
    out.floats(model.mean_shape_)
    out.ints(n_stages)
    for stage in model.stages_:
        trees = stage.predictor
        out.ints(len(trees.first))
        out.trees(trees.first, trees.second, trees.threshold, trees.leaves)
    out.ints(n_stages)
    for stage in model.stages_:
        out.ints(len(stage.feature.anchors), *stage.feature.anchors.tolist())
    out.ints(n_stages)
    for stage in model.stages_:
        out.ints(len(stage.feature.offsets))
        out.floats(stage.feature.offsets)
    return out.bytes()


class _Writer:
    """Bytes in the making."""

    def __init__(self):
        self._parts = []

    def ints(self, *numbers):
        """Append integers."""
        self._append(kernels.MAX_INT * len(numbers), kernels.write_ints, np.int64(numbers))

    def floats(self, numbers):
        """Append floats."""
        numbers = np.ascontiguousarray(numbers, np.float32).reshape(-1)
        self._append(kernels.MAX_FLOAT * numbers.size, kernels.write_floats, numbers)

    def trees(self, first, second, threshold, leaves):
        """Append the trees of a stage."""
        n_ints = 2 * first.size + len(first) * (2 + 2 * leaves.shape[1])
        room = n_ints * kernels.MAX_INT + (first.size + leaves.size) * kernels.MAX_FLOAT
        self._append(room, kernels.write_trees, first, second, threshold, leaves)

    def _append(self, room, kernel, *arrays):
        out = np.empty(room, np.uint8)
        self._parts.append(out[: kernel(out, 0, *arrays)].tobytes())

    def bytes(self):
        return b"".join(self._parts)
