from types import SimpleNamespace

import numpy as np
import pytest

from features.errors import InputError
from features.geometry import similarity
from features.pixels import PixelDifferences, Pixels


def slow_pixels(samples, mean, feature):
    """Point by point, as the paper says it."""
    out = np.empty((len(samples.index), len(feature.anchors)), np.uint8)
    linear, _ = similarity(mean, samples.shapes)
    for i, (k, (cx, cy, side)) in enumerate(zip(samples.index, samples.placements, strict=True)):
        a, b = linear[i]
        image = samples.images[k]
        for p, (anchor, (dx, dy)) in enumerate(zip(feature.anchors, feature.offsets, strict=True)):
            x, y = samples.shapes[i, anchor] + (a * dx - b * dy, b * dx + a * dy)
            column, row = np.floor(cx + side * x + 0.5), np.floor(cy + side * y + 0.5)
            column = int(np.clip(column, 0, image.shape[1] - 1))
            row = int(np.clip(row, 0, image.shape[0] - 1))
            out[i, p] = image[row, column]
    return out


def make_samples(rng, n=150):
    mean = rng.uniform(-0.5, 0.5, (12, 2)).astype(np.float32)
    mean -= mean.mean(0)
    shapes = mean + rng.normal(0, 0.2, (n, 12, 2))
    return mean, SimpleNamespace(
        images=rng.integers(0, 256, (5, 40, 30)).astype(np.uint8),
        index=rng.integers(0, 5, n),
        placements=np.column_stack([rng.uniform(0, 30, (n, 2)), rng.uniform(5, 40, n)]).astype(
            "f4"
        ),
        shapes=shapes.astype(np.float32),
    )


def test_kernel_equals_slow_twin():
    rng = np.random.default_rng(0)
    mean, samples = make_samples(rng)
    feature = Pixels(50, padding=0.3).fit(samples, None, mean, rng)
    got, expected = feature.extract(samples, mean), slow_pixels(samples, mean, feature)
    # float32 and float64 may round a point that lies between two pixels to either
    assert (got != expected).mean() < 1e-3


def test_points_are_tied_to_the_nearest_landmark():
    rng = np.random.default_rng(1)
    mean, samples = make_samples(rng)
    feature = Pixels(80).fit(samples, None, mean, rng)
    positions = feature.positions(mean)
    nearest = np.linalg.norm(positions[:, None] - mean, axis=-1).argmin(1)
    np.testing.assert_array_equal(feature.anchors, nearest)
    assert (positions >= mean.min(0) - 0.1001).all() and (positions <= mean.max(0) + 0.1001).all()


def test_features_turn_with_the_face():
    """A face turned by a right angle in the plane shows the same pixels."""
    rng = np.random.default_rng(2)
    mean, samples = make_samples(rng, n=1)
    samples.images = np.ascontiguousarray(samples.images[:, :30])
    centre = 14.5
    samples.placements[:] = centre, centre, 20
    feature = Pixels(60).fit(samples, None, mean, rng)
    upright = feature.extract(samples, mean)
    samples.images = np.ascontiguousarray(np.rot90(samples.images, axes=(1, 2)))
    x, y = np.moveaxis(samples.shapes, -1, 0).copy()
    samples.shapes = np.stack([y, -x], -1)
    assert (feature.extract(samples, mean) == upright).mean() > 0.95


def test_wild_shapes_read_inside_the_image():
    rng = np.random.default_rng(3)
    mean, samples = make_samples(rng, n=4)
    samples.shapes[0] = np.nan
    samples.shapes[1] = np.inf
    samples.shapes[2] = 1e30
    samples.shapes[3] = -1e30
    feature = Pixels(20).fit(samples, None, mean, rng)
    assert feature.extract(samples, mean).shape == (4, 20)


def test_differences_are_those_of_the_pixels():
    rng = np.random.default_rng(1)
    mean, samples = make_samples(rng, 30)
    feature = PixelDifferences(50, n_points=20).fit(samples, None, mean, rng)
    grey = slow_pixels(samples, mean, feature.pixels).astype(int)
    wanted = grey[:, feature.first] - grey[:, feature.second]
    found = feature.extract(samples, mean)
    assert found.shape == (30, 50)
    assert (found == wanted).mean() > 0.99  # a pixel on the rounding of float32 may differ
    assert (feature.first != feature.second).all()
    with pytest.raises(InputError, match="n_points"):
        PixelDifferences(50, n_points=1).fit(samples, None, mean, rng)
