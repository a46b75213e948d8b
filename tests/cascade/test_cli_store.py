"""``cascade store``, and ``cascade train`` on what it wrote."""

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade import load
from cascade.cli import app
from data_tools.store import open_store
from data_tools.writers import write_folder

TINY = ("--set", "n_stages=2", "--set", "n_trees=5", "--set", "n_points=60", "--set", "starts.n=2")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def fails(*arguments):
    done = run(*arguments)
    assert done.exit_code != 0, done.output
    return " ".join(done.stderr.replace("│", " ").split())


@pytest.fixture(scope="module")
def folder(synthetic, tmp_path_factory):
    path = tmp_path_factory.mktemp("faces") / "train"
    write_folder(path, synthetic.subset(slice(0, 16)))
    return path


@pytest.fixture(scope="module")
def store(folder):
    out = folder.parent / "store"
    done = run("store", folder, "--out", out, "--frame-size", 96, "--face-size", 54)
    assert done.exit_code == 0, done.output
    assert "32 crops of 96x96 pixels, 16 of them mirrored" in done.stdout
    return out


def test_a_model_of_a_store_is_that_of_the_folder(folder, store, tmp_path):
    frame = ("--set", "frame_size=96", "--set", "face_size=54")
    one, other = tmp_path / "folder.safetensors", tmp_path / "store.safetensors"
    assert run("train", "ert", folder, "--out", one, *TINY, *frame,
               "--no-detector-check").exit_code == 0  # fmt: skip
    done = run("train", "ert", store, "--out", other, *TINY)  # the frame is the store's
    assert done.exit_code == 0, done.output
    assert "NME by distance of the outer eye corners" in done.stdout
    one, other = load(one), load(other)
    for first, second in zip(one.stages_, other.stages_, strict=True):
        np.testing.assert_array_equal(first.predictor.leaves, second.predictor.leaves)
        np.testing.assert_array_equal(first.predictor.threshold, second.predictor.threshold)
    assert other.notes_["data"] == one.notes_["data"]
    assert one.notes_["data"].startswith("16 faces of ")
    assert other.notes_["boxes"] == "csv"


def test_a_store_is_divided_like_a_folder(store, tmp_path):
    done = run("train", "ert", store, "--out", tmp_path / "m.safetensors", *TINY,
               "--validation", 0.25)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "24 faces to train on, 8 to validate on" in done.stderr


def test_copies_are_stored(folder, tmp_path):
    done = run("store", folder, "--out", tmp_path / "s", "--augment", "light", "--copies", 2,
               "--no-mirror", "--seed", 4)  # fmt: skip
    assert done.exit_code == 0, done.output
    found = open_store(tmp_path / "s", verify=True)
    assert len(found) == 48 and not found.mirrored.any()
    assert "light" in found.notes["augmentation"]
    assert (np.asarray(found.images[:16]) != np.asarray(found.images[16:32])).any()


def test_verify_finds_damage(store, tmp_path):
    done = run("store", store, "--verify")
    assert done.exit_code == 0 and "all files are as they were written" in done.stdout
    write = bytearray((store / "crops-00000.npy").read_bytes())
    write[-1] ^= 1
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in store.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "crops-00000.npy").write_bytes(write)
    assert "damaged or changed since it was written" in fails("store", copy, "--verify")


def test_mistakes(folder, store, tmp_path):
    out = tmp_path / "m.safetensors"
    train = ("train", "ert", store, "--out", out)
    assert "name the folder to make" in fails("store", folder)
    assert "is there already; name a new folder" in fails("store", folder, "--out", store)
    assert "around a face of 300" in fails("store", folder, "--out", out, "--face-size", 300)
    assert "trained on alone" in fails("train", "ert", store, folder, "--out", out)
    assert "give it to cascade store" in fails(*train, "--augment", "light")
    assert "make them equal" in fails(*train, "--set", "frame_size=256")
    assert "is none of --augment" in fails("store", folder, "--out", out, "--set", "n_trees=3")
