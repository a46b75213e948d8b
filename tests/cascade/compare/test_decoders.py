"""Every `decode` of ONNX networks: tiny files whose landmarks are known."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from cascade.judging.compare import open_model
from cascade.judging.compare.peers.decoders.heatmaps import soft_argmax
from features.errors import InputError

BOX = np.float32([40, 30, 104, 94])  # a square of 64 pixels
IMAGE = np.random.default_rng(0).integers(0, 256, (130, 150)).astype(np.uint8)


@pytest.fixture
def network(tmp_path):
    """Writes a network that takes 32 x 32 grey pixels and gives the arrays asked for."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT

    def write(*answers, operator="Add"):
        nodes, constants, outputs = [helper.make_node("ReduceMean", ["face"], ["mean"])], [], []
        for i, answer in enumerate(np.float32(answer) for answer in answers):
            constants += [
                helper.make_tensor(f"c{i}", kind, answer.shape, answer.ravel()),
                helper.make_tensor(f"zero{i}", kind, (), [0.0]),
            ]
            nodes += [
                helper.make_node("Mul", ["mean", f"zero{i}"], [f"nothing{i}"]),
                helper.make_node("Reshape", [f"nothing{i}", "flat"], [f"number{i}"]),
                helper.make_node(operator, [f"c{i}", f"number{i}"], [f"out{i}"]),
            ]
            outputs.append(helper.make_tensor_value_info(f"out{i}", kind, answer.shape))
        constants.append(helper.make_tensor("flat", onnx.TensorProto.INT64, (1,), [1]))
        entry = helper.make_tensor_value_info("face", kind, [1, 1, 32, 32])
        graph = helper.make_graph(nodes, "constant", [entry], outputs, constants)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / "net.onnx"
        path.write_bytes(proto.SerializeToString())
        return path

    return write


def table(tmp_path, rows):
    path = tmp_path / "places.txt"
    path.write_text("\n".join(" ".join(map(str, row)) for row in rows))
    return path


def in_image(fractions):
    return BOX[:2] + np.asarray(fractions) * 64


def test_coords_of_the_output_that_holds_them(network):
    at = np.random.default_rng(1).random((68, 2))
    path = network([[3.0, 4.0, 5.0]], at.reshape(1, -1) * 2 - 1)
    find = open_model(f"onnx:{path}?decode=coords&units=symmetric&expand=2&down=0.5").find
    assert find.points == 68
    np.testing.assert_allclose(find(IMAGE, BOX), [72, 94] + (at - 0.5) * 128, atol=1e-3)
    with pytest.raises(InputError, match="no output holds any points as heatmaps"):
        open_model(f"onnx:{path}?decode=heatmap")
    with pytest.raises(InputError, match="decode must be coords"):
        open_model(f"onnx:{path}?decode=mesh")
    with pytest.raises(InputError, match="down must be"):
        open_model(f"onnx:{path}?down=9")


@pytest.mark.parametrize("last", [False, True])
def test_heatmaps_in_either_layout_and_their_windows(network, last):
    maps = np.zeros((68, 16, 16)) + 0.01
    rows, columns = np.divmod(np.arange(68), 16)
    maps[np.arange(68), rows + 4, columns] = 1
    layout = maps.transpose(1, 2, 0) if last else maps
    path = network(layout[None])
    find = open_model(f"onnx:{path}?decode=heatmap&window=1").find
    expected = np.stack([columns + 0.5, rows + 4.5], -1) / 16
    np.testing.assert_allclose(find(IMAGE, BOX), in_image(expected), atol=1e-3)
    # Without a window the low background pulls to the middle, and a large beta undoes that.
    plain = open_model(f"onnx:{path}").find(IMAGE, BOX)
    assert np.linalg.norm(plain - in_image(expected), axis=1).max() > 20
    sharp = open_model(f"onnx:{path}?beta=60").find(IMAGE, BOX)
    np.testing.assert_allclose(sharp, in_image(expected), atol=0.01)
    with pytest.raises(InputError, match="window must be"):
        open_model(f"onnx:{path}?window=0")


def test_a_window_by_hand():
    maps = np.zeros((1, 5, 5))
    maps[0, 2, 1], maps[0, 2, 2], maps[0, 4, 4] = 3, 1, 2
    np.testing.assert_allclose(soft_argmax(maps, window=3), [[(1.5 * 3 + 2.5) / 4 / 5, 0.5]])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("as_rows", [False, True])
def test_position_maps_of_prnet(network, tmp_path, last, as_rows):
    rng = np.random.default_rng(2)
    positions = rng.random((3, 20, 24))
    places = np.stack([rng.integers(0, 24, 68), rng.integers(0, 20, 68)], -1)
    path = network((positions.transpose(1, 2, 0) if last else positions)[None])
    index = table(tmp_path, places.T.tolist() if as_rows else places.tolist())
    find = open_model(f"onnx:{path}?decode=uvmap&gain=1.1&index={index}").find
    assert find.points == 68
    expected = positions[:2, places[:, 1], places[:, 0]].T * 1.1
    np.testing.assert_allclose(find(IMAGE, BOX), in_image(expected), atol=1e-3)


