"""Numba kernels of meshes: where cells lie in triangles, and where these take them."""

import numpy as np
from numba import njit

from features._hog_kernels import DIRECTIONS


@njit(nogil=True, cache=True)
def doubled_areas(shape, triangles):
    """Twice the signed areas (T,) of the triangles."""
    out = np.empty(triangles.shape[0])
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t]
        out[t] = (shape[j, 0] - shape[i, 0]) * (shape[k, 1] - shape[i, 1])
        out[t] -= (shape[k, 0] - shape[i, 0]) * (shape[j, 1] - shape[i, 1])
    return out


@njit(nogil=True, cache=True)
def barycentric(shape, triangle, x, y):
    """Weights of the three corners that make the point (x, y)."""
    i, j, k = triangle
    ax, ay = shape[j, 0] - shape[i, 0], shape[j, 1] - shape[i, 1]
    bx, by = shape[k, 0] - shape[i, 0], shape[k, 1] - shape[i, 1]
    dx, dy = x - shape[i, 0], y - shape[i, 1]
    area = ax * by - bx * ay
    second = (dx * by - bx * dy) / area
    third = (ax * dy - dx * ay) / area
    return 1 - second - third, second, third


@njit(nogil=True, cache=True)
def distance_to(shape, triangle, x, y):
    """Distance of the point (x, y) from a triangle; 0 inside."""
    a, b, c = barycentric(shape, triangle, x, y)
    if min(a, b, c) >= -1e-9:
        return 0.0
    best = np.inf
    for e in range(3):
        i, j = triangle[e], triangle[(e + 1) % 3]
        ex, ey = shape[j, 0] - shape[i, 0], shape[j, 1] - shape[i, 1]
        dx, dy = x - shape[i, 0], y - shape[i, 1]
        along = (dx * ex + dy * ey) / max(ex * ex + ey * ey, 1e-12)
        along = min(max(along, 0.0), 1.0)
        best = min(best, np.hypot(dx - along * ex, dy - along * ey))
    return best


@njit(nogil=True, cache=True)
def assign(shape, triangles, margin, where):
    """Write the nearest triangle of each cell to `where` (S, S); -1 farther than `margin` away."""
    for row in range(where.shape[0]):
        for column in range(where.shape[1]):
            best = margin + 1e-9
            for t in range(triangles.shape[0]):
                far = distance_to(shape, triangles[t], float(column), float(row))
                if far < best:
                    best = far
                    where[row, column] = t


@njit(nogil=True, cache=True)
def weigh(shape, triangles, cells, inside, out):
    """Write the barycentric coordinates of cells in their triangles to `out` (n, 3)."""
    for p in range(cells.shape[0]):
        x, y = float(cells[p, 0]), float(cells[p, 1])
        a, b, c = barycentric(shape, triangles[inside[p]], x, y)
        out[p, 0], out[p, 1], out[p, 2] = a, b, c


@njit(nogil=True, cache=True)
def warp(shape, triangles, inside, weights, out):
    """Write where the triangles of `shape` take the cells to `out` (n, 2)."""
    for p in range(inside.shape[0]):
        i, j, k = triangles[inside[p]]
        a, b, c = weights[p]
        out[p, 0] = a * shape[i, 0] + b * shape[j, 0] + c * shape[k, 0]
        out[p, 1] = a * shape[i, 1] + b * shape[j, 1] + c * shape[k, 1]


@njit(nogil=True, cache=True)
def compose(reference, triangles, moves, shape):
    """Add small moves of the reference's landmarks, seen through the warp, to `shape` (L, 2).

    Each landmark's move is turned by the affine maps of the triangles around it, averaged: the
    composition of two piecewise-affine warps at the landmarks (Matthews & Baker 2004, section 4.3).
    """
    n_landmarks = shape.shape[0]
    moved = np.zeros((n_landmarks, 2))
    count = np.zeros(n_landmarks)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t]
        ax, ay = reference[j, 0] - reference[i, 0], reference[j, 1] - reference[i, 1]
        bx, by = reference[k, 0] - reference[i, 0], reference[k, 1] - reference[i, 1]
        area = ax * by - bx * ay
        ux, uy = shape[j, 0] - shape[i, 0], shape[j, 1] - shape[i, 1]
        vx, vy = shape[k, 0] - shape[i, 0], shape[k, 1] - shape[i, 1]
        for corner in (i, j, k):
            dx, dy = moves[corner, 0], moves[corner, 1]
            second, third = (dx * by - bx * dy) / area, (ax * dy - dx * ay) / area
            moved[corner, 0] += second * ux + third * vx
            moved[corner, 1] += second * uy + third * vy
            count[corner] += 1
    for k in range(n_landmarks):
        if count[k]:
            shape[k, 0] += moved[k, 0] / count[k]
            shape[k, 1] += moved[k, 1] / count[k]
        else:
            shape[k, 0] += moves[k, 0]
            shape[k, 1] += moves[k, 1]


@njit(nogil=True, cache=True)
def differentiate(appearance, neighbours, right, down):
    """Write the slopes of an appearance (n, 8) along both axes to `right` and `down` (n, 8)."""
    for p in range(appearance.shape[0]):
        west, east, north, south = (
            neighbours[0, p],
            neighbours[1, p],
            neighbours[2, p],
            neighbours[3, p],
        )
        # Half the difference of both neighbours, or the whole of the one there is.
        across = np.float32(0.5) if west != p and east != p else np.float32(1)
        along = np.float32(0.5) if north != p and south != p else np.float32(1)
        for o in range(DIRECTIONS):
            right[p, o] = across * (appearance[east, o] - appearance[west, o])
            down[p, o] = along * (appearance[south, o] - appearance[north, o])


@njit(nogil=True, cache=True)
def steepest(right, down, slopes, out):
    """Write how an appearance changes with each of p numbers to `out` (p, n * 8).

    Parameters
    ----------
    right, down : (n, 8) float32
        From `differentiate`.
    slopes : (2, p, n) float32
        From `Mesh.slopes`.
    """
    n = right.shape[0]
    for i in range(slopes.shape[1]):
        row = out[i].reshape((n, DIRECTIONS))
        for p in range(n):
            dx, dy = slopes[0, i, p], slopes[1, i, p]
            for o in range(DIRECTIONS):
                row[p, o] = dx * right[p, o] + dy * down[p, o]
