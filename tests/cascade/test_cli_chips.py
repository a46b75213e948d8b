"""``cascade predict --chips`` and ``--pose``."""

import csv
import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from data_tools.chips import chip
from data_tools.dataset import FaceDataset
from data_tools.heads import pose
from data_tools.schemes import Scheme
from data_tools.writers import write_folder


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def root(tmp_path_factory, synthetic, small_ert):
    path = tmp_path_factory.mktemp("chips")
    write_folder(path / "set", synthetic.subset(slice(4)))
    small_ert.save(path / "m.safetensors")
    return path


def test_chips_are_those_of_the_landmarks_found(root):
    done = run("predict", root / "m.safetensors", root / "set", "--boxes", root / "set/boxes.csv",
               "--chips", root / "out", "--chip-size", 96, "--chip-margin", 0.1,
               "--json", root / "f.json")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (root / "out").iterdir()) == [
        f"image_{i:06d}.png" for i in range(4)
    ]
    for entry in json.loads((root / "f.json").read_text())["images"]:
        face = entry["faces"][0]
        found = cv2.imread(str(root / "out" / face["chip"]["file"]), cv2.IMREAD_UNCHANGED)
        image = cv2.imread(entry["image"])
        expected, matrix = chip(image, face["landmarks"], "face68", 96, 0.1)
        np.testing.assert_allclose(face["chip"]["matrix"], matrix, atol=2e-3)
        assert found.shape == (96, 96, 3)
        assert np.abs(found.astype(int) - expected).mean() < 0.5
        eyes = np.array(face["chip"]["matrix"]) @ np.append(np.mean(
            np.array(face["landmarks"])[36:48], axis=0), 1)  # fmt: skip
        assert 30 < eyes[0] < 66 and 15 < eyes[1] < 50


def test_poses_in_json_and_csv(root):
    done = run("predict", root / "m.safetensors", root / "set", "--boxes", root / "set/boxes.csv",
               "--pose", "--json", root / "p.json", "--csv", root / "p.csv")  # fmt: skip
    assert done.exit_code == 0, done.output
    entries = json.loads((root / "p.json").read_text())["images"]
    rows = list(csv.DictReader((root / "p.csv").open()))
    for entry, row in zip(entries, rows, strict=True):
        face = entry["faces"][0]
        expected = pose(face["landmarks"])
        assert list(face["pose"].values()) == pytest.approx(expected, abs=0.02)
        assert [float(row[a]) for a in ("yaw", "pitch", "roll")] == [*face["pose"].values()]
    done = run("predict", root / "m.safetensors", root / "set", "--boxes", root / "set/boxes.csv",
               "--json", root / "q.json", "--csv", root / "q.csv")  # fmt: skip
    assert done.exit_code == 0 and "yaw" not in (root / "q.csv").read_text()
    assert "pose" not in (root / "q.json").read_text()


def test_what_cannot_be_is_refused_before_work(root, small_ert, synthetic):
    folder = root / "set"
    done = run("predict", root / "m.safetensors", folder, "--chips", folder)
    assert done.exit_code == 1 and "--chips" in done.stderr

    few = synthetic.subset(slice(30))
    mine = Scheme("mine", 4)
    faces = FaceDataset.from_arrays(few.images, few.shapes[:, [36, 45, 57, 8]], few.boxes, mine)
    from cascade import ERT, Starts

    own = ERT(n_stages=1, n_trees=3, n_points=30, starts=Starts(n=2), random_state=0).fit(faces)
    own.save(root / "own.safetensors")
    boxes = folder / "boxes.csv"
    done = run("predict", root / "own.safetensors", folder, "--boxes", boxes, "--pose")
    assert done.exit_code == 1 and "'mine' is not known; leave --pose out" in done.stderr
    # The mean shape of the model stands in for a head.
    done = run("predict", root / "own.safetensors", folder, "--boxes", boxes,
               "--chips", root / "own", "--chip-size", 64)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(list((root / "own").iterdir())) == 4
