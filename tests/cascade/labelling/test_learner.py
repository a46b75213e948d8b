"""The model in the loop: what proposes, and that it gets better with every face."""

import time

import cv2
import numpy as np
import pytest

from cascade.labelling.learner import FEWEST, Learner
from cascade.labelling.patches import Patches
from cascade.labelling.rivals import Template, error_of, folds, learner_of, mean_error
from cascade.labelling.session import Session
from data_tools.dataset import FaceDataset
from data_tools.metrics import nme
from data_tools.schemes import FACE68
from features.errors import InputError
from features.geometry import box_placement

from .conftest import EIGHT, KEPT, finish


def error(learner, drawn, indices):
    """Mean error in pixels of what is proposed for images, from the true boxes."""
    found = [learner.propose(i, drawn.boxes[i][None])[0][0] for i in indices]
    truth = [drawn.shapes[i][KEPT] for i in indices]
    return float(np.linalg.norm(np.subtract(found, truth), axis=-1).mean())


def test_patches_are_the_photograph_in_small(session, drawn):
    for i in (0, 3):
        finish(session, drawn, i)
    finish(session, drawn, 5, box=[-10.0, -20.0, 190.0, 180.0])
    patches = Patches(session)
    faces = patches.faces()
    assert faces.files == [f"face_{i:02d}.png" for i in (0, 3, 5)]
    for k, i in enumerate((0, 3, 5)):
        image, patch = drawn.image(i), faces.image(k)
        side = box_placement(session.labelled()[k][1].box)[2]
        scale = min(1.0, 140 / side)
        x, y = np.rint(faces.shapes[k]).astype(int).T
        # Where nothing is shrunk, grey levels at the landmarks are the photograph's.
        if scale == 1:
            u, v = np.rint(drawn.shapes[i][KEPT]).astype(int).T
            np.testing.assert_array_equal(patch[y, x], image[v, u])
        np.testing.assert_allclose(box_placement(faces.boxes[k])[2], side * scale, rtol=1e-4)
        # The same face lies in the same place of its box.
        true = (drawn.shapes[i][KEPT] - session.labelled()[k][1].box[:2]) * scale
        np.testing.assert_allclose(faces.shapes[k] - faces.boxes[k][:2], true, atol=1e-2)
    again = patches.faces()
    assert all(again.images[k] is faces.images[k] for k in range(3))


def test_a_shrunk_patch_has_its_landmarks_on_the_same_grey(tmp_path):
    """A bright spot of a large image stays under its landmark."""
    image = np.zeros((900, 1100), np.uint8)
    spots = np.array([[400, 300], [700, 310], [555, 600], [448, 420]])
    for x, y in spots:
        cv2.circle(image, (int(x), int(y)), 12, 255, -1)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    from data_tools.schemes import Scheme

    with Session(tmp_path, Scheme("spots", 4)) as session:
        face = {"box": [300, 200, 800, 700], "points": spots.tolist(), "occluded": [], "done": True}
        session.save(0, [face], session.image(0)["revision"])
        faces = Patches(session).faces()
    patch = faces.image(0)
    assert max(patch.shape) < 320
    for x, y in faces.shapes[0]:
        window = patch[int(y) - 6 : int(y) + 8, int(x) - 6 : int(x) + 8].astype(float)
        v, u = np.mgrid[int(y) - 6 : int(y) + 8, int(x) - 6 : int(x) + 8]
        assert abs((window * u).sum() / window.sum() - x) < 0.1
        assert abs((window * v).sum() / window.sum() - y) < 0.1


