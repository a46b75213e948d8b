"""Detectors judged: matching and curves by hand and against scikit-learn, and the command."""

import csv
import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from typer.testing import CliRunner

from cascade.cli import app
from cascade.judging.detection import judge, open_detectors
from cascade.judging.detection.curves import curve, wrong_elsewhere
from cascade.judging.detection.matching import match
from cascade.judging.detection.peers import Peer
from cascade.judging.detection.tables import rows
from data_tools.detectors import Detector
from data_tools.scenes import Scenes
from data_tools.writers import write_folder
from features.errors import InputError

FACE = np.array([10.0, 10, 30, 30])


class Known(Detector):
    """Knows the boxes and scores of images by their top left pixel."""

    def __init__(self, boxes, scores):
        self.boxes, self.scores = boxes, scores

    def search(self, image, long_side=None):
        k = int(image[0, 0])
        return np.float32(self.boxes[k]).reshape(-1, 4), np.float32(self.scores[k])


def scenes(faces, kind="photographs", ignored=None, convention="landmarks"):
    """Flat grey photographs, told apart by their grey level."""
    faces = [np.array(f, np.float64).reshape(-1, 4) for f in faces]
    ignored = ignored and [np.array(f, np.float64).reshape(-1, 4) for f in ignored]
    return Scenes(
        kind, kind, [str(k) for k in range(len(faces))], faces, convention, ignored,
        load=lambda k: np.full((60, 80), k, np.uint8),
    )  # fmt: skip


def test_the_surest_box_takes_the_face_and_a_second_one_is_wrong():
    near = FACE + 1
    found = match([near, FACE, FACE + 40], [2.0, 1.0, 3.0], [FACE], [])
    assert found.verdicts.tolist() == [1, 0, 0] and found.face.tolist() == [0, -1, -1]


def test_overlap_decides_at_one_half():
    # 20 x 20 against 20 x 10 within it: exactly one half; a pixel less is below.
    assert match([[10, 10, 30, 20]], [1], [FACE], []).verdicts.tolist() == [1]
    assert match([[10, 10, 30, 19]], [1], [FACE], []).verdicts.tolist() == [0]


def test_a_box_takes_the_free_face_that_it_overlaps_most():
    faces = [FACE, FACE + np.array([4, 0, 4, 0])]
    boxes = [FACE + np.array([3, 0, 3, 0]), FACE + np.array([2.5, 0, 2.5, 0])]
    assert match(boxes, [2, 1], faces, []).face.tolist() == [1, 0]


def test_ignored_faces_count_neither_way():
    boxes = [FACE, FACE + 1, [12, 12, 16, 16], [50, 50, 60, 60]]
    found = match(boxes, [4, 3, 2, 1], [], [FACE])
    # The third lies inside and overlaps little.
    assert found.verdicts.tolist() == [-1, -1, -1, 0]
    # A face that is annotated is found where an ignored one overlaps it.
    assert match([FACE], [1], [FACE], [FACE + 2]).verdicts.tolist() == [1]


def test_curve_by_hand():
    # Scores and verdicts of the boxes of 4 photographs with 5 faces.
    found = curve([0.9, 0.8, 0.8, 0.5, 0.4, 0.3], [1, 1, 0, -1, 0, 1], 5, 4)
    assert found.thresholds.tolist() == [0.9, 0.8, 0.4, 0.3]
    assert found.right.tolist() == [1, 2, 2, 3] and found.wrong.tolist() == [0, 1, 2, 2]
    np.testing.assert_allclose(found.recall, [0.2, 0.4, 0.4, 0.6])
    np.testing.assert_allclose(found.wrong_per_image, [0, 0.25, 0.5, 0.5])
    # 1/5 * (1 + 2/3 + 3/5)
    assert found.average_precision == pytest.approx((1 + 2 / 3 + 3 / 5) / 5)
    assert [found.recall_at(w) for w in (0.0, 0.3, 0.5)] == [0.2, 0.4, 0.6]


def test_curve_of_nothing():
    none = curve([], [], 3, 2)
    assert none.average_precision == 0 and none.recall_at(1.0) == 0
    assert np.isnan(curve([1.0], [0], 0, 2).average_precision)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 9),
)
def test_average_precision_is_that_of_scikit_learn(boxes, n_missed):
    scores, right = np.array([s for s, _ in boxes], float), np.array([r for _, r in boxes])
    n_faces = int(right.sum()) + n_missed
    if not right.any():
        return
    ours = curve(scores, right.astype(int), n_faces, 7).average_precision
    # scikit-learn does not know of faces that no box is of.
    theirs = average_precision_score(right, scores) * right.sum() / n_faces
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_wrong_boxes_of_other_photographs_at_the_same_thresholds():
    on_faces = curve([3.0, 2.0, 1.0], [1, 1, 1], 3, 3)
    empty = curve([2.5, 2.0, 0.5], [0, 0, 0], 0, 2)
    np.testing.assert_allclose(wrong_elsewhere(on_faces, empty), [0, 1.0, 1.0])


