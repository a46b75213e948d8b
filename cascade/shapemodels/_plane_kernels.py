"""Numba kernels that show a face upright, at a size, as a plane of gradient directions.

A plane is an array (S, S, 8), float32: at every cell the strength of the gradients in each of eight
directions, relative to all gradients around it. A cell is two pixels of the upright picture wide.
"""

import numpy as np
from numba import njit

from features._hog_kernels import DIRECTIONS, halve, make_plane, make_room

# Gradients below this make no direction; in units of the pooled sums, see `make_plane`.
_EPSILON = np.float32(400)
# A picture is read from the crop at the octave where its pixels are nearest to the crop's.
_FARTHEST_STEP = 1.5
_N_HALVED = 3


@njit(nogil=True, cache=True)
def show(image, placement, pose, scale, out):
    """Write the face upright to `out` (2S, 2S) uint8, interpolated linearly, the border repeated.

    Parameters
    ----------
    image : (H, W) uint8
    placement : (3,) float
        The box frame in the image.
    pose : (4,) float64
        (a, b, x, y): from the model's frame to the box frame.
    scale : float
        Cells a unit of the model's frame.
    """
    step = placement[2] * np.sqrt(pose[0] ** 2 + pose[1] ** 2) / (2 * scale)
    factor = 1.0
    for _ in range(_N_HALVED):
        if step * factor > _FARTHEST_STEP and min(image.shape) >= 16:
            image = halve(image)
            factor /= 2
    n = out.shape[0]
    height, width = image.shape
    side = placement[2] * factor
    cx = (placement[0] + 0.5 + placement[2] * pose[2]) * factor - 0.5
    cy = (placement[1] + 0.5 + placement[2] * pose[3]) * factor - 0.5
    a, b = np.float32(side * pose[0] / (2 * scale)), np.float32(side * pose[1] / (2 * scale))
    middle = np.float32((n - 1) / 2)
    cx, cy = np.float32(cx), np.float32(cy)
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    last_x, last_y = np.int32(width - 2), np.int32(height - 2)
    zero, half = np.float32(0), np.float32(0.5)
    flat = np.ascontiguousarray(image).reshape(-1)
    stride = np.int32(width)
    at = np.empty(n, np.int32)
    across, down = np.empty(n, np.float32), np.empty(n, np.float32)
    for v in range(n):
        x0 = cx - b * (np.float32(v) - middle)
        y0 = cy + a * (np.float32(v) - middle)
        for u in range(n):
            x = x0 + a * (np.float32(u) - middle)
            y = y0 + b * (np.float32(u) - middle)
            # Written so that NaN ends at 0: whatever a pose holds, nothing outside is read.
            x = x if x > zero else zero
            y = y if y > zero else zero
            x = x if x < right else right
            y = y if y < bottom else bottom
            column, row = min(np.int32(x), last_x), min(np.int32(y), last_y)
            at[u] = row * stride + column
            across[u] = x - np.float32(column)
            down[u] = y - np.float32(row)
        line = out[v]
        for u in range(n):
            i = np.uint64(at[u])
            j = i + np.uint64(stride)
            fx, fy = across[u], down[u]
            p, q = np.float32(flat[i]), np.float32(flat[i + np.uint64(1)])
            r, s = np.float32(flat[j]), np.float32(flat[j + np.uint64(1)])
            above = p + fx * (q - p)
            below = r + fx * (s - r)
            line[u] = np.uint8(above + fy * (below - above) + half)


@njit(nogil=True, cache=True)
def directions(picture, out):
    """Write the plane of a picture (2S, 2S) uint8 to `out` (S, S, 8) float32."""
    room = make_room(picture.reshape((1, picture.shape[0], picture.shape[1])))
    height, width = make_plane(picture, 0, room)
    pooled = room[3][0]
    energy = np.empty((height, width), np.float32)
    for i in range(height):
        for j in range(width):
            total = np.float32(0)
            first = np.uint64((i * width + j) * DIRECTIONS)
            for o in range(DIRECTIONS):
                total += np.float32(pooled[first + np.uint64(o)])
            energy[i, j] = total
    row = np.empty(width, np.float32)
    for i in range(height):
        up, here, down = energy[max(i - 1, 0)], energy[i], energy[min(i + 1, height - 1)]
        for j in range(width):
            row[j] = up[j] + here[j] + down[j]
        for j in range(width):
            around = row[max(j - 1, 0)] + row[j] + row[min(j + 1, width - 1)]
            share = np.float32(9) / (around + np.float32(9) * _EPSILON)
            first = np.uint64((i * width + j) * DIRECTIONS)
            cell = out[i, j]
            for o in range(DIRECTIONS):
                cell[o] = np.sqrt(np.float32(pooled[first + np.uint64(o)]) * share)


@njit(nogil=True, cache=True)
def look(image, placement, pose, scale, size):
    """The picture (2 size, 2 size) and the plane (size, size, 8) of a face; see `show`."""
    picture = np.empty((2 * size, 2 * size), np.uint8)
    plane = np.empty((size, size, DIRECTIONS), np.float32)
    show(image, placement, pose, scale, picture)
    directions(picture, plane)
    return picture, plane


@njit(nogil=True, cache=True)
def sample(plane, points, out):
    """Write the plane's numbers at `points` (n, 2), in cells, to `out` (n, 8), interpolated."""
    height, width = plane.shape[0], plane.shape[1]
    zero = np.float32(0)
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    for p in range(points.shape[0]):
        x, y = np.float32(points[p, 0]), np.float32(points[p, 1])
        x = x if x > zero else zero
        y = y if y > zero else zero
        x = x if x < right else right
        y = y if y < bottom else bottom
        column, row = min(np.int64(x), width - 2), min(np.int64(y), height - 2)
        fx, fy = x - np.float32(column), y - np.float32(row)
        a, b = plane[row, column], plane[row, column + 1]
        c, d = plane[row + 1, column], plane[row + 1, column + 1]
        cell = out[p]
        for o in range(DIRECTIONS):
            above = a[o] + fx * (b[o] - a[o])
            below = c[o] + fx * (d[o] - c[o])
            cell[o] = above + fy * (below - above)
