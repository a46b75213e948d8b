import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.frame import Frame


@pytest.fixture(scope="module")
def smooth():
    noise = np.random.default_rng(0).normal(0, 1, (600, 500))
    noise = cv2.GaussianBlur(noise, (0, 0), 15)
    return cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)


@pytest.mark.parametrize(
    "box",
    [(100, 120, 240, 260), (50, 60, 400, 420), (200, 200, 260, 270), (-50, -50, 90, 90)],
)
def test_crop_shows_the_image_where_to_image_says(smooth, box):
    crop, placement, (scale, dx, dy) = Frame(256, 140).crop(smooth, box)
    centre = placement[:2] * scale + (dx, dy)
    np.testing.assert_allclose(centre, [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], atol=1e-3)
    points = np.random.default_rng(1).uniform(20, 230, (300, 2))
    there = points * scale + (dx, dy)
    inside = ((there > 2) & (there < (497, 597))).all(1)
    assert inside.sum() > 20
    read = [
        cv2.remap(image, p[inside][None].astype(np.float32), None, cv2.INTER_LINEAR).ravel()
        for image, p in ((crop, points), (smooth, there))
    ]
    np.testing.assert_allclose(read[0].astype(int), read[1].astype(int), atol=4)


def test_border_is_repeated(smooth):
    crop, _, (scale, dx, _) = Frame(256, 140).crop(smooth, (-60, 200, 80, 340))
    outside = int(-dx / scale) - 3
    assert outside > 50
    assert (crop[:, :outside] == crop[:, :1]).all()


def test_huge_box_takes_no_memory_of_its_size(smooth):
    crop, _, _ = Frame(64, 32).crop(smooth, (-1e8, -1e8, 1e8, 1e8))
    assert crop.shape == (64, 64)


def test_box_outside_is_refused(smooth):
    with pytest.raises(InputError, match="outside the image of 500x600"):
        Frame(256, 140).crop(smooth, (5000, 5000, 5100, 5100))
