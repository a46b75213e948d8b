"""From a detector's boxes to landmarks, the same way in every command and in Python."""

import json

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner

import cascade
from cascade import FromDetector, InputError, Starts, find_faces, measure_detectors
from cascade.cli import app
from cascade.detection import measuring
from cascade.detection.from_detector import LEAST_OVERLAP
from cascade.formats.native import dumps
from data_tools import detectors
from data_tools.corrections import BoxCorrection, DetectorFit, by_landmarks
from data_tools.dataset import FaceDataset
from data_tools.metrics import nme
from data_tools.readers import read_folder
from data_tools.writers import write_folder

SMALL = {"n_stages": 3, "n_trees": 20, "n_points": 80, "starts": Starts(n=4), "smallest_leaf": 5}


def smaller_and_higher(faces):
    """A detector that knows the faces, and draws boxes of 5/8 of the side, 1/8 of it higher."""
    known = {faces.image(i).tobytes(): faces.boxes[i] for i in range(len(faces))}

    def detector(image):
        box = known.get(image.tobytes())
        if box is None:
            return np.zeros((0, 4), np.float32)
        centre, side = (box[:2] + box[2:]) / 2, box[2] - box[0]
        centre = centre - [0, side / 8]
        return np.array([[*(centre - side / 3.2), *(centre + side / 3.2)]], np.float32)

    return detector


@pytest.fixture(scope="module")
def folders(tmp_path_factory, synthetic):
    root = tmp_path_factory.mktemp("detected")
    write_folder(root / "train", synthetic.subset(slice(0, 60)))
    write_folder(root / "test", synthetic.subset(slice(60, 72)))
    return root


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_training_measures_and_all_commands_correct(folders, synthetic, monkeypatch):
    monkeypatch.setattr(measuring, "N_MEASURED", 20)
    monkeypatch.setattr(detectors, "_load", lambda spec: smaller_and_higher(synthetic))
    out = folders / "model.safetensors"
    settings = ("n_stages=3", "n_trees=20", "n_points=80", "starts.n=4", "smallest_leaf=5")
    told = run("train", "ert", folders / "train", "--out", out,
               *[a for s in settings for a in ("--set", s)])  # fmt: skip
    assert "detector lbp: finds 100% of the faces" in told.stderr
    fit = cascade.load(out).detectors_["lbp"]
    assert fit.correction.scale == pytest.approx(1.6, rel=0.02) and fit.n_faces == 20
    assert fit.correction.shift_y == pytest.approx(0.2, abs=0.02)
    assert "overlap those of the training" in run("info", out).stdout

    test = read_folder(folders / "test")
    run("predict", out, folders / "test", "--json", folders / "p.json")
    faces = [e["faces"][0] for e in json.loads((folders / "p.json").read_text())["images"]]
    predicted = np.array([face["landmarks"] for face in faces])
    boxes = np.array([face["box"] for face in faces])
    assert np.abs(boxes - test.boxes).max() < 0.1 * (boxes[0, 2] - boxes[0, 0])
    # evaluate has the error of what predict found
    run("evaluate", out, folders / "test", "--boxes", "detect", "--json", folders / "e.json")
    figures = json.loads((folders / "e.json").read_text())
    expected = nme(predicted, test.shapes, test.scheme).mean()
    assert figures["nme_interocular"] == pytest.approx(expected, rel=1e-3)
    # so has compare, and Python
    run("compare", folders / "test", "-m", out, "--boxes", "detect", "-o", folders / "c")
    (row,) = [r for r in json.loads((folders / "c" / "comparison.json").read_text())["rows"]
              if r["points"] == "face68" and r["subset"] == "all"]  # fmt: skip
    assert row["nme"] == pytest.approx(expected, rel=1e-3)
    for i, file in enumerate(test.files):
        found = find_faces(file, out)
        np.testing.assert_allclose(found.shapes[0], predicted[i], atol=1e-3)
    # and it is nearly as good as from the boxes of the data set
    run("evaluate", out, folders / "test", "--json", folders / "e.json")
    given = json.loads((folders / "e.json").read_text())["nme_interocular"]
    assert expected < 1.2 * given


def test_without_a_measurement_five_points_tell(small_ert, synthetic):
    finder = FromDetector(small_ert, "lbp")
    assert finder.correction == by_landmarks("lbp", small_ert.scheme_, small_ert.mean_shape_)
    assert not finder.doubt and not small_ert.detectors_


