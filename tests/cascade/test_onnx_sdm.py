"""ONNX files of SDM, ferns, key shapes, routes and restarts, beside our own predictor."""

import cv2
import numpy as np
import pytest

from cascade.formats.onnx import export as onnx_format
from cascade.models import pretrained
from features.errors import InputError

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

_NAMES = ["sdm", "esr", "rcpr", "keys", "routes", "sdm-routes"]
# Opsets that the installed onnx and onnxruntime both know.
_OPSETS = [o for o in (13, 15, 17, 20, 22) if o <= onnx.defs.onnx_opset_version()]


def session(data):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def nets(small_models):
    """Sessions of small models by name and options."""
    made = {}

    def get(name, **options):
        key = name, *options.items()
        if key not in made:
            made[key] = session(onnx_format.dumps(small_models[name], **options))
        return made[key]

    return get


def run(net, images, boxes, names=("shapes",)):
    images = images if images.ndim == 3 else images[None]
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    found = net.run(list(names), {"images": images, "boxes": boxes})
    return found if len(names) > 1 else found[0]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("scale", [0.1, 0.3, 1.0, 2.6, 6.3])
def test_faces_of_any_size(small_models, nets, synthetic, name, scale):
    for i in range(3):
        image = cv2.resize(synthetic.image(i), None, fx=scale, fy=scale)
        box = np.float32(synthetic.boxes[i] * scale)
        ours = small_models[name].predict(image, box)
        assert np.abs(run(nets(name), image, box)[0] - ours).max() < 0.01


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("options", [{"mirror": True}, {"n_starts": 4, "mirror": True}])
def test_several_starts_and_the_mirror(small_models, nets, synthetic, name, options):
    net = nets(name, **options)
    image = synthetic.image(1)
    # Cut at an odd place, so that what the mirror shows has other sides than a whole crop.
    for part in (image, image[:-7, 3:]):
        for scale in (0.07, 1.0, 2.2):
            seen = cv2.resize(part, None, fx=scale, fy=scale)
            boxes = np.float32(
                [synthetic.boxes[1] * scale, synthetic.boxes[1] * scale - 30 * scale]
            )
            ours = small_models[name].predict(seen, boxes, **options)
            assert np.abs(run(net, seen, boxes) - ours).max() < 0.01


