"""Turns, errors, misses and facts of the faces."""

from types import SimpleNamespace

import numpy as np
import pytest

from cascade.judging.compare import compare
from cascade.judging.compare.runner import facts, turn_of_head
from cascade.judging.points import points_of, whole
from data_tools.schemes import FACE68, IMM58, WFLW98
from features.errors import InputError

from .made_up import index_of, model


def test_shared_points_by_hand():
    shape = np.arange(136, dtype=float).reshape(1, 68, 2)
    five = points_of(FACE68, "centres5").of(shape)[0]
    np.testing.assert_allclose(five[0], shape[0, 36:42].mean(0))
    np.testing.assert_allclose(five[2:], shape[0, [30, 48, 54]])
    np.testing.assert_allclose(points_of(FACE68, 5).of(shape)[0], shape[0, [45, 42, 36, 39, 33]])
    np.testing.assert_allclose(points_of(FACE68, "51").of(shape)[0], shape[0, 17:])
    assert points_of(FACE68, 68) == whole(FACE68)
    denser = np.arange(196, dtype=float).reshape(1, 98, 2)
    np.testing.assert_allclose(points_of(WFLW98, 51).of(denser)[0, :5], denser[0, 33:38])
    assert points_of(WFLW98, 68).n_points == 68 and "98" in points_of(WFLW98, 68).label
    with pytest.raises(InputError, match="29 points"):
        points_of(FACE68, 29)
    with pytest.raises(InputError, match="imm58"):
        points_of(IMM58, 68)


def test_every_model_sees_every_face_in_turning_order(faces):
    few, calls = faces.subset(slice(4)), []
    models = [
        model(name, lambda im, box, name=name: calls.append((name, index_of(few, box)))
              or few.shapes[index_of(few, box)])
        for name in "abc"
    ]  # fmt: skip
    result = compare(models, few)
    assert calls[9:] == [  # after three calls each to warm up
        ("a", 0), ("b", 0), ("c", 0),
        ("b", 1), ("c", 1), ("a", 1),
        ("c", 2), ("a", 2), ("b", 2),
        ("a", 3), ("b", 3), ("c", 3),
    ]  # fmt: skip
    assert all((r.seconds > 0).all() and r.first_seconds > 0 for r in result.results)


def test_errors_by_hand_and_by_an_independent_implementation(faces, comparison):
    eyes = np.linalg.norm(faces.shapes[:, 45] - faces.shapes[:, 36], axis=1)
    ours, gaps, five = comparison.results
    all68, shared = comparison.point_sets
    assert (all68.n_points, shared.name) == (68, "centres5")
    expected = 6 / eyes
    expected[3] = np.inf
    np.testing.assert_allclose(comparison.errors(gaps, all68), expected, rtol=1e-5)
    np.testing.assert_allclose(comparison.errors(five, shared), np.sqrt(2) / eyes, rtol=1e-4)
    distance = np.linalg.norm(ours.shapes - faces.shapes, axis=-1).mean(1) / eyes
    np.testing.assert_allclose(comparison.errors(ours, all68), distance, rtol=1e-5)
    assert [r.label for r in comparison.rivals(all68)] == ["ours", "gaps"]
    assert [r.label for r in comparison.rivals(shared)] == ["ours", "gaps", "five"]


def test_a_model_that_raises_misses_and_one_that_always_raises_is_refused(faces):
    few = faces.subset(slice(3))

    def fragile(image, box):
        if index_of(few, box) == 1:
            raise RuntimeError("no such face")
        return few.shapes[index_of(few, box)]

    result = compare([model("fragile", fragile)], few).results[0]
    assert np.isnan(result.shapes[1]).all() and np.isfinite(result.shapes[[0, 2]]).all()
    assert "no such face" in result.problem
    with pytest.raises(InputError, match="fails at every face: ZeroDivisionError"):
        compare([model("broken", lambda image, box: 1 / 0)], few)
    with pytest.raises(InputError, match="shape"):
        compare([model("wrong", lambda image, box: np.zeros((5, 2)))], few)


def test_overhead_is_small_beside_a_model_of_a_millisecond(faces):
    def slow(image, box):
        for _ in range(40):
            np.linalg.norm(image.astype(np.float64))
        return faces.shapes[index_of(faces, box)]

    assert compare([model("slow", slow)], faces).overhead < 0.05


def test_turn_of_head_grows_with_the_turn(faces):
    # A cylinder with the landmarks on it, turned about its axis and seen from the front.
    flat = (faces.shapes[0] - faces.shapes[0].mean(0)) / np.ptp(faces.shapes[0][:, 0])
    flat = (flat + mirrored(flat)) / 2
    depth = np.sqrt(np.clip(0.4 - flat[:, 0] ** 2, 0, None))
    angles = np.deg2rad([-30, -15, 0, 15, 30])
    turned = np.stack(
        [np.column_stack([flat[:, 0] * np.cos(a) + depth * np.sin(a), flat[:, 1]]) for a in angles]
    )
    turn = turn_of_head(turned, FACE68)
    assert (np.diff(turn) > 0.02).all() and turn[2] == pytest.approx(0, abs=1e-6)
    assert np.isnan(turn_of_head(turned, SimpleNamespace(flip=None, n_points=68))).all()
    assert set(facts(faces)) == {"turn", "size", "overlap"}


def mirrored(shape):
    return shape[list(FACE68.flip)] * [-1, 1]
