"""The loop: training, prediction, and their manners."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from cascade import ERT, Cascade, InputError, Stage, Starts
from cascade.formats.native import dumps
from cascade.loop.preparing import split_off
from cascade.loop.starts import mean_shape
from cascade.stages.plain import PlainRunner
from cascade.stages.samples import Samples
from data_tools.augment import augment, parse
from data_tools.dataset import FaceDataset
from data_tools.metrics import nme
from features.geometry import box_placement, from_box_frame
from features.pixels import Pixels
from tests.cascade.slow import slow_predict

SMALL = {"n_stages": 2, "n_trees": 8, "n_points": 60, "depth": 3, "starts": Starts(n=3)}


def predict_all(model, faces, **options):
    return np.stack(
        [model.predict(faces.image(i), faces.boxes[i], **options) for i in range(len(faces))]
    )


def mean_start(model, faces):
    return from_box_frame(np.repeat(model.mean_[None], len(faces), 0), box_placement(faces.boxes))


class TestTraining:
    def test_error_falls_from_stage_to_stage(self, small_ert, synthetic):
        errors = [row["train_nme"] for row in small_ert.history_]
        assert errors[0] > errors[1] > errors[2]
        before = nme(mean_start(small_ert, synthetic), synthetic.shapes, synthetic.scheme).mean()
        after = nme(predict_all(small_ert, synthetic), synthetic.shapes, synthetic.scheme).mean()
        assert after < 0.7 * before

    @pytest.mark.parametrize("n_jobs", [2, 3])
    def test_threads_change_no_byte(self, synthetic, n_jobs):
        one = ERT(**SMALL, random_state=5).fit(synthetic)
        many = ERT(**SMALL, random_state=5, n_jobs=n_jobs).fit(synthetic)
        assert dumps(one) == dumps(many)

    def test_seed_decides(self, synthetic):
        assert dumps(ERT(**SMALL, random_state=5).fit(synthetic)) != dumps(
            ERT(**SMALL, random_state=6).fit(synthetic)
        )

    def test_missing_landmarks_are_learned_from_the_other_faces(self, synthetic):
        gaps = synthetic.shapes.copy()
        gaps[np.random.default_rng(0).random(gaps.shape[:2]) < 0.15] = np.nan
        images = [synthetic.image(i) for i in range(len(synthetic))]
        faces = FaceDataset.from_arrays(images, gaps, synthetic.boxes)
        options = SMALL | {"n_stages": 3, "n_trees": 20}
        with_gaps = ERT(**options, random_state=0).fit(faces)
        whole = ERT(**options, random_state=0).fit(synthetic)
        errors = [
            nme(predict_all(m, synthetic), synthetic.shapes, synthetic.scheme).mean()
            for m in (with_gaps, whole)
        ]
        assert errors[0] < 1.15 * errors[1]

    def test_validation_share_is_held_out(self, synthetic):
        model = ERT(**SMALL, random_state=0).fit(synthetic, validation=0.2)
        for row in model.history_:
            assert row["validation_nme"] > 0

    def test_copies_of_validation_faces_are_left_out(self, synthetic):
        more = augment(synthetic[:20], parse("light"), copies=2, seed=0)
        faces, watched = split_off(more, 0.25, 0)
        assert 0 < len(watched) < 20 and len(faces) == 3 * (20 - len(watched))
        assert not set(watched.files) & set(faces.files)

    def test_patience_keeps_the_best_stages(self, synthetic):
        """Noise cannot be learned, so the validation error soon rises."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (40, 64, 64)).astype(np.uint8)
        shapes = rng.normal(32, 8, (40, 68, 2))
        noise = FaceDataset.from_arrays(list(images), shapes, np.tile([12, 12, 52, 52], (40, 1)))
        model = ERT(**SMALL | {"n_stages": 12}, patience=2, random_state=0)
        model.fit(noise, validation=0.3)
        errors = [row["validation_nme"] for row in model.history_]
        assert len(model.stages_) == len(errors) < 12
        assert errors[-1] == min(errors)

    def test_without_a_flip_index_nothing_but_mirroring_changes(self, synthetic):
        part = FaceDataset.from_arrays(
            [synthetic.image(i) for i in range(30)], synthetic.shapes[:30, :7], synthetic.boxes[:30]
        )
        assert part.scheme.flip is None
        model = ERT(**SMALL, random_state=0).fit(part)
        assert model.predict(part.image(0), part.boxes[0]).shape == (7, 2)
        with pytest.raises(InputError, match="no flip index"):
            model.predict(part.image(0), part.boxes[0], mirror=True)

    def test_any_scikit_learn_regressor_makes_a_stage(self, synthetic):
        stages = [Stage(Pixels(60), Ridge(alpha=1e4)) for _ in range(2)]
        model = Cascade(stages, starts=Starts(n=2), random_state=0).fit(synthetic)
        before = nme(mean_start(model, synthetic), synthetic.shapes, synthetic.scheme).mean()
        after = nme(predict_all(model, synthetic), synthetic.shapes, synthetic.scheme).mean()
        assert after < 0.85 * before


