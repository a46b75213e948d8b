"""``--start`` of the commands: shape models that begin with another model."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade import InputError
from cascade.aligner import Started
from cascade.cli.app import app
from cascade.detection import FromDetector
from cascade.judging.compare.specs import open_models
from data_tools.schemes import INNER51
from data_tools.video import VideoWriter
from data_tools.writers import write_folder


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture(scope="module")
def files(asm, small_ert, tmp_path_factory):
    """Files of a shape model and of what it starts from."""
    folder = tmp_path_factory.mktemp("models")
    asm.save(folder / "shapes.safetensors")
    small_ert.save(folder / "trees.safetensors")
    return folder / "shapes.safetensors", folder / "trees.safetensors"


@pytest.fixture(scope="module")
def folder(synthetic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces") / "faces"
    write_folder(folder, synthetic.subset(slice(6)))
    return folder


@pytest.fixture(scope="module")
def expected(asm, small_ert, synthetic):
    faces = synthetic.subset(slice(6))
    found = asm.predict_faces(faces, start=small_ert)
    assert np.abs(found - asm.predict_faces(faces)).max() > 0.5  # the start makes a difference
    return found


def test_predict(files, folder, expected, tmp_path):
    out = tmp_path / "out.json"
    images = sorted(folder.glob("*.png"))
    done = run("predict", files[0], *images, "--boxes", folder / "boxes.csv", "--start", files[1],
               "--json", out)  # fmt: skip
    assert done.exit_code == 0, done.output
    found = [entry["faces"][0]["landmarks"] for entry in json.loads(out.read_text())["images"]]
    # Boxes and images are those of the folder's files, rounded to what csv holds.
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_evaluate_says_what_it_begins_with(files, folder, tmp_path):
    out = tmp_path / "out.json"
    done = run("evaluate", *files[:1], folder, "--start", files[1], "--json", out)
    assert done.exit_code == 0, done.output
    assert "begins with" in done.output and "trees" in done.output
    figures = json.loads(out.read_text())
    assert figures["start"] == "trees"
    plain = run("evaluate", files[0], folder, "--json", out)
    assert "begins with" not in plain.output and "start" not in json.loads(out.read_text())


def test_video(files, synthetic, tmp_path):
    clip, out = tmp_path / "clip.avi", tmp_path / "out.json"
    writer = VideoWriter(clip, 10, (160, 160))
    for _ in range(2):
        writer.write(np.repeat(synthetic.image(0)[..., None], 3, 2))
    writer.close(True)
    done = run("video", files[0], clip, "--start", files[1], "--json", out)
    assert done.exit_code == 0, done.output
    assert len(out.read_text().splitlines()) == 2


def test_compare_gives_the_start_to_those_that_take_one(files, folder, tmp_path):
    done = run("compare", folder, "-m", files[0], "-m", files[1], "--start", files[1],
               "--out", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "shapes begins with" in done.output and "trees begins with" not in done.output
    tables = "".join(path.read_text() for path in (tmp_path / "out").glob("*.json"))
    assert "asm, 2 stages, from ert, 3 stages" in tables


def test_a_spec_with_its_own_start_keeps_it(files):
    shapes, trees = map(str, files)
    own, common = open_models([f"a={shapes}?start=ert68", f"b={shapes}"], start=trees)
    assert own.find.start == "ert68" and common.find.start == trees


def test_models_that_take_no_start_say_so(files, folder, tmp_path):
    for words in (
        ("predict", files[1], *folder.glob("*.png"), "--boxes", folder / "boxes.csv"),
        ("evaluate", files[1], folder),
        ("compare", folder, "-m", files[1], "--out", tmp_path / "out"),
    ):
        done = run(*words, "--start", "ert68")
        assert done.exit_code == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "takes no start" in done.stderr or "no model takes the start" in done.stderr
    done = run("evaluate", files[0], folder, "--start", "nobody")
    assert done.exit_code == 1 and "nobody: no such model" in done.stderr


def test_results_never_replace_the_start(files, folder):
    before = files[1].read_bytes()
    done = run("evaluate", files[0], folder, "--start", files[1], "--json", files[1])
    assert done.exit_code == 1 and "read as --start" in done.stderr
    assert files[1].read_bytes() == before


def test_starts_of_other_landmarks_are_refused(asm, small_ert):
    class Other:
        scheme_ = INNER51

    with pytest.raises(InputError, match="finds 51 landmarks, but the model has 68"):
        Started(asm, Other())
    with pytest.raises(InputError, match="takes no start"):
        Started(small_ert, small_ert)


def test_a_detector_goes_before_a_started_model(asm, small_ert, synthetic):
    started = Started(asm, small_ert)
    finder = FromDetector(started, lambda grey: synthetic.boxes[:1], n_passes=2)
    found = finder.align(synthetic.image(0), synthetic.boxes[:1])
    assert found.shapes.shape == (1, 68, 2) and np.isfinite(found.shapes).all()
