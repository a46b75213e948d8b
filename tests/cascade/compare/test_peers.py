"""Models of other libraries, and stand-ins for them."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cascade.judging.compare import open_model
from cascade.judging.compare.peers.mediapipe_mesh import MESH68
from data_tools.schemes import FACE68
from features.errors import InputError


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
    with pytest.raises(InputError, match="not a shape predictor"):
        open_model(f"dlib:{path}")


def test_opencv_facemarks_through_a_stand_in(tmp_path, monkeypatch, faces):
    class Facemark:
        def loadModel(self, path):
            if b"good" not in open(path, "rb").read():
                raise cv2.error("bad file")

        def fit(self, image, boxes):
            (left, top, width, height) = boxes[0]
            assert image.ndim == 2 and boxes.dtype == np.int32
            corner = np.float32([left + width, top + height])
            return True, (np.tile(corner, (1, 68, 1)),)

    monkeypatch.setattr(cv2, "face", SimpleNamespace(createFacemarkLBF=Facemark), raising=False)
    path = tmp_path / "lbfmodel.yaml"
    path.write_bytes(b"good")
    found = open_model(f"opencv-lbf:{path}").find
    np.testing.assert_array_equal(found(faces.image(0), [1.2, 2, 10, 30])[5], [10, 30])
    assert "may include" in found.seen
    path.write_bytes(b"bad")
    with pytest.raises(InputError, match="not a model of opencv-lbf"):
        open_model(f"opencv-lbf:{path}")


def test_the_mesh_map_has_a_mirror():
    """Where 300-W mirrors two landmarks, their vertices are mirrored in the mesh too."""
    assert len(set(MESH68)) == 68 and max(MESH68) < 468
    # Pairs of the published topology, right to left.
    mirror = {127: 356, 234: 454, 132: 361, 172: 397, 33: 263, 133: 362, 61: 291, 78: 308, 75: 305}
    for right, left in mirror.items():
        assert FACE68.flip[MESH68.index(right)] == MESH68.index(left)
    for alone in (152, 168, 4, 2, 0, 13, 17, 14):
        assert FACE68.flip[MESH68.index(alone)] == MESH68.index(alone)
