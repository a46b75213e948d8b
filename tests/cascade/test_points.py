"""Errors on points that a model and the faces share."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from cascade.judging.compare import compare
from cascade.judging.evaluation import align_all, evaluate, reference_errors
from cascade.judging.points import shared_points
from data_tools.dataset import FaceDataset
from data_tools.schemes import FACE68, IMM58, SCHEMES, WFLW98
from data_tools.schemes.maps import within
from data_tools.writers import write_folder
from features.errors import InputError

from .compare.made_up import index_of, model


@pytest.fixture(scope="module")
def few(synthetic):
    return synthetic.subset(slice(10))


@pytest.fixture(scope="module")
def denser(few):
    """The same faces as WFLW annotates them: 98 points, those that 68 do not have between."""
    shapes = np.repeat(few.shapes.mean(1, keepdims=True), 98, axis=1)
    for k, part in enumerate(within(WFLW98)["face68"].parts):
        shapes[:, part] = few.shapes[:, [k]]
    return FaceDataset.from_arrays(few.images, shapes, few.boxes, WFLW98, few.files)


def test_fewer_points_by_hand(small_ert, few):
    figures, predicted = evaluate(small_ert, few, points=51)
    eyes = np.linalg.norm(few.shapes[:, 36] - few.shapes[:, 45], axis=1)
    error = np.linalg.norm(predicted - few.shapes, axis=2)[:, 17:].mean(1) / eyes
    assert figures["points"] == "inner51"
    assert figures["nme_interocular"] == pytest.approx(error.mean(), rel=1e-5)
    np.testing.assert_allclose(reference_errors(predicted, few, points="51")[0], error, rtol=1e-5)
    whole, _ = evaluate(small_ert, few)
    assert whole["points"] == "face68"
    assert whole["nme_interocular"] != pytest.approx(figures["nme_interocular"], rel=1e-3)


def test_a_model_of_68_on_faces_of_98(small_ert, few, denser):
    """The same pixels, so the same answers and errors."""
    ours, predicted = evaluate(small_ert, few)
    theirs, found = evaluate(small_ert, denser, points=68)
    np.testing.assert_array_equal(predicted, found)
    # WFLW's outer corners are 60 and 72, those of 68 are 36 and 45: the same points.
    assert theirs["nme_interocular"] == pytest.approx(ours["nme_interocular"], rel=1e-6)
    five, _ = evaluate(small_ert, denser, points="face5")
    assert five["nme_interocular"] == pytest.approx(
        evaluate(small_ert, few, points=5)[0]["nme_interocular"], rel=1e-6
    )


def test_points_that_one_of_them_lacks(small_ert, few, denser):
    with pytest.raises(InputError, match=r"--points with one of face68, .*inner51"):
        evaluate(small_ert, denser)
    with pytest.raises(InputError, match="the model: 98 points are not known"):
        evaluate(small_ert, denser, points=98)
    with pytest.raises(InputError, match=r"the faces: 51 points are not known among .* imm58"):
        shared_points(FACE68, IMM58, 51)
    with pytest.raises(InputError, match="annotated like those it was trained on"):
        shared_points(FACE68, IMM58)
    with pytest.raises(InputError, match="68 points are muct68 of the model but face68"):
        shared_points(SCHEMES["muct68"], FACE68, 68)


def test_compare_on_points_that_are_asked_for(few):
    """Models that find 98, 68 and 51 points, all right but for a shift of their own."""
    parts = within(WFLW98)["face68"].parts

    def of_98(image, box):
        shape = np.full((98, 2), np.nan, np.float32)
        for k, part in enumerate(parts):
            shape[list(part)] = few.shapes[index_of(few, box)][k] + [3, 0]
        return shape

    models = [
        model("98", of_98, "wflw98"),
        model("68", lambda im, box: few.shapes[index_of(few, box)] + np.float32([0, 4]), 68),
        model("51", lambda im, box: few.shapes[index_of(few, box)][17:] + np.float32([5, 0]), 51),
    ]
    with pytest.raises(InputError, match="98: finds points that the faces lack"):
        compare(models, few)
    found = compare(models, few, points=51)
    assert [points.name for points in found.point_sets] == ["inner51"]
    eyes = np.linalg.norm(few.shapes[:, 36] - few.shapes[:, 45], axis=1)
    rivals = found.rivals(found.asked)
    assert [result.label for result in rivals] == ["98", "68", "51"]
    for result, shift in zip(rivals, (3, 4, 5), strict=True):
        np.testing.assert_allclose(found.errors(result, found.asked), shift / eyes, rtol=1e-4)
    with pytest.raises(InputError, match="51: finds 51, in which face68 is not known"):
        compare(models, few, points=68)
    with pytest.raises(InputError, match="29 points are not known"):
        compare(models, few, points=29)


def test_command_line(small_ert, few, tmp_path):
    write_folder(tmp_path / "set", few)
    small_ert.save(tmp_path / "m.safetensors")
    done = CliRunner().invoke(app, [
        "evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "set"), "--points", "51",
        "--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "f.png"),
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "inner51" in done.stdout
    figures = json.loads((tmp_path / "f.json").read_text())
    predicted = align_all(small_ert, few).shapes
    expected = reference_errors(predicted, few, points=51)[0].mean()
    assert figures["nme_interocular"] == pytest.approx(expected, rel=0.02)  # leaves are packed
    done = CliRunner().invoke(app, [
        "compare", str(tmp_path / "set"), "-m", str(tmp_path / "m.safetensors"), "-m", "sdm68",
        "--points", "5", "--out", str(tmp_path / "c"),
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "c" / "comparison.json").read_text())["rows"]
    assert {row["points"] for row in rows} == {"face5"}
    assert sum(row["subset"] == "all" for row in rows) == 2
