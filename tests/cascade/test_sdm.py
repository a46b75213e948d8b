"""SDM end to end: the fused kernel, files, and its accuracy on rendered faces."""

import copy

import cv2
import numpy as np
import pytest

import cascade
from cascade import SDM, Starts
from cascade.formats import native
from cascade.loop.progress import Silent
from cascade.stages.linear.predictor import ReducedLinear
from cascade.stages.linear.runner import HogRunner
from cascade.stages.plain import PlainRunner
from cascade.stages.registry import plan
from cascade.stages.samples import Samples
from cascade.stages.stage import FittedStage
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces
from features.errors import InputError
from features.hog import Hog


def small(**changes):
    options = {
        "half": (0.2, 0.12), "n_stages": 2, "n_cells": 2, "rank": 12, "starts": Starts(n=2),
        "frame_size": 160, "face_size": 88, "random_state": 0,
    }  # fmt: skip
    return SDM(**(options | changes))


@pytest.fixture(scope="module")
def model(synthetic):
    return small().fit(synthetic)


def samples(model, faces):
    crops = [model.frame_.crop(faces.image(i), faces.boxes[i]) for i in range(len(faces))]
    return Samples(
        np.stack([crop for crop, _, _ in crops]),
        np.arange(len(faces)),
        np.stack([placement for _, placement, _ in crops]),
        np.repeat(model.mean_[None], len(faces), axis=0),
    )


def test_finds_the_landmarks_of_rendered_faces(model, synthetic):
    others = synthetic_faces(30, seed=11, size=160)
    answers = [model.align(others.image(i), others.boxes[i]) for i in range(30)]
    before = nme([a.initial[0] for a in answers], others.shapes, others.scheme).mean()
    after = nme([a.shapes[0] for a in answers], others.shapes, others.scheme).mean()
    assert after < 0.5 * before


def test_fused_kernel_equals_the_plain_loop(model, synthetic):
    fused, plain = samples(model, synthetic), samples(model, synthetic)
    kept = np.empty((2, *fused.shapes.shape), np.float32)
    (runner,) = model.runners
    assert isinstance(runner, HogRunner)
    runner.run(fused, staged=kept)
    PlainRunner(model.stages_, model.reference).run(plain)
    np.testing.assert_allclose(fused.shapes, plain.shapes, atol=2e-5)
    np.testing.assert_array_equal(kept[-1], fused.shapes)
    assert not np.array_equal(kept[0], kept[1])


def test_images_without_a_window_are_refused_by_kernel_and_feature_alike(model, synthetic):
    tiny = samples(model, synthetic.subset(np.arange(2)))
    tiny.images = tiny.images[:, :50, :3].copy()
    (runner,) = model.runners
    for run in (runner.run, PlainRunner(model.stages_, model.reference).run):
        with pytest.raises(InputError, match="4x4 pixels or more"):
            run(tiny)


def test_stages_of_different_rank_follow_one_another(model, synthetic):
    mixed = small(rank=5).fit(synthetic)
    mixed.stages_[1] = model.stages_[1]
    mixed._plan()
    fused, plain = samples(mixed, synthetic), samples(mixed, synthetic)
    assert len(mixed.runners) == 2
    for runner in mixed.runners:
        runner.run(fused)
    PlainRunner(mixed.stages_, mixed.reference).run(plain)
    np.testing.assert_allclose(fused.shapes, plain.shapes, atol=2e-5)


def test_last_stage_reads_the_shape_in_the_same_kernel(model):
    first, last = (stage.feature for stage in model.stages_)
    assert (first.shape_gain, last.shape_gain) == (0, 8)
    assert len(model.runners) == 1
    for changes in ({"shape_gain": 0.0}, {"n_descriptor_components": 8}, {"descriptor": "sift"}):
        assert not getattr(small(**changes).recipe()[-1].feature, "shape_gain", 0)


@pytest.mark.parametrize("n_landmarks", [1, 5, 7])
def test_any_number_of_landmarks_shares_the_kernel(n_landmarks):
    """Coordinates that do not fill whole lanes, in stages with and without."""
    rng = np.random.default_rng(n_landmarks)
    mean = rng.normal(0, 0.2, (n_landmarks, 2)).astype(np.float32)
    mean += (1, 0) if n_landmarks == 1 else -mean.mean(0)
    stages = []
    for gain in (0.0, 8.0, 0.0, 3.0):
        feature = Hog(0.1, 2, gain).fit(None, None, mean, None)
        n_features = feature.n_features(n_landmarks)
        weights = rng.integers(-127, 128, (n_features, 2)).astype(np.int8)
        basis = rng.normal(0, 2e-5, (2, 2 * n_landmarks)).astype(np.float32)
        bias = rng.normal(0, 0.01, 2 * n_landmarks).astype(np.float32)
        predictor = ReducedLinear(weights, basis, bias, np.zeros(1, np.float32))
        stages.append(FittedStage(feature, predictor))
    images = rng.integers(0, 256, (3, 64, 64)).astype(np.uint8)
    shapes = mean + rng.normal(0, 0.03, (3, *mean.shape)).astype(np.float32)
    placements = np.tile(np.float32([32, 32, 40]), (3, 1))
    fused, plain = (Samples(images, np.arange(3), placements, shapes.copy()) for _ in range(2))
    (runner,) = plan(stages, mean)
    assert isinstance(runner, HogRunner)
    runner.run(fused)
    PlainRunner(stages, mean).run(plain)
    np.testing.assert_allclose(fused.shapes, plain.shapes, atol=2e-5)
    assert np.abs(fused.shapes - shapes).max() > 1e-3


