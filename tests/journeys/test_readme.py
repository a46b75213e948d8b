"""Every command and the Python of README.md, run in its order as a newcomer would."""

import glob
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner

import cascade
from cascade.cli import app
from data_tools.synthetic import synthetic_faces
from data_tools.video import VideoWriter
from data_tools.writers import write_folder

README = Path(__file__).resolve().parents[2] / "README.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Those whose libraries may be missing.
_NEEDS = {"onnx": "onnx"}


def blocks(language):
    """The blocks of code in the README of a language."""
    return [text for name, text in _BLOCK.findall(README.read_text("utf-8")) if name == language]


def commands():
    """The command lines of the README in order, without comments."""
    lines = [line for text in blocks("") for line in text.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("cascade ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with everything that the README takes for granted."""
    root = tmp_path_factory.mktemp("newcomer")
    (root / "faces").mkdir()
    for name, n, seed in (("train", 40, 1), ("test", 8, 2)):
        write_folder(root / "faces" / name, synthetic_faces(n, seed, 112))
    portrait = astronaut()[:, :, ::-1]
    cv2.imwrite(str(root / "portrait.jpg"), portrait)
    # Photographs of its glob, with boxes.
    faces = synthetic_faces(2, 3, 112)
    rows = ["image,left,top,right,bottom"]
    for i in range(2):
        cv2.imwrite(str(root / "faces" / f"{i}.jpg"), faces.image(i))
        rows.append(f"{i}.jpg,{','.join(map(str, faces.boxes[i]))}")
    (root / "boxes.csv").write_text("\n".join(rows) + "\n")
    small = np.ascontiguousarray(cv2.resize(portrait, None, fx=0.5, fy=0.5))
    video = VideoWriter(root / "talk.mp4", 25, small.shape[1::-1])
    for _ in range(3):
        video.write(small)
    video.close(True)
    train = synthetic_faces(30, 1, 112)
    few = {"n_stages": 2, "n_trees": 4, "random_state": 0}
    cascade.ERT(**few).fit(train).save(root / "model.safetensors")
    from cascade.formats import format_of

    dlib_like = cascade.METHODS["dlib"](n_stages=2, n_trees=4, random_state=0).fit(train)
    for name in ("predictor.dat", "shape_predictor.dat"):
        format_of(name).write(dlib_like, root / name)
    forests = cascade.METHODS["opencv"](n_trees=2, depth=2, radius=(0.2, 0.1), random_state=0)
    format_of("m.yaml").write(forests.fit(train), root / "lbfmodel.yaml")
    return root


def words(line, root):
    """The words of a command line, with what the shell would expand."""
    found = []
    for word in shlex.split(line):
        found += sorted(glob.glob(word, root_dir=root)) or [word] if "*" in word else [word]
    return found


def test_every_command_of_the_readme(place, monkeypatch):
    """In order: what one writes, another may read."""
    monkeypatch.chdir(place)
    assert len(commands()) >= 14
    for line in commands():
        for word, module in _NEEDS.items():
            if word in line.split(".")[-1]:
                pytest.importorskip(module)
        if "dlib:" in line:
            pytest.importorskip("dlib")
        done = CliRunner().invoke(app, words(line, place)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
    for name in ("drawn/portrait.landmarks.png", "landmarks.json", "points/0.pts", "drawn.mp4",
                 "figures.json", "ced.png", "comparison/report.html",
                 "small.safetensors"):  # fmt: skip
        assert (place / name).stat().st_size > 100, name


def test_the_python_of_the_readme(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    texts = blocks("python")
    assert texts
    for text in texts:
        text = text.replace("n_stages=10, n_trees=200", "n_stages=2, n_trees=5")
        exec(compile(text, str(README), "exec"), {"__name__": "readme"})
    assert 0 < float(capsys.readouterr().out.split()[-1]) < 1
