"""Confidence: errors told from the image, as probabilities."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade import ERT, SDM, InputError
from cascade.cli import app
from cascade.formats import native
from cascade.loop.confidence import Calibration
from cascade.loop.confidence_fitting import _logistic
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces

SMALL = {"n_stages": 3, "n_cells": 2, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return SDM(**SMALL).fit(synthetic_faces(120, seed=1, size=128))


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(40, seed=2, size=128)


def moved(faces, share):
    """Boxes that lie to the right of the faces by a share of their side."""
    side = faces.boxes[:, 2] - faces.boxes[:, 0]
    return faces.boxes + (share * side)[:, None] * np.array([1, 0, 1, 0], np.float32)


def told(model, faces, boxes):
    found = [model.align(faces.image(i), boxes[i], confidence=True) for i in range(len(faces))]
    return (np.concatenate([f.face_confidence for f in found]),
            np.concatenate([f.confidence for f in found]),
            np.concatenate([f.shapes for f in found]))  # fmt: skip


def test_lost_faces_are_told_from_found_ones(model, faces):
    boxes = np.concatenate([faces.boxes, moved(faces, 0.6)])
    twice = faces.subset([*range(40), *range(40)])
    face, landmark, shapes = told(model, twice, boxes)
    errors = nme(shapes, twice.shapes, twice.scheme)
    lost = errors > 0.08
    assert 20 <= lost.sum() <= 60
    # The share of pairs of a lost and a found face in which the found one is held surer.
    right = face[~lost][:, None] > face[lost]
    assert right.mean() > 0.95
    assert landmark.shape == (80, 68) and face[~lost].mean() > face[lost].mean() + 0.25
    assert landmark[lost].mean() < landmark[~lost].mean()


def test_same_for_any_number_of_threads_and_out_of_a_file(model, faces, tmp_path):
    other = SDM(**SMALL, n_jobs=2).fit(synthetic_faces(120, seed=1, size=128))
    assert native.dumps(other) == native.dumps(model)
    model.save(tmp_path / "m.safetensors")
    loaded = cascade.load(tmp_path / "m.safetensors")
    one, two = (m.align(faces.image(0), faces.boxes[:1], confidence=True) for m in (model, loaded))
    np.testing.assert_array_equal(one.confidence, two.confidence)
    np.testing.assert_array_equal(one.shapes, two.shapes)


def test_only_where_it_was_trained_and_asked_for(model, faces):
    assert model.align(faces.image(0), faces.boxes[0]).confidence is None
    plain = SDM(**SMALL, confidence=False).fit(faces)
    with pytest.raises(InputError, match="confidence=True"):
        plain.align(faces.image(0), faces.boxes[0], confidence=True)


def test_of_a_method_that_reads_images_in_place(faces):
    model = ERT(n_stages=2, n_trees=10, confidence=True, random_state=0).fit(faces)
    found = model.align(faces.image(0), faces.boxes[0], confidence=True)
    assert 0 <= found.face_confidence[0] <= 1 and found.confidence.shape == (1, 68)
    np.testing.assert_array_equal(found.shapes[0], model.predict(faces.image(0), faces.boxes[0]))


def test_logistic_regression_gives_the_share_of_small_errors():
    """Told and true logarithms differ by noise whose share below the limit is known."""
    rng = np.random.default_rng(0)
    told = rng.normal(0, 1, (20_000, 1))
    true = told + rng.logistic(0, 0.25, told.shape)  # P(true < 0 | told) = 1 / (1 + e^(4 told))
    slope, offset = _logistic(told, true < 0, true)
    assert abs(slope + 4) < 0.2 and abs(offset) < 0.1
    got = Calibration(np.float32([[slope, offset]] * 2))(np.float32([[0.5, 0.5]]))
    np.testing.assert_allclose(got, 1 / (1 + np.exp(2)), atol=0.03)


def test_nothing_to_tell_apart_gives_the_share():
    slope, offset = _logistic(np.zeros((8, 1)), np.ones((8, 1), bool), np.zeros((8, 1)))
    assert slope == 0 and 1 / (1 + np.exp(-offset)) == pytest.approx(0.9)


def test_a_file_that_says_the_contrary_is_refused(model, tmp_path):
    from cascade.loop import model_file

    header, arrays = model.state()
    arrays["confidence.curves"] = -arrays["confidence.curves"]
    model_file.write(tmp_path / "m.safetensors", header, arrays)
    with pytest.raises(InputError, match="must fall with the error"):
        cascade.load(tmp_path / "m.safetensors")
    del arrays["confidence.curves"]
    model_file.write(tmp_path / "m.safetensors", header, arrays)
    with pytest.raises(InputError, match=r"confidence\.curves is missing"):
        cascade.load(tmp_path / "m.safetensors")


def test_predict_leaves_out_unsure_faces(model, faces, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), faces.image(0))
    box, lost = faces.boxes[0], moved(faces, 0.7)[0]
    rows = [",".join(["a.png", *map(str, each)]) for each in (box, lost)]
    (tmp_path / "b.csv").write_text("image,left,top,right,bottom\n" + "\n".join(rows))
    model.save(tmp_path / "m.safetensors")
    command = ["predict", "-m", tmp_path / "m.safetensors", tmp_path / "a.png", "--boxes",
               tmp_path / "b.csv", "--json", tmp_path / "a.json", "--csv",
               tmp_path / "a.csv"]  # fmt: skip
    run = CliRunner().invoke(app, [str(part) for part in command])
    assert run.exit_code == 0, run.output
    found = json.loads((tmp_path / "a.json").read_text())["images"][0]["faces"]
    sure, unsure = (face["confidence"] for face in found)
    assert unsure < sure and len(found[0]["landmark_confidence"]) == 68
    header, first, _ = (tmp_path / "a.csv").read_text().splitlines()
    assert header.endswith(",confidence") and first.endswith(f",{sure}")
    limit = str((sure + unsure) / 2)
    run = CliRunner().invoke(app, [*map(str, command), "--min-confidence", limit])
    assert run.exit_code == 0 and "left out 1 of 2 faces" in run.output
    found = json.loads((tmp_path / "a.json").read_text())["images"][0]["faces"]
    assert [face["confidence"] for face in found] == [sure]


def test_predict_names_a_model_without_confidence(faces, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), faces.image(0))
    SDM(**SMALL | {"n_stages": 1}, confidence=False).fit(faces).save(tmp_path / "m.safetensors")
    command = ["predict", "-m", tmp_path / "m.safetensors", tmp_path / "a.png",
               "--min-confidence", "0.5"]  # fmt: skip
    run = CliRunner().invoke(app, [str(part) for part in command])
    assert run.exit_code == 1 and "confidence=True" in run.output
