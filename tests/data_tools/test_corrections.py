"""Corrections between the boxes of detectors and those of models."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.corrections import (
    PLACES,
    BoxCorrection,
    DetectorFit,
    by_landmarks,
    measure,
)
from data_tools.schemes import get_scheme
from features.errors import InputError

corrections = st.builds(
    BoxCorrection, st.floats(0.3, 3), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)
)


def random_boxes(n, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 300, (n, 2))
    return np.hstack([corner, corner + rng.uniform(30, 200, (n, 1))])


@given(corrections)
def test_fit_finds_the_correction_despite_outliers(correction):
    source = random_boxes(51)
    target = correction.apply(source)
    target[:20] = random_boxes(20, seed=1)
    fitted = BoxCorrection.fit(source, target)
    assert fitted.scale == pytest.approx(correction.scale, rel=1e-4)
    assert fitted.shift_x == pytest.approx(correction.shift_x, abs=1e-4)
    assert fitted.shift_y == pytest.approx(correction.shift_y, abs=1e-4)


def test_apply_by_hand():
    moved = BoxCorrection(scale=0.5, shift_x=0.25, shift_y=-0.5).apply([[0, 0, 40, 10]])
    assert moved.tolist() == [[20, -10, 30, 0]]  # side 20, centre (20, 5)
    assert moved.dtype == np.float32
    assert BoxCorrection().apply(np.zeros((0, 4))).shape == (0, 4)


@given(corrections)
def test_corrections_survive_json(correction):
    assert BoxCorrection.from_dict(json.loads(json.dumps(correction.to_dict()))) == correction


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"scale": 1, "shift_x": 0},
        {"scale": 1, "shift_x": 0, "shift_y": 0, "more": 1},
        {"scale": 0, "shift_x": 0, "shift_y": 0},
        {"scale": "1", "shift_x": 0, "shift_y": 0},
        {"scale": 1, "shift_x": float("nan"), "shift_y": 0},
        {"scale": True, "shift_x": 0, "shift_y": 0},
    ],
)
def test_wrong_correction(content):
    with pytest.raises(InputError, match="box correction"):
        BoxCorrection.from_dict(content)


def test_fit_needs_pairs():
    with pytest.raises(InputError, match="pairs"):
        BoxCorrection.fit(random_boxes(2), random_boxes(3))
    with pytest.raises(InputError, match="pairs"):
        BoxCorrection.fit(np.zeros((0, 4)), np.zeros((0, 4)))


def faces_and_detector(wanted):
    """Five faces, and a detector that misses one and draws the boxes that `wanted` corrects."""
    truth = random_boxes(5) + 100
    images = [np.full((4, 4), i, np.uint8) for i in range(5)]

    class Faces(SimpleNamespace):
        def __len__(self):
            return 5

    def detector(image):
        i = int(image[0, 0])
        given = (truth[i, 2] - truth[i, 0]) / wanted.scale
        shift = np.array([wanted.shift_x, wanted.shift_y]) * given
        centre = (truth[i, :2] + truth[i, 2:]) / 2 - shift
        face = [*(centre - given / 2), *(centre + given / 2)]
        return np.array([[0, 0, 9, 9], face][: 1 if i == 4 else 2], np.float32)

    return Faces(boxes=truth, image=lambda i: images[i]), detector


def test_measure_matches_by_overlap():
    wanted = BoxCorrection(1.25, 0.05, -0.1)
    faces, detector = faces_and_detector(wanted)
    told = []
    fit = measure(detector, faces, lambda *done: told.append(done))
    assert list(fit.correction.to_dict().values()) == pytest.approx(
        list(wanted.to_dict().values()), abs=1e-4
    )
    assert fit.found == 0.8 and fit.n_faces == 5 and told[-1] == (5, 5)
    assert 0 < fit.overlap <= 1
    assert DetectorFit.from_dict(json.loads(json.dumps(fit.to_dict()))) == fit
    assert measure(lambda image: np.zeros((0, 4), np.float32), faces) is None


@pytest.mark.parametrize(
    "change",
    [
        {"found": 2},
        {"overlap": "0.5"},
        {"n_faces": None},
        {"correction": {}},
        {"more": 1},
        {"found": float("nan")},
    ],
)
def test_wrong_fits_are_refused(change):
    fit = DetectorFit(BoxCorrection(), 0.5, 0.5, 3).to_dict()
    with pytest.raises(InputError):
        DetectorFit.from_dict(fit | change)


@given(corrections)
def test_five_points_tell_the_correction(correction):
    """The same face in the detector's box and in a model's gives the model's box."""
    theirs = np.array(PLACES["lbp"])
    ours = (theirs - [0, correction.shift_y]) / correction.scale
    found = by_landmarks("lbp", get_scheme("centres5"), ours)
    assert found.scale == pytest.approx(correction.scale, rel=1e-4)
    assert found.shift_x == 0 and found.shift_y == pytest.approx(correction.shift_y, abs=1e-4)


def test_without_five_points_nothing_is_told():
    assert by_landmarks("lbp", get_scheme("imm58"), np.zeros((58, 2))) is None
    assert by_landmarks("mine", get_scheme("face68"), np.zeros((68, 2))) is None
    assert by_landmarks("lbp", get_scheme("face68"), np.zeros((68, 2))) is None