def test_judging_corrects_the_boxes_of_each_detector():
    rng = np.random.default_rng(0)
    corner = rng.uniform(5, 25, (8, 2))
    truth = [[np.concatenate([c, c + 24])] for c in corner]
    # One detector draws boxes of half the side about a lower middle, surer and surer.
    half = [[[c[0] + 6, c[1] + 12, c[0] + 18, c[1] + 24]] for c in corner]
    peers = [
        Peer("small", Known(half, [[k] for k in range(8)])),
        Peer("blind", Known([[]] * 8, [[]] * 8)),
    ]
    judgement = judge(peers, [scenes(truth)])
    fit = judgement.fits["small", "landmarks"]
    assert fit.correction.scale == pytest.approx(2) and fit.overlap == pytest.approx(1, abs=1e-3)
    assert judgement.fits["blind", "landmarks"] is None
    small, blind = rows(judgement)
    assert small["recall"] == 1 and small["recall_uncorrected"] == 0
    assert small["wrong_per_image"] == 0 and small["average_precision"] == pytest.approx(1)
    assert small["by_size"] == {"0-30": {"recall": 1.0, "n": 8}}
    assert blind["recall"] == 0 and blind["average_precision"] == 0
    assert small["cpu_ms"] >= 0


def test_corrections_are_measured_on_other_faces_where_some_are_given():
    truth, off = scenes([[FACE]]), [[FACE + np.array([0, 8, 0, 8])]]
    peers = [Peer("low", Known(off, [[1.0]]))]
    # Measured on the face itself it fits; on one where it lies right, nothing is corrected.
    assert rows(judge(peers, [truth]))[0]["recall"] == 1
    calibration = scenes(off)
    judgement = judge(peers, [truth], calibration)
    assert judgement.correction("low", "landmarks").shift_y == pytest.approx(0, abs=1e-6)
    assert rows(judgement)[0]["recall"] == 0
    assert judgement.measured_on == {"landmarks": calibration.name}


def test_small_faces_can_be_left_out():
    faces = [[FACE, [40, 40, 45, 45]]]
    found = Known(faces, [[2.0, 1.0]])
    whole = scenes(faces)
    assert whole.n_faces == 2 and whole.without_small(10).n_faces == 1
    row = rows(judge([Peer("all", found)], [whole.without_small(10)]))[0]
    assert row["recall"] == 1 and row["wrong_per_image"] == 0


def test_detectors_by_name():
    peers = open_detectors("lbp,two=lbp")
    assert [peer.label for peer in peers] == ["lbp", "two"]
    with pytest.raises(InputError, match="two detectors are called 'lbp'"):
        open_detectors("lbp,lbp")
    with pytest.raises(InputError, match="no face detector 'nosuch'"):
        open_detectors(["nosuch"])
    with pytest.raises(InputError, match="name some of"):
        open_detectors(" , ")


def test_detectors_of_turned_faces_search_for_them():
    turned, upright = (peer.detector for peer in open_detectors("jda,lbp", rotation=90))
    assert max(turned.angles) == 90 and upright is open_detectors("lbp")[0].detector
    assert max(open_detectors("jda")[0].detector.angles) < 45


def test_haar_says_what_it_needs(tmp_path):
    if not hasattr(cv2, "CascadeClassifier"):
        with pytest.raises(InputError, match="opencv-python<5"):
            open_detectors("haar")
        return
    (tmp_path / "no.xml").write_text("<x/>")
    with pytest.raises(InputError, match="not a cascade"):
        open_detectors(f"haar:{tmp_path / 'no.xml'}")
    boxes, scores = open_detectors("haar")[0].detector.search(np.zeros((60, 60), np.uint8))
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def run(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


@pytest.fixture
def folders(tmp_path, synthetic):
    write_folder(tmp_path / "faces", synthetic.subset([0, 1, 2]))
    (tmp_path / "empty").mkdir()
    rng = np.random.default_rng(0)
    for k in range(6):
        image = cv2.GaussianBlur(rng.integers(0, 256, (240, 320), np.uint8), (0, 0), 5)
        cv2.imwrite(str(tmp_path / "empty" / f"{k}.png"), image)
    return tmp_path


def test_the_command_writes_table_curves_and_figure(folders):
    done = run(folders / "faces", folders / "empty", "--detectors", "lbp", "--collages", 2,
               "--out", folders / "out")  # fmt: skip
    assert done.exit_code == 0, done.output
    names = {"detectors.json", "detectors.csv", "detectors.png", "detectors.pdf", "detectors.svg"}
    assert {path.name for path in (folders / "out").iterdir()} == names
    found = json.loads((folders / "out" / "detectors.json").read_text())
    kinds = [row["kind"] for row in found["rows"]]
    assert kinds == ["crops", "backgrounds", "collages", "collages"]
    # A third of the photographs without faces is taken.
    assert [row["n_images"] for row in found["rows"]] == [3, 2, 2, 2]
    with (folders / "out" / "detectors.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert float(table[0]["recall"]) == pytest.approx(found["rows"][0]["recall"])
    assert "side ×" in done.stdout and "square of the centre" in done.stdout
    assert "training holds back, 2" in done.stderr
    whole = run(folders / "empty", "--detectors", "lbp", "--all-backgrounds", "--out",
                folders / "all")  # fmt: skip
    assert whole.exit_code == 0 and "6 images, 0 faces" in whole.stdout


def test_wrong_use_of_the_command(folders):
    both = run(folders / "faces", "--detectors", "lbp", "-m", "ert68")
    assert both.exit_code == 2 and "not both" in both.stderr
    assert run(folders / "faces").exit_code == 2
    assert "no face detector" in run(folders / "faces", "--detectors", "x").stderr
    none = run(folders / "faces", "--detectors", "lbp", "--calibrate", folders / "empty")
    assert none.exit_code == 1 and "no annotated face" in none.stderr