class TestStarts:
    def test_spread_is_that_of_the_faces(self, synthetic):
        shapes = synthetic.store(mirror=False).shapes
        mean = mean_shape(shapes)
        starts = Starts(n=30, mix=(1.0, 1.0), shift=1.0, scale=1.0).sample(
            shapes, mean, np.random.default_rng(0)
        )
        assert starts.shape == (30 * len(shapes), 68, 2)
        centres = shapes.mean(1) - mean.mean(0)
        np.testing.assert_allclose(
            (starts.mean(1) - mean.mean(0)).std(0), centres.std(0), rtol=0.15
        )

    def test_exact_mean_without_jitter(self, synthetic):
        shapes = synthetic.store(mirror=False).shapes
        mean = mean_shape(shapes)
        still = Starts(n=2, mix=(1.0, 1.0), shift=0, scale=0)
        starts = still.sample(shapes, mean, np.random.default_rng(0))
        np.testing.assert_allclose(starts, np.broadcast_to(mean, starts.shape), atol=1e-6)

    def test_roll_turns_about_its_share(self, synthetic):
        shapes = synthetic.store(mirror=False).shapes
        mean = mean_shape(shapes)
        rolled = Starts(n=5, mix=(1.0, 1.0), shift=0, scale=0, roll=20, roll_share=0.3)
        starts = rolled.sample(shapes, mean, np.random.default_rng(0))
        turned = (np.abs(starts - mean).max((1, 2)) > 1e-5).mean()
        assert 0.2 < turned < 0.4


