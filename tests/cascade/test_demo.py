"""The demo in small, and the models in the package."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade import Aligner, InputError, load
from cascade.cli import app, demo
from cascade.models import available, pretrained


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The demo with few faces and short training, in an empty folder."""
    monkeypatch.setattr(demo, "_N_TRAIN", 40)
    monkeypatch.setattr(demo, "_N_TEST", 8)
    monkeypatch.setattr(demo, "_IMAGE_SIZE", 112)
    monkeypatch.setattr(demo, "_N_STARTS", {"ert": 4, "lbf": 3})
    monkeypatch.setattr(
        demo,
        "_METHODS",
        {
            "ert": {"n_stages": 3, "n_trees": 20, "n_points": 80, "smallest_leaf": 5},
            "lbf": {"radius": (0.25, 0.15), "n_trees": 2, "depth": 3},
        },
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["demo", *map(str, arguments)])


def percentages(output):
    """What the demo says of the mean shape and of the cascade."""
    lines = [line.split() for line in output.splitlines() if line.rstrip().endswith("%")]
    return {line[0]: float(line[-2]) for line in lines}


def test_demo_writes_what_it_says_and_beats_the_mean_shape(small):
    result = run()
    assert result.exit_code == 0, result.output
    assert [path.name for path in small.iterdir()] == ["cascade-demo"]
    folder = small / "cascade-demo"
    for path in folder.iterdir():
        assert f"cascade-demo/{path.name}" in result.stdout.replace("\\", "/")
    assert load(folder / "ert.safetensors").scheme_.name == "face68"
    assert load(folder / "lbf.safetensors").method == "lbf"
    assert cv2.imread(str(folder / "ced.png")) is not None
    assert cv2.imread(str(folder / "faces.png")).shape == (228, 460, 3)
    found = percentages(result.stdout)
    assert found["ERT"] < 0.7 * found["mean"] and found["LBF"] < 0.8 * found["mean"]


def test_demo_without_a_pretrained_model_says_so(small, monkeypatch):
    monkeypatch.setattr("cascade.models.available", list)
    result = run("out")
    assert result.exit_code == 0 and "no pretrained model" in result.stdout
    assert not (small / "out" / "portrait.png").exists()


def test_demo_fits_the_portrait(small, monkeypatch, small_ert):
    # The mean shape in the box that the detector finds: no training to rely on.
    class Still(Aligner):
        scheme_, mean_shape_ = small_ert.scheme_, small_ert.mean_shape_

        def align(self, image, boxes, **options):
            found = small_ert.align(image, boxes)
            return replace(found, shapes=found.initial)

    monkeypatch.setattr("cascade.models.pretrained", Still)
    result = run("out")
    assert result.exit_code == 0, result.output
    from skimage.data import astronaut

    portrait = cv2.imread("out/portrait.png")
    changed = np.argwhere((portrait != astronaut()[:, :, ::-1]).any(2))
    # The face of the portrait, drawn over and nothing far from it.
    assert len(changed) > 100
    assert (np.abs(changed.mean(0) - [110, 225]) < 60).all()


def test_demo_refuses_a_file_in_place_of_the_folder(small):
    Path("out").write_text("mine")
    result = run("out")
    assert result.exit_code == 1 and "out" in result.stderr
    assert Path("out").read_text() == "mine"


def test_pretrained_models_load():
    for name in available():
        assert pretrained(name).notes_.get("terms")


def test_unknown_pretrained_model_is_refused():
    with pytest.raises(InputError, match="no pretrained model 'nobody'"):
        pretrained("nobody")
