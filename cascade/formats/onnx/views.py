"""Where a graph looks for its faces: boxes, crops and mirror images as operators of ONNX.

The counterpart of `features.frame.Frame.crop` and of the views in `cascade.loop.prediction`, to the
bit: a crop holds the very grey levels that OpenCV makes, so that no tree decides otherwise.

Centres are (n, 2, 1), sides (n, 1, 1), and shapes (n, 2, L).
"""

from dataclasses import dataclass, field

import numpy as np

from features.geometry import FARTHEST

from ...loop.face_space import SMALLEST_VIEW

# Positions of pixels are int32.
_MOST_PIXELS = np.iinfo(np.int32).max
# Fixed-point one of OpenCV's linear interpolation of bytes.
_ONE = 1 << 11


@dataclass
class View:
    """The pixels of n faces and the way to them.

    Attributes
    ----------
    pixels : (1, m * H * W) uint8
    origin : (n, 1) int32
        Where each face's own part of the pixels begins. Positions are int32, which onnxruntime
        computes with twice as fast as with int64; see `sound_boxes` for images that are too large.
    step : (n, 1) int32, or None
        From one pixel to its right neighbour: -1 in a mirror; None where it is 1 for all.
    row : (n, 1) int32
        From one pixel to the one below.
    limit : (n, 2, 1) float32
        Greatest x and y.
    center, side : (n, 2, 1), (n, 1, 1) float32
        Placements.
    """

    pixels: object
    origin: object
    step: object
    row: object
    limit: object
    center: object
    side: object
    _known: dict = field(default_factory=dict, repr=False)

    def read(self, points):
        """Grey levels (1, n * p) int32 at points (n, 2, p), the border repeated."""
        points = points.max(0).min(self.limit).cast(np.int32)
        x, y = points.take(0, 1), points.take(1, 1)
        across = x if self.step is None else x * self.step
        place = across + (y * self.row + self.origin)
        return self.pixels.pick(place.reshape(1, -1)).cast(np.int32)

    def number(self):
        """How many samples there are, (1,) int64; asked for once."""
        if "n" not in self._known:
            self._known["n"] = self.side.size(0)
        return self._known["n"]

    def starts(self, n_pixels, times):
        """Where the `n_pixels` pixels of each sample begin, `times` times each: (1, n * times)
        int32. Most stages ask for the same, which is computed once."""
        key = n_pixels, times
        if key not in self._known:
            n = self.number()
            start = (n.graph.count(n).cast(np.int32) * n_pixels).reshape(-1, 1)
            self._known[key] = start.expand(1, times).reshape(1, -1)
        return self._known[key]

    def pixel_of(self, shapes):
        """Points (n, 2, p) of the box frame in pixels; truncated, they are the nearest."""
        return (self.center + 0.5) + self.side * shapes


def sound_boxes(boxes, images, face):
    """Corners (n, 2, 1), low and high, float64, of `boxes` (n, 4); and which can be (n, 1, 1).

    A box that cannot be, or that lies outside its image, is replaced: it shall not decide how the
    others are read. Nor can any where the images have more pixels in all than int32 counts, which
    leaves room for one crop of each face.
    """
    low, high = _corners(boxes.cast(np.float64))
    last = (_extent(images) - 1).cast(np.float64)
    sound = (low < high) & (high - low < FARTHEST) & (high >= 0) & (low <= last)
    sound = sound.take([0], 1) & sound.take([1], 1)
    sound = sound & (images.count() <= _MOST_PIXELS - boxes.size(0) * (2 * face) ** 2)
    return sound.where(low, 0), sound.where(high, face), sound


def _corners(boxes):
    return (boxes.between(k, k + 2, 1).reshape(-1, 2, 1) for k in (0, 2))


def placements(low, high):
    """Centres and sides, float32, of boxes."""
    extent = high - low
    side = (extent.take([0], 1) * extent.take([1], 1)).sqrt()
    return ((low + high) / 2).cast(np.float32), side.cast(np.float32)


