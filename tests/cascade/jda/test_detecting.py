"""What a small joint cascade finds, and where."""

import cv2
import numpy as np
import pytest

from data_tools.boxes import iou
from data_tools.synthetic import synthetic_faces
from features.errors import InputError

from .made_up import image


def recall(model, faces, **options):
    found = 0
    for i in range(len(faces)):
        seen = model.detect(faces.image(i), min_size=50, **options)
        found += bool(len(seen)) and iou(seen.boxes[:1], faces.boxes[i])[0, 0] > 0.5
    return found / len(faces)


def test_it_finds_drawn_faces_it_never_saw(model):
    assert recall(model, synthetic_faces(30, seed=77, size=160)) >= 0.5


def test_landmarks_come_with_the_faces_and_from_boxes(model):
    faces = synthetic_faces(20, seed=78, size=160)
    start = np.abs(model.align(faces.image(0), faces.boxes[0]).initial[0] - faces.shapes[0]).mean()
    errors = [np.abs(model.predict(faces.image(i), faces.boxes[i]) - faces.shapes[i]).mean()
              for i in range(20)]  # fmt: skip
    assert np.mean(errors) < start
    found = model.detect(faces.image(0), min_size=50)
    assert found.shapes.shape[1:] == (68, 2) and (np.diff(found.scores) <= 0).all()
    staged = model.align(faces.image(0), faces.boxes[:2], staged=True)
    assert np.allclose(staged.staged[-1], staged.shapes, atol=1e-3)


def test_turned_copies_find_turned_faces(model):
    faces = synthetic_faces(20, seed=79, size=160)
    upright = turned = 0
    for i in range(20):
        whole = np.ascontiguousarray(np.rot90(faces.image(i)))  # counter-clockwise
        x0, y0, x1, y1 = faces.boxes[i]
        box = [y0, 159 - x1, y1, 159 - x0]
        for angle in (0.0, -90.0):
            found = model.detect(whole, min_size=50, rotation=angle)
            hit = bool(len(found)) and iou(found.boxes[:1], box)[0, 0] > 0.5
            upright += hit and angle == 0
            turned += hit and angle == -90
    assert turned >= 8 and turned > 2 * upright


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 9), (30, 30), (300, 24)])
def test_tiny_images_do_no_harm(model, shape):
    for size in (8.0, 20.0, 500.0):
        found = model.detect(image(*shape), min_size=size, rotation=[0, 45])
        assert np.isfinite(found.shapes).all() and (found.boxes[:, 2] > found.boxes[:, 0]).all()
        assert len(found) <= (0 if size > max(shape) else 20)


def test_empty_images_hold_no_face(model):
    for grey in (0, 128, 255):
        assert len(model.detect(np.full((240, 320), grey, np.uint8))) == 0


def test_a_large_photograph(model, faces):
    whole = np.full((3000, 4000), 120, np.uint8)
    whole[800:2080, 1500:2780] = cv2.resize(faces.image(0), (1280, 1280))
    box = faces.boxes[0] * 8 + np.array([1500, 800] * 2)
    found = model.detect(whole, min_size=400)
    assert len(found) and iou(found.boxes[:1], box)[0, 0] > 0.5


@pytest.mark.parametrize(
    "options", [{"min_size": 2}, {"factor": 1.0}, {"step": 0.0}, {"rotation": [np.nan]}]
)
def test_arguments_out_of_range_are_refused(model, options):
    with pytest.raises(InputError):
        model.detect(image(50, 50), **options)
