import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from data_tools.plots import draw_shape, montage, overlay, plot_ced
from features.errors import InputError

SCHEME = SimpleNamespace(
    name="square", n_points=4, groups={"outline": ((0, 1, 2, 3), True), "dot": ((0,), False)}
)
SQUARE = np.array([[40.0, 40], [160, 40], [160, 160], [40, 160]])
NAN = float("nan")


def grey(value=128, size=(200, 220)):
    return np.full(size, value, np.uint8)


def changed(drawn, value=128):
    return (drawn != value).any(-1)


@pytest.mark.parametrize("value", [0, 255])
def test_lines_and_points_show_on_dark_and_bright(value):
    image = grey(value)
    drawn = draw_shape(image, SQUARE, SCHEME)
    assert drawn.shape == (200, 220, 3)
    assert drawn.dtype == np.uint8
    assert (image == value).all()
    seen = np.abs(drawn.astype(int) - value).max(-1) > 60
    assert seen[40, 50:150].all()  # a line
    assert seen[50:150, 40].all()  # the closing line
    assert not seen[60:140, 60:140].any()


def test_points_alone_without_a_scheme():
    drawn = changed(draw_shape(grey(), SQUARE))
    assert drawn[40, 40]
    assert not drawn[40, 60:140].any()


def test_a_scheme_without_groups_is_drawn_as_points():
    bare = SimpleNamespace(name="bare", n_points=4, groups={})
    for image in (grey(), grey(size=(2000, 2200))):
        assert (draw_shape(image, SQUARE, bare) == draw_shape(image, SQUARE)).all()
    tiny = changed(draw_shape(grey(), SQUARE / 10, bare))  # points, where lines would do
    assert tiny[4, 4] and tiny[16, 16]


def test_numbers_on_request():
    bare = SimpleNamespace(name="bare", n_points=4, groups={})
    shape = SQUARE.copy()
    shape[2] = NAN
    plain, numbered = draw_shape(grey(), shape, bare), draw_shape(grey(), shape, bare, numbers=True)
    written = (plain != numbered).any(-1)
    for x, y in SQUARE[[0, 1, 3]].astype(int):
        beside = written[y - 14 : y, x + 1 : x + 20]
        assert beside.sum() > 20
        written[y - 14 : y + 1, x : x + 20] = False
    assert not written.any()  # none for the missing landmark
    # The digits differ from one another.
    one, three = (numbered[y - 14 : y, x + 1 : x + 20] for x, y in SQUARE[[1, 3]].astype(int))
    assert (one != three).any()


def test_points_are_placed_between_pixels():
    size = 8
    for offset in (0.0, 0.25, 0.5):
        drawn = draw_shape(grey(0), SQUARE + offset)
        patch = drawn[40 - size : 41 + size, 40 - size : 41 + size, 0].astype(float)
        centre = (patch.sum(0) * np.arange(-size, size + 1)).sum() / patch.sum()
        assert centre == pytest.approx(offset, abs=0.15)


def test_missing_landmarks_break_lines():
    shape = SQUARE.copy()
    shape[2] = NAN
    drawn = changed(draw_shape(grey(), shape, SCHEME))
    assert drawn[40, 50:150].all()
    assert drawn[50:150, 40].all()
    assert not drawn[60:, 160].any()
    assert not drawn[160, 60:].any()
    assert not changed(draw_shape(grey(), np.full((4, 2), NAN), SCHEME)).any()


def test_far_and_huge_coordinates_do_no_harm():
    draw_shape(grey(), SQUARE * 1e12, SCHEME, box=[-1e12, -1e12, 1e12, 1e12])
    draw_shape(np.zeros((1, 1), np.uint8), SQUARE, SCHEME)


def test_box_is_drawn():
    drawn = changed(draw_shape(grey(), np.full((4, 2), NAN), SCHEME, box=[20, 30, 120, 130]))
    assert drawn[30, 20:120].all()
    assert drawn[30:130, 120].all()
    assert not drawn[40:120, 30:110].any()


def test_width_grows_with_the_face():
    small = changed(draw_shape(grey(), SQUARE, SCHEME))
    large = changed(draw_shape(grey(size=(2000, 2200)), SQUARE * 10, SCHEME))
    assert large[300:500, 1000].sum() > 2 * small[30:50, 100].sum()


def test_overlay_draws_every_face_and_takes_colour():
    image = np.zeros((200, 400, 4), np.float32)
    drawn = overlay(image, [SQUARE, SQUARE + np.array([200, 0])], SCHEME, [[30, 30, 170, 170]] * 2)
    assert drawn.shape == (200, 400, 3)
    assert changed(drawn, 0)[40, 50:150].all()
    assert changed(drawn, 0)[40, 250:350].all()
    assert not changed(overlay(grey(), np.zeros((0, 4, 2)), SCHEME)).any()


def test_colours_keep_their_order():
    image = np.zeros((60, 60, 3), np.uint8)
    image[..., 0] = 200
    assert draw_shape(image, np.full((4, 2), NAN))[5, 5].tolist() == [200, 0, 0]


def test_montage():
    sheet = montage([grey(0, (10, 20)), grey(9, (30, 8)), grey(5, (10, 10))], columns=2, gap=2)
    assert sheet.shape == (62, 42, 3)
    assert (sheet[10:20, :20] == 0).all()
    assert (sheet[:30, 28:36] == 9).all()
    assert (sheet[:, 20:22] == 255).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: overlay(grey(), SQUARE, SCHEME), "n, L, 2"),
        (lambda: draw_shape(grey(), SQUARE[:3], SCHEME), "square"),
        (lambda: overlay(grey(), SQUARE[None], SCHEME, np.zeros((2, 4))), "one a face"),
        (lambda: montage([]), "at least one"),
        (lambda: plot_ced({}, "curve.png"), "no errors to plot"),
        (lambda: plot_ced({"a": [0.1]}, "curve.bmp"), "suffix"),
        (lambda: plot_ced({"a": [NAN]}, "curve.png"), "no error"),
        (lambda: plot_ced({"a": [0.1]}, "no/such/folder/curve.png"), "no/such/folder"),
    ],
)
def test_wrong_input(call, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        call()
    assert not list(tmp_path.iterdir())


def test_ced_figures(tmp_path):
    errors = {"ours": [0.02, 0.04, np.inf], "theirs": [0.2]}
    for suffix, magic in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        path = tmp_path / f"curve{suffix}"
        path.write_bytes(b"old")
        plot_ced(errors, path, title="faces")
        assert path.read_bytes().startswith(magic)
    assert len(list(tmp_path.iterdir())) == 3
    assert cv2.imread(str(tmp_path / "curve.png")).std() > 10
    text = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    # (0.75 + 0.5 + 0) / 3 of the area, one of three above the threshold
    assert "ours  (AUC 41.7, FR 33.3 %)" in text
    assert "theirs  (AUC 0.0, FR 100.0 %)" in text


def test_import_leaves_matplotlib_alone():
    code = "import sys, data_tools.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
