"""The fused inference kernels of box-frame trees, with the arithmetic of dlib's shape predictor.

Sums of floats keep dlib's order and precision: float32 for shapes and leaves, float64 for the
similarity and for positions in the image. One bit that differs can move a point to the next pixel.
"""

import numpy as np

from features._float_rows import add_float_rows, prefetch
from features._lanes import LANES, add_rows
from features.jit import njit

from .._update_kernels import apply_basis, keep
from ..trees._walk_kernels import find_leaves

# Trees whose leaves are added in registers before they join the total.
ABREAST = 8
# Samples that go through a stage together, and trees, a multiple of `ABREAST`, whose leaves they
# add before they go on to the next: few enough to stay in the second cache.
BLOCK, TOGETHER = 64, 16
# Floats a cache line.
LINE = 16


@njit(nogil=True, cache=True)
def _similarity(reference, shape):
    """(a, b) of the scaled rotation that aligns `reference` (L, 2), centred, with `shape`."""
    a, b, energy = 0.0, 0.0, 0.0
    center_x, center_y = 0.0, 0.0
    n = reference.shape[0]
    for k in range(n):
        center_x += shape[k, 0]
        center_y += shape[k, 1]
    center_x /= n
    center_y /= n
    for k in range(n):
        x, y = reference[k, 0], reference[k, 1]
        u, v = shape[k, 0] - center_x, shape[k, 1] - center_y
        a += x * u + y * v
        b += x * v - y * u
        energy += x * x + y * y
    if n == 1 or energy == 0:
        return np.float32(1), np.float32(0)
    return np.float32(a / energy), np.float32(b / energy)


@njit(nogil=True, cache=True)
def _read_points(image, place, shape, a, b, anchors, offsets, scratch, where, out):
    """Grey levels at the points of one shape, nearest pixel, 0 outside the image.

    `scratch`, `where` and the passes are those of `features._pixel_kernels.read_points`.
    """
    n_points = anchors.shape[0]
    height, width = image.shape
    left, top, across, down = place[0] + 0.5, place[1] + 0.5, place[2], place[3]
    right, bottom = float(width), float(height)
    xs, ys = scratch[0], scratch[1]
    stride = np.int64(np.int32(width))
    for p in range(n_points):
        k = np.uint64(anchors[p])
        xs[p] = shape[k, 0]
        ys[p] = shape[k, 1]
    for p in range(n_points):
        dx, dy = offsets[p, 0], offsets[p, 1]
        x = left + across * np.float64((a * dx - b * dy) + xs[p])
        y = top + down * np.float64((b * dx + a * dy) + ys[p])
        # Written so that NaN counts as outside. Truncating a positive number is the floor.
        inside = (x >= 0.0) & (x < right) & (y >= 0.0) & (y < bottom)
        x = x if inside else 0.0
        y = y if inside else 0.0
        at = np.int64(np.int32(y)) * stride + np.int64(np.int32(x))
        where[p] = at if inside else np.int64(-1)
    flat = image.reshape(-1)
    for p in range(n_points):
        at = where[p]
        out[p] = flat[np.uint64(at)] if at >= 0 else np.uint8(0)


