"""What a prediction looks at: each face alone, and never beyond the image."""

import numpy as np
import pytest

import cascade
from cascade import InputError
from cascade.models import available, pretrained
from features.geometry import box_placement

FAR = [[5, 5, 17, 17], [-400, -400, 700, 700], [10, 0, 12, 150]]


@pytest.fixture(scope="module", params=["ert68", "lbf68-fast", "sdm68"])
def shipped(request):
    if request.param not in available():
        pytest.skip(f"{request.param} is not in this installation")
    return pretrained(request.param)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_face_does_not_depend_on_its_company(shipped, synthetic, mirror):
    image, box = synthetic.image(0), synthetic.boxes[0]
    alone = [shipped.predict(image, each, mirror=mirror) for each in [box, *FAR]]
    together = shipped.predict(image, [box, *FAR], mirror=mirror)
    np.testing.assert_array_equal(together, alone)


def test_staged_shapes_do_not_either(small_ert, synthetic):
    image, box = synthetic.image(0), synthetic.boxes[0]
    alone = small_ert.align(image, box, n_starts=3, mirror=True, staged=True)
    together = small_ert.align(image, [*FAR, box], n_starts=3, mirror=True, staged=True)
    np.testing.assert_array_equal(together.staged[:, 3], alone.staged[:, 0])
    np.testing.assert_array_equal(together.spread[3], alone.spread[0])


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((200, 20), [-280, 10, 0, 60]),
        ((20, 200), [10, -280, 60, 0]),
        ((200, 20), [19, 10, 300, 60]),
        ((100, 100), [50, 50, 50.005, 50.005]),
        ((100, 100), [99, 99, 99.001, 99.001]),
        ((1, 1), [0, 0, 1, 1]),
        ((3, 3), [0, 0, 2, 2]),
        ((5, 300), [-1000, -900, 1, 1]),
    ],
)
@pytest.mark.parametrize("mirror", [False, True])
def test_boxes_that_hardly_touch_the_image(shipped, size, box, mirror):
    image = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    try:
        shape = shipped.predict(image, box, mirror=mirror)
    except InputError:
        return  # said in words
    assert np.isfinite(shape).all()


def test_box_frames_are_those_of_training(small_ert, synthetic):
    space = small_ert.face_space(small_ert.frame_)
    placements = space.place(synthetic.boxes[:5], synthetic.image(0).shape)
    np.testing.assert_array_equal(placements, box_placement(synthetic.boxes[:5]))


def test_every_face_is_in_one_view(small_ert, synthetic):
    image, boxes = synthetic.image(0), np.float32([synthetic.boxes[0], *FAR])
    space = small_ert.face_space(small_ert.frame_)
    views = space.views(image, space.place(boxes, image.shape))
    rows = np.concatenate([np.arange(len(boxes))[view.rows] for view in views])
    assert sorted(rows) == list(range(len(boxes)))
    mirrored = space.mirrored(views)
    assert all(min(view.image.shape) >= 4 for view in mirrored)


def test_faces_of_a_dataset(small_ert, synthetic):
    found = small_ert.predict_faces(synthetic, n_jobs=2)
    for i in (0, 50, 99):
        one = small_ert.predict(synthetic.image(i), synthetic.boxes[i])
        np.testing.assert_array_equal(found[i], one)
    told = []
    small_ert.predict_faces(synthetic.subset(slice(5)), progress=lambda *at: told.append(at))
    assert told == [(i + 1, 5) for i in range(5)]


def test_any_class_with_align_is_an_aligner(synthetic):
    class Middle(cascade.Aligner):
        scheme_ = synthetic.scheme

        def align(self, image, boxes, *, color="bgr"):
            place = box_placement(np.reshape(boxes, (-1, 4)))
            shapes = np.repeat(place[:, None, :2], 68, axis=1)
            return cascade.Alignment(shapes, shapes)

    model = Middle()
    assert model.predict(synthetic.image(0), synthetic.boxes[0]).shape == (68, 2)
    assert model.predict_faces(synthetic).shape == (100, 68, 2)
    assert len(model.predict_many([synthetic.image(0)] * 3, synthetic.boxes[:3], n_jobs=2)) == 3
    with pytest.raises(InputError, match="cannot be saved"):
        model.save("x")
