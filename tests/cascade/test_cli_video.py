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


def test_tables_tell_the_pose_of_the_head(film):
    from data_tools.heads import pose

    targets = ("--csv", film / "out.csv", "--json", film / "out.jsonl", "--limit", 4)
    done = run(film / "in.avi", "-m", film / "m.safetensors", *targets)
    assert done.exit_code == 0, done.output
    with (film / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0].keys() > {"mouth_opening", "right_eye_opening", "yaw", "pitch", "roll"}
    for row, line in zip(rows, (film / "out.jsonl").read_text().splitlines(), strict=True):
        shape = [[float(row[f"{axis}{k}"]) for axis in "xy"] for k in range(68)]
        turned = [float(row[name]) for name in ("yaw", "pitch", "roll")]
        assert np.allclose(turned, pose(shape), atol=0.05)
        (face,) = json.loads(line)["faces"]
        assert list(face["pose"].values()) == turned
    assert np.abs(turned).max() > 0.1


def test_poses_are_left_out_where_a_scheme_has_none(tmp_path):
    from cascade.cli.video_outputs import Csv, JsonLines
    from cascade.video.tracking import TrackedFaces
    from data_tools.schemes import Scheme

    ear = Scheme("ear", 3)
    shapes = np.float32([[[1, 2], [3, 4], [5, 6]]])
    found = TrackedFaces(np.array([7]), shapes, np.float32([[0, 0, 9, 9]]))
    table, lines = Csv(tmp_path / "t.csv", ear), JsonLines(tmp_path / "t.jsonl", ear)
    for output in (table, lines):
        output.add(0, 0.0, None, found)
        output.close(keep=True)
    assert (tmp_path / "t.csv").read_text().splitlines()[
        0
    ] == "frame,seconds,face,x0,y0,x1,y1,x2,y2"
    assert "pose" not in json.loads((tmp_path / "t.jsonl").read_text())["faces"][0]


class FakeCamera:
    """A capture that shows one picture for ever, or breaks off."""

    def __init__(self, picture, n_frames=None):
        self.picture, self.left, self.released = picture, n_frames, False

    def isOpened(self):
        return self.picture is not None

    def get(self, what):
        height, width = (1, 1) if self.picture is None else self.picture.shape[:2]
        return {cv2.CAP_PROP_FRAME_WIDTH: width, cv2.CAP_PROP_FRAME_HEIGHT: height}.get(what, 0.0)

    def read(self):
        if self.left == 0:
            return False, None
        self.left = None if self.left is None else self.left - 1
        return True, self.picture.copy()

    def release(self):
        self.released = True


class FakeScreen:
    """OpenCV's windows; `keys` are pressed after each frame."""

    def __init__(self, monkeypatch, keys):
        self.shown, self.keys, self.gone_after, self.closed = [], list(keys), None, False
        for name in ("namedWindow", "imshow", "waitKey", "getWindowProperty", "destroyAllWindows"):
            monkeypatch.setattr(cv2, name, getattr(self, name))
        monkeypatch.setenv("DISPLAY", ":7")

    def namedWindow(self, title, flags):
        pass

    def imshow(self, title, frame):
        self.shown.append(frame)

    def waitKey(self, wait):
        key = self.keys.pop(0) if self.keys else -1
        if isinstance(key, type) and issubclass(key, BaseException):
            raise key
        return key

    def getWindowProperty(self, title, what):
        return -1.0 if self.gone_after == len(self.shown) else 1.0

    def destroyAllWindows(self):
        self.closed = True


@pytest.fixture
def camera(film, synthetic, monkeypatch):
    """Camera 0, which shows a drawn face."""
    from data_tools import video

    fake = FakeCamera(cv2.cvtColor(synthetic.image(4), cv2.COLOR_GRAY2BGR))
    monkeypatch.setattr(video, "_open_camera", lambda index: fake)
    return fake


@pytest.mark.parametrize("key", [ord("q"), 27, 0x100000 + ord("q")])
def test_a_camera_is_shown_until_a_key_is_pressed(film, camera, monkeypatch, key):
    screen = FakeScreen(monkeypatch, [-1, ord("x"), -1, key])
    done = run("0", "-m", film / "m.safetensors")
    assert done.exit_code == 0, done.output
    assert len(screen.shown) == 4 and screen.closed and camera.released
    assert cv2.absdiff(screen.shown[0], camera.picture).mean() > 1  # landmarks are drawn
    assert "4 frames" in done.stdout and "wrote" not in done.stdout


def test_a_closed_window_ends_it(film, camera, monkeypatch):
    screen = FakeScreen(monkeypatch, [])
    screen.gone_after = 3
    done = run("0", "-m", film / "m.safetensors", "--csv", film / "o.csv", "--show")
    assert done.exit_code == 0, done.output
    assert len(screen.shown) == 3 and len((film / "o.csv").read_text().splitlines()) == 4
    shown = run(film / "in.avi", "-m", film / "m.safetensors", "--show", "--limit", 2)
    assert shown.exit_code == 0 and len(screen.shown) == 5


def test_ctrl_c_closes_window_and_camera_and_keeps_the_table(film, camera, monkeypatch):
    screen = FakeScreen(monkeypatch, [-1, -1, KeyboardInterrupt])
    done = run("0", "-m", film / "m.safetensors", "--csv", film / "o.csv", "--show")
    assert done.exit_code == 0, done.output
    assert screen.closed and camera.released
    assert len((film / "o.csv").read_text().splitlines()) >= 3


def test_no_display_no_camera_and_no_picture_are_said(film, camera, monkeypatch):
    model = film / "m.safetensors"
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    done = run("0", "-m", model)
    assert done.exit_code == 1 and "no display" in done.stderr and "--out" in done.stderr
    assert camera.released
    screen = FakeScreen(monkeypatch, [])

    def refuse(*_):
        raise cv2.error("The function is not implemented")

    monkeypatch.setattr(cv2, "namedWindow", refuse)
    done = run("0", "-m", model)
    assert done.exit_code == 1 and "opens no windows" in done.stderr
    monkeypatch.setattr(cv2, "namedWindow", screen.namedWindow)
    camera.left = 0
    done = run("0", "-m", model)
    assert done.exit_code == 1 and "camera 0: gives no picture" in done.stderr and screen.closed
    camera.picture = None
    done = run("0", "-m", model)
    assert done.exit_code == 1 and "camera 0: cannot be opened" in done.stderr