def test_what_is_not_known_is_said(synthetic):
    shapes = synthetic.shapes[:, :7]
    images = [synthetic.image(i) for i in range(30)]
    faces = FaceDataset.from_arrays(images, shapes[:30], synthetic.boxes[:30])
    model = cascade.ERT(**SMALL, mirror=False, random_state=0).fit(faces)
    with pytest.warns(UserWarning, match="not known"):
        find_faces(images[0], model, "lbp")
    # Boxes of one's own detector are taken as they are.
    found = find_faces(images[0], model, lambda grey: synthetic.boxes[:1])
    np.testing.assert_array_equal(found.boxes, synthetic.boxes[:1])
    assert len(found) == 1 and found.shapes.shape == (1, 7, 2)


def test_boxes_that_hardly_overlap_are_refused(small_ert, synthetic, tmp_path):
    small_ert.save(tmp_path / "m")
    model = cascade.load(tmp_path / "m")
    model.detectors_ = {"lbp": DetectorFit(BoxCorrection(), 0.9, LEAST_OVERLAP - 0.01, 20)}
    with pytest.raises(InputError, match=r"'lbp' overlap .* by 49% only"):
        FromDetector(model, "lbp")


def test_the_second_pass_starts_at_the_landmarks(small_ert, synthetic):
    """From a box that is too small the second pass is nearer to the truth."""
    errors = []
    for n_passes in (1, 2):
        finder = FromDetector(small_ert, lambda grey: None, n_passes=n_passes)
        shapes = []
        for i in range(40):
            box = synthetic.boxes[i]
            centre, side = (box[:2] + box[2:]) / 2 + [6, 6], 0.85 * (box[2] - box[0])
            box = [*(centre - side / 2), *(centre + side / 2)]
            shapes.append(finder.align(synthetic.image(i), box).shapes[0])
        errors.append(nme(shapes, synthetic.shapes[:40], synthetic.scheme).mean())
    assert errors[1] < 0.97 * errors[0]


def test_measurements_are_kept_in_files(small_ert, synthetic, tmp_path):
    small_ert.save(tmp_path / "m")
    model = cascade.load(tmp_path / "m")
    measure_detectors(model, synthetic.subset(slice(20)), [smaller_and_higher(synthetic)])
    assert list(model.detectors_) == [None]
    model.detectors_ = {"mine": model.detectors_[None]}
    model.save(tmp_path / "again")
    assert cascade.load(tmp_path / "again").detectors_ == model.detectors_
    assert len(dumps(model)) > len(dumps(small_ert))


def test_names_and_files_are_models(tmp_path, monkeypatch):
    assert cascade.load("ert68").method == "ert"
    with pytest.raises(InputError, match="sdm68"):
        cascade.load("sdm86")
    assert "sdm68" in run("models").stdout and "sdm, 68 landmarks" in run("models").stdout
    assert "ert" in run("info", "ert68").stdout
    image = np.zeros((80, 80), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    (tmp_path / "b.csv").write_text("image,left,top,right,bottom\na.png,9,9,60,60\n")
    monkeypatch.chdir(tmp_path)
    one, other = (
        json.loads(run("predict", *model, "a.png", "--boxes", "b.csv").stdout)
        for model in (["ert68"], ["-m", "ert68"])
    )
    assert one == other
    run("convert", "ert68", tmp_path / "copy.safetensors")
    assert cascade.load(tmp_path / "copy.safetensors").method == "ert"


def test_five_lines_of_python(tmp_path, synthetic):
    found = find_faces(synthetic.image(0), "ert68", lambda grey: synthetic.boxes[:1])
    drawn = cascade.draw(synthetic.image(0), found, tmp_path / "drawn.png")
    assert drawn.shape == (*synthetic.image(0).shape, 3)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "drawn.png")), drawn)
    with pytest.raises(InputError, match=r"\.png or \.jpg"):
        cascade.draw(synthetic.image(0), found, tmp_path / "drawn.doc")


def test_scores_and_resolution(tmp_path):
    """The portrait is found at a score; above it, or too small to see, it is not."""
    image = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)
    found = find_faces(image, "ert68")
    assert len(found.scores) == len(found) >= 1 and found.scores[0] > 4
    assert len(find_faces(image, "ert68", min_score=float(found.scores.max()) + 1)) == 0
    assert len(find_faces(image, "ert68", long_side=32)) == 0
    cv2.imwrite(str(tmp_path / "a.png"), image)
    found = find_faces(str(tmp_path / "a.png"), "ert68")  # decoded in grey, which rounds otherwise
    faces = json.loads(run("predict", "ert68", tmp_path / "a.png").stdout)["images"][0]["faces"]
    assert [face["score"] for face in faces] == pytest.approx(found.scores.tolist(), abs=1e-3)
    result = CliRunner().invoke(app, ["predict", "ert68", str(tmp_path / "a.png"), "--boxes", "x",
                                      "--min-score", "5"])  # fmt: skip
    assert result.exit_code == 2
    with pytest.raises(InputError, match="by name"):
        find_faces(image, "ert68", lambda grey: [], min_score=3.0)
