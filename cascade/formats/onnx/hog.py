"""HOG descriptors as operators of ONNX; see `features._hog_kernels`.

Planes are made by convolutions. All their numbers are small and whole, so that float32 adds them
exactly in any order; what is rounded, is rounded where the kernels round.
"""

from dataclasses import dataclass

import numpy as np

from features._hog_kernels import DIRECTIONS, STEPS

# Cells less than so many pixels apart are read from the image as it is, others from halved ones.
_SPACING = 6.0
_MAX_OCTAVE = 6
_SMALLEST = 16
# Whole numbers of a descriptor are two digits of this base: signed products of bytes fit 16 bits.
_BASE = 64
# Farthest that a shape's coordinates are told, in steps; and the least energy of a turn.
_FARTHEST = 4.0 * STEPS
_TINY = 1e-12
# How wide the face in a crop may be, in faces of the frame: a crop is a whole number of pixels.
_WIDEST = 1.5


@dataclass
class Planes:
    """Smoothed histograms of gradients of n faces, of pictures halved 0 to M - 1 times.

    Attributes
    ----------
    table : Tensor (rows, 8) float32
        The histograms of all faces and levels.
    first, width, height : Tensor (n, M) int64
        Where the plane of each face and level begins, and its sides.
    length : Tensor (n, 1) int64
        The shorter side of the face's picture.
    rows : tuple of int
        Histograms in a row of the planes of each level.
    """

    table: object
    first: object
    width: object
    height: object
    length: object
    rows: tuple

    def joined(self, other):
        """The planes of these faces, then those of others."""
        join = self.table.graph.join
        moved = other.first + self.table.size(0).reshape(1, 1)
        return Planes(
            join([self.table, other.table], 0),
            join([self.first, moved], 0),
            *(join([getattr(p, name) for p in (self, other)], 0)
              for name in ("width", "height", "length")),
            self.rows,
        )  # fmt: skip

    def repeated(self, n_views, times):
        """The planes of each of `n_views` views, n faces each, `times` times."""
        if times == 1:
            return self
        ones = self.table.graph.const(np.ones((1, times, 1, 1), np.int64))

        def again(tensor, columns):
            return (tensor.reshape(n_views, 1, -1, columns) * ones).reshape(-1, columns)

        parts = (again(t, len(self.rows)) for t in (self.first, self.width, self.height))
        return Planes(self.table, *parts, again(self.length, 1), self.rows)


def levels_needed(stages, frame):
    """How many times, and one, the pictures may have to be halved for any of `stages`."""
    widest = max(float(stage.feature.spacing[0]) for stage in stages) * frame.face * _WIDEST
    level, size = 0, frame.size
    while widest >= _SPACING and level < _MAX_OCTAVE and size >= 2 * _SMALLEST:
        widest, size, level = widest / 2, size // 2, level + 1
    return level + 1