def views(images, n, center, side, frame, near, mirror):
    """The view of each face, and with `mirror` that of its mirror image.

    Parameters
    ----------
    images : Tensor (m, H, W) uint8
        One for all faces, or one a face.
    n : Tensor (1,) int64
        Number of faces.
    center, side : Tensor
    frame : Frame
    near : (float, float)
        Range of sides, relative to the frame's face, within which images are read where they are.
    mirror : bool

    Returns
    -------
    list of View
    """
    graph, row = images.graph, images.size(2)
    owner = _owners(images, n)
    wide = side.cast(np.float64)
    near = (wide >= near[0] * frame.face) & (wide <= near[1] * frame.face)
    all_near = near.reshape(-1).cast(np.int64).sum(0).equals(n)

    def in_place():
        origin = owner * (row * images.size(1))
        limit = (_extent(images) - 1).cast(np.float32)
        return (
            images.reshape(1, -1), origin.reshape(-1, 1).cast(np.int32),
            row.expand(n, 1).cast(np.int32), limit.expand(n, 2, 1),
            center.reshape(-1, 2, 1), side.reshape(-1, 1, 1),
        )  # fmt: skip

    def cropped():
        crops, centers, sides = _crops(images, n, owner, center, side, frame)
        whole, *here = in_place()
        origin = (graph.count(n) * frame.size**2).reshape(-1, 1) + whole.size(1)
        origin = origin.cast(np.int32)
        size, limit = np.int32(frame.size), np.float32(frame.size - 1)
        there = origin, size, limit, centers.reshape(-1, 2, 1), sides.reshape(-1, 1, 1)
        flat = near.reshape(-1, 1)
        stays = flat, flat, near, near, near
        fields = [k.where(a, b) for k, a, b in zip(stays, here, there, strict=True)]
        return graph.join([whole, crops.reshape(1, -1)], 1), *fields

    dtypes = [np.uint8, np.int32, np.int32, np.float32, np.float32, np.float32]
    pixels, origin, row, limit, center, side = graph.branch(all_near, in_place, cropped, dtypes)
    found = [View(pixels, origin, None, row, limit, center, side)]
    if mirror:
        found.append(_mirrored(found[0], frame))
    return found


def cropped_views(images, n, center, side, frame, mirror):
    """The views of `views` where every face is read from a crop, and the crops (n, 1, S, S)."""
    size = frame.size
    crops, centers, sides = _crops(images, n, _owners(images, n), center, side, frame)
    graph = images.graph
    row = graph.const(np.full((1, 1), size, np.int32)).expand(n, 1)
    origin = (graph.count(n) * size**2).reshape(-1, 1).cast(np.int32)
    limit = graph.const(np.full((1, 2, 1), size - 1, np.float32)).expand(n, 2, 1)
    pixels, centers, sides = (
        crops.reshape(1, -1),
        centers.reshape(-1, 2, 1),
        sides.reshape(-1, 1, 1),
    )
    found = [View(pixels, origin, None, row, limit, centers, sides)]
    if mirror:
        found.append(_mirrored(found[0], frame))
    return found, crops.reshape(-1, 1, size, size).cast(np.float32)


def picture(view, size):
    """What a view shows, (n, 1, size, size) float32, and its width and height (n, 2) int64; behind
    them the last column and row are repeated."""
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), 0).reshape(1, 2, -1)
    points = view.limit.graph.const(grid.astype(np.float32))
    n = view.limit.size(0)
    pixels = view.read(points.expand(n, 2, size * size)).cast(np.float32)
    return pixels.reshape(-1, 1, size, size), view.limit.reshape(-1, 2).cast(np.int64) + 1


def _owners(images, n):
    """The image (n,) of each face."""
    # With one image all faces are in it; the numbers of other images than faces reach too far.
    several = images.size(0) > 1
    return images.graph.count(n) * several.cast(np.int64)


def _crops(images, n, owner, center, side, frame):
    """Crops (n, S, S), centres (n, 2) and sides (n, 1)."""
    return images.graph.for_each(
        n,
        lambda i: _crop(images.graph, images, owner.take(i), center.take(i), side.take(i), frame),
        [np.uint8, np.float32, np.float32],
    )


def repeated(views, times):
    """The views one after another as one, each `times` times."""
    if len(views) == 1 and times == 1:
        return views[0]
    graph, all_right = views[0].pixels.graph, all(view.step is None for view in views)

    def joined(name):
        parts = [getattr(v, name) for v in views]
        if name == "step":
            parts = [v.row * 0 + 1 if part is None else part
                     for v, part in zip(views, parts, strict=True)]  # fmt: skip
        return graph.join([part for part in parts for _ in range(times)], 0)

    names = ("origin", "row", "limit", "center", "side")
    fields = {name: joined(name) for name in names}
    return View(views[0].pixels, step=None if all_right else joined("step"), **fields)


def _extent(images):
    """Width and height (2, 1) int64."""
    return images.graph.ints(images.size(2), images.size(1)).reshape(2, 1)


def _mirrored(view, frame):
    """What a view looks like in a mirror, cut to what training would show."""
    center, reach = view.center.cast(np.float64), view.side.cast(np.float64)
    reach = reach * (frame.size / frame.face / 2)
    # As `cascade.loop.face_space` cuts: a few pixels at least, even of a face beyond the image.
    length = view.limit.cast(np.int64) + 1
    low = (center - reach).cast(np.int64).max(0).min((length - SMALLEST_VIEW).max(0))
    high = ((center + reach).cast(np.int64) + 2).min(length)
    high = high.max((low + SMALLEST_VIEW).min(length))
    last = high - low - 1
    center = center - low.cast(np.float64)
    x = last.take([0], 1).cast(np.float64) - center.take([0], 1)
    center = x.graph.join([x, center.take([1], 1)], 1)
    left, top = ((high - 1).take(0, 1).cast(np.int32), low.take(1, 1).cast(np.int32))
    origin = view.origin + top * view.row + left
    limit, center = last.cast(np.float32), center.cast(np.float32)
    return View(view.pixels, origin, view.row * 0 - 1, view.row, limit, center, view.side)


