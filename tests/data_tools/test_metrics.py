import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data_tools.boxes import iou, tight_box
from data_tools.metrics import (
    auc,
    ced,
    face_lengths,
    failure_rate,
    landmark_errors,
    nme,
    normalizer,
    summary,
)
from data_tools.schemes import Scheme
from features.errors import InputError

# Two eyes of two corners each and a chin.
SCHEME = Scheme(name="five", n_points=5, eye_corners=(0, 3), pupils=((0, 1), (2, 3)))
BARE = Scheme(name="bare", n_points=5)
FACE = np.array([[0, 0], [2, 0], [6, 0], [8, 0], [4, 6.0]])
NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "length"), [("interocular", 8), ("interpupil", 6), ("diagonal", 10), ("box", 12)]
)
def test_normalizers_by_hand(kind, length):
    assert face_lengths(FACE[None], SCHEME, kind=kind, boxes=[[0, 0, 9, 16]]).tolist() == [length]


def test_normalizer_of_missing_landmarks():
    faces = np.stack([FACE, FACE, FACE])
    faces[0, 0] = NAN  # an outer corner: the pupil is what is left of its eye
    faces[1] = NAN
    faces[2] = 1.0  # all in one place
    assert normalizer is face_lengths  # its name in version 0.1
    assert np.isnan(face_lengths(faces, SCHEME)).all()
    np.testing.assert_array_equal(face_lengths(faces, SCHEME, kind="interpupil"), [5, NAN, NAN])
    np.testing.assert_allclose(
        face_lengths(faces, SCHEME, kind="diagonal"), [np.hypot(6, 6), NAN, NAN]
    )


def test_nme_by_hand():
    predicted = np.stack([FACE + np.array([3, 4]), FACE, FACE, FACE])
    predicted[1, 4] += [0, 8]
    predicted[2, 2] = NAN
    truth = np.stack([FACE] * 4)
    truth[0, 1] = NAN
    truth[3] = NAN
    assert landmark_errors(predicted, truth, SCHEME)[1].tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(nme(predicted, truth, SCHEME), [5 / 8, 1 / 5, np.inf, NAN])


def test_prediction_missing_where_the_truth_is_too_is_no_miss():
    predicted, truth = FACE[None].copy(), FACE[None].copy()
    predicted[0, 4] = truth[0, 4] = NAN
    assert nme(predicted, truth, SCHEME).tolist() == [0]


def test_summary_by_hand():
    truth = np.stack([FACE] * 5)
    predicted = truth.copy()
    predicted[1, 4] += [0, 0.4 * 8]  # 0.08
    predicted[2, 4] += [0, 0.9 * 5]  # 0.1125
    predicted[3] = NAN
    truth[4] = NAN
    result = summary(predicted, truth, SCHEME)
    assert (result["n"], result["n_excluded"], result["n_missed"]) == (4, 1, 1)
    assert result["nme_interocular"] == pytest.approx((0 + 0.08 + 0.1125) / 3)
    assert result["nme_interpupil"] == pytest.approx((0 + 0.08 + 0.1125) / 3 * 8 / 6)
    assert result["nme_diagonal"] == pytest.approx((0 + 0.08 + 0.1125) / 3 * 8 / 10)
    assert result["nme_box"] is None
    assert result["median_interocular"] == pytest.approx((0.08 + 0.1125) / 2)
    assert result["auc08"] == pytest.approx(0.25)
    assert result["fr10"] == 0.5


