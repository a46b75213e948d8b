"""Photographs and videos become annotated sets: ``cascade faces PHOTOS --detect``."""

import csv

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.aligner import Aligner, Alignment
from cascade.cli import app
from cascade.detection import FromDetector, annotating
from cascade.detection.annotating import Annotation, annotate, doubts, pictures
from data_tools.detectors import Detector
from data_tools.readers import read_boxes, read_folder
from data_tools.sheets import face_tile, sheets
from data_tools.video import VideoWriter
from data_tools.writers.folder import FolderWriter
from features.errors import InputError

UNKNOWN = float("nan")


def run(*arguments):
    return CliRunner().invoke(app, ["faces", *map(str, arguments)])


class Finds(Detector):
    """Finds the same boxes in every image that is not black."""

    def __init__(self, boxes, scores):
        self.found = np.float32(boxes).reshape(-1, 4), np.float32(scores)

    def search(self, image, long_side=None):
        boxes, scores = self.found
        return (boxes, scores) if image.any() else (boxes[:0], scores[:0])


@pytest.fixture
def photos(tmp_path, synthetic, small_ert, monkeypatch):
    """Three photographs, of which one shows nothing and one cannot be read; a model; a detector."""
    folder = tmp_path / "photos"
    folder.mkdir()
    colour = cv2.merge([synthetic.image(4), synthetic.image(4) // 2, synthetic.image(4)])
    cv2.imwrite(str(folder / "a.png"), colour)
    cv2.imwrite(str(folder / "b.png"), np.zeros((160, 160, 3), np.uint8))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (folder / "notes.txt").write_text("no picture")
    small_ert.save(tmp_path / "m.safetensors")
    box = synthetic.boxes[4]
    detector = Finds([box, box + 30], [9.0, 5.0])
    for module in ("cascade.detection.from_detector", "data_tools.detectors"):
        monkeypatch.setattr(f"{module}.get_detector", lambda *options: detector)
    return tmp_path


def test_a_folder_becomes_an_annotated_set(photos, synthetic):
    done = run(photos / "photos", "--detect", "--landmarks", photos / "m.safetensors",
               "--out", photos / "set")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "wrote 2 faces" in done.stdout and "in 1 other" in done.stdout
    assert "broken.png" in done.stderr
    faces = read_folder(photos / "set")
    assert [file.rpartition("/")[2] for file in faces.files] == ["a.png", "a_2.png"]
    names = {path.name for path in (photos / "set").iterdir()}
    assert names == {"a.png", "a.pts", "a_2.png", "a_2.pts", "boxes.csv", "attributes.csv",
                     "review"}  # fmt: skip
    # The picture is the photograph, in colour, and the landmarks fit it.
    np.testing.assert_array_equal(
        cv2.imread(str(photos / "set" / "a.png")), cv2.imread(str(photos / "photos" / "a.png"))
    )
    first = faces.subset([0])
    eyes = np.linalg.norm(synthetic.shapes[4, 36] - synthetic.shapes[4, 45])
    error = np.linalg.norm(first.shapes[0] - synthetic.shapes[4], axis=1).mean()
    assert error < 0.3 * eyes
    with (photos / "set" / "boxes.csv").open(newline="") as file:
        assert [float(row["score"]) for row in csv.DictReader(file)] == [9.0, 5.0]
    assert set(read_boxes(photos / "set" / "boxes.csv")) == {"a.png", "a_2.png"}
    with (photos / "set" / "attributes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["photograph"] for row in rows] == ["a.png", "a.png"]
    assert float(rows[0]["disagreement"]) > 0 and rows[0]["confidence"] == ""
    # The second box has the lower score, so at most one of the two measures can doubt it less.
    assert float(rows[1]["doubt"]) >= float(rows[0]["doubt"])
    sheet = cv2.imread(str(photos / "set" / "review" / "sheet_001.png"))
    assert sheet is not None and sheet.shape[1] > sheet.shape[0]


def test_a_filled_folder_is_never_written_to(photos):
    (photos / "set").mkdir()
    (photos / "set" / "mine.txt").write_text("x")
    done = run(photos / "photos", "--detect", "--landmarks", photos / "m.safetensors",
               "--out", photos / "set")  # fmt: skip
    assert done.exit_code == 1 and "not empty" in done.stderr
    assert [path.name for path in (photos / "set").iterdir()] == ["mine.txt"]


def test_each_nth_frame_of_a_video(photos, synthetic):
    image = cv2.cvtColor(synthetic.image(4), cv2.COLOR_GRAY2BGR)
    with VideoWriter(photos / "talk.avi", 20, image.shape[1::-1]) as video:
        for k in range(7):
            video.write(np.ascontiguousarray(np.roll(image, k, axis=1)))
    done = run(photos / "talk.avi", "--detect", "--landmarks", photos / "m.safetensors",
               "--every", 3, "--out", photos / "frames")  # fmt: skip
    assert done.exit_code == 0, done.output
    with (photos / "frames" / "attributes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == ["0", "0", "3", "3", "6", "6"]
    assert rows[2]["image"] == "talk_000003.png" and rows[3]["image"] == "talk_000003_2.png"


def test_ctrl_c_keeps_the_faces_until_then(photos, monkeypatch):
    def stop(source, *_):
        yield from pictures(source, 1, lambda error: None)
        raise KeyboardInterrupt

    monkeypatch.setattr(annotating, "pictures", stop)
    done = run(photos / "photos", "--detect", "--landmarks", photos / "m.safetensors",
               "--out", photos / "set")  # fmt: skip
    assert done.exit_code == 130 and "after 2 faces" in done.stderr
    assert len(read_folder(photos / "set")) == 2


def test_wrong_use(photos):
    missing = run(photos / "absent", "--detect", "--out", photos / "x")
    assert missing.exit_code == 1 and "no such folder, image or video" in missing.stderr
    assert run(photos / "photos", "--landmarks", "sdm68", "--out", photos / "x").exit_code == 2
    form = run(photos / "photos", "--detect", "--format", "coco", "--out", photos / "x")
    assert form.exit_code == 2
    dark = run(photos / "photos" / "b.png", "--detect", "--landmarks", photos / "m.safetensors",
               "--out", photos / "x")  # fmt: skip
    assert dark.exit_code == 1 and "no face found" in dark.stderr
    assert not any((photos / "x").iterdir())  # so that the next try may write there


def test_doubt_is_the_mean_of_two_ranks():
    scores, apart = [5, 5, 9, 7], [0.1, 0.4, 0.3, UNKNOWN]
    faces = [Annotation(None, None, s, d, UNKNOWN) for s, d in zip(scores, apart, strict=True)]
    # Ranks of the score: 2.5, 2.5, 0, 1 of 3; of the disagreement: 0, 2, 1, 3 of 3.
    np.testing.assert_allclose(doubts(faces), [2.5 / 6, 4.5 / 6, 1 / 6, 4 / 6])


def test_a_model_that_tells_confidence_is_believed():
    faces = [Annotation(None, None, s, UNKNOWN, c) for s, c in ((1, 0.9), (2, 0.2), (3, 0.5))]
    assert doubts(faces).tolist() == [0.0, 1.0, 0.5]


def test_a_model_with_one_start_has_no_disagreement(synthetic):
    class One(Aligner):
        scheme_, notes_ = synthetic.scheme, {}

        def align(self, image, boxes, *, n_starts=None, **_):
            if n_starts not in (None, 1):
                raise InputError("one start only")
            shapes = np.repeat(synthetic.shapes[4:5], len(boxes), 0)
            return Alignment(shapes, shapes)

    finder = FromDetector(One(), lambda image: synthetic.boxes[4:5])
    (face,) = annotate(synthetic.image(4), finder)
    assert np.isnan([face.score, face.disagreement, face.confidence]).all()
    np.testing.assert_array_equal(face.shape, synthetic.shapes[4])


def test_a_tile_shows_the_face_at_one_size(synthetic):
    """The same face at twice the size, with its shape and box, gives the same tile."""
    image, shape, box = synthetic.image(4), synthetic.shapes[4], synthetic.boxes[4]
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one = face_tile(image, shape, box, synthetic.scheme)
    two = face_tile(large, 2 * shape + 0.5, 2 * box + 0.5, synthetic.scheme)
    assert one.shape == two.shape == (210, 180, 3)
    assert np.abs(one.astype(int) - two).mean() < 6


def test_pages_hold_all_tiles_in_order():
    tiles = [np.full((10, 8, 3), 10 * k, np.uint8) for k in range(7)]
    pages = list(sheets(iter(tiles), columns=2, rows=2))
    assert [page.shape[0] for page in pages] == [38, 38]
    # 7 of 8 places are filled; each page holds its tiles row by row.
    assert [int(pages[0][y, x, 0]) for y in (8, 25) for x in (8, 22)] == [0, 10, 20, 30]
    assert [int(pages[1][y, x, 0]) for y in (8, 25) for x in (8, 22)] == [40, 50, 60, 255]


def test_a_folder_left_early_is_whole(tmp_path, synthetic):
    with pytest.raises(ZeroDivisionError), FolderWriter(tmp_path / "set") as writer:
        writer.add("a.png", synthetic.image(0), synthetic.shapes[0], synthetic.boxes[0])
        1 / 0  # noqa: B018
    assert len(read_folder(tmp_path / "set")) == 1
