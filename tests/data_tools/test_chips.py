"""Upright faces of one size, against scipy, scikit-image and by hand."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.transform import SimilarityTransform, estimate_transform

from data_tools.chips import chip, chip_matrix
from data_tools.heads import head_shape, pose
from data_tools.schemes import Scheme
from data_tools.schemes.maps import convert
from data_tools.synthetic import synthetic_faces
from features.errors import InputError

HEAD = head_shape("face68").points[:, :2]


def moved(points, matrix):
    return points @ matrix[:, :2].T + matrix[:, 2]


def turned_face(degrees, scale, shift):
    turn = SimilarityTransform(scale=scale, rotation=np.deg2rad(degrees), translation=shift)
    return turn(HEAD)


@pytest.mark.parametrize("degrees", [0, 35, -160])
@pytest.mark.parametrize("margin", [0, 0.25, 1.0])
def test_the_mean_face_lies_in_the_middle_with_its_margin(degrees, margin):
    shape = turned_face(degrees, 90, (200, 150))
    found = moved(shape, chip_matrix(shape, "face68", 256, margin))
    low, high = found.min(0), found.max(0)
    assert (low + high) / 2 == pytest.approx((127.5, 127.5), abs=1e-3)
    assert (high - low).max() == pytest.approx(256 / (1 + 2 * margin), abs=1e-3)
    level = found[45] - found[36]
    assert level[1] == pytest.approx(0, abs=1e-3) and level[0] > 0


def test_it_is_the_least_squares_similarity_of_scikit_image():
    rng = np.random.default_rng(1)
    shape = turned_face(20, 80, (150, 160)) + rng.normal(0, 3, (68, 2))
    matrix = chip_matrix(shape, "face68", 200, 0.1)
    low, high = HEAD.min(0), HEAD.max(0)
    target = (HEAD - (low + high) / 2) * 200 / ((high - low).max() * 1.2) + 99.5
    expected = estimate_transform("similarity", target, shape)
    np.testing.assert_allclose(matrix, expected.inverse.params[:2], rtol=1e-4, atol=1e-3)


def test_pixels_are_those_of_the_photograph():
    """Enlarged: bilinear samples, by scipy."""
    image = np.random.default_rng(0).integers(0, 256, (120, 140)).astype(np.uint8)
    shape = turned_face(25, 30, (70, 60))
    found, matrix = chip(image, shape, "face68", 150, 0.2)
    y, x = np.mgrid[:150, :150].reshape(2, -1)
    there = np.linalg.solve(matrix[:, :2], np.stack([x, y]) - matrix[:, 2:])
    expected = map_coordinates(image.astype(float), there[::-1], order=1)
    # OpenCV knows positions to 1/32 of a pixel.
    assert np.abs(found.ravel() - expected).mean() < 3
    assert np.corrcoef(found.ravel(), expected)[0, 1] > 0.995


@pytest.mark.parametrize("factor", [3.0, 7.7, 24.0])
def test_shrinking_averages_what_a_pixel_covers(factor):
    """Stripes that a sampler would alias come out grey, and slow waves keep their place."""
    size = 40
    side = int(size * factor * 1.6)
    y, x = np.mgrid[:side, :side]
    stripes = (255 * (x % 2)).astype(np.uint8)
    scale = size * factor / np.ptp(HEAD, axis=0).max()  # so that the margin is 0
    shape = HEAD * scale + side / 2
    found, matrix = chip(stripes, shape, "face68", size, 0)
    assert 1 / np.hypot(*matrix[:, 0]) == pytest.approx(factor, rel=0.01)
    assert np.abs(found.astype(int) - 127.5).max() < 255 / factor + 2
    wave = np.uint8(127.5 + 100 * np.sin(2 * np.pi * (x + 0.5 * y) / (9 * factor)))
    found, matrix = chip(wave, shape, "face68", size, 0)
    smooth = gaussian_filter(wave.astype(float), factor / np.sqrt(12))
    yy, xx = np.mgrid[:size, :size].reshape(2, -1)
    there = np.linalg.solve(matrix[:, :2], np.stack([xx, yy]) - matrix[:, 2:])
    expected = map_coordinates(smooth, there[::-1], order=1)
    assert np.abs(found.ravel() - expected).max() < 5


def test_a_face_beyond_what_opencv_warps():
    """A strip of 40 000 pixels, whose pixels cannot be warped in one piece."""
    image = np.zeros((60, 40_000), np.uint8)
    image[:, 30_000:30_100] = 200
    shape = HEAD * 30 + (30_050, 30)
    found, _ = chip(image, shape, "face68", 64, 0.1)
    assert found.mean() > 100
    wide = HEAD * 12_000 + (20_000, 30)
    found, matrix = chip(image, wide, "face68", 64, 0.25)
    x = (matrix[0, 0] * 30_050 + matrix[0, 1] * 30 + matrix[0, 2]).round().astype(int)
    assert found.max(0).argmax() in (x - 1, x, x + 1)


def test_colours_and_borders():
    image = np.zeros((50, 60, 3), np.uint8)
    image[..., 2] = 200
    shape = HEAD * 40 + (30, 25)
    found, _ = chip(image, shape, "face68", 100, 0.5)
    assert found.shape == (100, 100, 3) and found[50, 50].tolist() == [0, 0, 200]
    assert found[0, 0].tolist() == [0, 0, 0]  # beyond the photograph


def test_schemes_show_the_same_part_of_the_head():
    faces = synthetic_faces(5, seed=3, size=200)
    for i in range(5):
        whole = chip_matrix(faces.shapes[i], "face68", 128)
        for name in ("inner51", "centres5"):
            part = chip_matrix(convert(faces.shapes[i], "face68", name), name, 128)
            corners = np.array([[40, 40], [160, 40], [100, 160]], float)
            apart = np.linalg.norm(moved(corners, whole) - moved(corners, part), axis=1)
            assert apart.max() < 20


def test_upright_whatever_the_roll():
    faces = synthetic_faces(20, seed=5, size=200)
    before, after = [], []
    for shape in faces.shapes:
        before.append(pose(shape)[2])
        after.append(pose(moved(shape, chip_matrix(shape, "face68")))[2])
    assert np.abs(before).max() > 10
    assert np.abs(after).max() < 6  # what yaw and pitch leave


def test_missing_landmarks_weigh_nothing():
    shape = turned_face(10, 50, (90, 90))
    gaps = shape.copy()
    gaps[::3] = np.nan
    np.testing.assert_allclose(
        chip_matrix(gaps, "face68"), chip_matrix(shape, "face68"), atol=1e-3, rtol=1e-4
    )


def test_own_scheme_needs_its_mean():
    mine = Scheme("mine", 3)
    shape = np.array([[10, 10], [40, 10], [25, 40]], float)
    image = np.zeros((50, 50), np.uint8)
    with pytest.raises(InputError, match="scheme 'mine'; give an upright"):
        chip(image, shape, mine)
    found, matrix = chip(image, shape, mine, 60, 0, mean=shape * 3 + 7)
    np.testing.assert_allclose(moved(shape, matrix)[0], [-0.5, -0.5], atol=1e-3)
    assert found.shape == (60, 60)


def test_mistakes_are_named():
    image, shape = np.zeros((50, 50), np.uint8), HEAD * 20 + 25
    with pytest.raises(InputError, match="size must be 8 to 4096"):
        chip(image, shape, "face68", 4)
    with pytest.raises(InputError, match="margin must be 0 to 4"):
        chip(image, shape, "face68", margin=-0.1)
    with pytest.raises(InputError, match=r"needs a shape \(68, 2\)"):
        chip(image, shape[:5], "face68")
    with pytest.raises(InputError, match="at least two landmarks"):
        chip(image, np.full((68, 2), 7.0), "face68")
    with pytest.raises(InputError, match="at least two landmarks"):
        chip(image, np.full((68, 2), np.nan), "face68")
