"""The command line as a user meets it: exit codes, one-line errors, files."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli import app
from cascade.judging.evaluation import align_all
from cascade.loop.progress import Console
from data_tools.readers import read_folder, read_pts
from data_tools.synthetic import synthetic_faces
from data_tools.writers import write_pts

TINY = [
    argument
    for setting in ("n_stages=3", "n_trees=12", "n_points=60", "starts.n=3", "smallest_leaf=5")
    for argument in ("--set", setting)
]


def run(*arguments):
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fails(code, *arguments):
    """The one line of error that the command ends with."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and result.stderr.rstrip().endswith(errors[0])
    assert "Traceback" not in result.output
    return errors[0]


def write_folder(folder, n, seed):
    faces = synthetic_faces(n, seed, 112)
    folder.mkdir()
    with (folder / "boxes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "left", "top", "right", "bottom"])
        for i in range(n):
            name = f"{i:02d}.png"
            cv2.imwrite(str(folder / name), faces.image(i))
            write_pts((folder / name).with_suffix(".pts"), faces.shapes[i])
            rows.writerow([name, *faces.boxes[i].tolist()])
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders to train and to test on, and the model of an unbroken training."""
    root = tmp_path_factory.mktemp("faces")
    paths = SimpleNamespace(
        train=write_folder(root / "train", 24, 1),
        test=write_folder(root / "test", 6, 2),
        model=root / "model.safetensors",
    )
    result = run("train", "ert", paths.train, "--out", paths.model, *TINY, "--jobs", 1)
    assert result.exit_code == 0, result.output
    return paths


@pytest.fixture
def interrupted(data, tmp_path, monkeypatch):
    """A training that was stopped after its second stage: the model's path."""
    out = tmp_path / "model.safetensors"

    def stop(self, row):
        if row["stage"] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Console, "stage_ends", stop)
        result = run("train", "ert", data.train, "--out", out, *TINY)
    assert result.exit_code == 130
    assert "--resume" in result.stderr and f"{out}.part" in result.stderr
    return out


# --------------------------------------------------------------------------- help and usage


@pytest.mark.parametrize("command", [c.callback.__name__ for c in app.registered_commands])
def test_every_command_has_help_with_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: cascade {command}" in result.output


def test_help_names_every_preset():
    told = "".join(c if c.isalnum() else " " for c in run("train", "--help").output).split()
    assert {name for method in cascade.METHODS.values() for name in method.PRESETS} <= set(told)


