"""``cascade video`` as a user meets it."""

import csv
import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from data_tools.video import VideoReader, VideoWriter

N = 12


def run(*arguments):
    return CliRunner().invoke(app, ["video", *map(str, arguments)])


@pytest.fixture
def film(tmp_path, synthetic, small_ert, monkeypatch):
    """A drawn face that goes to the right a pixel a frame, a model, and a detector that knows."""
    from data_tools import detectors

    image = cv2.cvtColor(synthetic.image(4), cv2.COLOR_GRAY2BGR)
    with VideoWriter(tmp_path / "in.avi", 20, image.shape[1::-1]) as video:
        for k in range(N):
            video.write(np.ascontiguousarray(np.roll(image, k, axis=1)))
    small_ert.save(tmp_path / "m.safetensors")
    box = synthetic.boxes[4][None]
    monkeypatch.setattr(detectors, "get_detector", lambda *_: lambda grey: box)
    return tmp_path


def test_video_csv_and_json(film, synthetic):
    targets = ("--out", film / "out.mp4", "--csv", film / "out.csv", "--json", film / "out.jsonl")
    done = run(film / "in.avi", "-m", film / "m.safetensors", *targets, "--check", 100, "--raw")
    assert done.exit_code == 0, done.output
    assert f"{N} frames of 160x160, {N} with a face" in done.stdout
    assert "frames a second" in done.stdout
    assert ("out.mp4 is VP9" in done.stdout) or ("! " not in done.stdout)
    names = {"in.avi", "m.safetensors", "out.mp4", "out.csv", "out.jsonl"}
    assert {path.name for path in film.iterdir()} == names
    with VideoReader(film / "out.mp4") as drawn, VideoReader(film / "in.avi") as plain:
        assert drawn.size == (160, 160) and drawn.rate == pytest.approx(20)
        changed = [cv2.absdiff(a, b).mean() for a, b in zip(drawn, plain, strict=True)]
    assert len(changed) == N and min(changed) > 1
    with (film / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (film / "out.jsonl").read_text().splitlines()]
    assert [int(row["frame"]) for row in rows] == list(range(N))
    assert [line["seconds"] for line in lines] == [round(k / 20, 4) for k in range(N)]
    first = np.array(lines[0]["faces"][0]["landmarks"])
    assert first.shape == (68, 2) and lines[0]["faces"][0]["face"] == 0
    assert float(rows[0]["x5"]) == pytest.approx(first[5, 0], abs=2e-3)
    assert float(rows[0]["y67"]) == pytest.approx(first[67, 1], abs=2e-3)
    eyes = np.linalg.norm(synthetic.shapes[4, 36] - synthetic.shapes[4, 45])
    assert np.linalg.norm(first - synthetic.shapes[4], axis=1).mean() < 0.3 * eyes


def test_limit_and_usage(film):
    model = film / "m.safetensors"
    done = run(film / "in.avi", "-m", model, "--csv", film / "o.csv", "--limit", 3)
    assert done.exit_code == 0 and len((film / "o.csv").read_text().splitlines()) == 4
    assert "Example: cascade video" in run("--help").output
    assert run(film / "in.avi", "-m", model).exit_code == 2  # nothing to write
    assert run(film / "in.avi", "-m", model, "--out", film / "x.gif").exit_code == 1
    wrong = run(film / "m.safetensors", "-m", model, "--csv", film / "x.csv")
    assert wrong.exit_code == 1 and "not a video" in wrong.stderr
    assert not (film / "x.csv").exists()


def test_interrupt_keeps_the_frames_until_then(film, monkeypatch):
    from cascade.video.tracking import Tracker

    update = Tracker.update

    def stop(self, frame):
        if self._frame == 5:
            raise KeyboardInterrupt
        return update(self, frame)

    monkeypatch.setattr(Tracker, "update", stop)
    done = run(film / "in.avi", "-m", film / "m.safetensors", "--json", film / "o.jsonl")
    assert done.exit_code == 130 and f"5 of {N} frames" in done.stderr
    assert len((film / "o.jsonl").read_text().splitlines()) == 5


def test_a_failure_leaves_no_file(film, monkeypatch):
    from cascade.video.tracking import Tracker

    monkeypatch.setattr(Tracker, "update", lambda self, frame: 1 / 0)
    done = run(film / "in.avi", "-m", film / "m.safetensors", "--csv", film / "o.csv",
               "--out", film / "o.avi")  # fmt: skip
    assert done.exit_code == 1 and "ZeroDivisionError" in done.stderr
    assert {path.name for path in film.iterdir()} == {"in.avi", "m.safetensors"}
