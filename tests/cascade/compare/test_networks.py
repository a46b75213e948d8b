"""ONNX networks: tensors in, landmarks out."""

from types import SimpleNamespace

import numpy as np
import pytest

from cascade.judging.compare import open_model
from cascade.judging.compare.crops import SquareCrop
from cascade.judging.compare.peers.decoders.heatmaps import soft_argmax
from cascade.judging.compare.peers.onnx_network import OnnxNetwork
from cascade.judging.compare.specs import Spec
from features.errors import InputError


class Session:
    """What onnxruntime would be: `answer` maps the input tensor to each output."""

    def __init__(self, shape, answers, kind="tensor(float)"):
        self.entry = SimpleNamespace(name="in", shape=shape, type=kind)
        self.answers = answers

    def get_inputs(self):
        return [self.entry]

    def get_outputs(self):
        return [SimpleNamespace(name=name) for name in self.answers]

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map={"trained_on": "300w/somewhere"})

    def run(self, names, feed):
        self.fed = feed["in"]
        return [self.answers[name](self.fed) for name in names]


def network(tmp_path, session, options=""):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"net")
    spec = Spec.parse(f"onnx:{path}{options}")
    found = OnnxNetwork(session, path, spec)
    spec.finish()
    return found


def constant(values):
    return lambda tensor: np.float32(values)


def test_network_of_coordinates(tmp_path):
    rng = np.random.default_rng(0)
    at = rng.random((68, 2)).astype(np.float32)
    session = Session(["N", 3, 32, 32], {"score": constant([[1.0]]), "points": constant([at])})
    find = network(tmp_path, session, "?mean=10,20,30&scale=0.5&expand=2")
    assert (find.points, find.size, find.output) == (68, 32, "points")
    assert find.trained_on == "300w/somewhere"
    image = np.full((100, 100), 110, np.uint8)
    found = find(image, [40, 50, 60, 70])
    # Twice the side of the box around its centre.
    np.testing.assert_allclose(found, at * 40 + [30, 40], rtol=1e-6)
    assert session.fed.shape == (1, 3, 32, 32) and session.fed.dtype == np.float32
    np.testing.assert_allclose(session.fed[0, :, 5, 5], [50, 45, 40])


@pytest.mark.parametrize(
    ("units", "values"), [("crop", 0.25), ("pixels", 7.5), ("symmetric", -0.5)]
)
def test_units_of_coordinates(tmp_path, units, values):
    session = Session([1, 1, 32, 32], {"points": constant(np.full((1, 10), values))})
    find = network(tmp_path, session, f"?units={units}")
    np.testing.assert_allclose(find(np.zeros((90, 90), np.uint8), [0, 0, 64, 64]), 16)


def test_network_of_heatmaps_in_the_last_layout(tmp_path):
    maps = np.zeros((1, 5, 16, 16), np.float32)
    maps[0, :, 3, 11] = 2
    session = Session([1, 64, 64, 3], {"maps": constant(maps)}, "tensor(uint8)")
    find = network(tmp_path, session)
    assert find.points == 5 and "soft-argmax" in find.about
    found = find(np.zeros((90, 90), np.uint8), [0, 0, 64, 64])
    np.testing.assert_allclose(found, np.tile([11.5 * 4, 3.5 * 4], (5, 1)))
    assert session.fed.shape == (1, 64, 64, 3) and session.fed.dtype == np.uint8


def test_soft_argmax_by_hand():
    maps = np.zeros((3, 2, 4))
    maps[0, 0, 0], maps[0, 0, 1] = 1, 3
    maps[1, 1, 3] = 60
    found = soft_argmax(maps)
    np.testing.assert_allclose(found[0], [(0.5 + 3 * 1.5) / 4 / 4, 0.25])
    assert np.isnan(found[2]).all()
    np.testing.assert_allclose(soft_argmax(maps, beta=1)[1], [3.5 / 4, 0.75])
    np.testing.assert_allclose(soft_argmax(maps, beta=1)[2], [0.5, 0.5])


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        (["N", 3, None, None], "", "size=112"),
        ([1, 3, 32, 32], "?size=64", "not a square of 64"),
        ([1, 3, 32, 32], "?color=grey", "color=grey"),
        ([1, 3, 32, 32], "?layout=chw", "layout"),
        ([1, 3, 32, 32], "?mean=1,2", "mean needs"),
        ([1, 3, 32, 32], "?scale=fast", "scale cannot be"),
        ([1, 3, 32, 32], "?units=miles", "units"),
        ([1, 3, 32, 32], "?output=other", "no output 'other'"),
        ([1, 3, 32, 32], "?points=21", "no output holds 21"),
        ([1, 3, 32, 32], "?beat=3", "no option 'beat'"),
        ([1, 3, 32], "", "4 axes"),
    ],
)
def test_wrong_networks_say_so(tmp_path, shape, options, words):
    with pytest.raises(InputError, match=words):
        network(tmp_path, Session(shape, {"p": constant(np.zeros((1, 136)))}), options)


def test_onnx_file_through_onnxruntime(tmp_path, faces):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    # The mean grey of the crop, 136 times.
    weights = np.full((16 * 16, 136), 1 / 256, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["in"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["out"]),
        ],
        "mean",
        [helper.make_tensor_value_info("in", kind, [1, 1, 16, 16])],
        [helper.make_tensor_value_info("out", kind, [1, 136])],
        [helper.make_tensor("w", kind, weights.shape, weights.ravel())],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "mean.onnx"
    path.write_bytes(proto.SerializeToString())
    find = open_model(f"onnx:{path}").find
    image = np.full((80, 80), 51, np.uint8)  # 0.2 of white
    np.testing.assert_allclose(find(image, [10, 10, 60, 60]), 10 + 0.2 * 50, rtol=1e-5)
    assert find.points == 68
    path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot load"):
        open_model(f"onnx:{path}")


def test_crop_of_a_ramp_and_back():
    x, y = np.meshgrid(np.arange(200), np.arange(160))
    for angle, box in ((0, [40, 30, 104, 94]), (0.3, [50, 40, 90, 80]), (0, [10, 5, 150, 145])):
        crop = SquareCrop(box, 32, angle=angle)
        centres = (np.stack(np.meshgrid(np.arange(32), np.arange(32)), -1) + 0.5) / 32
        where = crop.to_image(centres.reshape(-1, 2)).reshape(32, 32, 2)
        for axis, ramp in enumerate((x, y)):
            seen = crop.cut(ramp.astype(np.uint8))
            assert np.abs(seen - where[:, :, axis]).max() < 1.1
