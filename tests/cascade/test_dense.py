"""Dense schemes: stages move some landmarks, shape modes put the others in place."""

import json

import numpy as np
import pytest
from safetensors.numpy import save as pack
from typer.testing import CliRunner

import cascade
from cascade import ERT, LBF, RCPR, SDM, InputError, Poses, Starts
from cascade.cli.app import app
from cascade.formats import dlib, native, onnx, opencv
from cascade.loop import model_file
from cascade.loop.shape_modes import N_MOVED, ShapeModes, spread_landmarks
from cascade.methods.dlib import ShapePredictor
from cascade.methods.opencv import FacemarkLBF
from data_tools.dataset import FaceDataset
from data_tools.metrics import nme
from data_tools.schemes import FACE68, Scheme
from data_tools.synthetic import dense_scheme, synthetic_faces
from features.geometry import rotate, similarity

N = 1000
SMALL = {
    "ert": (ERT, {"n_stages": 4, "n_trees": 40, "starts": Starts(n=6), "random_state": 0}),
    "sdm": (SDM, {"n_stages": 2, "n_cells": 2, "random_state": 0}),
    "lbf": (LBF, {"radius": (0.25, 0.12), "n_trees": 2, "depth": 3, "random_state": 0}),
}


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(80, seed=6, size=128, points=N)


@pytest.fixture(scope="module")
def unseen():
    return synthetic_faces(20, seed=7, size=128, points=N)


@pytest.fixture(scope="module")
def models(faces):
    return {name: cls(**options).fit(faces) for name, (cls, options) in SMALL.items()}


@pytest.fixture(params=SMALL)
def model(models, request):
    return models[request.param]


@pytest.fixture(scope="module")
def shapes(faces):
    """Shapes of the faces in units of the box, and their mean."""
    box = faces.boxes
    side = np.sqrt(np.prod(box[:, 2:] - box[:, :2], axis=1))[:, None, None]
    found = (faces.shapes - (box[:, None, :2] + box[:, None, 2:]) / 2) / side
    return found, found.mean(0)


# --------------------------------------------------------------------------------- which are moved


def test_moved_landmarks_are_spread_and_mirrored(shapes):
    mean, scheme = shapes[1], dense_scheme(N)
    moved = spread_landmarks(mean, scheme, 100)
    assert 99 <= len(moved) <= 100 and (np.diff(moved) > 0).all() and {36, 45} <= {*moved}
    assert {scheme.flip[k] for k in moved} == {*moved.tolist()}
    # No landmark is farther from a moved one than the moved ones are from one another.
    apart = np.linalg.norm(mean[:, None] - mean[moved], axis=-1)
    others = np.linalg.norm(mean[moved][:, None] - mean[moved], axis=-1) + np.eye(len(moved))
    assert apart.min(1).max() < 1.6 * np.median(others.min(1))
    bare = spread_landmarks(mean, Scheme("bare", N), 7)
    assert len(bare) == 7


def test_few_and_all_landmarks_can_be_moved(shapes):
    mean = shapes[1][:68]
    few = spread_landmarks(mean, FACE68, 3).tolist()
    assert {36, 45} <= {*few} and len(few) <= 3
    assert spread_landmarks(mean, FACE68, 68).tolist() == list(range(68))


# ------------------------------------------------------------------------------------------- modes


@pytest.fixture(scope="module")
def modes(shapes):
    return ShapeModes.fit(shapes[0], shapes[1], dense_scheme(N))


def test_whole_shapes_are_what_numpy_makes_of_modes(modes, shapes):
    moved = shapes[0][:5][:, modes.moved]
    linear, shift = similarity(modes.reference[None], moved)
    back = np.stack([linear[:, 0], -linear[:, 1]], -1) / np.square(linear).sum(1, keepdims=True)
    off = rotate(moved - shift[:, None], back) - modes.reference
    found = modes.mean + (off.reshape(5, -1) @ modes.weights @ modes.basis).reshape(5, -1, 2)
    np.testing.assert_allclose(
        modes.whole(moved), rotate(found, linear) + shift[:, None], atol=2e-4
    )


def test_other_faces_follow_from_their_moved_landmarks(modes, unseen):
    found = modes.whole(unseen.shapes[:, modes.moved])
    errors = nme(found, unseen.shapes, unseen.scheme)
    assert errors.mean() < 0.01
    # The mean shape in their place is many times as far off: the modes say something.
    still = ShapeModes(modes.moved, 0 * modes.weights, modes.basis, modes.mean)
    plain = nme(still.whole(unseen.shapes[:, modes.moved]), unseen.shapes, unseen.scheme)
    assert errors.mean() < plain.mean() / 4


