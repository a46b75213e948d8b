"""HOG descriptors against a slow twin and scikit-image."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.feature import hog as skimage_hog

from features.errors import InputError
from features.geometry import rotate, similarity
from features.hog import Hog
from features.images import as_grey

MEAN = np.array([[-0.3, -0.2], [0.3, -0.2], [0.0, 0.1], [0.05, 0.3]], np.float32)
MEAN -= MEAN.mean(0)


def smooth_image(seed, size=120):
    noise = gaussian_filter(np.random.default_rng(seed).random((size, size)), 2)
    return as_grey((noise - noise.min()) / np.ptp(noise))


def samples(image, shapes, placement):
    n = len(shapes)
    return SimpleNamespace(
        images=image[None],
        index=np.zeros(n, np.intp),
        placements=np.tile(np.asarray(placement, np.float32), (n, 1)),
        shapes=np.asarray(shapes, np.float32),
    )


def twin(image, shape, placement, half, n_cells, cell_samples, interpolate):
    """One shape's descriptors, by arctangent and loops over samples, on an image as it is."""
    n = n_cells * cell_samples
    step = 2 * half / n
    (linear,), _ = similarity(MEAN, shape[None])
    grid = (np.arange(-1, n + 1) - (n - 1) / 2) * step
    offsets = np.stack(np.meshgrid(grid, grid), -1)
    out = np.zeros((len(shape), n_cells, n_cells, 8))
    for k, point in enumerate(shape):
        where = point + rotate(offsets.reshape(1, -1, 2), linear[None])[0]
        x, y = (placement[:2] + placement[2] * where).T
        patch = map_coordinates(image.astype(float), [y, x], order=1, mode="nearest")
        patch = patch.reshape(n + 2, n + 2)
        for i in range(n):
            for j in range(n):
                gx = patch[i + 1, j + 2] - patch[i + 1, j]
                gy = patch[i + 2, j + 1] - patch[i, j + 1]
                angle = np.arctan2(gy, gx) / (np.pi / 4) % 8
                o = int(angle) % 8
                beta = np.hypot(gx, gy) * np.sin((angle - int(angle)) * np.pi / 4)
                alpha = np.hypot(gx, gy) * np.sin((1 - angle + int(angle)) * np.pi / 4)
                for r in range(n_cells):
                    for c in range(n_cells):
                        u = abs((i + 0.5) / cell_samples - 0.5 - r)
                        v = abs((j + 0.5) / cell_samples - 0.5 - c)
                        if interpolate:
                            weight = max(0, 1 - u) * max(0, 1 - v)
                        else:
                            weight = float(u < 0.5 and v < 0.5)
                        out[k, r, c, o] += weight * alpha / np.sin(np.pi / 4)
                        out[k, r, c, (o + 1) % 8] += weight * beta / np.sin(np.pi / 4)
    out = out.reshape(len(shape), -1)
    return np.sqrt(out / (out.sum(1, keepdims=True) + 1e-5)).ravel()


@pytest.mark.parametrize(
    ("n_cells", "cell_samples", "interpolate"), [(3, 4, True), (3, 4, False), (2, 3, True)]
)
def test_equals_the_slow_twin(n_cells, cell_samples, interpolate):
    rng = np.random.default_rng(1)
    turn = np.deg2rad([0, 25, -70])
    linear = np.stack([np.cos(turn), np.sin(turn)], -1) * [[1.0], [1.1], [0.9]]
    shapes = rotate(np.tile(MEAN, (3, 1, 1)), linear) + rng.normal(0, 0.02, (3, 4, 2))
    image, placement = smooth_image(0), np.array([60, 55, 80.0])
    recipe = Hog(0.07, n_cells, cell_samples, interpolate)
    feature = recipe.fit(None, None, MEAN, None)
    shapes = shapes.astype(np.float32)
    got = feature.extract(samples(image, shapes, placement), MEAN)
    assert got.shape == (3, 4 * n_cells**2 * 8)
    assert got.dtype == np.float32
    want = [
        twin(image, shape, placement, 0.07, n_cells, cell_samples, interpolate) for shape in shapes
    ]
    # The root amplifies rounding where a number is nearly 0, hence the squares.
    np.testing.assert_allclose(got**2, np.square(want), atol=2e-5)


