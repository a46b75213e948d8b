import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes
from skimage.transform import SimilarityTransform

from features.errors import InputError
from features.geometry import (
    box_placement,
    from_box_frame,
    inverse,
    procrustes_mean,
    rotate,
    similarity,
    to_box_frame,
)

numbers = st.floats(-1000, 1000, width=32)


def test_placement_is_centre_and_geometric_mean_side():
    np.testing.assert_allclose(box_placement([0, 10, 40, 20]), [20, 15, 20])


@pytest.mark.parametrize(
    "box",
    [[0, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0], [np.nan, 0, 1, 1], [0, 0, np.inf, 1], [0, 1, 2]],
)
def test_degenerate_boxes_are_refused(box):
    with pytest.raises(InputError):
        box_placement(box)


@given(numbers, numbers, st.floats(1, 500, width=32), st.floats(1, 500, width=32))
def test_box_frame_round_trip(left, top, width, height):
    placement = box_placement([left, top, left + width, top + height])[None]
    shape = np.random.default_rng(0).normal(0, 1, (1, 7, 2)).astype(np.float32)
    pixels = from_box_frame(shape, placement)
    np.testing.assert_allclose(to_box_frame(pixels, placement), shape, atol=1e-3)


@given(st.floats(0.1, 10), st.floats(-np.pi, np.pi), numbers, numbers)
def test_similarity_equals_scikit_image(scale, angle, dx, dy):
    source = np.random.default_rng(1).normal(0, 1, (9, 2))
    transform = SimilarityTransform(scale=scale, rotation=angle, translation=(dx, dy))
    linear, shift = similarity(source[None], transform(source)[None])
    np.testing.assert_allclose(
        linear[0], [scale * np.cos(angle), scale * np.sin(angle)], atol=1e-4 * scale
    )
    np.testing.assert_allclose(shift[0], [dx, dy], atol=2e-2)


def test_similarity_leaves_missing_landmarks_out():
    rng = np.random.default_rng(2)
    source = rng.normal(0, 1, (8, 2))
    target = rotate(source[None], np.array([[0.5, 1.0]])) + 3
    target[0, 2] = np.nan
    linear, shift = similarity(source, target)
    np.testing.assert_allclose(linear, [[0.5, 1.0]], atol=1e-6)
    np.testing.assert_allclose(shift, [[3, 3]], atol=1e-5)


def test_inverse_undoes_rotation():
    rng = np.random.default_rng(3)
    linear, shapes = rng.normal(0, 1, (5, 2)), rng.normal(0, 1, (5, 4, 2))
    np.testing.assert_allclose(rotate(rotate(shapes, linear), inverse(linear)), shapes, atol=1e-9)


def test_procrustes_mean_recovers_the_common_shape():
    rng = np.random.default_rng(4)
    shape = rng.normal(0, 1, (10, 2))
    angles = rng.uniform(-0.5, 0.5, 40)
    linear = np.stack([np.cos(angles), np.sin(angles)], -1)
    turned = rotate(np.repeat(shape[None], 40, 0), linear) + rng.normal(0, 0.3, (40, 1, 2))
    _, _, disparity = procrustes(shape, procrustes_mean(turned))
    assert disparity < 1e-6
