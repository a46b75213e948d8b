"""ONNX files, run by onnxruntime, beside our own predictor."""

import json
import sys

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade import LBF, Starts
from cascade.cli import app
from cascade.formats.onnx import export as onnx_format
from cascade.models import pretrained
from features.errors import InputError

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

_FEW = Starts(n=2)


@pytest.fixture(scope="module")
def small_lbf(synthetic):
    """An LBF trained in a second or two."""
    return LBF(radius=(0.2, 0.1), n_trees=2, depth=3, n_tried=20, starts=_FEW, random_state=0).fit(
        synthetic
    )


@pytest.fixture(scope="module", params=["ert", "lbf"])
def small(request, small_ert, small_lbf):
    """A small model of each method that can be written."""
    return {"ert": small_ert, "lbf": small_lbf}[request.param]


def session(model, **options):
    data = onnx_format.dumps(model, **options)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])


def run(net, images, boxes):
    images = images if images.ndim == 3 else images[None]
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return net.run(["shapes"], {"images": images, "boxes": boxes})[0]


def greatest(net, model, image, boxes, **options):
    """Greatest distance in pixels between the two, every face alone."""
    alone = [model.predict(image, box, **options) for box in np.asarray(boxes, np.float32)]
    found = [run(net, image, box)[0] for box in boxes]
    return np.linalg.norm(np.subtract(alone, found), axis=-1).max()


@pytest.mark.parametrize("scale", [0.3, 0.75, 1.0, 2.6, 6.3])
def test_faces_of_any_size(small, synthetic, scale):
    net = session(small)
    for i in range(4):
        image = cv2.resize(synthetic.image(i), None, fx=scale, fy=scale)
        box = synthetic.boxes[i] * scale
        assert greatest(net, small, image, [box]) < 0.01


@pytest.mark.parametrize("scale", [1.0, 2.6])
def test_boxes_across_the_border(small, synthetic, scale):
    image = cv2.resize(synthetic.image(0), None, fx=scale, fy=scale)
    side = 100 * scale
    height, width = image.shape
    corners = [
        (x * width - side / 2, y * height - side / 2)
        for x, y in ((0, 0), (1, 0.1), (0.3, 1.0), (1.2, 1.1), (-0.25, 0.5))
    ]
    boxes = [(x, y, x + side, y + side * 1.1) for x, y in corners]
    assert greatest(session(small), small, image, boxes) < 0.01


@pytest.mark.parametrize(
    "options", [{"n_starts": 3}, {"mirror": True}, {"n_starts": 4, "mirror": True}]
)
@pytest.mark.parametrize("scale", [1.0, 2.2])
def test_several_starts_and_the_mirror(small_ert, synthetic, options, scale):
    net = session(small_ert, **options)
    for i in range(3):
        image = cv2.resize(synthetic.image(i), None, fx=scale, fy=scale)
        boxes = [synthetic.boxes[i] * scale, synthetic.boxes[i] * scale - 60]
        assert greatest(net, small_ert, image, boxes, **options) < 0.01


def test_batch_is_dynamic(small, synthetic):
    net = session(small)
    image, box = synthetic.image(0), synthetic.boxes[0]
    boxes = box + np.random.default_rng(0).uniform(-9, 9, (5, 4))
    together = run(net, image, boxes)
    assert np.array_equal(together, small.predict(image, np.float32(boxes)))
    assert run(net, image, np.empty((0, 4))).shape == (0, 68, 2)
    # One image a box; some faces are read where they are and some from crops.
    size = min(synthetic.image(i).shape for i in range(8))
    images = np.stack([cv2.resize(synthetic.image(i), size[::-1]) for i in range(8)])
    boxes = synthetic.boxes[:8] + np.float32([-20, -20, 20, 20]) * (np.arange(8) % 2)[:, None]
    stacked = run(net, images, boxes)
    assert np.array_equal(stacked, small.predict_many(images, boxes))


def test_a_face_far_from_the_scale_of_training_leaves_the_others_alone(small_ert, synthetic):
    image = cv2.resize(synthetic.image(0), None, fx=2, fy=2)
    left, top, right, bottom = synthetic.boxes[0] * 2
    boxes = np.float32([[left, top, right, bottom], [left + 90, top + 90, right, bottom]])
    together = small_ert.predict(image, boxes)
    assert np.array_equal(run(session(small_ert), image, boxes), together)
    for box, shape in zip(boxes, together, strict=True):
        assert np.array_equal(small_ert.predict(image, box), shape)