def make_planes(pictures, size, n_levels, seen=None):
    """The `Planes` of pictures (n, 1, size, size) float32.

    Parameters
    ----------
    pictures : Tensor
    size : int
    n_levels : int
    seen : Tensor (n, 2) int64, optional
        Width and height that count of each picture; without it, they are seen whole.
    """
    graph, n = pictures.graph, pictures.size(0)
    sides = graph.const(np.full((1, 2), size)).expand(n, 2) if seen is None else seen
    width, height = sides.between(0, 1, 1), sides.between(1, 2, 1)
    length = width.min(height)
    tables, firsts, widths, heights, rows = [], [], [], [], []
    before = n * 0
    for level in range(n_levels):
        if level:
            pictures = (_mean_of_four(pictures) + 0.5).floor()
            size, width, height = size // 2, width / 2, height / 2
            if seen is not None:
                pictures = _clamped(pictures, width, height, size)
        blocks = _blocks(pictures)
        if seen is not None:
            blocks = _clamped(blocks, width / 2, height / 2, size // 2)
        tables.append(_smoothed(blocks).transpose(0, 2, 3, 1).reshape(-1, DIRECTIONS))
        area = (size // 2) ** 2
        firsts.append((graph.count(n) * area + before).reshape(-1, 1))
        widths.append(width / 2)
        heights.append(height / 2)
        rows.append(size // 2)
        before = before + n * area
    columns = (graph.join(parts, 1) for parts in (firsts, widths, heights))
    return Planes(graph.join(tables, 0), *columns, length, tuple(rows))


def _mean_of_four(pictures):
    return pictures.graph.node("AveragePool", pictures, kernel_shape=[2, 2], strides=[2, 2])


def _edged(tensor):
    """One more row and column on each side, the border repeated."""
    width = tensor.graph.ints(0, 0, 1, 1, 0, 0, 1, 1)
    return tensor.graph.node("Pad", tensor, width, dtype=tensor.dtype, mode="edge")


def _blocks(pictures):
    """Gradients resolved into the nearer two of eight directions, in blocks of 2x2 pixels."""
    x, y = np.zeros((2, 3, 3), np.float32)
    x[1, 0], x[1, 2], y[0, 1], y[2, 1] = -1, 1, -1, 1
    pairs = [(x + y, x - y), (x, y), (x + y, y - x), (-x, y)]
    pairs += [(-one, -other) for one, other in pairs]
    one, other = (np.stack(kernels)[:, None] for kernels in zip(*pairs, strict=True))
    padded = _edged(pictures)
    graph = pictures.graph
    resolved = [graph.node("Conv", padded, graph.const(kernels)) for kernels in (one, other)]
    return _mean_of_four(resolved[0].min(resolved[1]).max(0)) * 4


def _smoothed(blocks):
    """Weighted sums, 1 2 1 along both axes."""
    kernel = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32)
    kernels = blocks.graph.const(np.tile(kernel, (DIRECTIONS, 1, 1, 1)))
    return blocks.graph.node("Conv", _edged(blocks), kernels, group=DIRECTIONS)


def _clamped(tensor, width, height, size):
    """`tensor` (n, c, size, size) with what is behind `width` and `height` (n, 1) repeating the
    last column and row."""
    graph = tensor.graph
    along = graph.const(np.arange(size))
    columns = along.min(width - 1).reshape(-1, 1, 1, size).expand(tensor.shape())
    rows = along.min(height - 1).reshape(-1, 1, size, 1).expand(tensor.shape())
    return tensor.pick_along(columns, 3).pick_along(rows, 2)


def describe(feature, pose, shapes, view, planes):
    """Descriptors (C, n, L, 8) float32, whole numbers of steps, at all landmarks."""
    graph, n_landmarks, n_cells = shapes.graph, pose.reference.shape[1], len(feature.cells)
    spacing = view.side.reshape(-1, 1) * feature.spacing[0]
    level = _octave(spacing, planes)
    factors = graph.const(np.float32(0.5) / 2.0 ** np.arange(len(planes.rows), dtype=np.float32))
    factor = factors.take(level.reshape(-1)).reshape(-1, 1, 1)
    first, width, height = (
        t.pick_along(level, 1).reshape(1, -1, 1)
        for t in (planes.first, planes.width, planes.height)
    )
    row = graph.const(np.array(planes.rows, np.int64)).take(level.reshape(-1)).reshape(1, -1, 1)
    side = view.side * factor
    at = ((view.center + 0.5) * factor - 0.5) + side * shapes
    around = side * pose.turn(*feature.cells.T)
    # Cells first: they are added one after another.
    x, y = (
        at.take(axis, 1).reshape(1, -1, n_landmarks)
        + around.take(axis, 1).transpose(1, 0).reshape(n_cells, -1, 1)
        for axis in (0, 1)
    )
    x = x.max(0).min((width - 1).cast(np.float32))
    y = y.max(0).min((height - 1).cast(np.float32))
    column, line = x.cast(np.int64).min(width - 2), y.cast(np.int64).min(height - 2)
    right = (x - column.cast(np.float32)).reshape(n_cells, -1, n_landmarks, 1)
    down = (y - line.cast(np.float32)).reshape(n_cells, -1, n_landmarks, 1)
    place = first + line * row + column
    ends = []
    for index in (place, place + row):
        low = planes.table.take(index)
        ends.append(low + right * (planes.table.take(index + 1) - low))
    parts = _turned(ends[0] + down * (ends[1] - ends[0]), pose)
    sums = parts.sum(0).reshape(-1, DIRECTIONS).transpose(1, 0)
    total = sums.padded([[1, 0], [0, 0]], 1).sum(0)
    scale = np.float32(STEPS * STEPS) / total
    return ((parts * scale.reshape(1, -1, n_landmarks, 1)).sqrt() + 0.5).floor()


def _octave(spacing, planes):
    """How often each picture is halved (n, 1) int64, for cells `spacing` (n, 1) pixels apart."""
    level, going = planes.length * 0, None
    for k in range(len(planes.rows) - 1):
        fits = (spacing >= _SPACING * 2**k) & (planes.length / (1 << k) >= 2 * _SMALLEST)
        going = fits if going is None else going & fits
        level = level + going.cast(np.int64)
    return level


def _turned(histograms, pose):
    """Histograms (C, N, L, 8), their directions counted from those of each shape."""
    eighths = _eighths(pose.linear.reshape(-1, 2))
    whole = eighths.floor()
    lane = whole.cast(np.int64)
    shares = whole + 1 - eighths, eighths - whole
    order = lane + (np.arange(DIRECTIONS) + DIRECTIONS)  # (N, 8)
    total = None
    root = np.float32(np.sqrt(2.0))
    for j, share in enumerate(shares):
        source = (order + j).remainder(DIRECTIONS).reshape(1, -1, 1, DIRECTIONS)
        # Directions between those of the image's axes lack a factor.
        odd = order.remainder(2).equals(1 - j)
        share = odd.where(share * root, share)
        found = histograms.pick_along(source.expand(histograms.shape()), 3)
        product = share.reshape(1, -1, 1, DIRECTIONS) * found
        total = product if total is None else total + product
    return total


def _series(n_terms=16):
    """Coefficients of the odd powers of t in the arctangent of 0 to 1, to 1e-13."""
    k = np.arange(n_terms)
    chebyshev = np.zeros(2 * n_terms)
    chebyshev[1::2] = 2 * (-1.0) ** k * (np.sqrt(2) - 1) ** (2 * k + 1) / (2 * k + 1)
    return np.polynomial.chebyshev.cheb2poly(chebyshev)[1::2]


def _eighths(linear):
    """Angles (n, 1) float32, in eighths of a turn, of (a, b) (n, 2)."""
    graph = linear.graph
    size = linear.cast(np.float64)
    size = size.max(-size)
    u, v = size.between(0, 1, 1), size.between(1, 2, 1)
    a, b = linear.between(0, 1, 1), linear.between(1, 2, 1)
    t = u.min(v) / u.max(v).max(1e-300)
    powers = graph.node("Pow", t, graph.const(np.arange(1.0, 32.0, 2.0)))
    angle = (powers * _series()).sum(1).reshape(-1, 1)
    angle = (v > u).where(np.pi / 2 - angle, angle)
    angle = (a < 0).where(np.pi - angle, angle).cast(np.float32)
    angle = (b < 0).where(-angle, angle)
    return angle * np.float32(4 / np.pi)


def project(numbers, weights, n_cells):
    """Sums (n, R) int32 of descriptors (C, n, L, 8) times weights (L * C * 8, R) int8."""
    graph = numbers.graph
    weights = weights.reshape(-1, n_cells, DIRECTIONS, weights.shape[1]).swapaxes(0, 1)
    weights = weights.reshape(-1, weights.shape[-1])
    high = (numbers / _BASE).floor()
    digits = [d.cast(np.uint8).transpose(1, 0, 2, 3).reshape(-1, len(weights))
              for d in (high, numbers - high * _BASE)]  # fmt: skip
    both = graph.node("MatMulInteger", graph.join(digits, 0), graph.const(weights), dtype=np.int32)
    both = both.reshape(2, -1, weights.shape[1])
    return both.take(0) * _BASE + both.take(1)


def project_shape(pose, shapes, gain, weights):
    """The same of where a shape is, told from the mean shape in its frame; see `place`."""
    graph, n_landmarks = shapes.graph, pose.reference.shape[1]
    a, b = pose.linear.between(0, 1, 1), pose.linear.between(1, 2, 1)
    energy = (a * a + b * b).max(_TINY)
    turn = pose.linear / energy
    center = shapes.transpose(2, 0, 1).sum(0).reshape(-1, 2, 1) / n_landmarks
    away = shapes - center
    x, y = away.between(0, 1, 1), away.between(1, 2, 1)
    a, b = turn.between(0, 1, 1), turn.between(1, 2, 1)
    aligned = graph.join([a * x + b * y, a * y - b * x], 1)
    steps = (aligned - pose.reference) * np.float32(gain * np.float32(STEPS))
    steps = ((steps.max(-_FARTHEST).min(_FARTHEST)) + 0.5).floor()
    rows = steps.cast(np.float64).reshape(-1, 2 * n_landmarks)
    weights = weights.reshape(n_landmarks, 2, -1).swapaxes(0, 1).reshape(2 * n_landmarks, -1)
    return rows.product(weights).cast(np.int32)
