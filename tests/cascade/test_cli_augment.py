"""``--augment`` of train and faces."""

import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli import app
from cascade.loop.progress import Console
from data_tools.augment import augment, parse
from data_tools.readers import read_folder
from data_tools.synthetic import synthetic_faces
from data_tools.writers import write_folder

TINY = [part for setting in ("n_stages=3", "n_trees=12", "n_points=60", "starts.n=2")
        for part in ("--set", setting)]  # fmt: skip
LIGHT = ["--augment", "light,occlusion", "--copies", 2, "--set", "augment.light.shadow=1"]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fails(*arguments):
    done = run(*arguments)
    assert done.exit_code in (1, 2), done.output
    return done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("faces") / "set"
    write_folder(path, synthetic_faces(20, 6, 112))
    return path


def test_the_model_is_that_of_the_augmented_faces(folder, tmp_path):
    done = run("train", "ert", folder, "--out", tmp_path / "m.safetensors", *TINY, *LIGHT,
               "--seed", 3, "--jobs", 2)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "20 faces to train on and 40 changed copies" in done.stderr
    model = cascade.load(tmp_path / "m.safetensors")
    expected = "2 copies of each face: light(shadow=1.0), occlusion"
    assert model.notes_["augmentation"] == expected
    assert model.notes_["data"].startswith("20 faces")

    faces = read_folder(folder)
    more = augment(faces, parse("light,occlusion", {"light.shadow": 1.0}), 2, seed=3)
    ours = cascade.ERT(n_stages=3, n_trees=12, n_points=60, random_state=3)
    ours.set_params(starts__n=2).fit(more)
    image, box = faces.image(0), faces.boxes[0]
    # Leaves are packed in the file.
    np.testing.assert_allclose(model.predict(image, box), ours.predict(image, box), atol=0.5)
    plain = cascade.ERT(n_stages=3, n_trees=12, n_points=60, random_state=3)
    plain.set_params(starts__n=2).fit(faces)
    assert np.abs(plain.predict(image, box) - ours.predict(image, box)).max() > 1


def test_validation_and_detectors_see_originals_alone(folder, tmp_path, monkeypatch):
    from cascade import detection
    from cascade.methods import METHODS

    seen = {}
    fit = METHODS["ert"].fit

    def spy(self, faces, validation, **options):
        seen["trained"], seen["watched"] = faces, validation
        return fit(self, faces, validation, **options)

    monkeypatch.setattr(METHODS["ert"], "fit", spy)
    monkeypatch.setattr(
        detection, "measure_detectors", lambda model, faces, *_: seen.update(measured=faces)
    )
    done = run("train", "ert", folder, "--out", tmp_path / "m.safetensors", *TINY, *LIGHT,
               "--validation", 0.3)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert seen["trained"].attributes["copy"].max() == 2
    for name in ("watched", "measured"):
        assert "copy" not in seen[name].attributes
        assert not any(map(callable, seen[name].images or []))
    assert not set(seen["trained"].files) & set(seen["watched"].files)
    assert len(seen["trained"]) == 3 * len(seen["measured"])


@pytest.mark.parametrize(
    "other",
    [
        [],
        ["--augment", "light,occlusion", "--copies", 1],
        ["--augment", "light,occlusion", "--copies", 2],
        ["--augment", "light", "--copies", 2, "--set", "augment.light.shadow=1"],
    ],
)
def test_resume_with_another_augmentation_is_refused(folder, tmp_path, monkeypatch, other):
    out = tmp_path / "m.safetensors"

    def stop(self, row):
        if row["stage"] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Console, "stage_ends", stop)
        assert run("train", "ert", folder, "--out", out, *TINY, *LIGHT).exit_code == 130
    line = fails("train", "ert", folder, "--out", out, *TINY, *other, "--resume")
    assert "the checkpoint was made with another training (faces)" in line
    done = run("train", "ert", folder, "--out", out, *TINY, *LIGHT, "--resume", "--jobs", 2)
    assert done.exit_code == 0 and "resumed: 2 of 3" in done.stderr


def test_faces_writes_the_copies(folder, tmp_path):
    done = run("faces", folder, "--out", tmp_path / "more", "--augment", "occlusion,jpeg",
               "--copies", 3, "--set", "augment.occlusion.p=1", "--seed", 9)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "wrote 80 faces" in done.stdout and "% of them covered" in done.stdout
    expected = augment(read_folder(folder), parse("occlusion,jpeg", {"occlusion.p": 1.0}), 3, 9)
    found = read_folder(tmp_path / "more")
    stems = [file.rpartition("/")[2] for file in found.files]
    i = stems.index("image_000007_3.png")  # the original is _1, without a number
    np.testing.assert_array_equal(found.image(i), expected.image(47))
    np.testing.assert_array_equal(found.visible[i], expected.visible[47])
    rows = (tmp_path / "more" / "attributes.csv").read_text().splitlines()
    assert rows[0] == "image,copy" and "image_000007_3.png,2" in rows


def test_mistakes_are_found_before_faces_are_read(tmp_path):
    nowhere, out = tmp_path / "nowhere", tmp_path / "m.safetensors"
    train = ("train", "ert", nowhere, "--out", out)
    assert "no augmentation is called 'ligth'" in fails(*train, "--augment", "ligth")
    assert "--copies needs --augment" in fails(*train, "--copies", 3)
    assert "augment.light.p=1 needs --augment" in fails(*train, "--set", "augment.light.p=1")
    light = (*train, "--augment", "light", "--set")
    assert "did you mean gamma" in fails(*light, "augment.light.gama=(1,2)")
    assert "gamma must be 2 numbers in brackets" in fails(*light, "augment.light.gamma=2")
    assert "shadow must be 0 to 1, not 3" in fails(*light, "augment.light.shadow=3")
    assert "sets nothing of --augment light" in fails(*light, "augment.blur.p=1")
    assert "is none of --augment" in fails("faces", nowhere, "--out", out, "--set", "n_trees=3")


def test_parameters_are_listed():
    done = run("train", "sdm", "--parameters")
    assert "augment.light.shadow" in done.stdout and "augment.jpeg.quality" in done.stdout