@njit(nogil=True, cache=True)
def run_float_trees(pixels, frames, index, places, shapes, reference, anchors, offsets, nodes,
                    leaves, start, stop, staged):  # fmt: skip
    """Move the shapes of the samples [start, stop) through T stages, in place.

    Samples go through a stage together, `BLOCK` at a time: the leaves of a few trees stay in the
    cache while all of them add theirs.

    Parameters
    ----------
    pixels : (bytes,) uint8
        All images, row by row, one after the other.
    frames : (m, 3) int64
        First pixel, height and width of each image.
    index : (N,) intp
        Image of each sample.
    places : (N, 4) float64
        Left, top, width and height of the box: a shape's (0, 0) and its unit in pixels.
    shapes : (N, L, 2) float32
        In the box frame, (0, 0) to (1, 1).
    reference : (L, 2) float64
        Centred initial shape.
    anchors, offsets : (T, P) uint16, (T, P, 2) float32
    nodes : (T, K * (leaves a tree - 1)) uint64
        See `find_leaves`.
    leaves : (T, K * leaves a tree, width) float32
        The width is 2L or more, a multiple of `LANES`; K is a multiple of `ABREAST`.
    staged : (T, N, L, 2) float32, or of no length
        Takes the shapes after each stage.
    """
    n_stages, n_points = anchors.shape
    n_leaves, width = leaves.shape[1], leaves.shape[2]
    n_trees = n_leaves - nodes.shape[1]
    n_values = 2 * shapes.shape[1]
    n_block = min(BLOCK, max(stop - start, 1))
    grey = np.empty(n_points, np.uint8)
    scratch, where = np.empty((2, n_points), np.float32), np.empty(n_points, np.int64)
    place = np.empty((n_block, n_trees), np.uint32)
    total = np.zeros((n_block, width), np.float32)
    flat_place, flat_total = place.reshape(-1), total.reshape(-1)
    flat = shapes.reshape(shapes.shape[0], n_values)
    for begin in range(start, stop, n_block):
        size = min(n_block, stop - begin)
        for t in range(n_stages):
            values = leaves[t].reshape(-1)
            # The points turn and scale with each shape; each tree leads to a leaf.
            for i in range(size):
                shape, row = shapes[begin + i], place[i]
                a, b = _similarity(reference, shape)
                image = _image(pixels, frames, index[begin + i])
                _read_points(
                    image,
                    places[begin + i],
                    shape,
                    a,
                    b,
                    anchors[t],
                    offsets[t],
                    scratch,
                    where,
                    grey,
                )
                find_leaves(grey, nodes[t], n_leaves, row)
                for k in range(n_trees):
                    row[k] *= np.uint32(width)
                if size == 1:
                    _fetch(values, row, 0, TOGETHER, width)
                for c in range(n_values):
                    total[i, c] = flat[begin + i, c]
            # The leaves are added to the shape, tree by tree.
            for first in range(0, n_trees, TOGETHER):
                last = min(first + TOGETHER, n_trees)
                for i in range(size):
                    if size == 1:
                        _fetch(values, place[i], last, last + TOGETHER, width)
                    at, to = np.uint64(i * n_trees), np.uint64(i * width)
                    for k in range(first, last, ABREAST):
                        for lane in range(0, width, LANES):
                            add_float_rows(
                                flat_total, to + np.uint64(lane), values, np.uint64(lane),
                                flat_place, at + np.uint64(k),
                            )  # fmt: skip
            for i in range(size):
                for c in range(n_values):
                    flat[begin + i, c] = total[i, c]
                keep(shapes[begin + i], staged, t, begin + i)


@njit(nogil=True, cache=True)
def _image(pixels, frames, i):
    """Image i of those that lie one after the other."""
    first, height, width = frames[i, 0], frames[i, 1], frames[i, 2]
    return pixels[first : first + height * width].reshape(height, width)


@njit(nogil=True, cache=True)
def _fetch(values, place, first, last, width):
    """Have the leaves of the trees [first, last) on their way before they are added."""
    for k in range(first, min(last, place.shape[0])):
        for lane in range(0, width, LINE):
            prefetch(values, np.uint64(place[k]) + np.uint64(lane))


@njit(nogil=True, cache=True)
def run_compact_trees(pixels, frames, index, places, shapes, reference, anchors, offsets, nodes,
                      leaves, basis, bias, start, stop, staged):  # fmt: skip
    """`run_float_trees` for integer leaves in a basis.

    Parameters
    ----------
    leaves : (T, K * leaves a tree, R) int16
        R is a multiple of `LANES`.
    basis, bias : (T, R, 2L) float32, (T, 2L) float32
    """
    n_stages, n_points = anchors.shape
    n_leaves, width = leaves.shape[1], leaves.shape[2]
    n_landmarks = shapes.shape[1]
    grey = np.empty(n_points, np.uint8)
    scratch, where = np.empty((2, n_points), np.float32), np.empty(n_points, np.int64)
    n_trees = n_leaves - nodes.shape[1]
    place = np.empty(n_trees, np.uint32)
    total = np.zeros(width, np.int32)
    delta = np.empty(2 * n_landmarks, np.float32)
    for i in range(start, stop):
        image, shape = _image(pixels, frames, index[i]), shapes[i]
        for t in range(n_stages):
            a, b = _similarity(reference, shape)
            _read_points(
                image, places[i], shape, a, b, anchors[t], offsets[t], scratch, where, grey
            )
            find_leaves(grey, nodes[t], n_leaves, place)
            values = leaves[t].reshape(-1)
            for k in range(n_trees):
                place[k] *= np.uint32(width)
            # Each tree's leaf adds its components.
            total[:] = 0
            for k in range(0, n_trees, ABREAST):
                for lane in range(0, width, LANES):
                    add_rows(total, np.uint64(lane), values, place, np.uint64(k))
            # From components to coordinates, which move the shape as they are.
            apply_basis(total, basis[t], bias[t], delta)
            for k in range(n_landmarks):
                shape[k, 0] += delta[2 * k]
                shape[k, 1] += delta[2 * k + 1]
            keep(shape, staged, t, i)
