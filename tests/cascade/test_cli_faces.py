"""``cascade faces``, and visibility from training to the figures."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from cascade.formats import load
from cascade.judging.compare.subsets import read_subsets
from cascade.judging.evaluation import align_all
from data_tools.metrics import recall_at_precision
from data_tools.plots import COVERED
from data_tools.readers import read_folder
from data_tools.synthetic import synthetic_faces


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def covered(tmp_path_factory):
    """A folder of drawn faces with occluders, and an RCPR trained on it."""
    root = tmp_path_factory.mktemp("covered")
    done = run("faces", "drawn", "-n", 60, "--occluders", 0.8, "--size", 128, "--seed", 3,
               "--out", root / "set")  # fmt: skip
    assert done.exit_code == 0 and "60 faces" in done.stdout and "% of them covered" in done.stdout
    settings = ("n_stages=3", "n_ferns=40", "starts.n=4", "shrinkage=20.0")
    done = run("train", "rcpr", root / "set", "--out", root / "m.safetensors",
               *[part for setting in settings for part in ("--set", setting)])  # fmt: skip
    assert done.exit_code == 0, done.output
    return root


def test_drawn_faces_are_those_of_the_seed(covered):
    expected = synthetic_faces(60, 3, 128, occluders=0.8)
    found = read_folder(covered / "set")
    np.testing.assert_array_equal(found.visible, expected.visible)
    np.testing.assert_array_equal(found.image(7), expected.image(7))


def test_evaluate_reports_occlusion(covered):
    done = run("evaluate", covered / "m.safetensors", covered / "set", "--json", covered / "f.json")
    assert done.exit_code == 0, done.output
    assert "recall at 80 % precision" in done.stdout and "average precision" in done.stdout
    figures = json.loads((covered / "f.json").read_text())
    faces, model = read_folder(covered / "set"), load(covered / "m.safetensors")
    visibility = align_all(model, faces).visible
    assert figures["occlusion_recall_at_precision80"] == pytest.approx(
        recall_at_precision(visibility, faces.visible)
    )
    assert figures["occluded"] == pytest.approx((~faces.visible).mean())
    assert figures["occlusion_average_precision"] > 2 * figures["occluded"]


def test_evaluate_without_visibility_says_nothing_of_it(covered, small_ert, tmp_path):
    small_ert.save(tmp_path / "ert.safetensors")
    done = run("evaluate", tmp_path / "ert.safetensors", covered / "set", "--json",
               tmp_path / "f.json")  # fmt: skip
    assert done.exit_code == 0 and "covered" not in done.stdout
    assert "occluded" not in json.loads((tmp_path / "f.json").read_text())


def test_predict_writes_and_draws_visibility(covered, tmp_path):
    done = run("predict", covered / "m.safetensors", covered / "set", "--boxes",
               covered / "set" / "boxes.csv", "--json", tmp_path / "p.json", "--draw",
               tmp_path / "drawn")  # fmt: skip
    assert done.exit_code == 0, done.output
    images = json.loads((tmp_path / "p.json").read_text())["images"]
    visible = np.array([image["faces"][0]["visible"] for image in images])
    assert visible.shape == (60, 68) and 0 <= visible.min() < 0.5 < visible.max() <= 1
    most = visible.min(1).argmin()
    x, y = np.rint(images[most]["faces"][0]["landmarks"][visible[most].argmin()]).astype(int)
    drawn = cv2.imread(str(tmp_path / "drawn" / f"image_{most:06d}.landmarks.png"))
    nearest = np.abs(drawn[y - 2 : y + 3, x - 2 : x + 3].astype(int) - COVERED).max(-1).min()
    assert nearest < 60


def test_wflw_with_attributes_for_compare(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), np.full((60, 60), 99, np.uint8))
    points = np.random.default_rng(0).uniform(10, 50, (2, 196))
    one, two = (" ".join(map(str, [*face, 10, 10, 50, 50])) for face in points)
    (tmp_path / "list.txt").write_text(f"{one} 0 0 0 0 1 0 a.png\n{two} 1 0 0 0 0 0 a.png\n")
    done = run("faces", tmp_path / "list.txt", "--images", tmp_path / "images", "-o",
               tmp_path / "out")  # fmt: skip
    assert done.exit_code == 0, done.output
    faces = read_folder(tmp_path / "out")
    assert faces.scheme.name == "wflw98" and len(faces) == 2
    masks = read_subsets(tmp_path / "out" / "attributes.csv", faces.files)
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "pose": [False, True],
        "occlusion": [True, False],
    }
    assert run("faces", tmp_path / "list.txt", "-o", tmp_path / "x").exit_code == 1


def test_usage(tmp_path):
    wrong = run("faces", "nonsense", "-o", tmp_path / "x")
    assert wrong.exit_code == 1 and "faces list" in wrong.stderr
    wrong = run("faces", tmp_path / "no.mat", "-o", tmp_path / "x")
    assert wrong.exit_code == 1 and "no.mat" in wrong.stderr
    wrong = run("faces", "drawn", "--images", tmp_path, "-o", tmp_path / "x")
    assert wrong.exit_code == 2 and "--images" in wrong.stderr


def test_files_that_are_there_stay(tmp_path):
    portrait = tmp_path / "image_000000.png"
    portrait.write_bytes(b"mine")
    wrong = run("faces", "drawn", "-n", 1, "--size", 64, "-o", tmp_path)
    assert wrong.exit_code == 1 and "not empty" in wrong.stderr
    assert portrait.read_bytes() == b"mine"


def test_all_sources_are_listed_and_written_in_every_format(tmp_path, covered):
    listed = run("faces", "list").stdout
    assert "wflw" in listed and "CVAT" in listed and "COCO" in listed
    expected = read_folder(covered / "set")
    for form, name in (("coco", "f.json"), ("cvat", "f.xml"), ("csv", "f.csv")):
        (tmp_path / form).mkdir()
        out = tmp_path / form / name
        done = run("faces", covered / "set", "--format", form, "-o", out)
        assert done.exit_code == 0, done.output
        # ... and is a source itself.
        back = run("faces", out, "-o", tmp_path / form / "again", "--boxes", "tight")
        assert back.exit_code == 0, back.output
        again = read_folder(tmp_path / form / "again")
        np.testing.assert_allclose(again.shapes, expected.shapes, atol=0.02)
    assert run("faces", covered / "set", "--format", "word", "-o", "x").exit_code == 2
    assert run("faces", covered / "set", "--format", "coco", "-o", out).exit_code == 1
    assert run("faces", "drawn").exit_code == 2