def test_version():
    result = run("--version")
    assert result.exit_code == 0 and cascade.__version__ in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("train",),
        ("train", "ert", "faces"),
        ("train", "nonsense", "faces", "--out", "m"),
        ("train", "ert", "faces", "--out", "m", "--preset", "huge"),
        ("train", "ert", "faces", "--out", "m", "--jobs", "0"),
        ("train", "ert", "faces", "--out", "m", "--seed", "-1"),
        ("train", "ert", "faces", "--out", "m", "--set", "n_trees"),
        ("train", "ert", "faces", "--out", "m", "--set", "n_trees=-3"),
        ("train", "ert", "faces", "--out", "m", "--set", "n_trees=many"),
        ("train", "ert", "faces", "--out", "m", "--set", "learning_rate=nan"),
        ("train", "ert", "faces", "--out", "m", "--set", "starts=3"),
        ("evaluate", "m", "faces", "--starts", "0"),
        ("predict", "m.safetensors"),
        ("predict", "a.png", "--boxes", "b.csv", "--detector", "lbp"),
    ],
)
def test_wrong_usage_exits_2(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "--help" in fails(2, *arguments)


def test_no_command_prints_help():
    result = run()
    assert result.exit_code == 2 and "Usage" in result.output


def test_misspelt_parameter_is_recognised():
    assert "did you mean n_trees" in fails(
        2, "train", "ert", "faces", "--out", "m", "--set", "n_tree=3"
    )


def test_unknown_boxes_are_wrong_usage(data, tmp_path):
    line = fails(2, "train", "ert", data.train, "--out", tmp_path / "m", "--boxes", "loose")
    assert "tight" in line


# -------------------------------------------------------------------------------- wrong input


def test_missing_folder(tmp_path):
    out = tmp_path / "m.safetensors"
    assert "nowhere" in fails(1, "train", "ert", tmp_path / "nowhere", "--out", out)
    assert not list(tmp_path.iterdir())


def test_output_that_cannot_be_written_is_refused_before_training(data, tmp_path):
    assert "make it first" in fails(1, "train", "ert", data.train, "--out", tmp_path / "no" / "m")
    assert "is a folder" in fails(1, "train", "ert", data.train, "--out", tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser writes anywhere")
def test_read_only_folder_is_refused_before_training(data, tmp_path):
    out = tmp_path / "m.safetensors"
    out.write_bytes(b"old")
    tmp_path.chmod(0o555)
    try:
        assert "cannot write" in fails(1, "train", "ert", data.train, "--out", out)
    finally:
        tmp_path.chmod(0o755)
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize("command", ["info", "evaluate", "predict"])
def test_unreadable_model(command, data, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(data.model.read_bytes()[:-100])
    rest = {"info": [], "evaluate": [data.test], "predict": [data.test / "00.png"]}[command]
    assert "bad.safetensors" in fails(1, command, bad, *rest)
    assert "no such model file" in fails(1, command, tmp_path / "none.safetensors", *rest)


def test_faces_of_another_scheme(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "a.png"), np.zeros((50, 50), np.uint8))
    write_pts(other / "a.pts", [[10, 10], [40, 10], [25, 40]])
    line = fails(1, "evaluate", data.model, other, "--boxes", "tight")
    assert "3 landmarks" in line and "68" in line


def test_unexpected_errors_are_one_line(data, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr("cascade.cli.info._show", broken)
    assert "ZeroDivisionError: oh no" in fails(1, "info", data.model)


def test_out_of_memory_and_system_errors_are_one_line(data, monkeypatch):
    for error, text in (
        (MemoryError(), "memory"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), "f: Permission denied"),
    ):

        def broken(*_, error=error):
            raise error

        monkeypatch.setattr("cascade.cli.info._show", broken)
        assert text in fails(1, "info", data.model)


# ----------------------------------------------------------------------------------- training


def test_training_reports_and_leaves_only_the_model(data, tmp_path):
    folder = write_folder(tmp_path / "faces", 12, 5)
    (folder / "lonely.png").write_bytes((folder / "00.png").read_bytes())
    (folder / "11.png").write_bytes((folder / "11.png").read_bytes()[:200])
    out = tmp_path / "m.safetensors"
    result = run(
        "train", "ert", folder, "--out", out, "--validation", "0.2", *TINY,
        "--note", "terms=research only", "--note", "hello", "--note", "world",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "lonely.png" in result.stderr and "truncated" in result.stderr
    assert result.stderr.count("validation NME") == 3
    assert "compact storage" in result.stdout and "kB" in result.stdout + "MB"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["faces", "m.safetensors"]
    model = cascade.load(out)
    assert model.notes_["terms"] == "research only" and model.notes_["boxes"] == "csv"
    assert model.notes_["note"] == "hello\nworld"
    assert str(tmp_path) not in model.notes_["data"]


def test_presets_and_settings_reach_the_model(data):
    model = cascade.load(data.model)
    assert (model.n_stages, model.n_trees, model.starts.n) == (3, 12, 3)
    from cascade.cli.settings import configured

    assert (
        configured(cascade.ERT, "small", []).n_stages
        < configured(cascade.ERT, "default", []).n_stages
    )
    # a preset's own sampler must not change with the model that got it
    configured(cascade.ERT, "small", ["starts.n=77"])
    assert configured(cascade.ERT, "small", []).starts.n != 77


def test_jobs_do_not_change_the_file(data, tmp_path):
    out = tmp_path / "m.safetensors"
    assert run("train", "ert", data.train, "--out", out, *TINY, "--jobs", 2).exit_code == 0
    assert out.read_bytes() == data.model.read_bytes()


def test_validation_folder_and_csv_file(data, tmp_path):
    out = tmp_path / "m.safetensors"
    result = run("train", "ert", data.train, "--out", out, "--validation", data.test, *TINY)
    assert result.exit_code == 0 and "6 to validate on" in result.stderr
    wrong = run("train", "ert", data.train, "--out", out, "--validation", "1.5", *TINY)
    assert wrong.exit_code == 2


def test_checkpoint_after_an_interrupt_is_a_usable_model(interrupted, data):
    part = interrupted.with_name(interrupted.name + ".part")
    assert not interrupted.exists()
    model = cascade.load(part)
    assert len(model.stages_) == 2
    result = run("info", part)
    assert result.exit_code == 0 and "unfinished" in result.stdout


def test_resumed_training_equals_the_unbroken_one(interrupted, data):
    line = fails(1, "train", "ert", data.train, "--out", interrupted, *TINY)
    assert "--resume" in line
    result = run("train", "ert", data.train, "--out", interrupted, *TINY, "--resume", "--jobs", 2)
    assert result.exit_code == 0 and "resumed: 2 of 3" in result.stderr
    assert interrupted.read_bytes() == data.model.read_bytes()
    assert not interrupted.with_name(interrupted.name + ".part").exists()


def test_resume_with_other_options_is_refused(interrupted, data):
    other = [*TINY, "--set", "n_trees=13", "--resume"]
    assert "n_trees" in fails(1, "train", "ert", data.train, "--out", interrupted, *other)


def test_full_disk_keeps_the_old_model_and_the_checkpoint(data, tmp_path, monkeypatch):
    out = tmp_path / "m.safetensors"
    out.write_bytes(b"old")
    replace = os.replace

    def full(source, target):
        if os.fspath(target) == os.fspath(out):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        line = fails(1, "train", "ert", data.train, "--out", out, *TINY)
    assert "No space left" in line and "--resume" in line
    assert out.read_bytes() == b"old"
    assert run("train", "ert", data.train, "--out", out, *TINY, "--resume").exit_code == 0
    assert out.read_bytes() == data.model.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_of_a_running_training(data, tmp_path):
    out, part = tmp_path / "m.safetensors", tmp_path / "m.safetensors.part"
    command = [sys.executable, "-m", "cascade", "train", "ert", data.train, "--out", out, *TINY]
    child = subprocess.Popen(
        [str(word) for word in [*command, "--set", "n_stages=500"]],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        # Shells start what runs in the background with Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        for _ in range(1200):
            if part.exists() or child.poll() is not None:
                break
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, stderr
    assert b"--resume" in stderr and b"Traceback" not in stderr
    assert len(cascade.load(part).stages_) >= 1
    assert [p.name for p in tmp_path.iterdir()] == [part.name]


# ----------------------------------------------------------------- evaluation, prediction, info


def test_evaluate_writes_figures(data, tmp_path):
    figures, plot = tmp_path / "f.json", tmp_path / "ced.png"
    result = run("evaluate", data.model, data.test, "--json", figures, "--plot", plot)
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    names = {"nme_interocular", "nme_interpupil", "nme_diagonal", "auc08", "fr08", "ms_per_face"}
    assert names <= set(found) and found["n"] == 6
    faces = read_folder(data.test)
    predicted = align_all(cascade.load(data.model), faces).shapes
    distances = np.linalg.norm(predicted - faces.shapes, axis=2).mean(1)
    eyes = np.linalg.norm(faces.shapes[:, 36] - faces.shapes[:, 45], axis=1)
    assert found["nme_interocular"] == pytest.approx((distances / eyes).mean(), rel=1e-5)
    assert found["fr08"] == pytest.approx(np.mean(distances / eyes > 0.08))
    assert cv2.imread(str(plot)) is not None


def test_predict_with_boxes(data, tmp_path):
    images = [data.test / "00.png", data.test / "01.png"]
    outputs = ["--json", tmp_path / "p.json", "--pts", tmp_path / "pts", "--draw", tmp_path / "d"]
    result = run("predict", data.model, *images, "--boxes", data.test / "boxes.csv", *outputs)
    assert result.exit_code == 0, result.output
    faces = read_folder(data.test)
    expected = cascade.load(data.model).predict(faces.image(1), faces.boxes[1])
    assert read_pts(tmp_path / "pts" / "01.pts") == pytest.approx(expected, abs=1e-3)
    found = json.loads((tmp_path / "p.json").read_text())
    assert np.array(found["images"][1]["faces"][0]["landmarks"]) == pytest.approx(
        expected, abs=2e-3
    )
    drawn = cv2.imread(str(tmp_path / "d" / "01.landmarks.png"))
    assert drawn is not None and (drawn != cv2.imread(str(images[1]))).any()


def test_predict_takes_a_folder_and_prints_json(data):
    result = run("predict", "--model", data.model, data.test, "--boxes", data.test / "boxes.csv",
                 "--starts", 5)  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found["images"]) == 6
    assert len(found["images"][0]["faces"][0]["spread"]) == 68
    assert "6 faces in 6 images" in result.stderr


def test_predict_without_a_face(data, tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text("image,left,top,right,bottom\n00.png,20,20,90,90\n")
    images = [data.test / "00.png", data.test / "01.png"]
    result = run("predict", data.model, *images, "--boxes", table)
    assert result.exit_code == 0 and "01.png: no box in" in result.stderr
    assert "no face" in fails(1, "predict", data.model, images[1], "--boxes", table)


def test_predict_goes_on_after_a_bad_image(data, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    result = run(
        "predict", data.model, bad, data.test / "00.png", "--boxes", data.test / "boxes.csv"
    )
    assert result.exit_code == 1 and "bad.png" in result.stderr
    assert len(json.loads(result.stdout)["images"]) == 1


def test_predict_overwrites_no_annotation(data):
    line = fails(1, "predict", data.model, data.test / "00.png", "--pts", data.test)
    assert "would be overwritten" in line


def test_images_of_one_name_get_names_of_their_own(data, tmp_path):
    twins = [data.train / "00.png", data.test / "00.png"]
    (tmp_path / "boxes.csv").write_text(
        "image,left,top,right,bottom\ntrain/00.png,10,10,90,90\ntest/00.png,20,20,80,80\n"
        "gone.png,1,1,9,9\n"
    )
    result = run("predict", data.model, *twins, "--boxes", tmp_path / "boxes.csv", "--draw",
                 tmp_path / "d", "--csv", tmp_path / "l.csv", "--jobs", 2)  # fmt: skip
    assert result.exit_code == 0 and "gone.png" in result.stderr
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == [
        "00.landmarks.png",
        "test-00.landmarks.png",
    ]
    with (tmp_path / "l.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [str(path) for path in twins]
    assert [float(row["left"]) for row in rows] == [10, 20] and "y67" in rows[0]


def test_predict_says_what_it_leaves_out(data, tmp_path):
    for name in ("00.png", "01.png"):
        (tmp_path / name).write_bytes((data.test / name).read_bytes())
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    (tmp_path / "boxes.csv").write_text("image;x;y;w;h;score\n00.png;9;9;80;80;1\n")
    result = run("predict", data.model, tmp_path, "--boxes", tmp_path / "boxes.csv", "--json",
                 tmp_path / "out.json")  # fmt: skip
    assert result.exit_code == 0
    assert "no image: 1 .csv, 1 .gif" in result.stderr
    assert f"no box in {tmp_path / 'boxes.csv'} for this image" in " ".join(result.stderr.split())
    again = run("predict", data.model, tmp_path / "00.png", "--boxes", tmp_path / "out.json")
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    assert json.loads(again.stdout)["images"] == images[:1]
    assert "no such image, folder or model" in fails(1, "predict", "nofolder")


def test_info_shows_history_and_card(data):
    result = run("info", data.model)
    assert result.exit_code == 0
    for text in ("ert", "68 (face68)", "24 faces", "starts.n", "train NME"):
        assert text in result.stdout


def test_nobody_reads_the_pipe(data):
    command = [sys.executable, "-m", "cascade", "info", str(data.model)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    child.stdout.close()
    assert b"Traceback" not in child.stderr.read()
    child.stderr.close()
    child.wait(30)


def test_interrupt_outside_of_training(data, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cascade.cli.info._show", stop)
    result = run("info", data.model)
    assert result.exit_code == 130 and result.stderr == "stopped: by Ctrl-C\n"


def test_interrupt_before_the_first_stage(data, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Console, "stage_begins", stop)
    result = run("train", "ert", data.train, "--out", tmp_path / "m", *TINY)
    assert result.exit_code == 130 and "nothing to go on from" in result.stderr
    assert not list(tmp_path.iterdir())


def test_folder_without_boxes_names_the_option(data, tmp_path):
    folder = write_folder(tmp_path / "faces", 2, 5)
    (folder / "boxes.csv").unlink()
    assert "--boxes tight" in fails(1, "evaluate", data.model, folder)
    assert run("evaluate", data.model, folder, "--boxes", "tight").exit_code == 0
    assert run("evaluate", data.model, folder, "--boxes", data.test / "boxes.csv").exit_code == 0


def test_figures_with_a_strange_suffix_are_refused_first(data, tmp_path):
    assert ".png" in fails(2, "evaluate", data.model, data.test, "--plot", tmp_path / "ced.doc")