def test_wrong_position_maps_say_so(network, tmp_path):
    path = network(np.zeros((1, 3, 20, 24)))
    with pytest.raises(InputError, match="add index=FILE"):
        open_model(f"onnx:{path}?decode=uvmap")
    index = table(tmp_path, [(23, 19), (24, 0)])
    with pytest.raises(InputError, match="places beyond a map of 24 x 20"):
        open_model(f"onnx:{path}?decode=uvmap&index={index}")
    for text, words in (("1 2\n3 x", "table of numbers"), ("1 2\n3", "table of numbers"),
                        ("1 2 3\n4 5 6\n7 8 9", "two numbers"), ("", "two numbers"),
                        ("-1 2\n1 2", "from 0"), ("nan 1\n1 2", "from 0"),
                        ("1 2\n" * 5000, "two numbers")):  # fmt: skip
        index.write_text(text)
        with pytest.raises(InputError, match=rf"places\.txt: .*{words}"):
            open_model(f"onnx:{path}?decode=uvmap&index={index}")
    with pytest.raises(InputError, match="larger than the"):
        index.write_bytes(b"1 2\n" * (1 << 19))
        open_model(f"onnx:{path}?decode=uvmap&index={index}")
    index.write_text("1 2\n3 4")
    with pytest.raises(InputError, match="no output holds any points as UV position map"):
        open_model(f"onnx:{network([[1.0, 2.0]])}?decode=uvmap&index={index}")


def face_model(tmp_path, **changes):
    """A face model of 80 vertices, 68 of them landmarks, 4 shapes and 2 expressions."""
    rng = np.random.default_rng(3)
    arrays = {
        "mean": rng.normal(0, 30, 240).astype(np.float32),
        "shape": rng.normal(0, 1, (240, 4)).astype(np.float32),
        "expression": rng.normal(0, 1, (240, 2)).astype(np.float32),
        "keypoints": rng.permutation(80)[:68].astype(np.int64),
        "param_mean": rng.normal(0, 1, 18).astype(np.float32),
        "param_std": rng.random(18).astype(np.float32) + 0.5,
    } | changes
    arrays = {name: array for name, array in arrays.items() if array is not None}
    path = tmp_path / "face.safetensors"
    save_file(arrays, path)
    return path, arrays


def test_parameters_of_a_face_model(network, tmp_path):
    path, arrays = face_model(tmp_path)
    truth = np.random.default_rng(4).normal(0, 1, 18)
    answer = (truth - arrays["param_mean"]) / arrays["param_std"]
    find = open_model(f"onnx:{network(answer[None])}?decode=3dmm&model={path}").find
    assert find.points == 68
    expected = []
    for vertex in arrays["keypoints"]:
        rows = slice(3 * vertex, 3 * vertex + 3)
        point = (
            arrays["mean"][rows]
            + arrays["shape"][rows] @ truth[12:16]
            + arrays["expression"][rows] @ truth[16:]
        )
        x = truth[0:3] @ point + truth[3]
        y = truth[4:7] @ point + truth[7]
        # Matlab's pixel 1 is our 0, and its y begins below.
        expected.append(((x - 1 + 0.5) / 32, (32 - y + 0.5) / 32))
    np.testing.assert_allclose(find(IMAGE, BOX), in_image(expected), atol=0.02)


def test_face_models_without_scales_and_with_vertices_in_rows(network, tmp_path):
    rng = np.random.default_rng(5)
    path, arrays = face_model(
        tmp_path, mean=rng.normal(0, 1, (80, 3)).astype(np.float32), keypoints=None,
        param_mean=None, param_std=None,
    )  # fmt: skip
    answer = np.zeros(18)
    answer[[0, 3, 5, 7]] = 2, 10, 2, 20  # twice as large, about (10, 20)
    spec = f"onnx:{network(answer[None])}?decode=3dmm&model={path}&points=68"
    with pytest.raises(InputError, match="no output holds 68 points as 3-D face model"):
        open_model(spec)
    find = open_model(spec.removesuffix("&points=68")).find
    assert find.points == 80
    x, y = arrays["mean"][:, 0] * 2 + 10, arrays["mean"][:, 1] * 2 + 20
    expected = np.stack([x - 0.5, 32.5 - y], -1) / 32
    np.testing.assert_allclose(find(IMAGE, BOX), in_image(expected), atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": None}, "no array 'shape'"),
        ({"mean": np.zeros(239, np.float32)}, "mean must hold x, y and z"),
        ({"expression": np.zeros((237, 2), np.float32)}, "as many rows"),
        ({"expression": np.zeros(240, np.float32)}, "as many rows"),
        ({"keypoints": np.arange(68) + 20}, "keypoints must be at least 2 vertices below 80"),
        ({"keypoints": np.arange(68) - 1}, "keypoints must be"),
        ({"param_std": np.ones(62, np.float32)}, "must hold 18 numbers"),
        ({"mean": np.full(240, np.nan, np.float32)}, "mean must hold finite"),
    ],
)
def test_wrong_face_models_say_so(network, tmp_path, changes, words):
    path, _ = face_model(tmp_path, **changes)
    with pytest.raises(InputError, match=rf"face\.safetensors: .*{words}"):
        open_model(f"onnx:{network(np.zeros((1, 18)))}?decode=3dmm&model={path}")


