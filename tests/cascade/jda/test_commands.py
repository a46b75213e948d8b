"""Joint cascades on the command line."""

import cv2
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from data_tools.detectors import get_detector
from data_tools.writers.folder import write_folder
from features.errors import InputError


@pytest.fixture(scope="module")
def folders(faces, backgrounds, tmp_path_factory):
    """A folder of annotated faces and one of photographs without."""
    root = tmp_path_factory.mktemp("sets")
    (root / "none").mkdir()
    write_folder(root / "faces", faces.subset(slice(20)))
    for k, image in enumerate(backgrounds):
        cv2.imwrite(str(root / "none" / f"{k}.png"), image)
    return root


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_trains_tells_and_finds(folders, tmp_path):
    out = tmp_path / "mine.safetensors"
    few = ("n_others=300", "work=1000000", "n_stages=1", "n_pairs=20", "margin=4.0")
    few = [part for each in few for part in ("--set", each)]
    empty = ("--backgrounds", folders / "none")
    done = run("train", "jda", folders / "faces", *empty, "-o", out, "--preset", "small", *few)
    assert done.exit_code == 0, done.output
    assert not list(tmp_path.glob("*.part"))
    told = run("info", out).output
    assert "trees on pixels of a fixed window" in told and "linear classifier on HOG" in told
    image = next(path for path in (folders / "faces").iterdir() if path.suffix == ".png")
    done = run("predict", "ert68", image, "--detector", f"jda:{out}")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("jda",), "needs a folder of photographs without faces"),
        (("jda", "--backgrounds", "none", "--validation", "0.1"), "watches faces of its own"),
        (("ert", "--backgrounds", "none"), "learns from faces alone"),
        (("jda", "--backgrounds", "faces/nothing"), "no photograph here"),
    ],
)
def test_the_command_says_what_it_lacks(arguments, told, folders, tmp_path, monkeypatch):
    monkeypatch.chdir(folders)
    done = run("train", *arguments, "faces", "-o", tmp_path / "m.safetensors")
    assert done.exit_code in (1, 2) and told in " ".join(done.output.split())


def test_a_detector_of_another_method_is_refused():
    with pytest.raises(InputError, match="finds no faces"):
        get_detector("jda:ert68")