def _crop(graph, images, owner, center, side, frame):
    """The crop (size, size) of one face, its centre (2,) and side (1,); see `Frame.crop`."""
    size, extent = frame.size, _extent(images)
    center, side, length = (t.cast(np.float64) for t in (center, side, extent))
    center, side = center.reshape(2, 1), side.reshape(1)
    wanted = side / frame.face
    average = wanted.round().max(1)
    n = (wanted * size / average).round().max(1)
    start = (center + 0.5 - n * average / 2).round()
    taps = _taps(n, size)
    cells = graph.count(n.cast(np.int64)).cast(np.float64).reshape(1, -1)
    low, high = _cells_inside(start, average, n, length)
    cells = cells.max(low).min(high)
    begin = (start + cells * average).max(0)
    end = (start + (cells + 1) * average).min(length).max(begin + 1)

    first, last = (t.cast(np.int64) for t in (begin.between(0, 1, 1), end.between(-1, 1 << 30, 1)))
    corner = graph.ints(owner, first.take([1]).reshape(1), first.take([0]).reshape(1))
    opposite = graph.ints(owner + 1, last.take([1]).reshape(1), last.take([0]).reshape(1))
    part = graph.node("Slice", images, corner, opposite)
    tall, wide = last.take([1]) - first.take([1]), last.take([0]) - first.take([0])
    part = part.reshape(tall.reshape(1), wide.reshape(1)).cast(np.int32)
    begin, end = (t.cast(np.int64) - first for t in (begin, end))
    grey = _averages(part, begin, end)
    crop = _interpolated(grey, *taps)

    scale = n * average / size
    origin = start + scale / 2 - 0.5
    center, side = (center - origin) / scale, side / scale
    return crop, center.reshape(2).cast(np.float32), side.cast(np.float32)


def _cells_inside(start, average, n, length):
    """First and last cell (2, 1) that lie in an image of `length` pixels; as in `Frame.crop`."""
    first = (-(start / average).floor()).max(0)
    last = ((length - start) / average).floor().min(n) - 1
    alone = (-start / average).floor().max(0).min(n - 1)
    some = first <= last
    return some.where(first, alone), some.where(last, alone)


def _taps(n, size):
    """The two of n cells that each of `size` pixels lies between, and what each weighs.

    First and second cells (size,) int64; and the weights of both in x and of both in y, (size,)
    int32.
    """
    # The maximum changes nothing; without it, onnxruntime would divide; see `_averages`.
    scale = (1 / (size / n)).max(0)
    at = ((np.arange(size) + 0.5) * scale - 0.5).cast(np.float32)
    cell = at.floor()
    share = at - cell
    inside = (cell >= 0) & (cell.cast(np.float64) < n - 1)
    # OpenCV clears the weight of a column that is not there, but not that of a row.
    shares = inside.where(share, 0), share
    weights = [(part * _ONE).round().cast(np.int32) for s in shares for part in (1 - s, s)]
    cells = [c.cast(np.float64).max(0).min(n - 1).cast(np.int64) for c in (cell, cell + 1)]
    return cells, weights


def _averages(part, begin, end):
    """Mean grey levels, column by row, of the windows [begin, end) (2, k) in x and y."""
    before = [[1, 0], [0, 0]]
    sums = part.running_sum(0).padded(before, 0)
    bands = sums.take(end.take(1)) - sums.take(begin.take(1))
    sums = bands.transpose(1, 0).running_sum(0).padded(before, 0)
    sums = sums.take(end.take(0)) - sums.take(begin.take(0))
    lengths = (end - begin).cast(np.float32)
    wide, tall = lengths.take(0).reshape(-1, 1), lengths.take(1)
    # The maximum changes nothing: onnxruntime would divide in place of multiplying by an inverse
    # that nothing else stands before, and OpenCV multiplies.
    means = sums.cast(np.float32) * (1 / (wide * tall)).max(0)
    # OpenCV rounds halves up where four pixels are averaged, else to the even number.
    four = wide.equals(2).cast(np.float32) * tall.equals(2).cast(np.float32)
    return (means + four * 0.125).round().cast(np.int32)


def _interpolated(grey, cells, weights):
    """The crop, row by column, from the grey levels of cells (n, n), column by row."""
    first, second = cells
    left, right, above, below = weights
    columns = grey.take(first) * left.reshape(-1, 1) + grey.take(second) * right.reshape(-1, 1)
    lines = columns.transpose(1, 0) / 16
    first, second = lines.take(first), lines.take(second)
    rows = first * above.reshape(-1, 1) / (1 << 16) + second * below.reshape(-1, 1) / (1 << 16)
    return ((rows + 2) / 4).cast(np.uint8)
