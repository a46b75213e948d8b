"""The networks of the deep baseline: each trains a little, and its ONNX file answers as it does."""

import numpy as np
import pytest

from cascade.judging.compare.crops import SquareCrop
from cascade.judging.compare.specs import open_model
from data_tools.schemes import FACE68
from data_tools.synthetic import render_portrait

from .test_deep_baseline import deep, faces, folder, room, session_of

__all__ = ["deep", "faces", "folder", "room"]  # fixtures

SHORT = ("--epochs", "2", "--batch", "8", "--validation", "0.25", "--rate", "0.003")
SMALL = {
    "se-inception": ("--size", "32", "--width", "8", "--blocks", "1", "1"),
    "tcnn": (),
    "tcdcn": (),
    "fan": ("--size", "32", "--width", "4"),
    "dan": ("--size", "32", "--width", "8"),
    "dcnn": ("--size", "48"),
    "prnet": ("--size", "32", "--width", "4"),
    "3ddfa": ("--size", "32", "--width", "4", "--contour"),
    "densereg": ("--size", "32", "--width", "4"),
}


@pytest.mark.parametrize("name", SMALL)
def test_every_network_trains_into_a_model_that_compare_takes(
    deep, folder, faces, tmp_path, capsys, name
):
    drawn = deep("zoo").NETWORKS[name].drawn
    source = ["--heads", "24"] if drawn else [str(folder)]
    out = tmp_path / "net.onnx"
    deep("train").main(["--network", name, "--out", str(out), *source, *SMALL[name], *SHORT])
    said = capsys.readouterr()
    assert "MFLOPs a face" in said.err
    gap = float(said.err.split("differ by ")[1].split()[0])
    assert gap < 1e-4
    found = open_model(said.out.split("'")[1]).find
    assert found.points == ("centres5" if name in ("tcnn", "dcnn") else 68)
    points = found(faces.image(0), faces.boxes[0])
    assert np.asarray(points).shape == (5 if found.points == "centres5" else 68, 2)
    if name != "densereg":  # which may see no face yet
        assert np.isfinite(points).all()


def moved(model, rng):
    """A model with weights that are not where training begins."""
    weights = [w + rng.normal(0, 0.05, w.shape) for w in model.get_weights()]
    model.set_weights([np.abs(w) if "variance" in v.path else w
                       for v, w in zip(model.weights, weights, strict=True)])  # fmt: skip


def agree(deep, model, path, crops, atol=2e-4):
    """Keras and ONNX on crops, both in ONNX' order."""
    deep("to_onnx").export(model, path)
    expected = np.asarray(model.predict(crops, verbose=0))
    (found,) = session_of(path).run(None, {"face": crops.transpose(0, 3, 1, 2)})
    if expected.ndim == 4:
        expected = expected.transpose(0, 3, 1, 2)
    assert np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=atol)


def test_layers_of_the_zoo_in_onnx(deep, tmp_path):
    import keras
    from keras import layers

    rng = np.random.default_rng(0)
    blocks = deep("blocks")
    face = keras.Input((14, 14, 1))
    x = blocks.AbsTanh()(layers.Conv2D(4, 3)(face))
    x = layers.Concatenate()([layers.MaxPooling2D(3, 1, padding="same")(x), x])
    x = layers.MaxPooling2D(2, padding="same")(x)
    y = layers.AveragePooling2D(2)(x)
    y = layers.UpSampling2D(2)(layers.Conv2DTranspose(3, 3, 1, padding="same")(y))
    y = layers.Conv2DTranspose(2, 4, 2, padding="same", activation="relu")(y)
    z = layers.Dense(144, activation="tanh")(layers.Flatten()(x))
    z = layers.Reshape((12, 12, 1))(z)
    y = layers.Multiply()([y, layers.Concatenate()([z, z])])
    model = keras.Model(face, layers.Conv2D(1, 1, activation="sigmoid")(y))
    moved(model, rng)
    agree(deep, model, tmp_path / "a.onnx", rng.normal(0, 1, (3, 14, 14, 1)).astype(np.float32))


