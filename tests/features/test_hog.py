"""HOG descriptors against a slow twin and scikit-image."""

import numpy as np
import pytest
from scipy.ndimage import convolve, gaussian_filter, map_coordinates
from skimage.feature import hog as skimage_hog

from features import _hog_kernels as kernels
from features.errors import InputError
from features.geometry import rotate, similarity
from features.hog import Hog
from features.images import as_grey

from .scene import MEAN, samples

BINOMIAL = np.outer([1, 2, 1], [1, 2, 1])


def smooth_image(seed, size=120):
    noise = gaussian_filter(np.random.default_rng(seed).random((size, size + 3)), 2)
    return as_grey((noise - noise.min()) / np.ptp(noise))


def halved(image):
    even = image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2].astype(int)
    return ((even.reshape(len(even) // 2, 2, -1, 2).sum((1, 3)) + 2) // 4).astype(np.uint8)


def plane_twin(image):
    """The plane of histograms (H // 2, W // 2, 8), by arctangent."""
    padded = np.pad(image.astype(float), 1, mode="edge")
    gx, gy = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    angle = np.arctan2(gy, gx) / (np.pi / 4) % 8
    low, between = np.floor(angle).astype(int) % 8, angle - np.floor(angle)
    resolved = np.zeros((*image.shape, 8))
    for shift, part in ((0, 1 - between), (1, between)):
        value = np.hypot(gx, gy) * np.sin(part * np.pi / 4) / np.sin(np.pi / 4)
        np.put_along_axis(resolved, ((low + shift) % 8)[..., None], value[..., None], -1)
    height, width = image.shape[0] // 2, image.shape[1] // 2
    blocks = resolved[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 8).sum((1, 3))
    return convolve(blocks, BINOMIAL[..., None], mode="nearest")


def plane_of(image, level=0):
    """What the kernel makes, its odd directions given their √2."""
    room = kernels.make_room(image[None])
    height, width = kernels.make_plane(image, level, room)
    plane = room[3][level][: height * width * 8].reshape(height, width, 8)
    return plane * np.where(np.arange(8) % 2, np.sqrt(2), 1)


def twin(image, shape, placement, half, n_cells):
    """One shape's descriptors, cell by cell, on an image as it is."""
    (linear,), _ = similarity(MEAN, shape[None])
    spacing = 2 * half / n_cells
    grid = (np.arange(n_cells) - (n_cells - 1) / 2) * spacing
    offsets = rotate(np.stack(np.meshgrid(grid, grid), -1).reshape(1, -1, 2), linear[None])[0]
    plane = plane_twin(image)
    turn = np.arctan2(linear[1], linear[0]) / (np.pi / 4)
    out = []
    for point in shape:
        x, y = (placement[:2] + placement[2] * (point + offsets)).T
        where = [(y + 0.5) / 2 - 0.5, (x + 0.5) / 2 - 0.5]
        read = [map_coordinates(plane[..., o], where, order=1, mode="nearest") for o in range(8)]
        # Direction o of the shape is o + turn of the image's, between two of them.
        read = np.stack(read, -1)
        directions = np.arange(8) + int(np.floor(turn))
        share = turn - np.floor(turn)
        cells = (1 - share) * read[:, directions % 8] + share * read[:, (directions + 1) % 8]
        out.append(np.sqrt(cells / (cells.sum() + 1)).ravel())
    return np.concatenate(out)


@pytest.mark.parametrize("size", [(40, 40), (41, 57), (17, 16), (4, 5), (160, 34)])
def test_plane_equals_the_slow_twin(size):
    image = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    np.testing.assert_allclose(plane_of(image), plane_twin(image), rtol=1e-6, atol=1e-6)


def test_plane_of_a_halved_image():
    image = smooth_image(4, 150)
    np.testing.assert_array_equal(plane_of(image, 2), plane_of(halved(halved(image))))


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_blocks_equal_those_of_scikit_image(direction):
    """skimage's bins are those of opposite directions taken together; where every gradient points
    in the direction of a bin, its hard bins and our interpolation agree."""
    profile = np.random.default_rng(2).integers(0, 256, 90)
    y, x = np.mgrid[:24, :20]
    image = profile[direction[0] * x + direction[1] * y + 30].astype(np.uint8)
    # skimage sees no gradient across the border; away from it all are the same.
    theirs = skimage_hog(
        image, orientations=4, pixels_per_cell=(2, 2), cells_per_block=(12, 10),
        block_norm="L1", feature_vector=False,
    )[0, 0]  # fmt: skip
    ours = plane_of(image)
    folded = (ours[..., :4] + ours[..., 4:])[2:-2, 2:-2]
    theirs = convolve(theirs, BINOMIAL[..., None], mode="nearest")[2:-2, 2:-2]
    np.testing.assert_allclose(folded / folded.sum(), theirs / theirs.sum(), atol=1e-6)


@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_equals_the_slow_twin(n_cells):
    rng = np.random.default_rng(1)
    turn = np.deg2rad([0, 25, -70, 130])
    linear = np.stack([np.cos(turn), np.sin(turn)], -1) * [[1.0], [1.1], [0.9], [1.0]]
    shapes = rotate(np.tile(MEAN, (4, 1, 1)), linear) + rng.normal(0, 0.02, (4, 4, 2))
    shapes = shapes.astype(np.float32)
    image, placement = smooth_image(0), np.array([60, 55, 80.0])
    feature = Hog(0.03 * n_cells, n_cells).fit(None, None, MEAN, None)
    got = feature.extract(samples(image, shapes, placement), MEAN)
    assert got.shape == (4, 4 * n_cells**2 * 8)
    assert got.dtype == np.float32
    want = [twin(image, shape, placement, 0.03 * n_cells, n_cells) for shape in shapes]
    # Numbers come in steps of 1/4096, to the nearest.
    np.testing.assert_allclose(got, want, atol=0.51 / kernels.STEPS)


def test_beyond_the_border_the_outermost_histogram_is_repeated():
    image, placement = smooth_image(5, 50), np.array([8, 45, 40.0])
    feature = Hog(0.15).fit(None, None, MEAN, None)
    got = feature.extract(samples(image, MEAN[None], placement), MEAN)
    np.testing.assert_allclose(got[0], twin(image, MEAN, placement, 0.15, 3), atol=2e-4)


def test_turns_with_the_shape():
    """The descriptors of an image and shape turned by 90° are those of the upright pair."""
    image = smooth_image(3, 102)[:, :102]
    feature = Hog(0.08).fit(None, None, MEAN, None)
    upright = feature.extract(samples(image, MEAN[None], [50.5, 50.5, 70]), MEAN)
    turned_shape = np.stack([-MEAN[:, 1], MEAN[:, 0]], -1)
    turned_image = np.ascontiguousarray(np.rot90(image, -1))
    turned = feature.extract(samples(turned_image, turned_shape[None], [50.5, 50.5, 70]), MEAN)
    np.testing.assert_allclose(turned, upright, atol=2e-3)


def test_wide_cells_read_a_halved_image():
    image = smooth_image(4, 160)[:, :160]
    feature = Hog(0.15).fit(None, None, MEAN, None)
    coarse = feature.extract(samples(image, MEAN[None], [79.5, 79.5, 100]), MEAN)
    fine = feature.extract(samples(halved(image), MEAN[None], [39.5, 39.5, 50]), MEAN)
    np.testing.assert_allclose(coarse, fine, atol=5e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30, 1e30])
def test_survives_any_shape_and_flat_images(value):
    feature = Hog(0.1).fit(None, None, MEAN, None)
    got = feature.extract(samples(smooth_image(0), np.full((1, 4, 2), value), [60, 60, 80]), MEAN)
    assert got.shape == (1, 288)
    assert np.isfinite(got).all()
    flat = feature.extract(samples(np.full((9, 9), 7, np.uint8), MEAN[None], [4, 4, 200]), MEAN)
    assert (flat == 0).all()


def test_refuses_what_cannot_be():
    for n_cells in (0, 9):
        with pytest.raises(InputError, match="n_cells"):
            Hog(n_cells=n_cells).fit(None, None, MEAN, None)
    with pytest.raises(InputError, match="below 1 box side"):
        feature = Hog(half=-0.1).fit(None, None, MEAN, None)
        feature.check({"landmarks": 4, "cells": 9})
    feature = Hog().fit(None, None, MEAN, None)
    with pytest.raises(InputError, match="4x4"):
        feature.extract(samples(np.zeros((3, 9), np.uint8), MEAN[None], [4, 4, 8]), MEAN)


def test_shape_is_told_from_the_mean_in_its_own_frame():
    """Against the least-squares similarity of `geometry`, for turned, scaled and moved shapes."""
    rng = np.random.default_rng(5)
    image, placement = smooth_image(5), [60, 60, 80]
    turn = np.array([[0.9, 0.3], [0.6, -0.5], [1.2, 0.0]], np.float32)
    own = MEAN + rng.normal(0, 0.02, (3, *MEAN.shape)).astype(np.float32)
    shapes = rotate(own, turn) + rng.normal(0, 0.1, (3, 1, 2)).astype(np.float32)
    plain, both = (Hog(0.1, 2, gain).fit(None, None, MEAN, None) for gain in (0, 8))
    given = samples(image, shapes, placement)
    got = both.extract(given, MEAN)
    np.testing.assert_array_equal(got[:, : 4 * 4 * 8], plain.extract(given, MEAN))
    linear, _ = similarity(MEAN, shapes)
    inverse = linear * [1, -1] / np.square(linear).sum(1, keepdims=True)
    aligned = rotate(shapes - shapes.mean(1, keepdims=True), inverse)
    want = 8 * (aligned - MEAN).reshape(3, -1)
    np.testing.assert_allclose(got[:, 4 * 4 * 8 :], want, atol=1 / kernels.STEPS)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 0.0])
def test_shapes_that_cannot_be_are_told_in_finite_numbers(value):
    feature = Hog(0.1, 2, 8.0).fit(None, None, MEAN, None)
    shape = np.full((1, 4, 2), value)
    got = feature.extract(samples(smooth_image(0), shape, [60, 60, 80]), MEAN)
    assert np.abs(got).max() <= 4


def test_refuses_a_gain_below_nothing():
    with pytest.raises(InputError, match="shape_gain"):
        Hog(shape_gain=-1).fit(None, None, MEAN, None)
