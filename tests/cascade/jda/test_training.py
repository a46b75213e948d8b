"""Windows, stages and whole trainings of the joint cascade."""

import cv2
import numpy as np
import pytest

import cascade
from cascade.detection.jda.faces import Jitter, mean_in_boxes, render, rolls_of, varied
from cascade.detection.jda.mining import Negatives
from cascade.detection.jda.model import JDA
from cascade.detection.jda.stage_training import read_pool, run_on_crops
from cascade.detection.jda.stages import FAILED
from cascade.detection.jda.worn import worn
from features.errors import InputError

from .made_up import SMALL, image, leaf_by_hand


def test_rendered_faces_show_the_landmarks_where_they_are_told(faces):
    """What a face looks like at its landmarks is what it looks like there in the photograph."""
    mean = mean_in_boxes(faces)
    calm = Jitter(copies=2, shift=0, zoom=0, roll=0, coarse=0, noise=0, light=0, side=0, stretch=0)
    windows, index = render(faces, mean, 1.15, calm, np.random.default_rng(0))
    differences = []
    for k in range(40):
        photo, shape = faces.image(index[k]), faces.shapes[index[k]]
        if k % 2:
            photo = photo[:, ::-1]
            shape = (shape * (-1, 1) + (photo.shape[1] - 1, 0))[list(faces.scheme.flip)]
        cx, cy, side = windows.placements[k]
        there = windows.truth[k] * side + (cx, cy)
        inside = ((there > 2) & (there < 125)).all(1)
        x, y = np.rint(there[inside]).astype(int).T
        u, v = np.clip(np.rint(shape[inside]).astype(int).T, 0, 159)
        differences += list(windows.crops[k][y, x].astype(float) - photo[v, u])
    assert np.median(np.abs(differences)) < 12


def test_photographs_are_turned_by_what_is_told(faces):
    mean, rng = mean_in_boxes(faces), np.random.default_rng(2)
    turns = []
    for k in range(6):
        picture, boxes, turn = varied(faces, k, mean, 20.0, rng)
        assert boxes.shape == (1, 4) and picture.dtype == np.uint8
        middle = (boxes[0, :2] + boxes[0, 2:]) / 2
        assert (middle > 0).all() and (middle < np.array(picture.shape[::-1])).all()
        turns.append(turn)
    assert np.ptp(turns) > 10
    upright = [varied(faces, k, mean, 0.0, rng)[2] for k in range(6)]
    assert np.allclose(np.abs(upright), np.abs(rolls_of(faces.shapes[:6], mean)), atol=0.01)


def test_worn_photographs_follow_from_the_random_numbers_and_keep_their_content():
    whole = cv2.GaussianBlur(image(120, 160, 5), (0, 0), 4)
    before = whole.copy()
    made = [worn(whole, np.random.default_rng(k)) for k in range(12)]
    assert np.array_equal(whole, before)
    assert np.array_equal(made[3], worn(whole, np.random.default_rng(3)))
    for picture in made:
        assert picture.shape == whole.shape and picture.dtype == np.uint8
        assert not np.array_equal(picture, whole)
        alike = cv2.GaussianBlur(picture, (0, 0), 3).ravel()
        assert np.corrcoef(alike, cv2.GaussianBlur(whole, (0, 0), 3).ravel())[0, 1] > 0.9


def test_mined_windows_are_read_again_from_five_numbers(model, faces, backgrounds):
    negatives = Negatives(backgrounds, faces, faces.boxes, 1.15, 3)
    found = negatives.mine(model.front_.arrays, None, 200, 10**9)
    again = negatives.again(found.origin)
    for name in ("patches", "crops", "placements", "origin"):
        assert np.array_equal(getattr(found, name), getattr(again, name))
    assert model.front_.scores(found.patches)[1].all()


def test_stages_do_what_their_parts_do(model, faces):
    """The fused kernel against pools, leaves, the linear map and moves, one after another."""
    mean = model.mean_shape_
    reference = (mean - mean.mean(0)).astype(np.float32)
    windows, _ = render(faces, mean, model.context, Jitter(copies=2), np.random.default_rng(1))
    scores = model.front_.scores(windows.patches)[0]
    shapes = np.repeat(mean[None], len(windows), 0)
    found, moved = scores.copy(), shapes.copy()
    passed = run_on_crops(model.stages_, windows, moved, found, reference)
    alive = np.ones(len(windows), bool)
    for stage in model.stages_:
        pool = read_pool(windows, shapes, reference, stage.anchors, stage.offsets)
        leaves = np.array(
            [[leaf_by_hand(pool[:, i], tree) for tree in stage.nodes] for i in range(len(windows))]
        )
        for k in range(len(stage.nodes)):
            scores += stage.leaves[k][leaves[:, k]]
            alive &= scores >= stage.limits[k]
        delta = stage.linear.predict(leaves.astype(np.uint8)).reshape(len(shapes), -1, 2)
        for i, shape in enumerate(shapes):
            a, b = (reference * shape).sum(), (reference[:, 0] * shape[:, 1]).sum()
            b -= (reference[:, 1] * shape[:, 0]).sum()
            a, b = np.array([a, b]) / (reference**2).sum()
            shape += delta[i] @ np.array([[a, b], [-b, a]])
    assert np.array_equal(passed, alive) and 0 < alive.sum()
    assert np.array_equal(found[alive], scores[alive]) and (found[~alive] == FAILED).all()
    assert np.abs(moved[alive] - shapes[alive]).max() < 1e-4


def test_training_is_the_same_for_any_number_of_threads_and_after_a_break(
    model, faces, backgrounds, tmp_path
):
    class Break(Exception):
        pass

    class Progress(cascade.loop.progress.Silent):
        def stage_begins(self, stage, n_stages):
            if stage == n_stages - 1:
                raise Break

    part = tmp_path / "model.part"
    with pytest.raises(Break):
        JDA(**SMALL, random_state=0, n_jobs=2).fit(
            faces, backgrounds, checkpoint=part, progress=Progress()
        )
    other = JDA(**SMALL, random_state=0, n_jobs=3)
    other.fit(faces, backgrounds, checkpoint=part, resume=True)
    # The verifier's regression is made by BLAS.
    for ours, theirs in zip(model.stages_, other.stages_, strict=True):
        for name in ("anchors", "nodes", "leaves", "limits"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert np.array_equal(model.front_.nodes, other.front_.nodes)
    assert other.history_ == model.history_
    with pytest.raises(InputError, match="another parameters"):
        JDA(**{**SMALL, "n_trees": 5}, random_state=0).fit(
            faces, backgrounds, checkpoint=part, resume=True
        )
