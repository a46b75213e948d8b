"""Numba kernels that place shape-indexed points and read their pixels."""

import numpy as np

from .jit import njit

_TILE = 64


@njit(nogil=True, cache=True)
def similarity_to(reference, shape):
    """(a, b) of the scaled rotation that aligns the centred `reference` (L, 2) with `shape` (L, 2).

    A reference of a single point has no direction and no size: it is taken as it is, (1, 0).
    """
    a, b, energy = np.float32(0), np.float32(0), np.float32(0)
    for k in range(reference.shape[0]):
        x, y = reference[k, 0], reference[k, 1]
        u, v = shape[k, 0], shape[k, 1]
        a += x * u + y * v
        b += x * v - y * u
        energy += x * x + y * y
    if energy == 0:
        return np.float32(1), np.float32(0)
    return a / energy, b / energy


@njit(nogil=True, cache=True)
def read_points(image, placement, shape, a, b, anchors, offsets, scratch, where, out):
    """Grey levels at the points of one shape, nearest pixel, the border repeated.

    A point is ``shape[anchor] + [[a, -b], [b, a]] @ offset`` in the box frame. `scratch` (2, P)
    float32 and `where` (P,) int64 keep three passes apart: gathering the anchors, arithmetic, which
    then runs in vectors, and reading the pixels.
    """
    n_points = anchors.shape[0]
    height, width = image.shape
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    cx, cy, side = placement[0] + np.float32(0.5), placement[1] + np.float32(0.5), placement[2]
    zero = np.float32(0)
    # Sides fit 32 bits, the number of a pixel does not: vectors multiply 32 by 32 bits to 64.
    stride = np.int64(np.int32(width))
    # Two contiguous rows: pairs of numbers would cost the arithmetic its vectors.
    right_by, down_by = offsets[0], offsets[1]
    across, down = scratch[0], scratch[1]
    for p in range(n_points):
        k = np.uint64(anchors[p])
        across[p] = shape[k, 0]
        down[p] = shape[k, 1]
    for p in range(n_points):
        dx, dy = right_by[p], down_by[p]
        x = cx + side * (across[p] + a * dx - b * dy)
        y = cy + side * (down[p] + b * dx + a * dy)
        # Written so that NaN ends at 0: whatever a shape holds, no pixel outside is read.
        x = x if x > zero else zero
        y = y if y > zero else zero
        x = x if x < right else right
        y = y if y < bottom else bottom
        where[p] = np.int64(np.int32(y)) * stride + np.int64(np.int32(x))
    flat = image.reshape(-1)
    for p in range(n_points):
        out[p] = flat[np.uint64(where[p])]


@njit(nogil=True, cache=True)
def sample_points(images, index, placements, shapes, reference, anchors, offsets, start, stop, out):
    """Pixels of the samples [start, stop), feature-major.

    Parameters
    ----------
    images : (m, H, W) uint8
    index : (N,) intp
        Image of each sample.
    placements : (N, 3) float32
    shapes : (N, L, 2) float32
        In the box frame.
    reference : (L, 2) float32
        The centred mean shape.
    anchors : (P,) uint16
    offsets : (2, P) float32
        In the mean-shape frame.
    out : (P, N) uint8
        Written in tiles of 64 samples: a strided write a sample is several times slower.
    """
    n_points = anchors.shape[0]
    tile = np.empty((_TILE, n_points), np.uint8)
    scratch, where = np.empty((2, n_points), np.float32), np.empty(n_points, np.int64)
    for first in range(start, stop, _TILE):
        size = min(_TILE, stop - first)
        for i in range(size):
            shape = shapes[first + i]
            a, b = similarity_to(reference, shape)
            image, placement = images[index[first + i]], placements[first + i]
            read_points(image, placement, shape, a, b, anchors, offsets, scratch, where, tile[i])
        for p in range(n_points):
            for i in range(size):
                out[p, first + i] = tile[i, p]
