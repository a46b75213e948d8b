"""Numba kernels that walk through forests as OpenCV's FacemarkLBF does, in float64 as it does."""

import numpy as np

from .jit import njit


@njit(nogil=True, cache=True, error_model="numpy")
def turn_and_size(reference, shape):
    """(a, b) of the scaled rotation ``[[a, -b], [b, a]]`` from `reference` to `shape` (L, 2).

    The angle is that of least squares. The size is not: it compares how far x and y differ, and
    depends on the angle. OpenCV measures so, and its models are trained with it. A shape of one
    point has no angle and gives NaN.
    """
    n = reference.shape[0]
    x0, y0, u0, v0 = 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        x0 += reference[k, 0]
        y0 += reference[k, 1]
        u0 += shape[k, 0]
        v0 += shape[k, 1]
    x0, y0, u0, v0 = x0 / n, y0 / n, u0 / n, v0 / n
    along, across, before, after = 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        x, y = reference[k, 0] - x0, reference[k, 1] - y0
        u, v = shape[k, 0] - u0, shape[k, 1] - v0
        along += u * x + v * y
        across += v * x - u * y
        before += (x - y) * (x - y)
        after += (u - v) * (u - v)
    size = np.sqrt(after) / np.sqrt(before) / np.sqrt(along * along + across * across)
    return size * along, size * across


@njit(nogil=True, cache=True, inline="always")
def _inside(x, limit):
    """A coordinate as a whole pixel from 0 to `limit`, rounded down; NaN is the limit."""
    x = x if x < limit else limit
    return np.uint64(x if x > 0.0 else 0.0)


@njit(nogil=True, cache=True)
def walk_facemark(image, place, window, shape, a, b, points, threshold, pixels, leaves):
    """Leaf of every tree for one shape.

    Parameters
    ----------
    image : (H, W) uint8
    place : (4,) float64
        Centre, width and height of the box, from the left top corner of `window`.
    window : (4,) int64
        Left, top, width, height of the part of the image that is looked at.
    shape : (L, 2) float64
    a, b : float64
        See `turn_and_size`.
    points : (K, nodes, 4) float64
    threshold : (K, nodes) int16
    pixels : (L, 2) float64
        Overwritten, as is `leaves` (K,) int64.
    """
    n_landmarks, n_codes, n_nodes = shape.shape[0], points.shape[0], points.shape[1]
    for k in range(n_landmarks):
        pixels[k, 0] = shape[k, 0] * place[2] + place[0]
        pixels[k, 1] = shape[k, 1] * place[3] + place[1]
    across_x, across_y = a * place[2], -b * place[2]
    down_x, down_y = b * place[3], a * place[3]
    right, bottom = np.float64(window[2] - 1), np.float64(window[3] - 1)
    width = np.uint64(image.shape[1])
    start = np.uint64(window[1]) * width + np.uint64(window[0])
    flat, offsets, limits = image.reshape(-1), points.reshape(-1), threshold.reshape(-1)
    n_trees, nodes = np.uint64(n_codes // n_landmarks), np.uint64(n_nodes)
    leaves[:] = 0
    depth = 0
    while (1 << depth) <= n_nodes:
        depth += 1
    # Level by level: the trees of a level do not wait for one another.
    for _ in range(depth):
        code = np.uint64(0)
        for k in range(n_landmarks):
            x, y = pixels[k, 0], pixels[k, 1]
            for _ in range(n_trees):
                at = np.uint64(leaves[code])
                node = code * nodes + at
                p = node * np.uint64(4)
                u, v = offsets[p], offsets[p + np.uint64(1)]
                column = _inside(x + (across_x * u + across_y * v), right)
                row = _inside(y + (down_x * u + down_y * v), bottom)
                first = flat[start + row * width + column]
                u, v = offsets[p + np.uint64(2)], offsets[p + np.uint64(3)]
                column = _inside(x + (across_x * u + across_y * v), right)
                row = _inside(y + (down_x * u + down_y * v), bottom)
                second = flat[start + row * width + column]
                right_child = np.int16(first) - np.int16(second) >= limits[node]
                leaves[code] = at + at + np.uint64(1) + np.uint64(right_child)
                code += np.uint64(1)
    for k in range(n_codes):
        leaves[k] -= n_nodes


@njit(nogil=True, cache=True)
def facemark_leaves(
    images, index, places, windows, shapes, reference, points, threshold, start, stop, out
):
    """Leaves of the samples [start, stop), tree-major: `out` (K, N)."""
    pixels, leaves = np.empty((shapes.shape[1], 2)), np.empty(points.shape[0], np.int64)
    for i in range(start, stop):
        a, b = turn_and_size(reference, shapes[i])
        walk_facemark(
            images[index[i]], places[i], windows[i], shapes[i], a, b, points, threshold, pixels,
            leaves,
        )  # fmt: skip
        for k in range(points.shape[0]):
            out[k, i] = leaves[k]


@njit(nogil=True, cache=True, error_model="numpy")
def facemark_residuals(shapes, truth, reference, out):
    """What is left to move, turned and sized back to `reference`: `out` (N, 2L) float32."""
    for i in range(shapes.shape[0]):
        a, b = turn_and_size(reference, shapes[i])
        energy = a * a + b * b
        a, b = a / energy, b / energy
        for k in range(reference.shape[0]):
            x, y = truth[i, k, 0] - shapes[i, k, 0], truth[i, k, 1] - shapes[i, k, 1]
            out[i, 2 * k] = a * x + b * y
            out[i, 2 * k + 1] = a * y - b * x
