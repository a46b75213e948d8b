"""Landmarks of the user's own: figures by whatever length there is, the same wherever they are."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade import ERT, Starts
from cascade.cli import app
from data_tools.dataset import FaceDataset
from data_tools.readers import read_folder
from data_tools.writers import write_folder


def test_figures_by_the_diagonal_in_json_console_and_plot(tmp_path, synthetic):
    chosen = slice(0, 25)
    images = [synthetic.image(i) for i in range(25)]
    faces = FaceDataset.from_arrays(
        images, synthetic.shapes[chosen, 30:37], synthetic.boxes[chosen]
    )
    assert faces.scheme.eye_corners is None and faces.scheme.normalizer == "diagonal"
    ERT(n_stages=1, n_trees=3, n_points=40, depth=2, starts=Starts(n=2), random_state=0).fit(
        faces
    ).save(tmp_path / "m.safetensors")
    write_folder(tmp_path / "faces", faces)
    targets = ["--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "p.svg")]
    done = CliRunner().invoke(
        app, ["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "faces"), *targets]
    )
    assert done.exit_code == 0, done.output

    truth, model = read_folder(tmp_path / "faces"), cascade.load(tmp_path / "m.safetensors")
    distances = np.linalg.norm(model.predict_faces(truth) - truth.shapes, axis=-1).mean(1)
    errors = distances / np.hypot(*np.ptp(truth.shapes, axis=1).T)
    area = np.clip(1 - errors / 0.08, 0, None).mean()
    failures = (errors > 0.08).mean(), (errors > 0.1).mean()
    assert 0 < area < 1 and 0 < failures[1]

    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["normalizer"] == "diagonal" and figures["nme_interocular"] is None
    assert figures["auc08"] == pytest.approx(area, rel=1e-4)
    assert (figures["fr08"], figures["fr10"]) == pytest.approx(failures)
    table = re.sub(r"\s+", " ", done.stdout)
    unit = "of the diagonal of the landmarks"
    assert f"AUC up to 8 % {unit} {area * 100:.2f} %" in table
    assert f"failures above 8 % {unit} {failures[0] * 100:.2f} %" in table
    assert f"failures above 10 % {unit} {failures[1] * 100:.2f} %" in table
    drawn = (tmp_path / "p.svg").read_text()
    assert "NME (% of the diagonal of the landmarks)" in drawn
    assert f"AUC {area * 100:.1f}, FR {failures[0] * 100:.1f} %" in drawn
    assert -model.score(truth) == pytest.approx(errors.mean(), rel=1e-5)
