"""Jitter and lag of paths against what is known of them, openings by hand, and the talking head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.metrics.motion import jitter_energy, lag, stretches
from data_tools.openings import measurable, openings
from data_tools.schemes import get_scheme
from data_tools.synthetic.talking import PHASES, TalkingHead
from features.errors import InputError

RATE = 25.0


def test_white_noise_has_the_energy_of_its_share_of_the_spectrum():
    noise = np.random.default_rng(0).normal(0, 0.01, (4000, 6, 2))
    # Two coordinates; from 2 Hz to half the rate.
    expected = 2 * 0.01**2 * (12.5 - 2) / 12.5
    assert jitter_energy(noise, RATE) == pytest.approx(expected, rel=0.03)
    assert jitter_energy(noise, RATE, cutoff=0) == pytest.approx(2 * 0.01**2, rel=0.03)


def test_a_straight_motion_does_not_tremble_and_gaps_are_no_steps():
    path = np.linspace(0, 5, 90)[:, None, None] * np.ones((1, 3, 2))
    assert jitter_energy(path, RATE) < 1e-12
    path[40:45] = np.nan
    path[45:] += 7
    assert jitter_energy(path, RATE) < 1e-12
    assert np.isnan(jitter_energy(path[:10], RATE))


def test_wrong_paths():
    with pytest.raises(InputError, match="n, L, 2"):
        jitter_energy(np.zeros((5, 2)), RATE)
    with pytest.raises(InputError, match="cutoff"):
        jitter_energy(np.zeros((50, 1, 2)), RATE, cutoff=20)
    with pytest.raises(InputError, match="must have the same shape"):
        lag(np.zeros((50, 1, 2)), np.zeros((49, 1, 2)))


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 4), st.integers(0, 100))
def test_lag_is_the_delay(late, seed):
    rng = np.random.default_rng(seed)
    t, phase = np.arange(120.0)[:, None, None], rng.uniform(0, 6, (1, 4, 2))

    def path(t):
        return np.sin(0.11 * t + phase) + 0.4 * np.sin(0.23 * t + 2 * phase)

    # A landmark's constant error and noise are no delay.
    found = path(t - late) + rng.normal(0, 0.2, (1, 4, 2)) + rng.normal(0, 0.01, (120, 4, 2))
    assert lag(found, path(t)) == pytest.approx(late, abs=0.06)


def test_where_nothing_moves_there_is_no_lag():
    rest = np.random.default_rng(0).normal(0, 0.001, (60, 4, 2))
    assert np.isnan(lag(rest, rest)) and np.isnan(lag(rest[:5], rest[:5]))


def test_stretches():
    assert stretches([False, True, True, False, True]) == [(1, 3), (4, 5)]
    assert stretches([]) == []


def test_an_eye_of_known_height():
    """Lids 6 apart in the middle third of a width of 30: an area of 30 + 60 + 30."""
    shape = np.zeros((68, 2))
    shape[36:42] = [[0, 0], [10, -3], [20, -3], [30, 0], [20, 3], [10, 3]]
    shape[60:68] = [[0, 0], [5, -5], [10, -5], [15, -5], [20, 0], [15, 5], [10, 5], [5, 5]]
    found = openings(shape[None], get_scheme("face68"))
    assert list(found) == ["mouth", "right_eye", "left_eye"]
    assert found["right_eye"][0] == pytest.approx(120 / 30**2)
    assert found["mouth"][0] == pytest.approx((2 * (5 * 5 / 2) + 10 * 10 + 2 * (5 * 5 / 2)) / 400)
    assert np.isnan(found["left_eye"][0])
    # Neither size nor turn of the face matters.
    turn = 3 * np.array([[0.8, -0.6], [0.6, 0.8]])
    again = openings((shape @ turn.T)[None], get_scheme("face68"))
    assert again["mouth"][0] == pytest.approx(found["mouth"][0])


def test_what_schemes_tell():
    assert set(measurable(get_scheme("wflw98"))) == {"mouth", "right_eye", "left_eye"}
    assert measurable(get_scheme("imm58"))["mouth"].tolist() == list(range(39, 47))
    assert measurable(get_scheme("face5")) == {}


@pytest.fixture(scope="module")
def head():
    return TalkingHead(seed=5, size=(160, 120), rate=10.0, noise=3.0)


def test_the_head_does_what_its_phases_say(head):
    assert head.n_frames == sum(round(10 * seconds) for _, seconds in PHASES)
    side = np.ptp(head.shapes[0], axis=0).mean()
    moved = {
        name: np.ptp(head.shapes[head.phases == name].mean(1), axis=0).max() / side
        for name, _ in PHASES
    }
    assert moved["still"] < 1e-3 and moved["slow"] > 0.4 and moved["fast"] > 0.4
    speed = {
        name: np.linalg.norm(np.diff(head.shapes[head.phases == name], axis=0), axis=-1).max()
        for name, _ in PHASES
    }
    assert speed["fast"] > 2 * speed["slow"]
    wide = openings(head.shapes, get_scheme(head.scheme))
    talks = head.phases == "talk"
    assert np.ptp(wide["mouth"][talks]) > 3 * np.ptp(wide["mouth"][head.phases == "still"])
    assert wide["right_eye"][talks].min() < 0.4 * np.median(wide["right_eye"])


def test_frames_are_the_same_in_any_order_and_differ_by_noise_alone_at_rest(head):
    one, other = head.frame(3), head.frame(4)
    np.testing.assert_array_equal(one, head.frame(3))
    again = TalkingHead(seed=5, size=(160, 120), rate=10.0, noise=3.0)
    np.testing.assert_array_equal(one, again.frame(3))
    difference = one[..., 0].astype(float) - other[..., 0]
    assert difference.std() == pytest.approx(3 * 2**0.5, rel=0.1)
    assert not np.array_equal(head.frame(0), TalkingHead(6, (160, 120), 10.0).frame(0))


def test_the_picture_moves_with_its_landmarks():
    """The head's pixels, put back by the known motion, are those of the head at rest."""
    import cv2

    head = TalkingHead(seed=5, size=(320, 240), rate=10.0, noise=0.0)
    at_rest, moved = head.frame(0)[..., 0], head.frame(40)[..., 0]
    inner = slice(17, 68)
    back, _ = cv2.estimateAffinePartial2D(head.shapes[40][inner], head.shapes[0][inner])
    still = cv2.warpAffine(moved, back, (320, 240)).astype(float)
    x0, y0 = head.shapes[0][inner].min(0).astype(int)
    x1, y1 = head.shapes[0][inner].max(0).astype(int)
    part = np.s_[y0:y1, x0:x1]
    unmoved = np.abs(moved[part].astype(float) - at_rest[part]).mean()
    assert np.abs(still[part] - at_rest[part]).mean() < 0.5 * unmoved


def test_wrong_heads():
    for wrong in ({"size": (60, 80)}, {"rate": 0}, {"noise": -1}, {"seed": -1}):
        with pytest.raises(InputError):
            TalkingHead(**wrong)
