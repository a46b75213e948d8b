"""How well faces are followed: figures of clips that are known, 300-VW's layout, the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from cascade.judging.video import Clip, annotated_clips, drawn_clip, figures, follow, speeds
from cascade.video.tracking import TrackedFaces
from data_tools.schemes import get_scheme
from data_tools.synthetic.talking import TalkingHead
from data_tools.video import VideoWriter
from data_tools.writers import write_pts
from features.errors import InputError

SHAPE = 100 + 40 * np.random.default_rng(0).uniform(-1, 1, (68, 2))


class Frames:
    """As many frames that show nothing."""

    def __init__(self, n):
        self.n = n

    def __enter__(self):
        return iter([np.zeros((8, 8, 3), np.uint8)] * self.n)

    def __exit__(self, *exception):
        pass


class Tells:
    """A tracker that tells what it is given: a list of (number, raw, smoothed) for each frame."""

    def __init__(self, frames):
        self.frames = frames

    def reset(self):
        self.at = 0

    def update(self, frame):
        faces = self.frames[self.at]
        self.at += 1
        ids = np.array([face[0] for face in faces], np.int64)
        raw, shapes = (
            np.array([face[k] for face in faces], np.float32).reshape(-1, 68, 2) for k in (1, 2)
        )
        return TrackedFaces(ids, shapes, np.zeros((len(faces), 4), np.float32), raw=raw)


def clip(truth, still=None, moving=None):
    no = np.zeros(len(truth), bool)
    return Clip("known", get_scheme("face68"), lambda: Frames(len(truth)), 25.0, truth,
                no if still is None else still, no if moving is None else moving)  # fmt: skip


def test_lost_frames_and_numbers_by_hand():
    truth = np.repeat(SHAPE[None], 10, 0)
    truth[9] = np.nan  # not annotated
    frames = [[(4, SHAPE, SHAPE)] for _ in range(10)]
    frames[2] = []  # nothing found
    frames[3] = [(4, SHAPE + 60, SHAPE + 60)]  # far from the face
    frames[4] = [(1, SHAPE + 90, SHAPE), (7, SHAPE + 1, SHAPE)]  # a neighbour, and a new number
    known = clip(truth)
    found = follow(Tells(frames), known)
    assert found.ids.tolist() == [4, 4, -1, -1, 7, 4, 4, 4, 4, 4]
    result = figures(known, found)
    assert result["frames"] == 10 and result["annotated"] == 9 and result["numbers"] == 2
    assert result["lost"] == pytest.approx(2 / 9)
    eyes = np.linalg.norm(SHAPE[36] - SHAPE[45])
    # One frame of seven is off by (1, 1), before smoothing.
    assert result["nme_raw"] == pytest.approx(2**0.5 / eyes / 7, rel=1e-3)
    assert result["nme"] == pytest.approx(0, abs=1e-6)
    # Nothing rests or moves for long enough.
    assert result["jitter"] is None and result["lag"] is None and result["jitter_removed"] is None
    json.dumps(result, allow_nan=False)


def test_jitter_and_lag_of_known_paths():
    rng, n = np.random.default_rng(1), 120
    sway = np.zeros((n, 1, 2))
    sway[60:, 0, 0] = 60 * np.sin(0.2 * np.arange(60))
    truth = SHAPE + sway
    noise = rng.normal(0, 1, truth.shape)
    late = SHAPE + np.concatenate([sway[:1], sway[:-1]])  # one frame later
    frames = [[(0, truth[i] + noise[i], late[i] + 0.5 * noise[i])] for i in range(n)]
    rests, moves = np.arange(n) < 60, np.arange(n) > 64
    known = clip(truth, rests, moves)
    result = figures(known, follow(Tells(frames), known))
    assert result["jitter_removed"] == pytest.approx(0.75, abs=1e-3)  # half the amplitude
    expected = np.sqrt(2 * (12.5 - 2) / 12.5) / known.side
    assert result["jitter_raw"] == pytest.approx(expected, rel=0.05)
    assert result["lag_raw"] == pytest.approx(0, abs=0.05)
    assert result["lag"] == pytest.approx(1, abs=0.05)
    assert result["still_frames"] == 60


def test_speed_of_a_face():
    truth = SHAPE + np.arange(30.0)[:, None, None] * [2.0, 0.0]
    side = np.sqrt(np.prod(np.ptp(SHAPE, axis=0)))
    found = speeds(truth, 25.0)
    np.testing.assert_allclose(found[2:-2], 50 / side)
    assert np.isnan(found[[0, 1, -2, -1]]).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A short talking head in the layout of 300-VW, and a longer one without annotations."""
    root = tmp_path_factory.mktemp("300vw")
    head = TalkingHead(seed=2, size=(160, 120), rate=20.0)
    (root / "001" / "annot").mkdir(parents=True)
    with VideoWriter(root / "001" / "vid.avi", 20, (160, 120)) as video:
        for i in range(30):
            video.write(head.frame(i))
            if i != 7:
                write_pts(root / "001" / "annot" / f"{i + 1:06d}.pts", head.shapes[i])
    return root