@pytest.mark.parametrize("gain", [0.0, -1.0, 1e9])
def test_file_with_a_gain_that_cannot_be_is_refused(model, tmp_path, gain):
    broken = copy.copy(model)
    last = model.stages_[-1]
    feature = copy.copy(last.feature)
    object.__setattr__(feature, "gain", np.array([gain], np.float32))
    broken.stages_ = [model.stages_[0], FittedStage(feature, last.predictor)]
    broken.save(tmp_path / "broken.st")
    with pytest.raises(InputError, match="gain is"):
        cascade.load(tmp_path / "broken.st")


def test_file_keeps_every_bit(model, synthetic, tmp_path):
    model.save(tmp_path / "sdm.st")
    again = cascade.load(tmp_path / "sdm.st")
    assert isinstance(again, SDM)
    assert list(again.half) == [0.2, 0.12]
    image, box = synthetic.image(0), synthetic.boxes[0]
    np.testing.assert_array_equal(again.predict(image, box), model.predict(image, box))
    assert native.dumps(again) == native.dumps(model)


def test_file_of_fewer_weights_is_refused(model, tmp_path, monkeypatch):
    broken = copy.copy(model)
    stage = model.stages_[0]
    predictor = copy.copy(stage.predictor)
    object.__setattr__(predictor, "weights", predictor.weights[:-8])
    broken.stages_ = [type(stage)(stage.feature, predictor)]
    broken.save(tmp_path / "broken.st")
    with pytest.raises(InputError, match="weights"):
        cascade.load(tmp_path / "broken.st")


def test_threads_change_nothing(model, synthetic):
    assert native.dumps(small(n_jobs=2).fit(synthetic)) == native.dumps(model)


def test_scale_of_the_photograph_hardly_matters(model, synthetic):
    image, box = synthetic.image(1), synthetic.boxes[1]
    big = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    found = model.predict(big, np.asarray(box) * 3 + 1)
    distance = np.linalg.norm((found - 1) / 3 - model.predict(image, box), axis=-1)
    assert np.median(distance) < 0.02 * (box[2] - box[0])


def test_an_empty_schedule_is_refused():
    with pytest.raises(InputError, match="half is empty"):
        SDM(half=()).recipe()


def test_an_unknown_descriptor_is_refused():
    with pytest.raises(InputError, match="descriptor is 'surf'"):
        SDM(descriptor="surf").recipe()


@pytest.fixture(scope="module")
def sift(synthetic):
    return small(descriptor="sift", n_descriptor_components=20).fit(synthetic)


def test_sift_finds_the_landmarks_and_keeps_every_bit(sift, synthetic, tmp_path):
    assert isinstance(sift.runners[0], PlainRunner)
    others = synthetic_faces(15, seed=11, size=160)
    found = [sift.align(others.image(i), others.boxes[i]) for i in range(15)]
    before = nme([a.initial[0] for a in found], others.shapes, others.scheme).mean()
    after = nme([a.shapes[0] for a in found], others.shapes, others.scheme).mean()
    assert after < 0.6 * before
    sift.save(tmp_path / "sift.st")
    again = cascade.load(tmp_path / "sift.st")
    assert again.descriptor == "sift"
    np.testing.assert_array_equal(again.align(others.image(0), others.boxes[0]).shapes,
                                  found[0].shapes)  # fmt: skip
    assert native.dumps(again) == native.dumps(sift)


def test_sift_resumes(sift, synthetic, tmp_path, monkeypatch):
    class Stop(Silent):
        def stage_ends(self, row):
            raise KeyboardInterrupt

    options = {"descriptor": "sift", "n_descriptor_components": 20}
    with pytest.raises(KeyboardInterrupt):
        small(**options).fit(synthetic, checkpoint=tmp_path / "part.st", progress=Stop())
    whole = small(**options).fit(synthetic, checkpoint=tmp_path / "part.st", resume=True)
    assert native.dumps(whole) == native.dumps(sift)


def test_penalties_are_chosen_on_held_out_faces_and_told(synthetic, tmp_path):
    chosen = small(alpha_per_sample=[0.001, 0.01, 0.1, 1.0], n_jobs=2).fit(synthetic)
    rows = [row["alpha_per_sample"] for row in chosen.history_]
    assert set(rows) <= {0.001, 0.01, 0.1, 1.0}
    chosen.save(tmp_path / "chosen.st")
    again = cascade.load(tmp_path / "chosen.st")
    assert [row["alpha_per_sample"] for row in again.history_] == rows
    assert native.dumps(small(alpha_per_sample=[0.001, 0.01, 0.1, 1.0]).fit(synthetic)) == (
        native.dumps(chosen)
    )


def test_reduced_descriptors_run_in_the_fused_kernel(synthetic):
    reduced = small(n_descriptor_components=8).fit(synthetic)
    (runner,) = reduced.runners
    assert isinstance(runner, HogRunner)
    fused, plain = samples(reduced, synthetic), samples(reduced, synthetic)
    runner.run(fused)
    PlainRunner(reduced.stages_, reduced.reference).run(plain)
    np.testing.assert_allclose(fused.shapes, plain.shapes, atol=2e-5)