def test_whole_shapes_turn_and_scale_with_the_moved_ones(modes, shapes):
    moved = shapes[0][:3][:, modes.moved]
    turned = rotate(moved, np.array([[1.2, -0.9]] * 3, np.float32)) + np.float32([5, -3])
    expected = rotate(modes.whole(moved), np.array([[1.2, -0.9]] * 3)) + np.array([5, -3])
    np.testing.assert_allclose(modes.whole(turned), expected, atol=1e-4)


def test_modes_are_the_principal_axes(modes, shapes):
    """Without gaps the basis spans what scikit-learn's PCA finds in aligned shapes."""
    from sklearn.decomposition import PCA

    linear, shift = similarity(modes.reference[None], shapes[0][:, modes.moved])
    back = np.stack([linear[:, 0], -linear[:, 1]], -1) / np.square(linear).sum(1, keepdims=True)
    rows = rotate(shapes[0] - shift[:, None], back).reshape(len(shapes[0]), -1)
    axes = PCA(10, svd_solver="full").fit(rows).components_
    kept = axes @ modes.basis.T.astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-3)


def test_missing_landmarks_are_filled_in(shapes, unseen):
    rng = np.random.default_rng(0)
    gaps = shapes[0].copy()
    gaps[rng.random(gaps.shape[:2]) < 0.3] = np.nan
    found = ShapeModes.fit(gaps, shapes[1], dense_scheme(N), n_modes=20)
    errors = nme(found.whole(unseen.shapes[:, found.moved]), unseen.shapes, unseen.scheme)
    assert errors.mean() < 0.02


def test_shapes_all_alike_are_refused(shapes):
    with pytest.raises(InputError, match="all alike"):
        ShapeModes.fit(np.repeat(shapes[1][None], 9, 0), shapes[1], dense_scheme(N))


# ------------------------------------------------------------------------------------------ models


def test_models_of_1000_points(model, unseen):
    assert len(model.moved_mean) in (N_MOVED - 1, N_MOVED) and model.mean_shape_.shape == (N, 2)
    assert model.scheme_ == dense_scheme(N)
    start = nme(model.align(unseen.image(0), unseen.boxes[0]).initial, unseen.shapes[:1],
                unseen.scheme)  # fmt: skip
    errors = nme(model.predict_faces(unseen), unseen.shapes, unseen.scheme)
    assert errors.mean() < 0.6 * start.mean() and errors.mean() < 0.09