def test_clips_of_300vw(folder):
    (found,) = annotated_clips(folder)
    assert found.name == "001" and len(found) == 30 and found.rate == pytest.approx(20)
    assert np.isnan(found.truth[7]).all() and np.isfinite(found.truth[8]).all()
    head = TalkingHead(seed=2, size=(160, 120), rate=20.0)
    np.testing.assert_allclose(found.truth[8], head.shapes[8], atol=1e-3)
    assert found.still[12:20].all() and not found.moving.any()
    with found.open() as frames:
        assert next(iter(frames)).shape == (120, 160, 3)


def test_clips_that_are_none(folder, tmp_path):
    with pytest.raises(InputError, match="no video as in 300-VW"):
        list(annotated_clips(tmp_path))
    with pytest.raises(InputError, match="has 68 points, not 5"):
        list(annotated_clips(folder, "face5"))


def test_a_drawn_head_is_followed(synthetic, small_ert):
    from cascade.video.tracking import Tracker

    known = drawn_clip(seed=1, size=(160, 120), rate=5.0)
    first = known.truth[0]
    box = np.concatenate([first.min(0), first.max(0)])[None]
    tracker = Tracker(small_ert, lambda grey: box, rate=5.0, check_every=1000)
    told = []
    result = figures(known, follow(tracker, known, lambda done, total: told.append((done, total))))
    assert told[-1] == (65, 65)
    assert result["still_frames"] <= 15 and result["cpu_ms"] > 0
    assert result["lost"] < 0.7


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_the_command_on_300vw(folder, small_ert, tmp_path, monkeypatch):
    from cascade.detection import from_detector

    head = TalkingHead(seed=2, size=(160, 120), rate=20.0)
    box = np.concatenate([head.shapes[0].min(0), head.shapes[0].max(0)])[None]
    monkeypatch.setattr(from_detector, "get_detector", lambda *options: lambda grey: box)
    small_ert.save(tmp_path / "m.safetensors")
    done = run(tmp_path / "m.safetensors", folder, "--video", "--json", tmp_path / "f.json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "f.json").read_text())
    assert row["video"] == "001" and row["frames"] == 30 and row["annotated"] == 29
    assert "001" in done.stdout and "as found → smoothed" in done.stdout
    plot = run(tmp_path / "m.safetensors", folder, "--video", "--plot", tmp_path / "x.png")
    assert plot.exit_code == 2
    none = run(tmp_path / "m.safetensors", tmp_path, "--video")
    assert none.exit_code == 1 and "300-VW" in none.stderr


def test_the_table_of_cascade_video_tells_openings(folder, small_ert, tmp_path, monkeypatch):
    import csv

    from cascade.detection import from_detector
    from data_tools.openings import openings

    head = TalkingHead(seed=2, size=(160, 120), rate=20.0)
    box = np.concatenate([head.shapes[0].min(0), head.shapes[0].max(0)])[None]
    monkeypatch.setattr(from_detector, "get_detector", lambda *options: lambda grey: box)
    small_ert.save(tmp_path / "m.safetensors")
    done = CliRunner().invoke(app, [
        "video", str(folder / "001" / "vid.avi"), "-m", str(tmp_path / "m.safetensors"), "--csv",
        str(tmp_path / "o.csv"), "--json", str(tmp_path / "o.jsonl"), "--limit", "4",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    with Path(tmp_path / "o.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    shape = [[[float(row[f"x{i}"]), float(row[f"y{i}"])] for i in range(68)]]
    for name, value in openings(shape, get_scheme("face68")).items():
        assert float(row[f"{name}_opening"]) == pytest.approx(value[0], abs=2e-3)
    line = json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])
    assert set(line["faces"][0]["openings"]) == {"mouth", "right_eye", "left_eye"}
