"""Models of other libraries, and stand-ins for them."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cascade.judging.compare import open_model
from cascade.judging.compare.peers.mediapipe_mesh import MESH68
from data_tools.schemes import FACE68
from features.errors import InputError

CORPUS = Path(__file__).resolve().parents[2] / "corpus"


def test_dlib_predicts_what_dlib_predicts(tmp_path, faces):
    dlib = pytest.importorskip("dlib", reason="dlib is not installed: pip install dlib-bin")
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level, options.tree_depth = 2, 5, 2
    options.oversampling_amount = 1
    rectangles = [dlib.rectangle(*np.rint(box).astype(int).tolist()) for box in faces.boxes]
    truth = [
        [dlib.full_object_detection(r, dlib.points([dlib.point(*map(int, p)) for p in shape]))]
        for r, shape in zip(rectangles, faces.shapes, strict=True)
    ]
    images = [faces.image(i) for i in range(len(faces))]
    path = tmp_path / "shape_predictor_68_face_landmarks.dat"
    dlib.train_shape_predictor(images, truth, options).save(str(path))
    found = open_model(f"dlib:{path}")
    assert found.find.points == 68 and found.find.n_bytes == path.stat().st_size
    assert "300-W" in found.find.seen  # a file of that name saw all of it
    parts = dlib.shape_predictor(str(path))(images[0], rectangles[0]).parts()
    assert found.find(images[0], faces.boxes[0]) == [(p.x, p.y) for p in parts]
    path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a sound dlib shape predictor"):
        open_model(f"dlib:{path}")


def test_a_file_that_ends_dlib_is_refused_before(tmp_path):
    """In a process of its own, which dlib ended by a segmentation fault."""
    pytest.importorskip("dlib", reason="dlib is not installed: pip install dlib-bin")
    data = bytearray((CORPUS / "dat" / "sound").read_bytes())
    assert data[4353] == 20  # a count near its end
    data[4353] = 1
    path = tmp_path / "hostile.dat"
    path.write_bytes(data)
    code = (
        "import sys; from cascade.judging.compare import open_model\n"
        "from features.errors import InputError\n"
        "try: open_model(sys.argv[1])\n"
        "except InputError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"dlib:{path}"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "hostile.dat: not a sound dlib" in done.stdout


def test_opencv_facemarks_through_a_stand_in(tmp_path, monkeypatch, faces):
    class Facemark:
        def loadModel(self, path):
            pass

        def fit(self, image, boxes):
            (left, top, width, height) = boxes[0]
            assert image.ndim == 2 and boxes.dtype == np.int32
            corner = np.float32([left + width, top + height])
            return True, (np.tile(corner, (1, 68, 1)),)

    monkeypatch.setattr(cv2, "face", SimpleNamespace(createFacemarkLBF=Facemark), raising=False)
    path = tmp_path / "lbfmodel.yaml"
    shutil.copy(CORPUS / "opencv" / "sound", path)
    found = open_model(f"opencv-lbf:{path}").find
    np.testing.assert_array_equal(found(faces.image(0), [1.2, 2, 10, 30])[5], [10, 30])
    assert "may include" in found.seen
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="not a sound FacemarkLBF"):
        open_model(f"opencv-lbf:{path}")


def test_opencv_refuses_by_name_what_only_it_can_read(tmp_path, monkeypatch):
    class Facemark:
        def loadModel(self, path):
            raise cv2.error("bad file")

    maker = SimpleNamespace(createFacemarkKazemi=Facemark)
    monkeypatch.setattr(cv2, "face", maker, raising=False)
    path = tmp_path / "kazemi.dat"
    path.write_bytes(b"bad")
    with pytest.raises(InputError, match="not a model of opencv-kazemi"):
        open_model(f"opencv-kazemi:{path}")


@pytest.mark.parametrize("kind", ["dlib", "opencv-lbf", "opencv-kazemi", "onnx", "mediapipe"])
def test_models_larger_than_any_are_not_opened(tmp_path, kind):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate((1 << 31) + 1)  # takes no room
    with pytest.raises(InputError, match="large: larger than any model"):
        open_model(f"{kind}:{path}")


def test_the_mesh_map_has_a_mirror():
    """Where 300-W mirrors two landmarks, their vertices are mirrored in the mesh too."""
    assert len(set(MESH68)) == 68 and max(MESH68) < 468
    # Pairs of the published topology, right to left.
    mirror = {127: 356, 234: 454, 132: 361, 172: 397, 33: 263, 133: 362, 61: 291, 78: 308, 75: 305}
    for right, left in mirror.items():
        assert FACE68.flip[MESH68.index(right)] == MESH68.index(left)
    for alone in (152, 168, 4, 2, 0, 13, 17, 14):
        assert FACE68.flip[MESH68.index(alone)] == MESH68.index(alone)