def test_all_ways_to_predict_agree(model, unseen):
    image, boxes = unseen.image(0), np.stack([unseen.boxes[0], unseen.boxes[0] + 3])
    found = model.align(image, boxes, staged=True)
    assert found.shapes.shape == (2, N, 2) and found.staged.shape[1:] == (2, N, 2)
    np.testing.assert_array_equal(found.shapes, model.predict(image, boxes))
    np.testing.assert_array_equal(found.shapes, found.staged[-1])
    np.testing.assert_array_equal(found.shapes[1], model.predict(image, boxes[1]))
    stack = np.stack([unseen.image(i) for i in range(4)])
    for one, many in zip(
        [model.predict(stack[i], unseen.boxes[i]) for i in range(4)],
        model.predict_many(stack, unseen.boxes[:4]), strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(one, many, atol=1e-3)
    several = model.align(image, boxes, n_starts=3, mirror=True)
    assert several.spread.shape == (2, N) and (several.spread >= 0).all()


def test_a_mirrored_photograph_gives_the_mirrored_shape(model, unseen):
    image, box = unseen.image(1), unseen.boxes[1]
    width = image.shape[1]
    flipped = np.array([width - 1 - box[2], box[1], width - 1 - box[0], box[3]])
    found = model.predict(image, box, mirror=True)
    other = model.predict(np.ascontiguousarray(image[:, ::-1]), flipped, mirror=True)
    back = other[list(model.scheme_.flip)] * [-1, 1] + [width - 1, 0]
    # The modes are not symmetric to the bit, and pixels are read to the nearest.
    assert np.abs(found - back).mean() < 1.0


def test_reading_all_landmarks_is_the_plain_model(synthetic):
    cls, options = SMALL["ert"]
    plain, all_read = (cls(**options, max_landmarks=n).fit(synthetic) for n in (None, 68))
    assert plain.modes_ is None and all_read.modes_ is None
    first, second = (native_parts(m) for m in (plain, all_read))
    assert first[1].keys() == second[1].keys()
    for name, array in first[1].items():
        np.testing.assert_array_equal(array, second[1][name])
    # A file tells the parameter only where it was given, and is what it was before there was one.
    assert "max_landmarks" not in first[0]["parameters"]
    assert first[0] == {**second[0], "parameters": first[0]["parameters"]}


def native_parts(model):
    header, arrays = model.state()
    return json.loads(json.dumps(header)), arrays


def test_fewer_landmarks_can_be_asked_for(synthetic):
    cls, options = SMALL["sdm"]
    whole = cls(**options).fit(synthetic)
    part = cls(**options, max_landmarks=40).fit(synthetic)
    assert len(part.moved_mean) in (39, 40) and part.mean_shape_.shape == (68, 2)
    errors = [nme(m.predict_faces(synthetic), synthetic.shapes, FACE68).mean()
              for m in (whole, part)]  # fmt: skip
    assert errors[1] < 2 * errors[0]
    sizes = [m.stages_[0].predictor.weights.size for m in (whole, part)]
    assert sizes[1] < 0.6 * sizes[0]


def test_threads_change_nothing(faces):
    cls, options = SMALL["ert"]
    files = [native.dumps(cls(**options, n_jobs=n).fit(faces)) for n in (1, 2)]
    assert files[0] == files[1]


def test_missing_landmarks_and_validation(faces):
    shapes = faces.shapes.copy()
    shapes[np.random.default_rng(1).random(shapes.shape[:2]) < 0.1] = np.nan
    gaps = FaceDataset.from_arrays(
        [faces.image(i) for i in range(len(faces))], shapes, faces.boxes, faces.scheme
    )
    cls, options = SMALL["ert"]
    model = cls(**options).fit(gaps, validation=0.25)
    assert model.history_[-1]["validation_nme"] < model.history_[0]["validation_nme"]
    errors = nme(model.predict_faces(faces), faces.shapes, faces.scheme)
    assert np.isfinite(errors).all() and errors.mean() < 0.1


def test_key_shapes_and_visibility(tmp_path):
    faces = synthetic_faces(40, seed=8, size=96, points=300, occluders=0.6)
    rcpr = RCPR(n_stages=2, n_ferns=10, random_state=0).fit(faces)
    seen = rcpr.align(faces.image(0), faces.boxes[0]).visible
    assert seen.shape == (1, 300) and (0 <= seen).all() and (seen <= 1).all()
    cls, options = SMALL["sdm"]
    turned = cls(**options, poses=Poses(roll=30.0)).fit(faces)
    turned.save(tmp_path / "model")
    again = cascade.load(tmp_path / "model")
    assert again.keys_.shapes.shape[1:] == turned.moved_mean.shape
    np.testing.assert_array_equal(again.predict_faces(faces), turned.predict_faces(faces))
    plain = cls(**options).fit(faces)
    assert plain.fit_keys(faces, Poses(roll=30.0)).keys_.shapes.shape[0] == 3


# ------------------------------------------------------------------------------------------- files


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


def test_round_trip(model, file, unseen):
    loaded = cascade.load(file)
    assert native.dumps(loaded) == file.read_bytes() and loaded.scheme_ == model.scheme_
    np.testing.assert_array_equal(loaded.predict_faces(unseen), model.predict_faces(unseen))
    assert model_file.read(file)[0]["version"] == 4


def test_resuming_gives_the_same_file(faces, tmp_path):
    cls, options = SMALL["ert"]
    whole = cls(**options).fit(faces)
    kept = tmp_path / "kept"
    cls(**options | {"n_stages": 2}).fit(faces, checkpoint=kept)
    header, arrays = model_file.read(kept)
    header["parameters"]["n_stages"] = 4
    model_file.write(kept, header, arrays)
    again = cls(**options).fit(faces, checkpoint=kept, resume=True)
    assert native.dumps(again) == native.dumps(whole)


def rewrite(path, change):
    """Apply `change(header, arrays)` and write the file with a digest that fits."""
    header, arrays = model_file.read(path)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(header, arrays)
    header["sha256"] = model_file._digest(header, arrays)
    path.write_bytes(pack(arrays, {"cascade": json.dumps(header)}))


def _set(name, change):
    def apply(header, arrays):
        arrays[name] = change(arrays[name])

    return apply


BAD = {
    "no landmark of the scheme": _set("modes.moved", lambda a: a + np.uint16(60000)),
    "twice": _set("modes.moved", lambda a: np.sort(np.r_[a[:-1], a[:1]])),
    "one": _set("modes.moved", lambda a: a[:1]),
    "fewer weights": _set("modes.weights", lambda a: a[:-2]),
    "fewer modes": _set("modes.basis", lambda a: a[:-1]),
    "more modes than numbers": lambda header, arrays: arrays.update({
        "modes.weights": np.zeros((len(arrays["modes.weights"]), 400), np.float32),
        "modes.basis": np.zeros((400, 2 * N), np.float32),
    }),
    "not finite": _set("modes.weights", lambda a: a * np.nan),
    "a point": _set("modes.mean", lambda a: a * 0),
    "another mean": _set("mean", lambda a: a[:-1]),
    "starts of all landmarks": _set("starts", lambda a: np.zeros((16, N, 2), np.float32)),
    "modes that are gone": lambda header, arrays: header.pop("shape_modes"),
    "no mirror pair": _set("modes.moved", lambda a: np.unique(np.where(a == a[-1], a - 1, a))),
}  # fmt: skip


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_damaged_modes_are_refused(models, tmp_path, change):
    path = tmp_path / "model"
    models["ert"].save(path)
    rewrite(path, change)
    with pytest.raises(InputError):
        cascade.load(path)


def test_wild_numbers_stay_in_bounds(models, tmp_path, unseen):
    path = tmp_path / "model"
    models["ert"].save(path)
    rewrite(path, _set("modes.basis", lambda a: a * np.float32(1e30)))
    found = cascade.load(path).predict(unseen.image(0), unseen.boxes[0])
    assert found.shape == (N, 2)


def test_other_formats_say_what_they_cannot_hold(models, synthetic, monkeypatch):
    with pytest.raises(InputError, match=r"move \d+ of 1000 landmarks cannot be an ONNX file"):
        onnx.dumps(models["ert"])
    small = ShapePredictor(n_stages=1, n_trees=3, starts=Starts(n=1)).fit(synthetic)
    monkeypatch.setattr(dlib, "_MAX_BYTES", 1000)
    with pytest.raises(InputError, match="68 landmarks in 48 leaves are more than"):
        dlib.dumps(small)
    small = FacemarkLBF(radius=(0.2,), n_trees=1, depth=2, starts=Starts(n=1)).fit(synthetic)
    monkeypatch.setattr(opencv, "_MAX_BYTES", 1000)
    with pytest.raises(InputError, match="68 landmarks in 1 stages of 68 trees are more than"):
        opencv.dumps(small)


def test_methods_by_foreign_rules_refuse_thousands_of_landmarks():
    faces = synthetic_faces(2, seed=0, size=64, points=5000)
    for cls in (ShapePredictor, FacemarkLBF):
        with pytest.raises(InputError, match="moves each on its own, at most 4096"):
            cls().fit(faces)


def test_max_landmarks_out_of_range_is_refused(synthetic):
    for value in (2, 5000, 1.5, "all"):
        with pytest.raises(InputError, match="max_landmarks"):
            ERT(n_stages=1, n_trees=1, max_landmarks=value).fit(synthetic)


# ------------------------------------------------------------------------------------ command line


def test_commands_on_drawn_faces_with_many_points(tmp_path):
    def run(*words):
        result = CliRunner().invoke(app, list(map(str, words)))
        assert result.exit_code == 0, result.output
        return result.output

    folder, model = tmp_path / "faces", tmp_path / "m.safetensors"
    assert "400 landmarks" in run("faces", "drawn", "--points", 400, "-n", 12, "--out", folder)
    run("train", "ert", folder, "--scheme", folder / "scheme.json", "--preset", "small",
        "--set", "n_stages=1", "--set", "n_trees=5", "--set", "max_landmarks=60",
        "--out", model)  # fmt: skip
    loaded = cascade.load(model)
    assert loaded.scheme_ == dense_scheme(400) and len(loaded.moved_mean) in (59, 60)
    assert "outer eye corners" in run("evaluate", model, folder)
    moved = len(loaded.moved_mean)
    assert f"400 (drawn400), of which stages move {moved};" in run("info", model)
