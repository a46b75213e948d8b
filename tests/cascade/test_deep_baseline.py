"""The deep baseline in small: its crops, losses, checkpoints, and the way to an ONNX file."""

import importlib
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade import Starts
from cascade.judging.compare.crops import SquareCrop
from cascade.judging.compare.specs import open_model
from cascade.loop.starts import mean_shape
from data_tools.synthetic import synthetic_faces
from data_tools.writers import write_pts
from features.errors import InputError
from features.frame import Frame

ROOM = Path(__file__).parents[2] / "examples" / "deep_baseline"
SMALL = ("--size", "32", "--width", "4", "--blocks", "1", "1", "--batch", "8",
         "--validation", "0.25", "--rate", "0.003")  # fmt: skip


@pytest.fixture
def room(monkeypatch):
    """Imports a module of the example."""
    monkeypatch.syspath_prepend(str(ROOM))
    return importlib.import_module


@pytest.fixture
def deep(room):
    """The same, where there is Keras with a backend."""
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install '.[deep]'")
    if not find_spec("keras") or not (find_spec("tensorflow") or find_spec("torch")):
        pytest.skip("Keras or its backend is not installed: pip install '.[deep]'")
    room("options").load_keras(1)
    return room


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(24, seed=5, size=96)


@pytest.fixture
def folder(faces, tmp_path):
    """The faces as files."""
    folder = tmp_path / "faces"
    folder.mkdir()
    rows = ["image,left,top,right,bottom"]
    for i in range(len(faces)):
        cv2.imwrite(str(folder / f"{i:02}.png"), faces.image(i))
        write_pts(folder / f"{i:02}.pts", faces.shapes[i])
        rows.append(f"{i:02}.png," + ",".join(f"{edge:.3f}" for edge in faces.boxes[i]))
    (folder / "boxes.csv").write_text("\n".join(rows))
    return folder


def still(crops):
    """Crops that nothing moves."""
    starts = Starts(1, mix=(1.0, 1.0), shift=0.0, scale=0.0, roll=0.0)
    return crops.Crops(64, 1.5, starts, contrast=0.0, brightness=0.0)


def test_crops_that_do_not_move_are_those_of_compare(room, faces):
    cut = still(room("crops"))
    store = faces.store(Frame(128, 64), mirror=False)
    mean = mean_shape(store.shapes)
    batches = list(cut.epoch(store, mean, 10, np.random.default_rng(0)))
    assert [len(seen) for seen, _ in batches] == [10, 10, 4]
    seen, truth = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    order = np.random.default_rng(0).permutation(len(faces))
    plain, to_image = cut.plain(faces)
    np.testing.assert_allclose(to_image(truth[np.argsort(order)]), faces.shapes, atol=1e-3)
    for row, i in enumerate(order):
        seen_by_compare = SquareCrop(faces.boxes[i], 64, 1.5).cut(faces.image(i))
        np.testing.assert_array_equal(plain[i, :, :, 0] * 128 + 128, seen_by_compare)
        # Read through the store's crop instead of the image: a little smoother.
        assert np.abs(seen[row] - plain[i]).mean() < 0.05


def test_landmarks_stay_on_what_they_mark_however_crops_move(room):
    # A white dot at each landmark of an empty image.
    from data_tools.dataset import FaceDataset

    at = np.array([[70.0, 60.0], [90.0, 62.0], [78.0, 88.0]])
    image = np.zeros((160, 160), np.uint8)
    for x, y in at.astype(int):
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    faces = FaceDataset.from_arrays([image] * 6, [at] * 6, [[60, 50, 100, 100]] * 6)
    faces.boxes[:, [0, 2]] += np.arange(6)[:, None]  # so that there is a spread to jitter by
    store = faces.store(Frame(160, 60), mirror=False)
    crops = room("crops").Crops(96, 2.0, contrast=0.0, brightness=0.0)
    crops.starts.roll = 30.0
    rng = np.random.default_rng(1)
    ((seen, truth),) = crops.epoch(store, mean_shape(store.shapes), 6, rng)
    for crop, points in zip(seen, truth.reshape(6, 3, 2), strict=True):
        for x, y in points * 96 - 0.5:
            assert crop[round(y), round(x), 0] > 0
    assert np.abs(truth - truth[0]).max() > 0.05


def test_losses_by_hand(deep):
    loss = deep("losses").loss
    truth = np.array([[0.0, 0.0, np.nan]], np.float32)
    found = np.array([[0.02, -0.5, 9.0]], np.float32)  # 2 and 50 pixels, and one unknown
    assert float(loss("l2", 100)(truth, found)) == pytest.approx((4 + 2500) / 2, rel=1e-5)
    wing = 10 * np.log(1 + 2 / 2), 50 - (10 - 10 * np.log(1 + 10 / 2))
    assert float(loss("wing", 100)(truth, found)) == pytest.approx(np.mean(wing), rel=1e-5)


