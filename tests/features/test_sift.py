"""SIFT descriptors at landmarks against OpenCV's own, and how they follow the shape."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from features.errors import InputError
from features.geometry import rotate
from features.images import as_grey
from features.sift import Sift
from features.workers import Workers

from .scene import MEAN, samples


def smooth_image(seed, size=161):
    noise = gaussian_filter(np.random.default_rng(seed).random((size, size)), 2)
    return as_grey((noise - noise.min()) / np.ptp(noise))


def extract(image, shapes, placement=(80, 80, 100), half=0.12):
    feature = Sift(half).fit(None, None, MEAN, None)
    return feature.extract(samples(image, shapes, placement), MEAN).reshape(len(shapes), 4, 128)


def test_are_those_of_opencv_by_their_square_roots():
    image = smooth_image(0)
    got = extract(image, MEAN[None])
    assert got.dtype == np.float32
    # 24 pixels for four cells of 1.5 sizes each.
    points = (80 + 100 * MEAN).tolist()
    keypoints = [cv2.KeyPoint(x, y, 4.0, 0.0, 1.0, 1 << 8) for x, y in points]
    _, theirs = cv2.SIFT_create().compute(image, keypoints)
    np.testing.assert_allclose(got[0] ** 2, theirs / theirs.sum(1, keepdims=True), atol=1e-6)


def test_a_grid_covers_its_half_to_each_side():
    """What lies beyond the cells and the blur hardly matters, what lies inside does."""
    image, marked, near = (smooth_image(1) for _ in range(3))
    x = int(np.round(80 + 100 * MEAN[2, 0]))
    marked[:, x + 24 :] = 255 - marked[:, x + 24 :]
    near[:, x + 6 :] = 255 - near[:, x + 6 :]
    plain, far, close = (extract(i, MEAN[None], half=0.12)[0, 2] for i in (image, marked, near))
    assert np.abs(far - plain).max() < 0.02
    assert np.abs(close - plain).max() > 0.1


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turn_with_the_shape(quarters):
    image = smooth_image(2)
    linear = np.array([[[1, 0], [0, 1], [-1, 0], [0, -1]][quarters]], np.float32)
    turned = np.ascontiguousarray(np.rot90(image, -quarters))
    upright = extract(image, MEAN[None])
    got = extract(turned, rotate(MEAN[None], linear))
    assert np.abs(got - upright).mean() < 0.01
    # Not so if only the image turned.
    assert np.abs(extract(turned, MEAN[None]) - upright).mean() > 0.03


def test_scale_with_the_shape():
    image = smooth_image(3)
    big = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    upright = extract(image, MEAN[None])
    got = extract(big, 2 * MEAN[None], (160.5, 160.5, 100))
    assert np.abs(got - upright).mean() < 0.02


def test_threads_change_nothing():
    image = smooth_image(4)
    shapes = MEAN + np.random.default_rng(0).normal(0, 0.02, (7, 4, 2)).astype(np.float32)
    feature = Sift().fit(None, None, MEAN, None)
    alone = feature.extract(samples(image, shapes, (80, 80, 100)), MEAN)
    with Workers(3) as workers:
        together = feature.extract(samples(image, shapes, (80, 80, 100)), MEAN, workers)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30, 1e30])
def test_survive_any_shape_and_flat_images(value):
    assert np.isfinite(extract(smooth_image(0), np.full((1, 4, 2), value))).all()
    flat = extract(np.full((9, 9), 7, np.uint8), MEAN[None], (4, 4, 200))
    assert np.isfinite(flat).all()


def test_refuses_a_grid_of_no_extent():
    with pytest.raises(InputError, match="below 1 box side"):
        Sift(0.0).fit(None, None, MEAN, None).check({"landmarks": 4})