def test_no_face_model_or_a_damaged_one(network, tmp_path):
    net = network(np.zeros((1, 18)))
    with pytest.raises(InputError, match=r"add model=FILE\.safetensors"):
        open_model(f"onnx:{net}?decode=3dmm")
    path, _ = face_model(tmp_path)
    data = path.read_bytes()
    for damaged in (data[:200], b"", b"nonsense" * 9, data[:8] + b"x" + data[9:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="not a sound"):
            open_model(f"onnx:{net}?decode=3dmm&model={path}")


@pytest.mark.parametrize("last", [False, True])
def test_dense_u_and_v_between_pixels(network, tmp_path, last):
    turned = np.array([[0.04, 0.01], [-0.012, 0.05]])
    rows, columns = np.mgrid[:16, :16].astype(float)
    uv = np.stack([columns, rows], -1) @ turned.T + [0.2, 0.12]
    face = np.ones((16, 16))
    at = np.random.default_rng(6).uniform(2, 13, (68, 2))
    places = at @ turned.T + [0.2, 0.12]
    assert places.min() > 0 and places.max() < 1
    maps = np.stack([face, uv[..., 0], uv[..., 1]])
    index = table(tmp_path, places.tolist())
    path = network((maps.transpose(1, 2, 0) if last else maps)[None])
    find = open_model(f"onnx:{path}?decode=iuv&index={index}").find
    assert find.points == 68
    np.testing.assert_allclose(find(IMAGE, BOX), in_image((at + 0.5) / 16), atol=0.02)
    # Beyond the face's edge the nearest pixel, or what lies a pixel and a half from it, is taken.
    maps[0, :, :8] = 0
    find = open_model(f"onnx:{network(maps[None])}?decode=iuv&index={index}").find
    found = (find(IMAGE, BOX) - BOX[:2]) / 4 - 0.5
    assert found[:, 0].min() >= 6.5
    assert np.isnan(
        open_model(f"onnx:{path}?decode=iuv&index={index}&face=2").find(IMAGE, BOX)
    ).all()


def test_dense_u_and_v_in_steps(network, tmp_path):
    n_steps, rng = 4, np.random.default_rng(7)
    rows, columns = np.mgrid[:16, :16].astype(float)
    u, v = (columns + 1) / 18, (rows + 1) / 18
    maps = []
    for values in (u, v):
        step = np.floor(values * n_steps).astype(int)
        scores = rng.normal(0, 0.1, (n_steps + 1, 16, 16))
        np.put_along_axis(scores, step[None] + 1, 3, axis=0)
        scores[0, :2] = 9  # background
        rest = rng.normal(0, 1, (n_steps, 16, 16))
        np.put_along_axis(rest, step[None], (values * n_steps - step)[None], axis=0)
        maps += [scores, rest]
    at = rng.uniform(4, 13, (5, 2))
    index = table(tmp_path, ((at + 1) / 18).tolist())
    path = network(np.concatenate(maps)[None])
    find = open_model(f"onnx:{path}?decode=iuv&index={index}").find
    np.testing.assert_allclose(find(IMAGE, BOX), in_image((at + 0.5) / 16), atol=0.02)


def test_wrong_dense_networks_say_so(network, tmp_path):
    index = table(tmp_path, [(0.5, 1.5), (0.1, 0.1)])
    with pytest.raises(InputError, match="index= must be 0 to 1"):
        open_model(f"onnx:{network(np.zeros((1, 3, 9, 9)))}?decode=iuv&index={index}")
    index = table(tmp_path, [(0.5, 0.5), (0.1, 0.1)])
    for shape in ((1, 4, 9, 9), (1, 136), (2, 3, 9, 9), (1, 3, 9, 1)):
        with pytest.raises(InputError, match="no output holds any points as dense u and v"):
            open_model(f"onnx:{network(np.zeros(shape))}?decode=iuv&index={index}")


def test_unknown_operators_and_cut_files_are_one_sentence(network):
    path = network(np.zeros((1, 136)), operator="AddFromTheFuture")
    with pytest.raises(InputError, match=r"net\.onnx: onnxruntime cannot load it") as raised:
        open_model(f"onnx:{path}")
    assert "\n" not in str(raised.value)
    data = network(np.zeros((1, 136))).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"net\.onnx: onnxruntime cannot load it"):
        open_model(f"onnx:{path}")
