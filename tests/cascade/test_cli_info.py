"""``cascade info``: what it tells of each kind of model, and what it does not make up."""

import re

import pytest
from typer.testing import CliRunner

import cascade
from cascade import SDM, FacemarkLBF, Poses, ShapePredictor, Starts
from cascade.cli import app
from cascade.formats import dlib as dlib_dat
from cascade.formats import opencv as opencv_lbf

FEW = {"starts": Starts(n=2), "random_state": 0}


@pytest.fixture(scope="module")
def few(synthetic):
    return synthetic.subset(slice(12))


def told(path):
    """What is said of the file at `path`, lines without runs of spaces."""
    result = CliRunner().invoke(app, ["info", str(path)])
    assert result.exit_code == 0, result.output
    return [re.sub(" +", " ", line).strip() for line in result.stdout.splitlines()]


def test_key_shapes_and_chosen_penalties(few, tmp_path):
    model = SDM(n_stages=2, n_cells=1, alpha_per_sample=(0.01, 1.0), poses=Poses(roll=20.0), **FEW)
    model.fit(few).save(tmp_path / "sdm")
    lines = told(tmp_path / "sdm")
    assert "key shapes 3, the best after stage 2 goes on" in lines
    assert not any(line.startswith("routes") for line in lines)
    assert "stage train NME validation NME alpha_per_sample" in lines
    chosen = [row["alpha_per_sample"] for row in model.history_]
    assert [line.split()[-1] for line in lines if line[:2] in ("1 ", "2 ")] == [*map(str, chosen)]


def test_routes(few, small_ert, tmp_path):
    model = SDM(n_stages=3, n_cells=1, poses=Poses(n_routes=2, n_early=1), **FEW).fit(few)
    model.save(tmp_path / "routed")
    assert "routes 2 from stage 2 on" in told(tmp_path / "routed")
    small_ert.save(tmp_path / "plain")
    plain = told(tmp_path / "plain")
    assert not any(line.startswith(("routes", "key shapes")) for line in plain)


def test_the_default_sampler_is_named(few, tmp_path):
    SDM(n_stages=1, n_cells=1, random_state=0).fit(few).save(tmp_path / "sdm")
    lines = told(tmp_path / "sdm")
    assert f"starts.n {SDM().starts.n}" in lines and "starts.scale 1.3" in lines
    assert cascade.load(tmp_path / "sdm").starts.n == SDM().starts.n


@pytest.mark.parametrize(
    ("write", "model", "sizes"),
    [
        (dlib_dat.write, ShapePredictor(n_stages=2, n_trees=3, depth=2, **FEW), "n_trees 3"),
        (
            opencv_lbf.write,
            FacemarkLBF(radius=(0.2,), n_trees=3, depth=2, n_tried=5, **FEW),
            "n_trees 3",
        ),
    ],
    ids=["dlib", "opencv"],
)
def test_files_of_others_tell_no_training(write, model, sizes, few, tmp_path):
    write(model.fit(few), tmp_path / "model")
    lines = told(tmp_path / "model")
    assert sizes in lines and "depth 2" in lines
    unknown = ("starts", "mirror", "smallest_leaf", "random_state", "face size", "History")
    assert not any(line.startswith(unknown) for line in lines)
    model.save(tmp_path / "trained")
    for name in unknown:
        assert any(line.startswith(name) for line in told(tmp_path / "trained"))