def test_beyond_the_border_the_image_is_repeated():
    image, placement = smooth_image(5, 50), np.array([8, 45, 40.0])
    feature = Hog(0.15).fit(None, None, MEAN, None)
    got = feature.extract(samples(image, MEAN[None], placement), MEAN)
    want = twin(image, MEAN, placement, 0.15, 3, 4, True)
    np.testing.assert_allclose(got[0] ** 2, want**2, atol=2e-5)


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_equals_scikit_image_on_an_upright_patch(direction):
    """skimage's bins are those of opposite directions taken together; where every gradient points
    in the direction of a bin, its hard bins and our interpolation agree."""
    profile = np.random.default_rng(2).integers(0, 256, 80)
    y, x = np.mgrid[:12, :12]
    patch = profile[direction[0] * x + direction[1] * y + 20].astype(np.uint8)
    # skimage sees no gradient across the patch's border, and mirrored pixels have none.
    image = np.pad(patch, 1, mode="reflect")
    mean = np.array([[-0.5, 0], [0.5, 0]], np.float32)
    feature = Hog(half=6 / 100, interpolate=False).fit(None, None, mean, None)
    # Landmark 0 in the middle of the patch, a sample a pixel.
    placement = np.array([6.5 + 50, 6.5, 100])
    ours = feature.extract(samples(image, mean[None], placement), mean)[0, :72].reshape(3, 3, 8)
    theirs = skimage_hog(
        patch, orientations=4, pixels_per_cell=(4, 4), cells_per_block=(3, 3),
        block_norm="L1-sqrt", feature_vector=False,
    )[0, 0]  # fmt: skip
    folded = ours[..., :4] ** 2 + ours[..., 4:] ** 2
    np.testing.assert_allclose(folded, theirs**2, atol=1e-4)


def test_turns_with_the_shape():
    """The descriptors of an image and shape turned by 90° are those of the upright pair."""
    image = smooth_image(3, 101)
    feature = Hog(0.15).fit(None, None, MEAN, None)
    upright = feature.extract(samples(image, MEAN[None], [50, 50, 70]), MEAN)
    turned_shape = np.stack([-MEAN[:, 1], MEAN[:, 0]], -1)
    turned_image = np.ascontiguousarray(np.rot90(image, -1))
    turned = feature.extract(samples(turned_image, turned_shape[None], [50, 50, 70]), MEAN)
    np.testing.assert_allclose(turned**2, upright**2, atol=1e-4)


def test_coarse_patches_read_a_halved_image():
    """Samples 2 to 4 pixels apart are those of the image averaged 2x2, as far as grey levels are
    whole numbers."""
    image = smooth_image(4, 160)
    halved = image.reshape(80, 2, 80, 2).astype(int).sum((1, 3))
    halved = ((halved + 2) // 4).astype(np.uint8)
    feature = Hog(0.15).fit(None, None, MEAN, None)
    coarse = feature.extract(samples(image, MEAN[None], [79.5, 79.5, 100]), MEAN)
    fine = feature.extract(samples(halved, MEAN[None], [39.5, 39.5, 50]), MEAN)
    np.testing.assert_allclose(coarse, fine, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30, 1e30])
def test_survives_any_shape_and_flat_images(value):
    feature = Hog(0.1).fit(None, None, MEAN, None)
    got = feature.extract(samples(smooth_image(0), np.full((1, 4, 2), value), [60, 60, 80]), MEAN)
    assert got.shape == (1, 288)
    flat = feature.extract(samples(np.full((9, 9), 7, np.uint8), MEAN[None], [4, 4, 200]), MEAN)
    assert (flat == 0).all()


def test_refuses_patches_without_samples():
    with pytest.raises(InputError, match="samples a side"):
        Hog(cell_samples=0).fit(None, None, MEAN, None)
    with pytest.raises(InputError, match="no patch"):
        feature = Hog(half=-0.1).fit(None, None, MEAN, None)
        feature.check({"landmarks": 4, "cells": 3, "samples": 12})
