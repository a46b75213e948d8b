"""What the command line refuses before any work, and what never reaches the terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import cascade
from cascade.cli import COMMANDS, app
from cascade.cli.app import INTERRUPTED
from cascade.cli.common import printable
from cascade.cli.compiling import Compiling
from cascade.loop.progress import Console
from cascade.models import model_resource

ROOT = Path(__file__).parents[2]


def run(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def folder(tmp_path, small_ert, synthetic):
    """A photograph, its boxes and a model."""
    cv2.imwrite(str(tmp_path / "face.png"), synthetic.image(0))
    box = ",".join(f"{edge:.1f}" for edge in synthetic.boxes[0])
    (tmp_path / "boxes.csv").write_text(f"image,left,top,right,bottom\nface.png,{box}\n")
    small_ert.save(tmp_path / "model.safetensors")
    return tmp_path


class TestOverwriting:
    @pytest.mark.parametrize("target", ["face.png", "boxes.csv", "model.safetensors"])
    def test_predict_keeps_what_it_reads(self, folder, target):
        before = (folder / target).read_bytes()
        (folder / "link.json").symlink_to(folder / target)
        for name in (target, "link.json", f"../{folder.name}/{target}"):
            result = run("predict", "-m", folder / "model.safetensors", folder / "face.png",
                         "--boxes", folder / "boxes.csv", "--json", folder / name)  # fmt: skip
            assert result.exit_code == 1 and "would replace it" in result.stderr
        assert (folder / target).read_bytes() == before

    @pytest.mark.parametrize(
        ("command", "target"),
        [
            ("evaluate model.safetensors . --boxes boxes.csv --json boxes.csv", "boxes.csv"),
            ("evaluate model.safetensors . --json boxes.csv", "boxes.csv"),
            ("evaluate model.safetensors . --plot face.png", "face.png"),
            ("compare . -m M=model.safetensors --subsets table.csv -o .", "table.csv"),
            ("compare . -m model.safetensors --boxes faces.csv -o .", "faces.csv"),
            ("predict -m model.safetensors face.png face.landmarks.png --boxes boxes.csv --draw .",
             "face.landmarks.png"),
            ("predict -m model.safetensors face.png --boxes boxes.csv --draw . "
             "--json face.landmarks.png", None),
            ("train ert . --out boxes.safetensors --boxes boxes.safetensors", "boxes.safetensors"),
        ],
    )  # fmt: skip
    def test_all_that_is_read_is_kept(self, folder, monkeypatch, command, target):
        monkeypatch.chdir(folder)
        for copy in ("table.csv", "faces.csv", "boxes.safetensors"):
            (folder / copy).write_bytes((folder / "boxes.csv").read_bytes())
        if target == "face.landmarks.png":
            (folder / target).write_bytes((folder / "face.png").read_bytes())
        (folder / "face.pts").write_text("")
        before = {path: path.read_bytes() for path in folder.iterdir()}
        result = run(*command.split())
        told = "would replace it" if target else "would both write it"
        assert result.exit_code == 1 and told in result.stderr
        assert {path: path.read_bytes() for path in folder.iterdir()} == before

    def test_two_outputs_of_one_name(self, folder):
        out = folder / "out.png"
        result = run("evaluate", "ert68", folder, "--json", out, "--plot", out)
        assert result.exit_code == 1 and "would both write it" in result.stderr
        result = run("video", folder / "face.png", "--csv", folder / "a", "--json", folder / "a")
        assert result.exit_code == 1 and "would both write it" in result.stderr

    def test_video_and_convert_keep_their_source(self, folder):
        (folder / "a.avi").write_bytes(b"RIFF")
        result = run("video", folder / "a.avi", "--out", folder / "a.avi")
        assert result.exit_code == 1 and "would replace it" in result.stderr
        model = folder / "model.safetensors"
        before = model.read_bytes()
        result = run("convert", model, model)
        assert result.exit_code == 1 and model.read_bytes() == before


class TestMistyped:
    @pytest.mark.parametrize(
        "command",
        [
            ("train", "ert", "nowhere", "--out", "m", "--boxes", "detect", "--detector", "yunt"),
            ("evaluate", "ert68", "nowhere", "--boxes", "detect", "--detector", "yunt"),
            ("compare", "nowhere", "-m", "ert68", "--boxes", "detect", "--detector", "yunt"),
        ],
    )
    def test_detector(self, command, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for arguments in (command, [a for a in command if a not in ("--boxes", "detect")]):
            result = run(*arguments)
            assert result.exit_code == 2 and "'yunt'" in result.stderr
        assert not list(tmp_path.iterdir())

    def test_camera(self, tmp_path):
        result = run("video", "9" * 20, "--csv", tmp_path / "x.csv")
        assert result.exit_code == 2 and "no camera" in result.stderr

    def test_suffix_of_another_format(self, tmp_path):
        wrong = {"d.dat": "sdm", "d.yaml": "sdm", "d.onnx": "asm", "d.c": "dlib"}
        for name, method in wrong.items():
            result = run("train", method, tmp_path, "--out", tmp_path / name)
            assert result.exit_code == 1 and "train another method" in result.stderr
        assert run("train", "sdm", tmp_path, "--out", tmp_path / "d.txt").exit_code == 1


def test_trained_files_are_what_their_suffix_says(tmp_path, folder, synthetic):
    for i in range(12):
        cv2.imwrite(str(tmp_path / f"{i}.png"), synthetic.image(i))
        points = "\n".join(f"{x + 1} {y + 1}" for x, y in synthetic.shapes[i])
        (tmp_path / f"{i}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{points}\n}}\n")
    result = run("train", "dlib", tmp_path, "--boxes", "tight", "--out", tmp_path / "d.dat",
                 "--set", "n_stages=1", "--set", "n_trees=2", "--set", "starts.n=1")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "d.dat").read_bytes()[:2] == b"\x01\x01"
    assert cascade.load(tmp_path / "d.dat").method == "dlib"


def test_control_characters_are_written_out(tmp_path, small_ert):
    evil = "\x1b]0;owned\x07\x1b[2Jred"
    small_ert.notes_["terms"] = evil
    try:
        small_ert.save(tmp_path / "m")
    finally:
        del small_ert.notes_["terms"]
    for result in (run("info", tmp_path / "m"), run("info", tmp_path / evil.replace("/", ""))):
        assert not {"\x1b", "\x07"} & set(result.output + result.stderr)
    assert printable("a\tb\nc") == "a\tb\nc" and printable("\x9b") == "\\x9b"


@pytest.mark.parametrize("command", COMMANDS)
def test_summaries_are_those_of_the_commands(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    told = " ".join(result.output.replace("│", " ").split())
    summary, example = COMMANDS[command]
    assert summary in told and " ".join(example.split()[:3]) in told
    assert summary.split(":")[0][:20] in run("--help").output


def test_an_abort_that_nobody_pressed_is_no_ctrl_c(monkeypatch):
    def broken(*args, **options):
        raise EOFError("ran out of input")

    monkeypatch.setattr("cascade.cli.info._show", broken)
    result = run("info", "x")
    assert result.exit_code == 1 and "unexpected EOFError" in result.stderr

    def pressed(*args, **options):
        raise typer.Abort

    monkeypatch.setattr("cascade.cli.info._show", pressed)
    assert run("info", "x").exit_code == INTERRUPTED


def test_compilation_is_no_part_of_a_stage(capsys):
    times = iter([10.0, 14.0])
    with Console() as progress:
        progress.stage_begins(1, 1)
        progress._began -= 6.0
        listener = Compiling(progress, lambda: next(times))

        kernel = SimpleNamespace(py_func=SimpleNamespace(__module__="features._pixel_kernels"))
        happening = SimpleNamespace(data={"dispatcher": kernel})
        for step in (listener.on_start, listener.on_start, listener.on_end, listener.on_end):
            step(happening)
        progress.stage_ends({"stage": 1, "train_nme": 0.1, "validation_nme": None})
    told = capsys.readouterr().err
    assert told.count("compiling kernels") == 1
    assert "2.0 s (and 4.0 s of compilation, once)" in told


def test_help_imports_nothing_heavy():
    code = "import sys, cascade.cli\ntry: cascade.cli.main()\nfinally: print(*sys.modules)"
    for args, exit_code in ((["--help"], 0), (["predict"], 2), (["nonsense"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == exit_code
        loaded = set(done.stdout.split())
        assert not loaded & {"numba", "sklearn", "scipy", "cv2", "matplotlib", "skimage"}


def test_predict_writes_json_of_the_pretrained_model(folder):
    with model_resource("ert68").open("rb") as file:
        assert file.read(1)
    result = run("predict", folder / "face.png", "--boxes", folder / "boxes.csv", "--json", "-")
    assert result.exit_code == 0, result.stderr
    (face,) = json.loads(result.stdout)["images"][0]["faces"]
    assert np.shape(face["landmarks"]) == (68, 2)