class TestPrediction:
    def test_fused_kernel_equals_the_plain_loop(self, small_ert, synthetic):
        class SlowTrees:
            def __init__(self, trees):
                self.trees = trees

            def predict(self, pixels):
                return slow_predict(self.trees, pixels).astype(np.float32)

        store = synthetic.subset(slice(0, 12)).store(mirror=False)
        starts = np.repeat(small_ert.mean_[None], 12, 0)
        fused, plain = (Samples.from_store(store, starts) for _ in range(2))
        for runner in small_ert.runners:
            runner.run(fused)
        stages = [
            replace(stage, predictor=SlowTrees(stage.predictor)) for stage in small_ert.stages_
        ]
        PlainRunner(stages, small_ert.reference).run(plain)
        np.testing.assert_allclose(fused.shapes, plain.shapes, atol=2e-3)

    def test_one_box_many_boxes_many_images_agree(self, small_ert, synthetic):
        image, box = synthetic.image(0), synthetic.boxes[0]
        one = small_ert.predict(image, box)
        assert one.shape == (68, 2) and one.dtype == np.float32
        boxes = np.stack([box, box + 2, box - 2])
        several = small_ert.predict(image, boxes)
        np.testing.assert_array_equal(several[0], one)
        many = small_ert.predict_many([image, image], [box, boxes], n_jobs=2)
        np.testing.assert_array_equal(many[0], one)
        np.testing.assert_array_equal(many[1], several)

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_a_stack_of_images_takes_one_call(self, small_ert, synthetic, n_jobs, monkeypatch):
        images = np.stack([synthetic.image(i) for i in range(20)])
        cx, cy = images.shape[2] / 2, images.shape[1] / 2
        boxes = np.array([cx - 60, cy - 60, cx + 60, cy + 60]) + np.arange(20)[:, None] / 4
        expected = [small_ert.predict(images[i], boxes[i]) for i in range(20)]
        far = boxes.copy()
        far[3] = [0, 0, 20, 20]  # needs a crop
        slow = small_ert.predict_many(images, far, n_jobs=n_jobs)
        np.testing.assert_array_equal(slow[3], small_ert.predict(images[3], far[3]))
        monkeypatch.setattr(type(small_ert), "predict", None)
        np.testing.assert_array_equal(
            small_ert.predict_many(images, boxes, n_jobs=n_jobs), expected
        )

    def test_no_box_no_shape(self, small_ert, synthetic):
        assert small_ert.predict(synthetic.image(0), np.empty((0, 4))).shape == (0, 68, 2)
        assert small_ert.predict(synthetic.image(0), []).shape == (0, 68, 2)
        assert small_ert.align(synthetic.image(0), [], staged=True).staged.shape[1] == 0

    def test_staged_shapes_end_in_the_answer(self, small_ert, synthetic):
        result = small_ert.align(synthetic.image(3), synthetic.boxes[3], staged=True)
        assert result.staged.shape == (3, 1, 68, 2) and result.spread is None
        np.testing.assert_array_equal(result.staged[-1], result.shapes)
        np.testing.assert_allclose(result.initial, mean_start(small_ert, synthetic)[3:4], rtol=1e-5)

    def test_several_starts_give_a_spread(self, small_ert, synthetic):
        result = small_ert.align(synthetic.image(3), synthetic.boxes[3], n_starts=5)
        assert result.spread.shape == (1, 68) and (result.spread > 0).any()
        for n_starts in (0, 17):
            with pytest.raises(InputError, match="n_starts"):
                small_ert.predict(synthetic.image(3), synthetic.boxes[3], n_starts=n_starts)

    def test_mirrored_image_gives_the_mirrored_answer(self, small_ert, synthetic):
        image, box = synthetic.image(5), synthetic.boxes[5]
        left, top, right, bottom = box
        last = image.shape[1] - 1
        flipped_box = [last - right, top, last - left, bottom]
        shape = small_ert.predict(image, box, mirror=True)
        flipped = small_ert.predict(image[:, ::-1], flipped_box, mirror=True)
        back = flipped[list(synthetic.scheme.flip)] * (-1, 1) + (last, 0)
        np.testing.assert_allclose(shape, back, atol=1.5)
        assert np.abs(shape - back).mean() < 0.1

    def test_large_photograph_is_as_good_as_its_small_copy(self, small_ert, synthetic):
        import cv2

        image, box = synthetic.image(1), synthetic.boxes[1]
        large = cv2.resize(image, None, fx=25, fy=25, interpolation=cv2.INTER_CUBIC)
        rng = np.random.default_rng(0)
        large = np.clip(large + rng.normal(0, 12, large.shape), 0, 255).astype(np.uint8)
        shape = small_ert.predict(large, (box + 0.5) * 25 - 0.5)
        small = small_ert.predict(image, box)
        eyes = np.linalg.norm(small[36] - small[45])
        assert np.abs((shape + 0.5) / 25 - 0.5 - small).mean() < 0.03 * eyes

    @pytest.mark.parametrize(
        "box",
        [
            [10, 10, 10, 50],
            [50, 10, 10, 50],
            [np.nan, 0, 1, 1],
            [0, 0, np.inf, 5],
            [900, 900, 950, 950],
            [-90, -90, -50, -50],
            [1, 2, 3],
            "box",
        ],
    )
    def test_impossible_boxes_are_refused(self, small_ert, synthetic, box):
        with pytest.raises(InputError, match="box"):
            small_ert.predict(synthetic.image(0), box)

    @pytest.mark.parametrize(
        "box", [[-1e6, -1e6, 1e6, 1e6], [-20, -20, 300, 300], [0, 0, 0.1, 0.1]]
    )
    def test_strange_boxes_are_fitted(self, small_ert, synthetic, box):
        assert np.isfinite(small_ert.predict(synthetic.image(0), box)).all()

    def test_one_pixel_image(self, small_ert):
        shape = small_ert.predict(np.zeros((1, 1), np.uint8), [0, 0, 1, 1])
        assert np.isfinite(shape).all()

    def test_input_is_left_alone(self, small_ert, synthetic):
        image, box = synthetic.image(0).copy(), synthetic.boxes[0].copy()
        image.flags.writeable = box.flags.writeable = False
        first = small_ert.predict(image, box, n_starts=3, mirror=True)
        np.testing.assert_array_equal(small_ert.predict(image, box, n_starts=3, mirror=True), first)
        np.testing.assert_array_equal(small_ert.starts_[0], small_ert.mean_)

    def test_threads_share_a_model(self, small_ert, synthetic):
        expected = predict_all(small_ert, synthetic)
        wrong = []

        def work(offset):
            for i in np.roll(np.arange(len(synthetic)), offset):
                shape = small_ert.predict(synthetic.image(i), synthetic.boxes[i])
                if (shape != expected[i]).any():
                    wrong.append(i)

        threads = [threading.Thread(target=work, args=(13 * k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


class TestManners:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"depth": 0},
            {"depth": 9},
            {"n_points": 1},
            {"n_points": 70_000},
            {"n_trees": 0},
            {"n_stages": 0},
            {"n_components": 0},
            {"learning_rate": 0.0},
            {"frame_size": 16},
            {"face_size": 400},
            {"starts": Starts(n=0)},
            {"starts": Starts(mix=(2.0, 1.0))},
            {"test_starts": 17},
        ],
    )
    def test_impossible_parameters_are_refused_before_training(self, synthetic, wrong):
        (name,) = wrong
        with pytest.raises(InputError, match=name.replace("_size", "").replace("starts", "start")):
            ERT(**SMALL | wrong, random_state=0).fit(synthetic)

    def test_parameters_go_in_and_out(self):
        model = ERT(n_trees=7, starts=Starts(n=3), random_state=1)
        copied = clone(model)
        assert copied.get_params()["n_trees"] == 7 and copied.get_params()["starts__n"] == 3
        assert model.set_params(starts__n=9, depth=2).starts.n == 9

    def test_untrained_says_so(self, synthetic):
        with pytest.raises(NotFittedError):
            ERT().predict(synthetic.image(0), synthetic.boxes[0])

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_no_image_no_shape(self, small_ert, n_jobs):
        assert small_ert.predict_many([], [], n_jobs=n_jobs) == []

    def test_unequal_lists_are_refused(self, small_ert, synthetic):
        with pytest.raises(InputError, match="2 images"):
            small_ert.predict_many([synthetic.image(0)] * 2, [synthetic.boxes[0]])


def test_a_read_only_image_compiles_no_kernel_anew(small_ert, synthetic):
    from numba.core.dispatcher import Dispatcher

    from cascade.stages.trees import _run_kernels

    image = synthetic.image(0).copy()
    expected = small_ert.predict(image, synthetic.boxes[0])
    kernels = [k for k in vars(_run_kernels).values() if isinstance(k, Dispatcher)]
    before = [kernel.signatures for kernel in kernels]
    image.flags.writeable = False
    np.testing.assert_array_equal(small_ert.predict(image, synthetic.boxes[0]), expected)
    assert kernels and [kernel.signatures for kernel in kernels] == before
