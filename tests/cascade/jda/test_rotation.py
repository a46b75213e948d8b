"""Faces that are turned in the plane: found once, and their landmarks turned with them."""

import json

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner

from cascade import FromDetector, find_faces, load
from cascade.aligner import Alignment
from cascade.cli import app
from cascade.detection.jda.detector import angles_up_to
from cascade.detection.upright import Upright, joined
from data_tools.boxes import iou
from data_tools.corrections import BoxCorrection
from data_tools.detectors import detect, get_detector
from data_tools.synthetic import synthetic_faces
from features.errors import InputError


def turned(image, angle):
    """An image turned clockwise about its centre, and the map of its points."""
    height, width = image.shape[:2]
    move = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle, 1)
    image = cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return image, lambda points: points @ move[:, :2].T + move[:, 2]


@pytest.fixture(scope="module")
def portrait():
    whole = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(whole[0:320, 60:380])


@pytest.mark.parametrize("angle", [30, 60, 90, -135, 180])
def test_a_turned_photograph_has_its_face_where_it_was_turned_to(portrait, angle):
    upright = find_faces(portrait, "ert68", max_faces=1)
    side = upright.boxes[0, 2] - upright.boxes[0, 0]
    image, to = turned(portrait, angle)
    rotation = 0 if abs(angle) <= 30 else abs(angle)
    found = find_faces(image, "ert68", rotation=rotation)
    assert np.abs(found.shapes[0] - to(upright.shapes[0])).mean() < 0.02 * side
    # The box stands upright around the same middle, and no other overlaps it.
    middles = [(box[:2] + box[2:]) / 2 for box in (upright.boxes[0], found.boxes[0])]
    assert np.abs(to(middles[0]) - middles[1]).max() < 0.06 * side
    assert abs(found.boxes[0, 2] - found.boxes[0, 0] - side) < 0.1 * side
    assert (iou(found.boxes[1:], found.boxes[:1]) < 0.3).all()
    # Without turned copies it is lost, beyond the angles of the usual search.
    if abs(angle) >= 90:
        usual = detect(image)
        assert not len(usual) or iou(usual, found.boxes[:1]).max() < 0.5


def test_drawn_faces_are_found_at_every_angle():
    faces = synthetic_faces(12, seed=5, size=160)
    detector, hits = get_detector("jda", rotation=180), {}
    for angle in (0, 90, 180):
        hits[angle] = 0
        for i in range(len(faces)):
            image, to = turned(faces.image(i), angle)
            found = detector.find(image)
            middle = to((faces.boxes[i, :2] + faces.boxes[i, 2:]) / 2)
            for box, turn in zip(found.boxes[:1], found.turns, strict=False):
                near = np.abs((box[:2] + box[2:]) / 2 - middle).max() < 0.25 * (box[2] - box[0])
                hits[angle] += near and abs((turn - angle + 180) % 360 - 180) < 30
    assert hits[0] >= 6 and min(hits.values()) >= 0.75 * hits[0], hits


def test_angles_are_even_and_none_is_searched_twice():
    assert angles_up_to(45) == (0.0, -22.5, 22.5, -45.0, 45.0)
    assert sorted(angles_up_to(90)) == [-90, -60, -30, 0, 30, 60, 90]
    for rotation in (27, 100, 170, 180):
        angles = np.sort(angles_up_to(rotation))
        assert angles_up_to(rotation)[0] == 0 and np.diff(angles).max() <= 30
        assert angles[-1] == rotation and angles[-1] - angles[0] < 360
    # What the usual search finds needs no other.
    jda = get_detector("jda")
    assert jda.turned(20) is jda and jda.turned(90).angles == angles_up_to(90)
    assert jda.angles == get_detector("jda").angles  # the one that is kept is not changed


def test_detectors_of_upright_faces_say_so():
    with pytest.raises(InputError, match="upright faces only"):
        get_detector("lbp", rotation=90)
    with pytest.raises(InputError, match="by name"):
        get_detector(lambda grey: [], rotation=90)
    with pytest.raises(InputError, match="by name"):
        detect(np.zeros((40, 40), np.uint8), lambda grey: [], long_side=100)
    with pytest.raises(InputError, match="rotation"):
        get_detector("jda", rotation=181)


