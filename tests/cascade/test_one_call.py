"""What makes one call for one face cheap gives what the plain way gives."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cascade import ERT, LBF, SDM, Starts
from cascade.loop.face_space import CropSpace
from cascade.stages._update_kernels import apply_basis
from cascade.stages.samples import Samples
from data_tools.synthetic import synthetic_faces
from features.errors import InputError
from features.frame import Frame
from features.geometry import from_box_frame
from features.workers import Workers


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(24, seed=5, size=128)


@pytest.fixture(scope="module", params=["ert", "sdm", "lbf"])
def model(request, faces):
    starts = Starts(n=2)
    cascade = {
        "ert": ERT(n_stages=3, n_trees=13, depth=3, starts=starts, random_state=0),
        "sdm": SDM(n_stages=2, n_cells=2, starts=starts, random_state=0),
        "lbf": LBF(radius=(0.3, 0.2), starts=starts, random_state=0),
    }[request.param]
    return cascade.fit(faces)


def test_placements_are_the_centre_and_the_root_of_the_area():
    boxes = np.random.default_rng(0).uniform(0, 100, (50, 4)).astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    wide = boxes.astype(np.float64)
    side = np.sqrt((wide[:, 2] - wide[:, 0]) * (wide[:, 3] - wide[:, 1]))
    middle = (wide[:, :2] + wide[:, 2:]) / 2
    space = CropSpace(Frame())
    for given in (boxes, boxes[::-1][::-1], np.asfortranarray(boxes)):
        found = space.place(given, (240, 320))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.column_stack([middle, side]), rtol=1e-6)
    boxes.flags.writeable = False
    np.testing.assert_array_equal(space.place(boxes, (240, 320)), found)
    assert space.place(np.empty((0, 4), np.float32), (240, 320)).shape == (0, 3)


@pytest.mark.parametrize(
    "box, words",
    [
        ([10, 10, 10, 20], "left < right"),
        ([10, np.nan, 20, 20], "finite"),
        ([10, 10, np.inf, 20], "finite"),
        ([400, 10, 420, 20], "outside the 320x240 image"),
        ([10, -30, 20, -5], "outside the 320x240 image"),
    ],
)
def test_the_box_that_is_wrong_is_named(box, words):
    boxes = np.array([[5, 5, 50, 50], box], np.float32)
    with pytest.raises(InputError, match="box 1 is") as error:
        CropSpace(Frame()).place(boxes, (240, 320))
    assert words in str(error.value)


@pytest.mark.parametrize("shape", [(1, 68, 2), (3, 7, 2), (5, 3, 7, 2), (0, 7, 2)])
def test_pixels_are_those_of_the_operations_on_arrays(shape):
    rng = np.random.default_rng(1)
    shapes = rng.normal(size=shape).astype(np.float32)
    placements = rng.uniform(1, 300, (shape[-3], 3)).astype(np.float32)
    space = CropSpace(Frame())
    found = space.to_pixels(shapes, placements)
    assert found.tobytes() == from_box_frame(shapes, placements).tobytes()
    across = space.to_pixels(shapes[..., ::-1, :], placements)  # not contiguous
    np.testing.assert_array_equal(across[..., ::-1, :], found)


@pytest.mark.parametrize("n_rows", [1, 3, 4, 35])
def test_the_basis_is_added_row_by_row(n_rows):
    rng = np.random.default_rng(n_rows)
    total = rng.integers(-3000, 3000, n_rows + 2).astype(np.int32)
    basis, bias = rng.normal(size=(n_rows, 10)).astype("f4"), rng.normal(size=10).astype("f4")
    delta, plain = np.empty(10, np.float32), bias.copy()
    apply_basis(total, basis, bias, delta)
    for r in range(n_rows):
        plain += np.float32(total[r]) * basis[r]
    np.testing.assert_array_equal(delta, plain)


def test_many_samples_of_few_images_move_as_each_alone(model):
    """Four starts of 70 crops, on two threads."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 255, (70, 96, 96)).astype(np.uint8)
    index = np.repeat(np.arange(70), 4)
    placements = np.tile(np.float32([48, 48, 60]), (280, 1))
    shapes = model.mean_shape_ + rng.normal(0, 0.02, (280, *model.mean_shape_.shape))
    shapes = shapes.astype(np.float32)
    together = Samples(images, index, placements, shapes.copy())
    with Workers(2) as workers:
        for runner in model.runners:
            runner.run(together, workers)
    for i in range(0, 280, 9):
        alone = Samples(images[index[i]][None], np.zeros(1, np.intp), placements[:1],
                        shapes[i : i + 1].copy())  # fmt: skip
        for runner in model.runners:
            runner.run(alone)
        np.testing.assert_array_equal(together.shapes[i], alone.shapes[0])


def test_faces_of_one_image_are_found_as_one_by_one(model, faces):
    """Near boxes, one far from the scale of training, and the mirrored views of all."""
    image, box = faces.image(0), np.asarray(faces.boxes[0], np.float32)
    grown = box + np.float32([-60, -60, 60, 60])
    boxes = np.stack([box, grown, box + 3])
    for options in ({}, {"n_starts": 3}, {"mirror": True}):
        found = model.predict(image, boxes, **options)
        assert found.shape == (3, 68, 2)
        for row, one in zip(found, boxes, strict=True):
            np.testing.assert_array_equal(row, model.predict(image, one, **options))
        staged = model.align(image, boxes, staged=True, **options).staged
        assert staged.shape == (len(model.stages_), 3, 68, 2)
        last = model.align(image, grown, staged=True, **options).staged[-1]
        np.testing.assert_array_equal(staged[-1, 1:2], last)
    assert model.predict(image, np.empty((0, 4))).shape == (0, 68, 2)
    assert model.predict(image, np.empty((0, 4)), mirror=True).shape == (0, 68, 2)


def test_threads_and_copies_of_a_model_agree(model, faces):
    images, boxes = [faces.image(i) for i in range(12)], faces.boxes[:12]
    alone = [model.predict(image, box) for image, box in zip(images, boxes, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            together = list(pool.map(model.predict, images, boxes))
            np.testing.assert_array_equal(together, alone)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(images[3], boxes[3]), alone[3])
    # What a call returns is its own: the next one does not write to it.
    first = model.predict(images[0], boxes[0])
    model.predict(images[1], boxes[1])
    np.testing.assert_array_equal(first, alone[0])
