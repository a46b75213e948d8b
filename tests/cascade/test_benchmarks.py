"""The scripts in examples/benchmarks: what they say of themselves, and of paths that are wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "examples" / "benchmarks"
_SCRIPTS = sorted(path.name for path in _FOLDER.glob("*.py") if path.name != "common.py")
# Arguments with a path that is not there, or a name that nothing has.
_WRONG = {
    "c.py": ["absent"],
    "dlib_models.py": ["absent", "--model", "absent.dat"],
    "fuzz.py": ["--random", "--target", "absent"],
    "inference.py": ["absent"],
    "load.py": ["--model", "absent.safetensors"],
    "methods.py": ["absent", "--out", "out.json"],
    "opencv_lbf.py": ["absent"],
    "poses.py": ["turned", "absent", "--out", "out.json"],
    "train_dlib.py": ["absent", "--out", "out.dat"],
    "startup.py": ["--json", "absent/out.json"],
    "training.py": ["absent"],
}
# What they need that may be missing is named in the same way.
_NEEDED = ("modules of OpenCV", "the module dlib")


def run(script, arguments, folder):
    command = [sys.executable, str(_FOLDER / script), *arguments]
    environment = {"PYTHONPATH": str(_FOLDER.parents[1]), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize("script", _SCRIPTS)
def test_help_has_an_example(script, tmp_path):
    done = run(script, ["--help"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"python examples/benchmarks/{script}" in done.stdout
    if "DATA" in done.stdout:
        assert "300w/" in done.stdout and "imm/" in done.stdout


@pytest.mark.parametrize("script", _WRONG)
def test_a_wrong_path_is_one_line(script, tmp_path):
    done = run(script, _WRONG[script], tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"{script}: ")
    assert "absent" in done.stderr or any(words in done.stderr for words in _NEEDED)


@pytest.mark.parametrize("script", ["inference.py", "training.py"])
def test_a_folder_of_faces_is_not_the_folder_of_data(script, tmp_path):
    done = run(script, [str(tmp_path)], tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "no folder 300w or imm" in done.stderr or "the module dlib" in done.stderr


def test_a_set_that_is_not_there_is_named(tmp_path):
    (tmp_path / "300w").mkdir()
    done = run("training.py", [str(tmp_path), "--sets", "300w/absent"], tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "absent: cannot read the folder" in done.stderr