def test_summary_of_a_scheme_without_eyes_and_of_no_face():
    result = summary(FACE[None], FACE[None], BARE, boxes=[[0, 0, 4, 4]])
    assert result["nme_interocular"] is result["median_interocular"] is None
    assert (result["normalizer"], result["auc08"], result["fr10"]) == ("diagonal", 1, 0)
    assert result["nme_diagonal"] == result["nme_box"] == 0
    assert result["n"] == 1
    empty = summary(np.zeros((0, 5, 2)), np.zeros((0, 5, 2)), SCHEME)
    assert empty["n"] == 0
    assert empty["nme_interocular"] is empty["auc08"] is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nme(FACE[None], FACE[None, :4], SCHEME), "differ"),
        (lambda: nme(FACE[None, :4], FACE[None, :4], SCHEME), "five"),
        (lambda: nme(FACE, FACE, SCHEME), "must be an array"),
        (lambda: nme(FACE[None], FACE[None], BARE, kind="interocular"), "eye_corners"),
        (lambda: nme(FACE[None], FACE[None], BARE, kind="interpupil"), "pupils"),
        (lambda: nme(FACE[None], FACE[None], SCHEME, kind="box"), "needs boxes"),
        (
            lambda: nme(FACE[None], FACE[None], SCHEME, kind="box", boxes=[[0, 0, 1, 1]] * 2),
            "one a face",
        ),
        (lambda: nme(FACE[None], FACE[None], SCHEME, kind="eyes"), "choose one of"),
        (lambda: auc([NAN]), "no error"),
        (lambda: ced([-0.1]), "0 or above"),
        (lambda: failure_rate([0.1], 0), "threshold"),
        (lambda: auc([0.1], float("inf")), "threshold"),
    ],
)
def test_wrong_input(call, words):
    with pytest.raises(InputError, match=words):
        call()


some_errors = arrays(
    np.float64, st.integers(1, 30), elements=st.one_of(st.floats(0, 0.3), st.just(np.inf))
)


@given(some_errors)
def test_ced_counts_faces(errors):
    x, share = ced(errors)
    assert (np.diff(x) > 0).all()
    assert (np.diff(share) > 0).all()
    assert x[0] == 0
    for position, value in zip(x, share, strict=True):
        assert value == (errors <= position).mean()
    assert failure_rate(errors, 0.08) == pytest.approx(1 - share[x <= 0.08][-1])


@given(some_errors, st.floats(0.01, 0.5))
def test_auc_is_the_area_under_the_ced(errors, threshold):
    area = auc(errors, threshold)
    assert 0 <= area <= 1
    # Midpoint rule: at most one cell is wrong for each error.
    n_cells = 20_000
    grid = (np.arange(n_cells) + 0.5) / n_cells * threshold
    numeric = (errors[:, None] <= grid).mean(0).mean()
    assert area == pytest.approx(numeric, abs=1 / n_cells)
    # And from the curve itself, exactly.
    x, share = ced(errors)
    edges = np.minimum(np.append(x, np.inf), threshold)
    assert area == pytest.approx((share * np.diff(edges)).sum() / threshold, abs=1e-9)


def test_nan_errors_are_left_out():
    assert auc([0.04, NAN]) == auc([0.04])
    assert failure_rate([0.2, NAN], 0.1) == 1


@given(
    arrays(np.float64, (3, 5, 2), elements=st.floats(-100, 100)),
    st.floats(0.1, 10),
    st.floats(-50, 50),
)
def test_nme_does_not_depend_on_scale_and_position(noise, scale, shift):
    truth = np.stack([FACE] * 3)
    plain = nme(truth + noise, truth, SCHEME)
    moved = nme((truth + noise) * scale + shift, truth * scale + shift, SCHEME)
    np.testing.assert_allclose(moved, plain, rtol=1e-9, atol=1e-9)


boxes = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 8)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(boxes, boxes)
def test_iou_counts_pixels(a, b):
    def cells(box):
        return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}

    expected = len(cells(a) & cells(b)) / len(cells(a) | cells(b))
    assert iou([a], [b])[0, 0] == pytest.approx(expected)


def test_iou_of_no_boxes_and_of_boxes_without_area():
    assert iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)
    assert iou([[1, 1, 1, 1]], [[1, 1, 1, 1]]).tolist() == [[0]]


def test_tight_box_skips_missing_landmarks():
    faces = np.stack([FACE, FACE])
    faces[0, 4] = NAN
    faces[1] = NAN
    np.testing.assert_array_equal(tight_box(faces), [[0, 0, 8, 0], [NAN] * 4])
