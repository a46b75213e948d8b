"""The detector of the package on photographs as people have them."""

import time

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from data_tools.boxes import iou
from data_tools.detectors import detect, get_detector

# The face of the portrait, and a square around it to cut out.
FACE, CUT = np.array([176, 83, 271, 178]), np.array([110, 20, 330, 240])


@pytest.fixture(scope="module")
def portrait():
    return cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)


def pasted(canvas, portrait, corner, scale):
    """The face of the portrait in a canvas, and its box there."""
    cut = portrait[CUT[1] : CUT[3], CUT[0] : CUT[2]]
    size = round(cut.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    x, y = corner
    canvas[y : y + size, x : x + size] = cv2.resize(cut, (size, size), interpolation=how)
    return (FACE - np.tile(CUT[:2], 2)) * scale + np.tile(corner, 2)


def test_small_faces_of_a_large_photograph_are_found_when_asked_for(portrait):
    canvas = np.full((3000, 4000), 110, np.uint8)
    large = pasted(canvas, portrait, (2000, 600), 8.0)
    small = pasted(canvas, portrait, (300, 300), 0.33)
    usual, all_sizes = detect(canvas), detect(canvas, long_side=4000)
    assert iou(usual, [large]).max() > 0.5 and iou(all_sizes, [large]).max() > 0.5
    assert iou(all_sizes, [small]).max() > 0.5
    assert not (iou(usual, [small]) > 0.3).any()


@pytest.mark.parametrize("side", [20, 26, 40])
def test_faces_from_20_pixels_are_found(portrait, side):
    canvas = np.full((240, 320), 110, np.uint8)
    box = pasted(canvas, portrait, (60, 50), side / 95)
    found = detect(canvas)
    assert len(found) and iou(found, [box]).max() > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (19, 19), (30, 400)])
@pytest.mark.parametrize("rotation", [0, 180])
def test_tiny_images_hold_no_face(shape, rotation):
    grey = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = get_detector("jda", rotation).find(grey)
    assert len(found.boxes) == len(found.scores) == len(found.turns) == 0


def test_large_photographs_without_faces_take_no_longer_than_small_ones():
    rng = np.random.default_rng(1)
    small = (np.linspace(60, 180, 1280) + rng.normal(0, 6, (960, 1280))).astype(np.uint8)
    large = cv2.resize(small, (5120, 3840))
    taken = []
    for grey in (small, large):
        detect(grey)
        seconds = []
        for _ in range(3):
            began = time.process_time()
            assert len(detect(grey)) == 0
            seconds.append(time.process_time() - began)
        taken.append(min(seconds))
    # Sixteen times the pixels: the same windows, and the making of the levels.
    assert taken[1] < 4 * taken[0]