def test_the_template_is_the_median_in_the_boxes(drawn):
    shapes = drawn.shapes[:5][:, KEPT].copy()
    shapes[:, 3] = np.nan
    shapes[0, 2] = np.nan
    faces = FaceDataset([str(i) for i in range(5)], shapes, drawn.boxes[:5], EIGHT)
    placements = box_placement(faces.boxes)
    frame = (shapes - placements[:, None, :2]) / placements[:, None, 2:]
    keep = [0, 1, 2, 4, 5, 6, 7]
    template = Template(faces)
    np.testing.assert_allclose(template.shape[keep], np.nanmedian(frame[:, keep], 0), atol=1e-6)
    assert np.isnan(template.shape[3]).all()
    shape, spread = template.propose(None, [10, 20, 30, 40])
    assert spread is None
    np.testing.assert_allclose(shape[0, keep], template.shape[keep] * 20 + [20, 30], atol=1e-4)


def test_parts_share_no_image(drawn):
    files = [str(i // 2) for i in range(20)]
    faces = FaceDataset(files, drawn.shapes[:20], drawn.boxes[:20])
    parts = folds(faces)
    assert len(parts) == 3 and sum(len(test) for _, test in parts) == 20
    for train, test in parts:
        assert not set(train.files) & set(test.files) and len(train) + len(test) == 20
    assert len(folds(drawn)) == 1  # of many faces, one part is enough


def test_errors_are_those_of_the_metric(drawn):
    moved = drawn.shapes + np.float32(3)
    expected = nme(moved, drawn.shapes, FACE68).mean()
    assert abs(mean_error(moved, drawn) - expected) < 1e-9

    class Moved:
        def propose(self, image, boxes):
            k = next(k for k in range(30) if drawn.image(k) is image)
            return moved[k][None], None

    assert abs(error_of(Moved(), drawn) - expected) < 1e-9


def test_proposals_get_better_with_every_face(session, learner, drawn):
    """Place by hand, then the mean, then a model: measured on images that nobody labelled."""
    held_out = [13, 14, 15]
    shapes, by = learner.propose(13, drawn.boxes[13][None])
    assert np.isnan(shapes).all() and by == ""
    for i in range(9):
        finish(session, drawn, i)
    mean = error(learner, drawn, held_out)
    assert learner.propose(13, drawn.boxes[13][None])[1] == "mean"
    assert not learner._due() and learner.status()["left"] == 1
    finish(session, drawn, 9)
    assert learner._due()
    learner._warm_up()  # as its thread does first: nothing is compiled while somebody waits
    learner.learn()
    status = learner.status()
    row = status["history"][0]
    assert not status["message"] and row["n"] == FEWEST == 10
    assert row["seconds"] < 2  # of the processor, for the ERT
    assert min(row["ert"], row["sdm"]) < 0.75 * row["mean"]
    after_10 = error(learner, drawn, held_out)
    assert after_10 < 0.7 * mean
    assert status["by"] == ("ERT" if row["ert"] < row["sdm"] else "SDM")
    for i in range(10, 13):
        finish(session, drawn, i)
    assert learner._due()
    learner.learn()
    assert [row["n"] for row in learner.status()["history"]] == [10, 13]
    assert error(learner, drawn, held_out) < 0.7 * mean


def test_errors_decide_who_proposes(session, learner):
    class Rival:
        def __init__(self, name):
            self.name = name

    first, ert, sdm = Rival("trained X"), Rival("ERT"), Rival("SDM")
    learner._trained, learner._models = first, {"ert": ert, "sdm": sdm}
    for errors, best in (
        ({"mean": 0.01, "trained": 0.3, "ert": 0.2, "sdm": 0.1}, sdm),
        ({"trained": 0.05, "ert": 0.2, "sdm": 0.1}, first),
        ({"trained": float("nan"), "ert": 0.2, "sdm": float("nan")}, ert),
        ({}, ert),
    ):
        learner._errors = errors
        learner._choose()
        assert learner._best is best


def test_the_pretrained_model_proposes_what_it_knows(folder, drawn):
    with Session(folder) as session:
        learner = Learner(session)
        shapes, by = learner.propose(2, learner.boxes(2)[:1])
        assert by == "trained SDM"
        mean = np.linalg.norm(drawn.shapes[2] - drawn.shapes[2].mean(0), axis=1).mean()
        assert np.linalg.norm(shapes[0] - drawn.shapes[2], axis=1).mean() < 0.1 * mean
    with Session(folder, "face5") as session:  # part of its 68
        shapes, by = Learner(session).propose(2, drawn.boxes[2][None])
        assert by == "trained SDM" and shapes.shape == (1, 5, 2) and np.isfinite(shapes).all()
    with Session(folder, "wflw98") as session:
        assert Learner(session).propose(2, drawn.boxes[2][None])[1] == ""
    with Session(folder) as session:
        assert Learner(session, model="none").propose(2, drawn.boxes[2][None])[1] == ""
        with pytest.raises(InputError, match="no method 'magic'"):
            Learner(session, method="magic")
        with pytest.raises(InputError, match="no such model"):
            Learner(session, model="nothing")
    with Session(folder, EIGHT) as session, pytest.raises(InputError, match="finds 68 landmarks"):
        Learner(session, model="sdm68")


def test_boxes_where_nothing_was_found(session, learner, drawn):
    width, height = session.size(0)
    assert learner.guess_box(0).tolist() == pytest.approx(
        [0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height]
    )
    for i in range(3):
        finish(session, drawn, i)
    x, y, side = np.median(box_placement(drawn.boxes[:3]), 0)
    assert box_placement(learner.guess_box(5)).tolist() == pytest.approx([x, y, side], rel=1e-3)


def test_a_box_follows_from_landmarks(session, learner, drawn):
    for i in range(6):
        finish(session, drawn, i)
    boxes = np.array([learner.box_around(drawn.shapes[i][KEPT].astype(float)) for i in range(10)])
    x, y, side = (box_placement(boxes) - box_placement(drawn.boxes[:10])).T
    assert np.abs([x, y, side]).mean() < 0.1 * box_placement(drawn.boxes[:10])[:, 2].mean()


def test_faces_that_are_labelled_are_not_proposed_again(session, learner, drawn):
    before = learner.boxes(0)
    assert len(before)
    finish(session, drawn, 0)
    assert len(learner.boxes(0)) == len(before) - 1


def test_the_least_sure_is_asked_for(session, learner, drawn):
    assert learner.least_sure() == [] and not learner._ask()
    for i in range(10):
        finish(session, drawn, i)
    learner.learn()
    while learner._ask():
        pass
    asked = learner.least_sure()
    assert {i for i, _ in asked} <= set(range(10, 16)) and len(asked) >= 4
    assert [s for _, s in asked] == sorted((s for _, s in asked), reverse=True)
    for i, spread in asked:
        grey = drawn.image(i)
        found = learner._best.model.align(grey, learner.boxes(i)[:1], n_starts=5)
        assert abs(found.spread.mean() - spread) < 1e-5
    finish(session, drawn, asked[0][0])
    assert asked[0][0] not in [i for i, _ in learner.least_sure()]


def test_a_landmark_that_nobody_placed_is_told_and_mended(session, learner, drawn):
    for i in range(10):
        points = drawn.shapes[i][KEPT].tolist()
        finish(session, drawn, i, points=[*points[:7], None])
    learner.learn()
    assert "landmark 7" in learner.status()["message"] and not learner.status()["busy"]
    for i in range(10):
        finish(session, drawn, i)
    learner._learned_from = 0
    learner.learn()
    assert not learner.status()["message"] and learner.status()["by"] in ("ERT", "SDM")


def test_learning_in_the_background(session, drawn):
    learner = Learner(session, method="ert").start()
    assert learner.status()["busy"] == "getting ready"  # the page says so
    try:
        for i in range(10):
            finish(session, drawn, i)
        learner.tell()
        deadline = time.monotonic() + 120  # a busy machine, which may compile kernels
        while not learner.status()["history"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert learner.status()["by"] == "ERT" and learner.status()["learned_from"] == 10
    finally:
        learner.stop()
    assert not learner._thread.is_alive()


@pytest.mark.parametrize("method", ["lbf", "esr"])
def test_other_methods_may_learn(method):
    assert learner_of(method, 10, 68).method == method