def test_second_stage_of_dan_by_hand_and_in_onnx(deep, tmp_path):
    import keras

    dan, rng = deep("dan"), np.random.default_rng(1)
    mean = rng.random((7, 2)).astype(np.float32)
    angle, zoom, shift = 0.4, 1.3, np.array([0.1, -0.05])
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (mean @ turn.T + shift).reshape(1, -1).astype(np.float32)
    similarity = dan.Align(mean)(keras.ops.convert_to_tensor(points))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(similarity)[0], [turn[0, 0], turn[1, 0], *shift], atol=1e-5
    )
    back = dan.Move(7, back=True)(keras.ops.convert_to_tensor(points), similarity)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(back)[0], mean.ravel(), atol=1e-5)
    forth = dan.Move(7)(back, similarity)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(forth), points, atol=1e-5)
    # A ramp warped by a similarity is the ramp at the places that it names.
    x, y = np.meshgrid((np.arange(24) + 0.5) / 24, (np.arange(24) + 0.5) / 24)
    small = keras.ops.convert_to_tensor(np.float32([[0.5, 0.1, 0.2, 0.15]]))
    warped = dan.Warp(24)(keras.ops.convert_to_tensor(np.float32(x)[None, ..., None]), small)
    found = keras.ops.convert_to_numpy(warped)[0, ..., 0]
    np.testing.assert_allclose(found, 0.5 * x - 0.1 * y + 0.2, atol=1e-4)
    heat = dan.Heatmap(24, 1)(keras.ops.convert_to_tensor(np.float32([[0.5, 0.25]])))
    heat = keras.ops.convert_to_numpy(heat)[0, ..., 0]
    np.testing.assert_allclose(heat[8, 11], 1 / (1 + np.hypot(0.5, 2.5)), rtol=1e-3)

    face = keras.Input((24, 24, 1))
    shape = deep("blocks").regress(dan.stage(face, 4, 8), mean)
    similarity = dan.Align(mean)(shape)
    there = dan.Move(7, back=True)(shape, similarity)
    seen = keras.layers.Concatenate()([dan.Warp(24)(face, similarity), dan.Heatmap(24, 7)(there)])
    model = keras.Model(face, dan.stage(seen, 4, 8))
    moved(model, rng)
    agree(deep, model, tmp_path / "dan.onnx", rng.random((4, 24, 24, 1)).astype(np.float32), 1e-3)


def test_experts_answer_for_their_cluster(deep, tmp_path):
    import keras
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(2)
    features = rng.normal(0, 1, (300, 6)) + 3 * rng.integers(-1, 2, (300, 1))
    mixture = GaussianMixture(3, covariance_type="diag", random_state=0).fit(features)
    tcnn = deep("tcnn")
    layer = tcnn.Experts(mixture, rng.normal(size=(6, 4)), rng.normal(size=4))
    entry = keras.Input((1, 6, 1))
    model = keras.Model(entry, layer(keras.layers.Flatten()(entry)))
    kernels = rng.normal(size=(6, 3, 4))
    layer.kernel.assign(kernels.reshape(6, 12))
    given = features[:40].astype(np.float32)
    found = np.asarray(model.predict(given.reshape(-1, 1, 6, 1), verbose=0))
    cluster = mixture.predict(given)
    bias = keras.ops.convert_to_numpy(layer.bias)[:4]
    expected = np.einsum("nf,fno->no", given, kernels[:, cluster]) + bias
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    agree(deep, model, tmp_path / "e.onnx", given.reshape(-1, 1, 6, 1))


def test_tasks_of_tcdcn(deep, faces):
    turns, mouth = deep("tcdcn").tasks(faces.shapes)
    assert (turns.sum(1) == 1).all() and set(mouth.ravel()) <= {0.0, 1.0}
    mirrored = faces.shapes[:, list(FACE68.flip)] * [-1, 1]
    np.testing.assert_array_equal(deep("tcdcn").tasks(mirrored)[0], turns[:, ::-1])
    shape = faces.shapes[:1].copy()
    shape[0, 66] = shape[0, 62]
    assert deep("tcdcn").tasks(shape)[1] == 0
    shape[0, 66] += [0, 0.3 * np.linalg.norm(shape[0, 45] - shape[0, 36])]
    assert deep("tcdcn").tasks(shape)[1] == 1
    assert np.isnan(deep("tcdcn").tasks(shape * np.nan)[0]).all()


