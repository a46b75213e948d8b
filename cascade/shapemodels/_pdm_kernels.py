"""Numba kernel that finds the shape of a point distribution model nearest to weighted points."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def place(mean, components, pose, parameters, out):
    """Write the shape ``R (mean + P b) + t`` to `out` (L, 2); `pose` is (a, b, x, y)."""
    n_landmarks, n_modes = mean.shape[0], components.shape[0]
    for k in range(n_landmarks):
        x, y = mean[k, 0], mean[k, 1]
        for m in range(n_modes):
            x += parameters[m] * components[m, k, 0]
            y += parameters[m] * components[m, k, 1]
        out[k, 0] = pose[0] * x - pose[1] * y + pose[2]
        out[k, 1] = pose[1] * x + pose[0] * y + pose[3]


@njit(nogil=True, cache=True)
def fit(target, weights, mean, components, precisions, radius, n_steps, pose, parameters):
    """Move `pose` and `parameters` to the most likely shape behind `target`, by Gauss-Newton.

    Parameters
    ----------
    target : (L, 2) float64
        Where the landmarks were seen.
    weights : (L, 3) float64
        How sure each of them is, the inverse of its covariance: xx, yy, xy. Zeros where not seen.
    mean : (L, 2) float64
    components : (k, L, 2) float64
    precisions : (k,) float64
        Inverse variances of the parameters.
    radius : float64
        Of the ellipsoid that the parameters stay in, in standard deviations.
    n_steps : int
    pose : (4,) float64
        (a, b, x, y); read and written.
    parameters : (k,) float64
        Read and written.
    """
    n_landmarks, n_modes = mean.shape[0], components.shape[0]
    size = n_modes + 4
    slope = np.empty((2, size))
    weighted = np.empty((2, size))
    for _ in range(n_steps):
        hessian = np.zeros((size, size))
        gradient = np.zeros(size)
        a, b = pose[0], pose[1]
        for k in range(n_landmarks):
            wxx, wyy, wxy = weights[k, 0], weights[k, 1], weights[k, 2]
            if wxx == 0 and wyy == 0:
                continue
            x, y = mean[k, 0], mean[k, 1]
            for m in range(n_modes):
                px, py = components[m, k, 0], components[m, k, 1]
                x += parameters[m] * px
                y += parameters[m] * py
                slope[0, 4 + m] = a * px - b * py
                slope[1, 4 + m] = b * px + a * py
            slope[0, 0], slope[1, 0] = x, y
            slope[0, 1], slope[1, 1] = -y, x
            slope[0, 2], slope[1, 2] = 1.0, 0.0
            slope[0, 3], slope[1, 3] = 0.0, 1.0
            dx = target[k, 0] - (a * x - b * y + pose[2])
            dy = target[k, 1] - (b * x + a * y + pose[3])
            for i in range(size):
                weighted[0, i] = wxx * slope[0, i] + wxy * slope[1, i]
                weighted[1, i] = wxy * slope[0, i] + wyy * slope[1, i]
            for i in range(size):
                left, right = weighted[0, i], weighted[1, i]
                gradient[i] += left * dx + right * dy
                for j in range(i + 1):
                    hessian[i, j] += left * slope[0, j] + right * slope[1, j]
        for m in range(n_modes):
            hessian[4 + m, 4 + m] += precisions[m]
            gradient[4 + m] -= precisions[m] * parameters[m]
        trace = 0.0
        for i in range(size):
            trace += hessian[i, i]
            for j in range(i):
                hessian[j, i] = hessian[i, j]
        for i in range(size):  # keeps the equations solvable where nothing is seen
            hessian[i, i] += 1e-12 * trace + 1e-30
        step = np.linalg.solve(hessian, gradient)
        for i in range(4):
            pose[i] += step[i]
        for m in range(n_modes):
            parameters[m] += step[4 + m]
        limit(parameters, precisions, radius)


@njit(nogil=True, cache=True)
def nearest(target, mean, components, precisions, radius, pose, parameters):
    """Write the pose and parameters of the shape nearest to `target` (L, 2), without a prior.

    Components are orthonormal and orthogonal to the similarity modes, so there is one step to it.
    """
    n_landmarks = mean.shape[0]
    cx, cy = 0.0, 0.0
    for k in range(n_landmarks):
        cx += target[k, 0] / n_landmarks
        cy += target[k, 1] / n_landmarks
    a, b, energy = 0.0, 0.0, 0.0
    for k in range(n_landmarks):
        x, y, u, v = mean[k, 0], mean[k, 1], target[k, 0] - cx, target[k, 1] - cy
        a += x * u + y * v
        b += x * v - y * u
        energy += x * x + y * y
    a, b = a / energy, b / energy
    pose[0], pose[1], pose[2], pose[3] = a, b, cx, cy
    size = max(a * a + b * b, 1e-12)
    for m in range(components.shape[0]):
        total = 0.0
        for k in range(n_landmarks):
            u, v = target[k, 0] - cx, target[k, 1] - cy
            total += components[m, k, 0] * (a * u + b * v) + components[m, k, 1] * (a * v - b * u)
        parameters[m] = total / size
    limit(parameters, precisions, radius)


@njit(nogil=True, cache=True)
def through(local, middle, scale, pose):
    """Follow a pose in a plane, cells from the model's frame, to the box frame: update `pose`."""
    u, v = local[0] / scale, local[1] / scale
    x, y = (local[2] - middle) / scale, (local[3] - middle) / scale
    a, b = pose[0], pose[1]
    pose[2] += a * x - b * y
    pose[3] += b * x + a * y
    pose[0], pose[1] = a * u - b * v, b * u + a * v


@njit(nogil=True, cache=True)
def limit(parameters, precisions, radius):
    """Draw parameters beyond the ellipsoid back to its surface."""
    far = 0.0
    for m in range(parameters.shape[0]):
        far += precisions[m] * parameters[m] * parameters[m]
    if far > radius * radius:
        shrink = radius / np.sqrt(far)
        for m in range(parameters.shape[0]):
            parameters[m] *= shrink
