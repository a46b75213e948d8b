"""Numba kernels of the active appearance model: Lucas-Kanade steps on a plane."""

import numpy as np
from numba import njit

from features._hog_kernels import DIRECTIONS

from ._mesh_kernels import compose, differentiate, steepest, warp
from ._pdm_kernels import nearest, place
from ._plane_kernels import sample

# How the appearance's own numbers are met.
PROJECT_OUT, SIMULTANEOUS = 0, 1
# Steps that share the slopes of one template: from one to the next it changes little.
_FRESH = 3


@njit(nogil=True, cache=True)
def read(plane, shape, mesh, points, out):
    """Write the appearance (n, 8) of a shape (L, 2) in a plane to `out`; `points` (n, 2) is room.

    `mesh` is (reference, triangles, inside, weights); see `mesh.Mesh`.
    """
    warp(shape, mesh[1], mesh[2], mesh[3], points)
    sample(plane, points, out)


@njit(nogil=True, cache=True)
def descend(plane, mesh, neighbours, slopes, moves, mean, components, shrink, fixed, fixed_hessian,
            algorithm, n_steps, tolerance, noise, basis, radius, prior, middle, scale, local,
            numbers):  # fmt: skip
    """Move a shape so that its appearance is likely; return how unlikely it stays.

    A step solves for the numbers of the warp that the template would have to undergo to look like
    the face (inverse compositional), where what the appearance model explains does not count, as
    far as it is likely: the residual is weighed by ``I - Aᵀ diag(shrink) A``.

    Parameters
    ----------
    plane : (S, S, 8) float32
    mesh, neighbours
        As in `read` and of `Mesh.neighbours`.
    slopes : (2, p, n) float32
        Of the warp's numbers: scale, rotation, shift in x and y, then the shape's; `Mesh.slopes`.
    moves : (p, L, 2) float64
        The same at the landmarks, in cells.
    mean : (n * 8,) float32
    components : (k, n * 8) float32
    shrink : (k,) float32
        Share of each component's number that is believed: variance / (variance + noise).
    fixed : (p, n * 8) float32
        How the mean appearance changes with the warp, less what the components explain.
    fixed_hessian : (p, p) float64
    algorithm : int
        PROJECT_OUT takes `fixed` in all steps; SIMULTANEOUS makes the template from the face's own
        appearance in each.
    n_steps : int
    tolerance : float
        Ends when no landmark moves more, in cells.
    noise : float
        Variance of what the appearance model leaves out.
    basis, radius
        Mean, components and precisions of the point distribution model, and its ellipsoid.
    prior : (4, 4) float64
        Inverse covariance of the pose in the plane: relative size, angle, shift in cells.
    middle, scale : float
    local : (4,) float64
        Pose in the plane; read and written.
    numbers : (m,) float64
        Read and written.
    """
    shape_mean, shape_components, precisions = basis
    n_landmarks, n_numbers = shape_mean.shape[0], moves.shape[0]
    n = slopes.shape[2]
    shape, points = np.empty((n_landmarks, 2)), np.empty((n, 2))
    seen = np.empty((n, DIRECTIONS), np.float32)
    right, down = np.empty_like(seen), np.empty_like(seen)
    changes = np.empty((n_numbers, n * DIRECTIONS), np.float32)
    flat = seen.reshape(-1)
    hessian, gradient, off = np.empty((n_numbers, n_numbers)), np.empty(n_numbers), np.empty(4)
    step_at = np.empty((n_landmarks, 2))
    place(shape_mean, shape_components, local, numbers, shape)
    own_hessian = np.empty((n_numbers, n_numbers))
    for t in range(n_steps):
        read(plane, shape, mesh, points, seen)
        flat -= mean
        if algorithm == PROJECT_OUT:
            slope = np.dot(fixed, flat)
            for i in range(n_numbers):
                gradient[i] = slope[i]
                for j in range(n_numbers):
                    hessian[i, j] = fixed_hessian[i, j]
        else:
            explained = np.dot(components.T, shrink * np.dot(components, flat))
            flat -= explained
            if t % _FRESH == 0:
                explained += mean
                differentiate(explained.reshape((n, DIRECTIONS)), neighbours, right, down)
                steepest(right, down, slopes, changes)
                _weighed_products(changes, components, shrink, own_hessian)
            slope = np.dot(changes, flat)
            for i in range(n_numbers):
                gradient[i] = slope[i]
                for j in range(n_numbers):
                    hessian[i, j] = own_hessian[i, j]
        _add_prior(hessian, gradient, noise, precisions, numbers, prior, local, middle, scale, off)
        step = np.linalg.solve(hessian, gradient)
        longest = 0.0
        for k in range(n_landmarks):
            x, y = 0.0, 0.0
            for i in range(n_numbers):
                x -= step[i] * moves[i, k, 0]
                y -= step[i] * moves[i, k, 1]
            step_at[k, 0], step_at[k, 1] = x, y
            longest = max(longest, abs(x), abs(y))
        compose(mesh[0], mesh[1], step_at, shape)
        nearest(shape, shape_mean, shape_components, precisions, radius, local, numbers)
        place(shape_mean, shape_components, local, numbers, shape)
        if longest < tolerance:
            break
    read(plane, shape, mesh, points, seen)
    flat -= mean
    found = np.dot(components, flat)
    total = 0.0
    for q in range(flat.shape[0]):
        total += flat[q] * flat[q]
    for i in range(found.shape[0]):
        total -= shrink[i] * found[i] * found[i]
    total /= noise
    for m in range(numbers.shape[0]):
        total += precisions[m] * numbers[m] ** 2
    _deviation(local, middle, scale, off)
    for i in range(4):
        for j in range(4):
            total += off[i] * prior[i, j] * off[j]
    return total


@njit(nogil=True, cache=True)
def _weighed_products(changes, components, shrink, out):
    """Write ``C (I - Aᵀ diag(shrink) A) Cᵀ`` of the changes C to `out` (p, p)."""
    across = np.dot(components, changes.T)
    weighed = np.empty_like(across)
    for i in range(across.shape[0]):
        for j in range(across.shape[1]):
            weighed[i, j] = shrink[i] * across[i, j]
    whole, known = np.dot(changes, changes.T), np.dot(across.T, weighed)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.float64(whole[i, j]) - np.float64(known[i, j])


@njit(nogil=True, cache=True)
def _deviation(local, middle, scale, off):
    """Write how far a pose in the plane is from where the face was thought to be."""
    off[0], off[1] = local[0] / scale - 1, local[1] / scale
    off[2], off[3] = local[2] - middle, local[3] - middle


@njit(nogil=True, cache=True)
def _add_prior(hessian, gradient, noise, precisions, numbers, prior, local, middle, scale, off):
    """Add what is known of shapes and poses to the equations of a step."""
    _deviation(local, middle, scale, off)
    for i in range(4):
        for j in range(4):
            hessian[i, j] += noise * prior[i, j]
            gradient[i] += noise * prior[i, j] * off[j]
    for m in range(numbers.shape[0]):
        hessian[4 + m, 4 + m] += noise * precisions[m]
        gradient[4 + m] += noise * precisions[m] * numbers[m]
    for i in range(hessian.shape[0]):
        hessian[i, i] += 1e-9 * hessian[i, i] + 1e-12
