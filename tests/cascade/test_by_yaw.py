"""Errors by how far heads are turned."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from cascade.judging.evaluation import evaluate, reference_errors
from cascade.judging.yaw import errors_by_yaw, yaw_masks
from data_tools.dataset import FaceDataset
from data_tools.schemes import Scheme
from data_tools.synthetic import synthetic_faces
from data_tools.synthetic.head import Head
from data_tools.writers import write_folder


@pytest.fixture(scope="module")
def heads():
    """80 drawn faces and the yaw that each was drawn with, in degrees."""
    yaws = []
    for sequence in np.random.SeedSequence(3).spawn(80):
        _, _, rng = np.random.default_rng(sequence).spawn(3)  # as `render_face` does
        yaws.append(np.degrees(Head(rng).yaw))
    return synthetic_faces(80, seed=3, size=96), np.array(yaws)


def test_bins_are_those_that_heads_were_drawn_with(heads):
    faces, yaws = heads
    masks = yaw_masks(faces)
    assert [*masks] == ["yaw 0-15", "yaw 15-30", "yaw 30-45"]
    assert np.sum([*masks.values()], axis=0).tolist() == [1] * 80  # each in one
    # Estimates are a few degrees off, which matters at an edge alone.
    assert masks["yaw 0-15"][np.abs(yaws) < 8].all()
    assert not masks["yaw 0-15"][np.abs(yaws) > 22].any()
    assert masks["yaw 30-45"][np.abs(yaws) < 20].sum() == 0
    assert np.corrcoef(np.abs(yaws), sum(k * m for k, m in enumerate(masks.values())))[0, 1] > 0.8


def test_figures_by_hand(heads):
    faces, _ = heads
    masks = yaw_masks(faces)
    errors = np.linspace(0.01, 0.2, 80)
    first, second = np.flatnonzero(masks["yaw 0-15"])[:2]
    errors[first], errors[second] = np.nan, np.inf  # not annotated, and missed
    found = errors_by_yaw(errors, faces)
    ours = errors[masks["yaw 0-15"]]
    ours = ours[~np.isnan(ours)]
    row = found["yaw 0-15"]
    assert row["n"] == len(ours)
    assert row["nme"] == pytest.approx(ours[np.isfinite(ours)].mean())
    assert row["median"] == pytest.approx(np.median(ours))
    assert row["fr08"] == pytest.approx((ours > 0.08).mean())


def test_no_bins_where_the_head_is_not_known(heads):
    faces, _ = heads
    mine = Scheme("mine", 4)
    few = FaceDataset.from_arrays(faces.images, faces.shapes[:, :4], faces.boxes, mine)
    assert yaw_masks(few) == {} and errors_by_yaw(np.ones(80), few) == {}


def test_evaluate_and_compare_tell_them(small_ert, heads, tmp_path):
    faces = heads[0].subset(slice(30))
    figures, predicted = evaluate(small_ert, faces)
    errors, _ = reference_errors(predicted, faces)
    assert figures["by_yaw"] == errors_by_yaw(errors, faces)
    weighted = sum(row["n"] * row["nme"] for row in figures["by_yaw"].values()) / 30
    assert weighted == pytest.approx(figures["nme_interocular"])

    write_folder(tmp_path / "set", faces)
    small_ert.save(tmp_path / "m.safetensors")

    def run(*arguments):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    text = run("evaluate", tmp_path / "m.safetensors", tmp_path / "set", "--json",
               tmp_path / "f.json")  # fmt: skip
    found = json.loads((tmp_path / "f.json").read_text())["by_yaw"]
    assert [*found] == [*figures["by_yaw"]] and len(found) > 1
    for name, row in found.items():
        assert f"{name.removeprefix('yaw ')}°" in text
        assert row["n"] == figures["by_yaw"][name]["n"]
    text = run("compare", tmp_path / "set", "-m", tmp_path / "m.safetensors", "--out",
               tmp_path / "c")  # fmt: skip
    rows = json.loads((tmp_path / "c" / "comparison.json").read_text())["rows"]
    assert {row["subset"] for row in rows} == {"all", *found}
    for row in rows:
        if row["subset"] != "all":
            assert row["n"] == found[row["subset"]]["n"]
            assert row["nme"] == pytest.approx(found[row["subset"]]["nme"], rel=1e-5)
    assert "NME by the yaw of the head" in text
    assert "yaw 0-15" in (tmp_path / "c" / "report.html").read_text()
