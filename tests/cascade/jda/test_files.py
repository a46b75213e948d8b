"""Files of joint cascades, sound and damaged."""

import numpy as np
import pytest

import cascade
from cascade.loop import model_file
from data_tools.detectors import get_detector
from features.errors import InputError


def test_a_file_holds_the_whole_model(model, faces, tmp_path):
    path = tmp_path / "jda.safetensors"
    model.save(path)
    again = cascade.load(path)
    assert path.read_bytes() == (model.save(path), path.read_bytes())[1]
    for i in range(3):
        ours, theirs = (m.detect(faces.image(i), min_size=40) for m in (model, again))
        for name in ("boxes", "scores", "shapes"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    detector = get_detector(f"jda:{path}")
    boxes, scores = detector.search(faces.image(0))
    assert boxes.dtype == np.float32 and len(boxes) == len(scores)


def _points(header, arrays):
    arrays["front.nodes"][0, 0, 0] = 24 * 24


def _negative(header, arrays):
    arrays["stages.0.nodes"][1, 2, 1] = -1


def _anchor(header, arrays):
    arrays["stages.0.anchors"][3] = 68


def _leaves(header, arrays):
    arrays["stages.0.leaves"] = arrays["stages.0.leaves"][:, :-1]


def _weights(header, arrays):
    arrays["verifier.weights"] = arrays["verifier.weights"][:-1]


def _infinite(header, arrays):
    arrays["mean"][0, 0] = np.inf


def _context(header, arrays):
    header["parameters"]["context"] = 50.0


def _many(header, arrays):
    header["stages"] = 10**9


@pytest.mark.parametrize(
    "damage", [_points, _negative, _anchor, _leaves, _weights, _infinite, _context, _many]
)
def test_files_whose_numbers_do_not_fit_are_refused(damage, model, tmp_path):
    header, arrays = model.state()
    header = {**header, "parameters": dict(header["parameters"])}
    arrays = {name: array.copy() for name, array in arrays.items()}
    damage(header, arrays)
    path = tmp_path / "bad.safetensors"
    model_file.write(path, header, arrays)
    with pytest.raises(InputError, match="damaged"):
        cascade.load(path)
