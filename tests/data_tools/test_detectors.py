import builtins
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage import data

from data_tools import detectors
from data_tools.boxes import iou
from data_tools.corrections import by_landmarks
from data_tools.detectors import get_detector
from features.errors import InputError


# The astronaut's face, read off the photograph: eyebrows to chin, ear to ear.
def detect(image, detector="lbp"):
    """Boxes of lbp, which most of these tests are about; jda has tests of its own."""
    return detectors.detect(image, detector)


ASTRONAUT = [180, 78, 265, 172]


@pytest.fixture(scope="module")
def astronaut():
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)


def overlap(boxes, box=ASTRONAUT):
    return iou(boxes, [box])[:, 0]


def test_lbp_finds_the_astronaut_first(astronaut):
    boxes = detect(astronaut)
    assert boxes.dtype == np.float32
    assert boxes.shape[1] == 4
    assert overlap(boxes)[0] > 0.6
    assert len(boxes) <= 2


def test_lbp_in_a_large_photograph(astronaut):
    large = cv2.resize(astronaut, (2000, 1500), interpolation=cv2.INTER_AREA)
    expected = np.array(ASTRONAUT) * np.tile([2000 / 512, 1500 / 512], 2)
    assert overlap(detect(large), expected)[0] > 0.6


def test_lbp_finds_a_face_that_fills_the_image(astronaut):
    close = astronaut[70:180, 170:275]
    assert overlap(detect(close), np.array(ASTRONAUT) - [170, 70, 170, 70])[0] > 0.5


def test_lbp_finds_a_tilted_face(astronaut):
    crop = np.ascontiguousarray(astronaut[20:240, 110:330])
    turn = cv2.getRotationMatrix2D((110, 105), 25, 1)
    tilted = cv2.warpAffine(crop, turn, crop.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    centre = turn @ [222.5 - 110, 125 - 20, 1]
    box = np.concatenate([centre - 45, centre + 45])
    assert overlap(detect(tilted), box)[0] > 0.4


def test_lbp_finds_two_faces(astronaut):
    crop = astronaut[20:240, 110:330]
    boxes = detect(np.hstack([crop, crop[:, ::-1]]))
    first = np.array(ASTRONAUT) - [110, 20, 110, 20]
    second = [440 - first[2], first[1], 440 - first[0], first[3]]
    assert (iou([first, second], boxes).max(1) > 0.5).all()


@pytest.mark.parametrize("size", [(1, 1), (23, 23), (2, 3000), (60, 80)])
def test_no_face(size):
    boxes = detect(np.full(size, 90, np.uint8))
    assert boxes.shape == (0, 4)
    assert boxes.dtype == np.float32


def test_read_only_image(astronaut):
    crop = astronaut[40:220, 130:310].copy()
    crop.flags.writeable = False
    assert len(detect(crop))


def test_many_hits_stay_bounded():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (4000, 2))
    hits = np.hstack([corner, corner + rng.uniform(20, 60, (4000, 1))])
    boxes, scores = detectors._load("lbp")._groups(hits, np.ones(4000), 160)
    assert len(boxes) == len(scores) < 100
    assert scores.sum() < 4000


def test_recall_on_training_faces(real_data):
    """A few photographs, enough to see it break."""
    from cascade.models import pretrained
    from data_tools.readers.boxes import read_boxes

    folder = real_data / "300w" / "helen" / "trainset"
    boxes = read_boxes(folder / "boxes.csv")
    names = sorted(boxes)[::125]
    sdm68 = pretrained("sdm68")
    correction = by_landmarks("lbp", sdm68.scheme_, sdm68.mean_shape_)
    overlaps = []
    for name in names:
        found = detect(cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE), "lbp")
        overlaps.append(overlap(correction.apply(found), boxes[name][0]).max(initial=0))
    assert np.mean(np.array(overlaps) > 0.4) > 0.7
    assert np.median(overlaps) > 0.65


def test_detectors_are_loaded_once_and_callables_pass():
    assert get_detector("lbp") is get_detector("lbp")

    def mine(image):
        return np.zeros((1, 4), np.float32)

    assert get_detector(mine) is mine
    assert detect(np.zeros((5, 5), np.uint8), mine).shape == (1, 4)


@pytest.mark.parametrize("spec", ["viola", "", "lbp:", "yunet", "yunet:", "dlib:x"])
def test_unknown_detector_lists_the_choices(spec):
    with pytest.raises(InputError, match="lbp, dlib, yunet:FILE"):
        get_detector(spec)


def test_dlib(astronaut):
    pytest.importorskip("dlib")
    boxes = detect(astronaut[20:240, 110:330], "dlib")
    assert overlap(boxes + np.array([110, 20, 110, 20]))[0] > 0.6
    assert detect(np.zeros((60, 50), np.uint8), "dlib").shape == (0, 4)


def test_without_dlib(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == "dlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError, match="pip install dlib-bin"):
        detectors._load.__wrapped__("dlib")


def test_yunet_files(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        get_detector(f"yunet:{tmp_path / 'absent.onnx'}")
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"not a network")
    with pytest.raises(InputError, match=r"wrong\.onnx"):
        get_detector(f"yunet:{wrong}")
    monkeypatch.setattr(detectors._YuNet, "MAX_BYTES", 4)
    with pytest.raises(InputError, match="larger"):
        get_detector(f"yunet:{wrong}")
    monkeypatch.delattr(cv2, "FaceDetectorYN")
    with pytest.raises(InputError, match="FaceDetectorYN"):
        get_detector(f"yunet:{wrong}")


def test_yunet_boxes(tmp_path, monkeypatch):
    """The network is a stand-in that finds a small sure face and a large one."""

    class Network:
        def setInputSize(self, size):
            assert size == (1280, 640)

        def detect(self, image):
            assert image.shape == (640, 1280, 3)
            rows = np.zeros((2, 15), np.float32)
            rows[:, :4] = [10, 20, 30, 40], [100, 100, 200, 240]
            rows[:, 14] = 0.99, 0.7
            return 1, rows

    creator = SimpleNamespace(create=lambda *args: Network())
    monkeypatch.setattr(cv2, "FaceDetectorYN", creator)
    file = tmp_path / "net.onnx"
    file.write_bytes(b"x")
    boxes = detect(np.zeros((1280, 2560), np.uint8), f"yunet:{file}")
    assert (boxes + 0.5).tolist() == [[200, 200, 600, 680], [20, 40, 80, 120]]