def test_untrained_network_answers_the_mean_and_tells_its_cost(deep):
    module = deep("se_resnet")
    mean = np.random.default_rng(0).random((3, 2)).astype(np.float32)
    model = module.se_resnet(mean, size=32, width=8, blocks=(1,), reduction=4)
    found = model.predict(np.zeros((2, 32, 32, 1), np.float32), verbose=0)
    np.testing.assert_allclose(found, np.tile(mean.ravel(), (2, 1)), atol=1e-5)
    # The stem at 8x8, two convolutions of 3x3, excitation 8-2-8, and 8*8*8 values to 6.
    adds = 64 * 49 * 8 + 2 * 64 * 9 * 8 * 8 + 2 * 8 * 2 + 512 * 6
    assert deep("losses").flops(model) == 2 * adds


def session_of(path):
    runtime = importlib.import_module("onnxruntime")
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_onnx_file_answers_as_keras_does(deep, tmp_path):
    rng = np.random.default_rng(0)
    mean = rng.random((68, 2)).astype(np.float32)
    # Odd maps, where padding on the wrong side would show.
    model = deep("se_resnet").se_resnet(mean, size=44, width=8, blocks=(1, 2), reduction=4)
    weights = [w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()]
    model.set_weights([np.abs(w) if "variance" in v.path else w
                       for v, w in zip(model.weights, weights, strict=True)])  # fmt: skip
    path = tmp_path / "net.onnx"
    deep("to_onnx").export(model, path, terms="research only")
    crops = rng.normal(0, 1, (5, 44, 44, 1)).astype(np.float32)
    expected = model.predict(crops, verbose=0)
    assert np.ptp(expected, axis=0).max() > 0.05
    session = session_of(path)
    (found,) = session.run(None, {"face": crops.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert session.get_modelmeta().custom_metadata_map["terms"] == "research only"


def test_unknown_layer_is_refused(deep, tmp_path):
    keras = importlib.import_module("keras")
    entry = keras.Input((8, 8, 1))
    model = keras.Model(entry, keras.layers.Flatten()(keras.layers.Cropping2D()(entry)))
    with pytest.raises(NotImplementedError, match="Cropping2D"):
        deep("to_onnx").export(model, tmp_path / "net.onnx")


def test_training_broken_off_goes_on_to_a_model_that_compare_takes(
    deep, folder, faces, tmp_path, monkeypatch, capsys
):
    main, training = deep("train").main, deep("training")
    options = [str(folder), *SMALL, "--epochs", "4", "--out"]
    main([*options, str(tmp_path / "whole.onnx")])
    said = capsys.readouterr()
    assert "parameters" in said.err and "validation NME" in said.err
    spec = said.out.split("'")[1]

    judge = training.Training.judge

    def stop(self, error):
        if self.epoch == 3:
            raise KeyboardInterrupt
        judge(self, error)

    monkeypatch.setattr(training.Training, "judge", stop)
    broken = str(tmp_path / "broken.onnx")
    with pytest.raises(KeyboardInterrupt):
        main([*options, broken])
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(ROOM))
    with pytest.raises(SystemExit, match="other options"):
        main([*options, broken, "--resume", "--seed", "1"])
    main([*options, broken, "--resume"])
    said = capsys.readouterr()
    assert "going on after epoch 2" in said.err and "epoch   3" in said.err

    image, box = faces.image(0), faces.boxes[0]
    found = open_model(spec).find
    points = found(image, box)
    assert found.points == 68 and points.shape == (68, 2) and np.isfinite(points).all()
    again = open_model(said.out.split("'")[1]).find(image, box)
    np.testing.assert_allclose(again, points, atol=0.05)


def test_wrong_options_and_files_are_one_sentence(room, tmp_path):
    main = room("train").main
    for words, extra in (("--size", ["--size", "4"]), ("--blocks", ["--blocks", "0"])):
        with pytest.raises(SystemExit, match=words):
            main([str(tmp_path), "--out", str(tmp_path / "net.onnx"), *extra])
    with pytest.raises(SystemExit, match="cannot read the folder"):
        main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "net.onnx")])


def test_damaged_checkpoint_is_refused(room, tmp_path):
    from types import SimpleNamespace

    model = SimpleNamespace(
        get_weights=list, trainable_variables=[], optimizer=SimpleNamespace(build=lambda v: None)
    )
    path = tmp_path / "net.onnx.checkpoint"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00nonsense")
    broken = room("training").Training(model, path, {"epochs": 1, "minutes": None, "rate": 1})
    with pytest.raises(InputError, match="not a checkpoint"):
        broken.restore()