def test_an_upright_picture_shows_the_face_and_goes_back():
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (200, 240), np.uint8), (0, 0), 3)
    picture = Upright(image, [90, 60, 140, 110], 70.0)
    points = picture.box[0].reshape(1, 2, 2) + rng.uniform(-10, 10, (1, 2, 2))
    back = picture.back(Alignment(points, points)).shapes
    for (x, y), (u, v) in zip(np.rint(points[0]).astype(int), picture.back(
        Alignment(np.rint(points), points)).shapes[0], strict=True):  # fmt: skip
        there = cv2.getRectSubPix(image.astype(np.float32), (1, 1), (float(u), float(v)))[0, 0]
        assert abs(float(picture.image[y, x]) - there) < 2
    # 70 degrees clockwise: what lies to the right in the picture lies below in the image.
    middle = picture.back(Alignment(*[picture.box.reshape(1, 2, 2).mean(1, keepdims=True)] * 2))
    assert np.allclose(middle.shapes[0, 0], [115, 85], atol=1e-3)
    step = back[0, 1] - back[0, 0]
    angle = np.arctan2(*step[::-1]) - np.arctan2(*(points[0, 1] - points[0, 0])[::-1])
    assert np.degrees(angle) % 360 == pytest.approx(70, abs=1e-3)
    assert len(joined([Alignment(back, back)] * 3).shapes) == 3


def test_what_a_box_is_moved_by_turns_with_the_face():
    finder = FromDetector(load("ert68"), "jda")
    finder.correction = BoxCorrection(scale=1.5, shift_y=0.2)
    boxes = np.tile(np.float32([100, 100, 150, 150]), (3, 1))
    placed = finder.place(boxes, np.array([0.0, 90.0, 180.0]))
    middles = (placed[:, :2] + placed[:, 2:]) / 2
    # Down, then to the left, then up.
    assert np.allclose(middles, [[125, 135], [115, 125], [125, 115]], atol=1e-4)
    assert np.allclose(placed[:, 2:] - placed[:, :2], 75)


def test_faces_keep_their_order(portrait):
    side_by_side = np.hstack([turned(portrait, 90)[0], portrait])
    finder = FromDetector(load("ert68"), "jda", rotation=90)
    found = finder.find(side_by_side)
    chosen = found.subset(slice(2))
    assert sorted(np.abs(chosen.turns) > 45) == [False, True]
    aligned = finder.align(side_by_side, chosen.boxes, turns=chosen.turns)
    middles = (chosen.boxes[:, :2] + chosen.boxes[:, 2:]) / 2
    assert np.abs(aligned.shapes.mean(1) - middles).max() < 25


def test_the_command_takes_a_rotation(portrait, tmp_path):
    image, to = turned(portrait, 90)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    expected = to(find_faces(portrait, "ert68", max_faces=1).shapes[0])

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    done = run("predict", "ert68", tmp_path / "a.png", "--rotation", 90)
    assert done.exit_code == 0, done.output
    face = json.loads(done.stdout)["images"][0]["faces"][0]
    assert np.abs(np.array(face["landmarks"]) - expected).mean() < 3
    done = run("faces", tmp_path / "a.png", "--detect", "--landmarks", "ert68", "--rotation", 90,
               "-o", tmp_path / "set")  # fmt: skip
    assert done.exit_code == 0 and list((tmp_path / "set").glob("*.pts")), done.output
    refused = run("predict", "ert68", tmp_path / "a.png", "--detector", "lbp", "--rotation", 90)
    assert refused.exit_code == 1 and "upright faces only" in refused.output
    assert run("compare", tmp_path, "-m", "ert68", "--rotation", 90).exit_code == 2
    assert run("faces", "drawn", "-o", tmp_path / "d", "--rotation", 90).exit_code == 2