def test_heatmaps_by_hand(deep):
    maps = deep("losses").heatmaps(np.float32([[[0.5, 0.25], [np.nan, 0.5]]]), 8)
    assert maps.shape == (1, 8, 8, 2) and np.isnan(maps[..., 1]).all()
    expected = np.exp(-0.5 * ((4.5 - 4) ** 2 + (1.5 - 2) ** 2))
    np.testing.assert_allclose(maps[0, 1, 4, 0], expected, rtol=1e-5)


def test_drawn_heads_lie_where_they_are_drawn(room):
    sources = room("sources")
    image, portrait, _, box = render_portrait(np.random.default_rng([7, 3]), 160)
    crop, landmarks, surface, own, pose = sources.Heads._draw(
        np.random.default_rng([7, 3]), 48, 1.4
    )
    square = SquareCrop(box, 48, 1.4)
    np.testing.assert_allclose(crop[..., 0] * 128 + 128, square.cut(image))
    np.testing.assert_allclose(square.to_image(landmarks), portrait.points, atol=1e-6)
    # The pose takes the head's own points to where they are drawn.
    points = own @ pose[:, :3].T + pose[:, 3]
    np.testing.assert_allclose(points[-68:, :2], landmarks, atol=1e-6)
    np.testing.assert_allclose(points[:-68], surface.reshape(-1, 3), atol=1e-6)


def test_face_model_of_3ddfa_is_what_the_peer_reads(deep, tmp_path):
    from cascade.judging.compare.peers.decoders.face_model import FaceModel
    from cascade.judging.compare.specs import Spec

    options = deep("options").parse(
        ["--network", "3ddfa", "--heads", "60", "--size", "48", "--out", str(tmp_path / "n.onnx")]
    )
    source = deep("sources").Heads(options, lambda scheme: None, None)
    recipe = deep("tddfa").Tddfa(options, source)
    path = recipe.decode().partition("model=")[2]
    decoder = FaceModel(Spec("x", "x", "onnx", "", {"model": path}), 48)
    truth = recipe.targets(np.arange(20))
    found = np.stack([decoder(row) for row in truth])
    np.testing.assert_allclose(found, recipe.fractions(truth), atol=1e-4)
    # The components explain the heads that they were made of.
    assert np.abs(found - source.landmarks[:20]).mean() < 0.015


def answers_of_densereg(targets, steps=10):
    """Scores and rests that say what the targets of densereg do."""
    answers = np.zeros((*targets.shape[:3], 4 * steps + 2), np.float32)
    for k in (0, 1):
        half = answers[..., k * 21 : (k + 1) * 21]
        np.put_along_axis(half, targets[..., k : k + 1].astype(int), 5, axis=-1)
        half[..., steps + 1 :] = targets[..., k + 2 : k + 3]
    return answers


def test_places_and_maps_of_drawn_heads(deep, tmp_path):
    out = str(tmp_path / "n.onnx")
    options = deep("options").parse(["--network", "densereg", "--heads", "24", "--out", out])
    source = deep("sources").Heads(options, lambda scheme: None, None)
    recipe = deep("densereg").DenseReg(options, source)
    # The truth as the network's answer: inner landmarks come back to within a pixel or two of the
    # crop; those of the jaw slide over the surface of a turned head and have no place of their own.
    rows = np.arange(12)
    answers = answers_of_densereg(recipe.targets(rows))
    truth = source.landmarks[rows, 17:]
    found = recipe.fractions(answers)
    assert np.nanmedian(np.linalg.norm(found[:, 17:] - truth, axis=-1)) < 0.02
    # The chin is where all columns of the grid meet.
    assert np.nanmedian(np.linalg.norm(found[:, 8] - source.landmarks[rows, 8], axis=-1)) < 0.03
    prnet = deep("prnet").PrNet(options, source)
    gaps = np.linalg.norm(prnet.fractions(prnet.targets(rows))[:, 17:] - truth, axis=-1)
    assert np.median(gaps) < 0.02
