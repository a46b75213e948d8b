"""The One Euro filter against a scalar twin, and what it is for."""

import math

import numpy as np

from cascade.video.smoothing import OneEuroFilter


def twin(values, seconds, min_cutoff, beta, speed_cutoff):
    """One coordinate, as the paper's algorithm has it."""

    def alpha(cutoff):
        return 1 / (1 + 1 / (2 * math.pi * cutoff) / seconds)

    last, speed, out = values[0], 0.0, [values[0]]
    for value in values[1:]:
        rate = (value - last) / seconds
        speed = alpha(speed_cutoff) * rate + (1 - alpha(speed_cutoff)) * speed
        a = alpha(min_cutoff + beta * abs(speed))
        last = a * value + (1 - a) * last
        out.append(last)
    return out


def test_agrees_with_the_scalar_algorithm():
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=30))
    smooth = OneEuroFilter(1.2, 0.7, 2.0)
    points = np.stack([x, np.zeros(30)], -1)
    found = [smooth(point, 0.04)[0] for point in points]
    np.testing.assert_allclose(found, twin(x, 0.04, 1.2, 0.7, 2.0), rtol=1e-12)


def test_unit_scales_with_the_face():
    x = np.random.default_rng(1).normal(size=(20, 3, 2))
    small, large = OneEuroFilter(), OneEuroFilter()
    for points in x:
        np.testing.assert_allclose(
            large(8 * points, 0.04, unit=8.0), 8 * small(points, 0.04), rtol=1e-9
        )


def test_steady_at_rest_and_close_in_motion():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.003, (200, 5, 2))
    smooth = OneEuroFilter()
    rest = np.array([smooth(points, 0.04) for points in noise])[50:]
    assert np.diff(rest, axis=0).std() < 0.5 * np.diff(noise[50:], axis=0).std()
    path = np.linspace(0, 4, 200)[:, None, None] + noise  # half a side a second
    smooth = OneEuroFilter()
    moving = np.array([smooth(points, 0.04) for points in path])[50:]
    assert np.abs(moving - path[50:]).mean() < 0.02
