"""The One Euro filter against a scalar twin, the smoother of faces, and what both are for."""

import math

import numpy as np

from cascade.video.smoothing import FaceSmoother, OneEuroFilter
from data_tools.metrics.motion import jitter_energy, lag


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


def face(n, seed=0, noise=0.0):
    """A face in motion: landmarks (n, 30, 2) in sides of the face, without and with noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, None, None] / 25
    shape = rng.uniform(-0.5, 0.5, (30, 2))
    angle = 0.2 * np.sin(2 * np.pi * 0.7 * t[:, 0, 0])
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    moved = shape @ turn.reshape(n, 2, 2).transpose(0, 2, 1) * (1 + 0.1 * np.sin(2 * np.pi * t))
    moved = moved + np.concatenate([0.4 * np.sin(2 * np.pi * 1.1 * t), 0.3 * np.cos(4 * t)], -1)
    return moved, moved + rng.normal(0, noise, moved.shape)


def run(smoother, paths, scale=1.0):
    return np.array([smoother(scale * points, 0.04) for points in paths]) / scale


def test_a_face_is_smoothed_alike_at_any_size_and_place():
    _, noisy = face(40, noise=0.01)
    one = run(FaceSmoother(), noisy)
    np.testing.assert_allclose(run(FaceSmoother(), noisy + 3) - 3, one, atol=1e-4)
    np.testing.assert_allclose(run(FaceSmoother(), noisy, 50.0), one, atol=1e-4)


def test_a_face_without_noise_is_hardly_changed():
    truth, _ = face(100)
    found = run(FaceSmoother(), truth)
    np.testing.assert_allclose(found[0], truth[0], atol=1e-6)
    assert np.abs(found - truth)[20:].mean() < 0.01


def test_most_of_the_jitter_goes_and_the_lag_is_below_a_frame():
    """70 % of the energy at rest, a frame in motion, and better in both than a filter a point."""
    rest = np.random.default_rng(1).uniform(-0.5, 0.5, (30, 2))
    noise = np.random.default_rng(2).normal(0, 0.004, (200, 30, 2))
    truth, noisy = face(200, noise=0.004)
    left, late = {}, {}
    for name, make in (("face", FaceSmoother), ("points", OneEuroFilter)):
        still = run(make(), rest + noise) - rest
        left[name] = jitter_energy(still[20:], 25.0) / jitter_energy(noise[20:], 25.0)
        late[name] = lag(run(make(), noisy)[20:], truth[20:])
    assert left["face"] < 0.3 and late["face"] < 1
    assert left["face"] < left["points"] and late["face"] < late["points"]


def test_a_turn_over_180_degrees_does_not_spin_back():
    shape = np.random.default_rng(3).uniform(-0.5, 0.5, (20, 2))
    angles = np.deg2rad(np.linspace(170, 190, 30))
    paths = [shape @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]).T for a in angles]
    smooth, before = FaceSmoother(), None
    for path in paths:
        found = smooth(path, 0.04)
        if before is not None:
            assert np.abs(found - before).max() < 0.05
        before = found
