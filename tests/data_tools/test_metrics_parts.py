import numpy as np
import pytest

from data_tools.metrics import (
    face_errors,
    landmark_errors,
    landmark_means,
    nme,
    part_errors,
    point_errors,
    subset_masks,
)
from data_tools.schemes import FACE68, Scheme
from features.errors import InputError

NAN, INF = float("nan"), float("inf")
SCHEME = Scheme(
    "four", 4, groups={"eyes": ((0, 1), False), "mouth": ((1, 2, 3), True)}, eye_corners=(0, 1)
)


def test_parts_by_hand():
    errors = [[0.1, 0.3, 0.2, 0.1], [0.2, NAN, 0.4, INF], [NAN, NAN, 0.1, 0.3]]
    parts = part_errors(errors, SCHEME)
    assert list(parts) == ["eyes", "mouth"]
    np.testing.assert_allclose(parts["eyes"], [0.2, 0.2, NAN])
    np.testing.assert_allclose(parts["mouth"], [0.2, INF, 0.2])
    with pytest.raises(InputError, match="four"):
        part_errors(np.zeros((2, 5)), SCHEME)


def test_landmark_means_leave_misses_out():
    means = landmark_means([[0.1, NAN, INF], [0.3, NAN, 0.2]])
    np.testing.assert_allclose(means, [0.2, NAN, 0.2])


def test_parts_of_68_points_agree_with_a_plain_loop():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 50, (5, 68, 2))
    found = truth + rng.normal(0, 3, truth.shape)
    errors = landmark_errors(found, truth, FACE68)
    for name, (points, _) in FACE68.groups.items():
        for i in range(5):
            eyes = np.linalg.norm(truth[i, 45] - truth[i, 36])
            by_hand = [np.linalg.norm(found[i, k] - truth[i, k]) / eyes for k in points]
            assert part_errors(errors, FACE68)[name][i] == pytest.approx(np.mean(by_hand))
    np.testing.assert_allclose(face_errors(errors), nme(found, truth, FACE68))


def test_point_errors_of_points_that_are_no_scheme():
    truth = np.zeros((2, 3, 2))
    found = truth + np.array([3, 4])
    found[1, 2] = NAN
    np.testing.assert_array_equal(
        point_errors(found, truth, [10, 5]), [[0.5, 0.5, 0.5], [1, 1, INF]]
    )
    assert np.isnan(point_errors(found, truth, [NAN, 5])[0]).all()
    with pytest.raises(InputError, match="lengths"):
        point_errors(found, truth, [1])
    with pytest.raises(InputError, match="differ"):
        point_errors(found[:1], truth, [1])


def test_subsets_of_a_column():
    masks = subset_masks(["b", "a", "", "b"])
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "b": [True, False, False, True],
        "a": [False, True, False, False],
    }
