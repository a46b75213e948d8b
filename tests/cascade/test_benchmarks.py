"""The scripts in examples/benchmarks: what they say of themselves, and of paths that are wrong."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from data_tools.synthetic import synthetic_faces
from data_tools.writers import write_pts

_FOLDER = Path(__file__).resolve().parents[2] / "examples" / "benchmarks"
_SCRIPTS = sorted(path.name for path in _FOLDER.glob("*.py") if path.name != "common.py")
# Arguments with a path that is not there, or a name that nothing has.
_WRONG = {
    "c.py": ["absent"],
    "all.py": ["absent"],
    "dense.py": ["--json", "absent/out.json"],
    "dlib_models.py": ["absent", "--model", "absent.dat"],
    "fuzz.py": ["--random", "--target", "absent"],
    "inference.py": ["absent"],
    "labelling.py": ["--json", "absent/out.json"],
    "load.py": ["--model", "absent.safetensors"],
    "methods.py": ["absent", "--out", "out.json"],
    "opencv_lbf.py": ["absent"],
    "poses.py": ["turned", "absent", "--out", "out.json"],
    "train_dlib.py": ["absent", "--out", "out.dat"],
    "startup.py": ["--json", "absent/out.json"],
    "training.py": ["absent"],
    "versus_deep.py": ["absent", "--out", "versus"],
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


def test_cascades_against_networks_in_small(tmp_path):
    faces = synthetic_faces(30, seed=5, size=96)
    for name, rows in (("helen/trainset", range(12)), ("lfpw/trainset", range(12, 22)),
                       ("afw", range(22, 26)), ("lfpw/testset", range(26, 30))):  # fmt: skip
        folder = tmp_path / "300w" / name
        folder.mkdir(parents=True)
        lines = ["image,left,top,right,bottom"]
        for i in rows:
            cv2.imwrite(str(folder / f"{i}.png"), faces.image(i))
            write_pts(folder / f"{i}.pts", faces.shapes[i])
            lines.append(f"{i}.png," + ",".join(f"{edge:.2f}" for edge in faces.boxes[i]))
        (folder / "boxes.csv").write_text("\n".join(lines))
    out = tmp_path / "versus"
    arguments = [str(tmp_path), "--out", str(out), "--cascades", "cpr", "--counts", "20", "26"]
    done = run("versus_deep.py", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    page = (out / "versus.md").read_text()
    assert "| cpr 20 | " in page and "| training faces | 20 | 26 |" in page
    rows = {row["model"]: row for row in json.loads((out / "versus.json").read_text())}
    assert set(rows) >= {"cpr 20", "cpr 26"}
    assert 0 < rows["cpr 26"]["inner51"] < 100 and rows["cpr 26"]["minutes"] > 0
    for name in ("cost.svg", "faces.svg", "report.html", "models/cpr-20.safetensors"):
        assert (out / name).stat().st_size > 0
    # A second time nothing is trained.
    done = run("versus_deep.py", arguments, tmp_path)
    assert done.returncode == 0 and "training" not in done.stderr
    for wrong, words in ((["--counts", "3"], "at least 20"), (["--cascades", "knn"], "no such"),
                         (["--published", "absent"], "absent: no such")):  # fmt: skip
        done = run("versus_deep.py", [*arguments[:3], *wrong], tmp_path)
        assert done.returncode == 1 and words in done.stderr


@pytest.fixture
def all_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(_FOLDER))
    spec = importlib.util.spec_from_file_location("all_benchmarks", _FOLDER / "all.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_benchmark_of_all_is_a_script_that_writes_json(all_benchmarks):
    for name in all_benchmarks.SIZES:
        text = (_FOLDER / f"{name}.py").read_text()
        assert '"--json"' in text
        assert ("add_data(" in text) == (name not in all_benchmarks.DRAWN)


def test_all_names_what_it_could_not_measure(tmp_path):
    done = run("all.py", ["synthetic", "--size", "tiny", "--only", "startup"], tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("all.py: no benchmark"), done.stderr
    assert "has no run of size tiny" in (tmp_path / "benchmarks" / "README.md").read_text()
    assert "problem" in json.loads((tmp_path / "benchmarks" / "all.json").read_text())["startup"]


def test_a_script_that_fails_is_a_row_with_its_own_words(all_benchmarks, tmp_path):
    row = all_benchmarks.run_one("training", "tiny", str(tmp_path), None, tmp_path, 60)
    assert "figures" not in row and "no folder 300w or imm" in row["problem"]


def test_a_page_shows_every_number_and_a_plot(all_benchmarks, tmp_path):
    pytest.importorskip("matplotlib")
    figures = {"machine": "a machine", "ms": {"ours": 0.25, "dlib": 3.5}, "rows": [{"cpu": 7}]}
    row = {"script": "inference.py", "options": ["--rounds", "3"], "before": "load 1.0",
           "after": "load 2.0", "wall_s": 3.0, "output": "words", "figures": figures}  # fmt: skip
    assert all_benchmarks.numbers(figures) == {"ms ours": 0.25, "ms dlib": 3.5, "rows 1 cpu": 7.0}
    all_benchmarks.page({"inference": row}, "small", tmp_path)
    text = (tmp_path / "README.md").read_text()
    for words in ("load 1.0", "load 2.0", "| ms dlib | 3.5 |", "| rows 1 cpu | 7 |", "--rounds 3"):
        assert words in text
    assert (tmp_path / "inference.png").stat().st_size > 1000


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(str(_FOLDER))
    spec = importlib.util.spec_from_file_location("benchmark_page", _FOLDER / "page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_measurements_is_written_from_its_json(page):
    """Run python examples/benchmarks/page.py after a change of docs/measurements.json."""
    measurements = json.loads(page.SOURCE.read_text("utf-8"))
    assert page.markdown(measurements) == page.PAGE.read_text("utf-8")
    for run in measurements["runs"].values():
        assert set(run) == {"command", "machine", "load"}
        script = re.search(r"examples/benchmarks/(\w+\.py)", run["command"])
        assert run["command"].startswith("cascade ") or (_FOLDER / script[1]).is_file()
    for part in (part for section in measurements["sections"] for part in section["parts"]):
        if "columns" in part:  # each row says how it was measured, and has a cell a column
            for row in part["rows"]:
                assert row.get("run", part.get("run")) in measurements["runs"]
                assert len(row["cells"]) == len(part["columns"])
        if "plot" in part:
            assert (page.PAGE.parent / part["plot"]["file"]).stat().st_size > 1000


def test_a_page_tells_which_rows_are_of_which_run(page, tmp_path):
    rows = [{"cells": ["a", "1"]}, {"cells": ["b", "2"], "run": "slow"}, {"cells": ["c", "3"]}]
    measurements = {
        "title": "Title", "text": ["two", "lines"],
        "runs": {"fast": {"command": "f", "machine": "M", "load": 0.5},
                 "slow": {"command": "s", "machine": "M", "load": None}},
        "sections": [{"title": "One", "parts": [
            {"columns": ["x", "y"], "rows": rows, "run": "fast"},
            {"plot": {"title": "P", "file": "p.png", "x": "x", "y": "y", "points": {"a": [1, 2]}}},
        ]}],
    }  # fmt: skip
    page.write(measurements, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("# Title\n\ntwo\nlines\n\n## One\n\n| x | y |\n| --- | --- |\n| a | 1 |")
    assert "*`f`: M, load 0.5 (the other rows)*\\\n*`s`: M, load not noted (b)*" in text
    assert "![P](p.png)" in text and (tmp_path / "p.png").stat().st_size > 1000
