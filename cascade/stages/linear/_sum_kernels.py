"""Numba kernels of exact sums: whole numbers in float32, and sums of them in integers."""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def to_steps(values, origin, per_step, most, out):
    """Distances of values (n, F) from `origin` (F,), in whole steps within ±most, into `out`.

    All float32; `per_step` (F,) is one divided by the step.
    """
    for i in range(values.shape[0]):
        row, to = values[i], out[i]
        for j in range(row.shape[0]):
            steps = np.rint((row[j] - origin[j]) * per_step[j])
            # Written so that NaN ends at a number.
            steps = steps if steps > -most else -most
            to[j] = steps if steps < most else most


@njit(nogil=True, cache=True)
def sums(values):
    """Sum and sum of squares of each column of whole numbers (n, F) float32: two (F,) float64."""
    total, energy = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for i in range(values.shape[0]):
        row = values[i]
        for j in range(row.shape[0]):
            value = np.float64(row[j])
            total[j] += value
            energy[j] += value * value
    return total, energy


@njit(nogil=True, cache=True)
def add_whole(numbers, out):
    """``out += numbers``, of whole numbers in float32 (n, m) to integers."""
    for i in range(numbers.shape[0]):
        row, to = numbers[i], out[i]
        for j in range(row.shape[0]):
            to[j] += np.int32(row[j])
