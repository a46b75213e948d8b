"""Images beyond 2**31 pixels, and mean shapes and shapes of a single point."""

import numpy as np
import pytest

from features._lbf_kernels import read_pool
from features._pixel_kernels import similarity_to
from features._shape_kernels import residuals
from features.hog import Hog
from features.lbf import LocalBinaryFeatures
from features.line_pixels import LineIndexedPixels
from features.pixels import Pixels, ShapeIndexedPixels

from .scene import MEAN, samples

HEIGHT, WIDTH = 60_000, 40_000
RNG = np.random.default_rng(0)
POINT = np.zeros((1, 2), np.float32)


def zeros(height, width):
    """A black image of which the system keeps those pixels alone that are touched."""
    try:
        return np.zeros((height, width), np.uint8)
    except MemoryError:
        pytest.skip(f"this system gives no {height}x{width} bytes, touched or not")


@pytest.fixture(scope="module")
def small():
    """The last rows and columns of the large image."""
    return RNG.integers(0, 256, (300, 400)).astype(np.uint8)


@pytest.fixture(scope="module")
def large(small):
    """An image of 2.4 billion pixels."""
    image = zeros(HEIGHT, WIDTH)
    image[-small.shape[0] :, -small.shape[1] :] = small
    return image


def features(feature, image, placement):
    return feature.extract(samples(image, MEAN[None].repeat(3, axis=0), placement), MEAN)


def random_forests():
    words = RNG.integers(0, 20, (2, 8, 7)).astype(np.uint8)
    threshold = RNG.integers(-60, 60, (8, 7)).astype(np.int16)
    offsets = RNG.uniform(-0.3, 0.3, (20, 2)).astype(np.float32)
    return LocalBinaryFeatures(offsets, *words, threshold)


@pytest.mark.parametrize("corner", [False, True])
@pytest.mark.parametrize(
    "feature",
    [
        Pixels(60).fit(None, None, MEAN, RNG),
        LineIndexedPixels(
            RNG.integers(0, 4, (2, 60)).astype(np.uint16), RNG.uniform(0, 1, 60).astype("f4")
        ),
        random_forests(),
    ],
    ids=["pixels", "line pixels", "lbf"],
)
def test_the_last_pixels_of_a_large_image_are_found(feature, corner, small, large):
    # The face inside, and at the corner, where the border is repeated.
    x, y = (390.5, 290.5) if corner else (200.5, 150.5)
    expected = features(feature, small, (x, y, 128))
    far = WIDTH - small.shape[1] + x, HEIGHT - small.shape[0] + y, 128
    got = features(feature, large, far)
    assert len(np.unique(expected)) > 3
    # float32 places points to 1/256 of a pixel there: a few fall on the next
    assert (got != expected).mean() < 0.05


def test_a_pool_of_points_reaches_farther_than_2_31_pixels():
    n, centre, side = 40, 35_000, np.float32(100_000)
    image = zeros(2 * centre, 2 * centre)
    points = np.random.default_rng(1).uniform(-0.34, 0.34, (2, n)).astype(np.float32)
    points[1, :2] = -0.34, 0.34
    columns, rows = np.floor(side * points + np.float32(0.5)).astype(int) + centre
    image[rows, columns] = np.arange(1, n + 1)
    got = np.empty((1, n, 1), np.uint8)
    placement = np.float32([[centre, centre, side]])
    order = np.zeros(1, np.intp)
    read_pool(image[None], order, placement, POINT[None], POINT, points, order, 0, 1, 0, 1, got)
    assert (abs(rows - centre) * image.shape[1]).max() > 2**31
    np.testing.assert_array_equal(got.ravel(), np.arange(1, n + 1))


@pytest.mark.parametrize(
    "feature",
    [
        ShapeIndexedPixels(np.zeros(9, np.uint16), np.zeros((9, 2), np.float32)),
        Hog(shape_gain=1.0).fit(None, None, POINT, None),
        LocalBinaryFeatures(
            RNG.uniform(-0.1, 0.1, (9, 2)).astype("f4"), *np.zeros((2, 4, 1), np.uint8),
            np.zeros((4, 1), np.int16),
        ),
    ],
    ids=["pixels", "hog", "lbf"],
)  # fmt: skip
def test_a_mean_shape_of_one_point_has_no_direction(feature, small):
    shapes = np.full((2, 1, 2), 0.1, np.float32)
    got = feature.extract(samples(small, shapes, (200, 150, 100)), POINT)
    assert np.isfinite(got).all()
    assert similarity_to(POINT, shapes[0]) == (1, 0)


def test_a_shape_that_is_one_point_has_nothing_left_to_move():
    out = np.full((1, 8), np.nan, np.float32)
    residuals(np.zeros((1, 4, 2), np.float32), MEAN[None], MEAN, 0, 1, out)
    np.testing.assert_array_equal(out, 0)