def test_the_mirror_of_a_crop_that_is_cut(small_models, nets):
    """Small faces are placed in their crops by whole pixels, so that the mirror shows less."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (30, 30), np.uint8), (60, 60))
    net, sides = nets("sdm", mirror=True), set()
    for k in range(40):
        left, top, side = *rng.uniform(5, 30, 2), rng.uniform(4, 16)
        box = np.float32([left, top, left + side, top + side])
        model = small_models["sdm"]
        space = model._space
        views = space.mirrored(space.views(image, space.place(box[None], image.shape)))
        sides.add(views[0].image.shape)
        ours = model.predict(image, box, mirror=True)
        assert np.abs(run(net, image, box)[0] - ours).max() < 0.01, k
    assert len(sides) > 3


@pytest.mark.parametrize("name", _NAMES)
def test_batch_is_dynamic(small_models, nets, synthetic, name):
    net, model = nets(name), small_models[name]
    image, box = synthetic.image(0), synthetic.boxes[0]
    boxes = np.float32(box + np.random.default_rng(0).uniform(-9, 9, (5, 4)))
    assert np.abs(run(net, image, boxes) - model.predict(image, boxes)).max() < 0.01
    assert run(net, image, np.empty((0, 4))).shape == (0, 68, 2)
    size = min(synthetic.image(i).shape for i in range(4))
    images = np.stack([cv2.resize(synthetic.image(i), size[::-1]) for i in range(4)])
    stacked = run(net, images, synthetic.boxes[:4])
    for image, box, shape in zip(images, synthetic.boxes, stacked, strict=False):
        assert np.abs(model.predict(image, box) - shape).max() < 0.01


@pytest.mark.parametrize("name", _NAMES)
def test_impossible_boxes_are_nan_and_leave_the_others_alone(small_models, nets, synthetic, name):
    net, model = nets(name), small_models[name]
    image, box = synthetic.image(0), np.float32(synthetic.boxes[0])
    wrong = np.float32([[50, 10, 20, 90], [np.nan, 0, 9, 9], [900, 0, 990, 90], [-90, 5, -1, 60]])
    for row in wrong:
        with pytest.raises(InputError):
            model.predict(image, row)
    found = run(net, image, np.concatenate([wrong, box[None]]))
    assert np.isnan(found[:-1]).all()
    assert np.abs(found[-1] - model.predict(image, box)).max() < 0.01


def test_spread_and_visibility(small_models, nets, synthetic):
    model, net = small_models["rcpr"], nets("rcpr")
    for i in range(5):
        image, box = synthetic.image(i), np.float32(synthetic.boxes[i])
        shapes, spread, visible = run(net, image, box, ("shapes", "spread", "visible"))
        ours = model.align(image, box)
        assert np.abs(shapes - ours.shapes).max() < 0.01
        assert np.abs(spread - ours.spread).max() < 1e-4
        assert np.abs(visible - ours.visible).max() < 1e-4
    outputs = {name: [o.name for o in nets(name).get_outputs()] for name in ("sdm", "esr", "rcpr")}
    assert outputs["sdm"] == ["shapes"]
    assert outputs["esr"] == ["shapes", "spread"]
    assert outputs["rcpr"] == ["shapes", "spread", "visible"]


def test_restarts_are_taken(small_models, synthetic):
    """Without them, some faces come out otherwise: the test above sees both."""
    model = small_models["rcpr"]
    moved = 0
    for i in range(5):
        image, box = synthetic.image(i), synthetic.boxes[i]
        with_restarts = model.predict(image, box)
        model.restarts = 0
        model._plan()
        moved += not np.array_equal(model.predict(image, box), with_restarts)
        model.restarts = 2
        model._plan()
    assert moved


@pytest.mark.parametrize("opset", _OPSETS)
@pytest.mark.parametrize("name", ["sdm", "rcpr", "keys", "routes"])
def test_versions_of_the_operators(small_models, synthetic, name, opset):
    data = onnx_format.dumps(small_models[name], opset=opset, mirror=True)
    proto = onnx.load_from_string(data)
    onnx.checker.check_model(proto, full_check=True)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", opset)]
    image, box = synthetic.image(2), np.float32(synthetic.boxes[2])
    ours = small_models[name].predict(image, box, mirror=True)
    assert np.abs(run(session(data), image, box)[0] - ours).max() < 0.01


def test_equal_models_give_equal_bytes(small_models):
    assert onnx_format.dumps(small_models["keys"]) == onnx_format.dumps(small_models["keys"])


def test_weights_take_a_byte_each(small_models):
    """The file is no larger than the model and the graph, whatever the size of the model."""
    stages = small_models["sdm"].stages_
    weights = sum(s.predictor.weights.nbytes + s.predictor.basis.nbytes for s in stages)
    assert len(onnx_format.dumps(small_models["sdm"])) < weights + 250_000


def test_compare_runs_the_file(small_models, synthetic, tmp_path):
    from cascade.judging.compare.peers import onnx_network
    from cascade.judging.compare.specs import Spec

    onnx_format.write(small_models["keys"], tmp_path / "m.onnx")
    peer = onnx_network.load(Spec.parse(f"onnx:{tmp_path}/m.onnx"))
    image, box = synthetic.image(0), synthetic.boxes[0]
    assert np.abs(peer(image, box) - small_models["keys"].predict(image, box)).max() < 0.01


def test_real_faces(real_data):
    from data_tools.readers import read_folder

    model = pretrained("sdm68")
    net = session(onnx_format.dumps(model))
    faces = read_folder(real_data / "300w" / "lfpw" / "testset")
    equal = []
    for i in range(len(faces)):
        image, box = faces.image(i), np.float32(faces.boxes[i])
        away = np.abs(run(net, image, box)[0] - model.predict(image, box)).max()
        assert away < 0.01
        equal.append(away == 0)
        if i % 16 == 0:  # a face that is averaged down first
            image, box = cv2.resize(image, None, fx=2.3, fy=2.3), box * np.float32(2.3)
            away = np.abs(run(net, image, box)[0] - model.predict(image, box)).max()
            assert away < 0.01 * max(1, (box[2] - box[0]) / 140)  # in pixels of the crop
    assert np.mean(equal) > 0.6