def test_impossible_boxes_are_nan_and_leave_the_others_alone(small, synthetic):
    net = session(small)
    image, box = synthetic.image(0), synthetic.boxes[0]
    wrong = np.float32(
        [[50, 10, 20, 90], [np.nan, 0, 9, 9], [0, 0, np.inf, 9], [900, 0, 990, 90],
         [-90, 5, -1, 60], [7, 7, 7, 20]]
    )  # fmt: skip
    for row in wrong:
        with pytest.raises(InputError):
            small.predict(image, row)
    found = run(net, image, np.concatenate([wrong, box[None]]))
    assert np.isnan(found[:-1]).all()
    assert np.array_equal(found[-1], small.predict(image, np.float32(box)))


def test_images_that_do_not_match_the_boxes_are_an_error(small_ert, synthetic):
    images = np.stack([synthetic.image(i)[:150, :150] for i in range(2)])
    with pytest.raises(Exception, match="ONNXRuntimeError"):
        run(session(small_ert), images, synthetic.boxes[:3])


def test_stages_of_both_methods_in_one_model(small_ert, small_lbf, synthetic):
    both = cascade.Cascade(random_state=0)
    for name in ("mean_shape_", "starts_", "scheme_", "frame_", "notes_", "keys_"):
        if hasattr(small_ert, name):
            setattr(both, name, getattr(small_ert, name))
    both.stages_ = small_lbf.stages_[:1] + small_ert.stages_[:2]
    both._plan()
    assert greatest(session(both), both, synthetic.image(1), [synthetic.boxes[1]]) < 0.01


def test_the_file_is_valid_small_and_says_what_it_is(small_ert, tmp_path):
    small_ert.notes_["terms"] = "research only"
    try:
        onnx_format.write(small_ert, tmp_path / "m.onnx")
    finally:
        del small_ert.notes_["terms"]
    proto = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert {opset.domain for opset in proto.opset_import} == {""}
    facts = {entry.key: entry.value for entry in proto.metadata_props}
    assert facts["method"] == "ert"
    assert facts["terms"] == "research only"
    assert facts["scheme"] == small_ert.scheme_.name
    assert json.loads(facts["flip"]) == list(small_ert.scheme_.flip)
    assert "left, top, right, bottom" in proto.doc_string
    assert proto.producer_name == "cascade-align"
    small_ert.save(tmp_path / "m.safetensors")
    graph = 200_000  # what the nodes take, whatever the size of the model
    native = (tmp_path / "m.safetensors").stat().st_size
    assert (tmp_path / "m.onnx").stat().st_size < native + graph


def test_equal_models_give_equal_bytes(small_ert):
    assert onnx_format.dumps(small_ert) == onnx_format.dumps(small_ert)


def test_other_stages_are_refused(synthetic):
    from cascade.methods.dlib import ShapePredictor

    few = {"n_stages": 2, "n_trees": 4, "depth": 2, "random_state": 0}
    model = ShapePredictor(**few).fit(synthetic.subset(slice(20)))
    with pytest.raises(InputError, match=r"cannot be an ONNX file: stage 1 is .*dlib-trees"):
        onnx_format.dumps(model)


def test_options_out_of_range_are_refused(small_ert):
    with pytest.raises(InputError, match="n_starts"):
        onnx_format.dumps(small_ert, n_starts=17)
    with pytest.raises(InputError, match="opset"):
        onnx_format.dumps(small_ert, opset=12)


def test_without_the_package_the_error_says_how_to_get_it(small_ert, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match="pip install onnx"):
        onnx_format.dumps(small_ert)


def test_command(small_ert, synthetic, tmp_path):
    small_ert.save(tmp_path / "m.safetensors")
    target = tmp_path / "m.onnx"
    result = CliRunner().invoke(app, ["convert", str(tmp_path / "m.safetensors"), str(target)])
    assert result.exit_code == 0, result.output
    net = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    assert greatest(net, small_ert, synthetic.image(2), [synthetic.boxes[2]]) < 0.01


@pytest.mark.parametrize("name", ["ert68", "lbf68-fast"])
def test_real_faces(real_data, name):
    from data_tools.readers import read_folder

    model = pretrained(name)
    net = session(model)
    faces = read_folder(real_data / "300w" / "afw")
    for i in range(0, len(faces), 25):
        image = faces.image(i)
        assert greatest(net, model, image, [faces.boxes[i]]) < 0.01
        # A face too large to be read where it is.
        image, box = cv2.resize(image, None, fx=2.3, fy=2.3), faces.boxes[i] * 2.3
        assert greatest(net, model, image, [box]) < 0.01
