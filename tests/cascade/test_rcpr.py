"""RCPR: visibility, zones, restarts; and what carries visibility through the toolkit."""

import numpy as np
import pytest

import cascade
from cascade import RCPR, InputError, Starts
from cascade.formats import native
from cascade.stages.ferns.predictor import Ferns, ZonedFerns
from cascade.stages.ferns.regressor import OcclusionFerns
from cascade.stages.samples import Samples
from cascade.stages.stage import Stage
from data_tools.dataset import FaceDataset
from data_tools.metrics import occlusion_precision_recall, recall_at_precision
from data_tools.synthetic import synthetic_faces
from features.line_pixels import LinePixels
from features.pixels import Pixels

SMALL = {
    "n_stages": 4, "n_ferns": 60, "starts": Starts(n=4), "shrinkage": 20.0, "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def covered():
    return synthetic_faces(150, seed=5, size=160, occluders=0.7)


@pytest.fixture(scope="module")
def rcpr(covered):
    return RCPR(**SMALL).fit(covered)


def test_finds_occlusion(rcpr, covered):
    assert all(isinstance(stage.predictor, ZonedFerns) for stage in rcpr.stages_)
    found = [rcpr.align(covered.image(i), covered.boxes[i]).visible[0] for i in range(60)]
    visibility, truth = np.stack(found), covered.visible[:60]
    assert visibility.min() >= 0 and visibility.max() <= 1
    assert recall_at_precision(visibility, truth) > 0.4
    precision, _ = occlusion_precision_recall(visibility, truth)
    assert precision > 0.6


def test_learns_without_visibility(covered):
    faces = FaceDataset.from_arrays(covered.images, covered.shapes, covered.boxes)
    model = RCPR(**SMALL).fit(faces)
    assert all(isinstance(stage.predictor, Ferns) for stage in model.stages_)
    errors = [row["train_nme"] for row in model.history_]
    assert errors == sorted(errors, reverse=True)
    assert model.align(faces.image(0), faces.boxes[0]).visible is None


def test_one_stage_by_hand(rcpr, covered):
    """The fused kernel against numpy, from a state in which zones differ in visibility."""
    store = covered.store(rcpr.frame_, mirror=False)
    rng = np.random.default_rng(0)
    samples = Samples.from_store(store, Starts(n=1).sample(store.shapes, rcpr.mean_, rng))
    samples.visibility = rng.uniform(0.1, 1, samples.shapes.shape[:2]).astype(np.float32)
    before = samples.visibility.copy()
    stage = rcpr.stages_[2]
    ferns, pixels = stage.predictor, stage.feature.extract(samples, rcpr.reference).astype(int)
    means = np.stack([before[:, ferns.zone_of == z].mean(1) for z in range(9)], 1)
    # On a grid without landmarks, numpy would warn; a face has landmarks in all nine zones.
    weights = np.minimum(means / before.mean(1, keepdims=True), 2)
    updates = np.repeat(ferns.bias[None], len(samples), 0)
    for k in range(len(ferns.first)):
        digits = pixels[:, ferns.first[k]] - pixels[:, ferns.second[k]] >= ferns.threshold[k]
        leaf = ferns.leaves[k][digits @ (1 << np.arange(ferns.depth)[::-1])]
        updates += weights[:, [ferns.zone[k]]] * (leaf @ ferns.basis)
    expected = samples.shapes.copy()
    by_hand = Samples(None, samples.index, None, expected)
    by_hand.move(updates[:, :136], rcpr.reference)
    type(rcpr.runners[0])([stage], rcpr.reference).run(samples)
    np.testing.assert_allclose(samples.shapes, by_hand.shapes, atol=1e-4)
    np.testing.assert_allclose(samples.visibility, before + updates[:, 136:], atol=1e-4)


def test_round_trip_and_threads(rcpr, covered, tmp_path):
    rcpr.save(tmp_path / "model")
    loaded = cascade.load(tmp_path / "model")
    for ours, theirs in zip(*(m.align(covered.image(0), covered.boxes[0], mirror=True).__dict__
                              .values() for m in (rcpr, loaded)), strict=True):  # fmt: skip
        np.testing.assert_array_equal(ours, theirs)
    again = RCPR(**SMALL, n_jobs=2).fit(covered)
    assert native.dumps(again) == native.dumps(rcpr)


def test_restarts_only_where_the_starts_lie_apart(rcpr, covered, monkeypatch):
    image, box = covered.image(0), covered.boxes[0]
    calm = rcpr.align(image, box, staged=True)
    assert calm.staged.shape == (4, 1, 68, 2)
    monkeypatch.setattr(rcpr, "restarts", 0)
    np.testing.assert_array_equal(rcpr.predict(image, box), calm.shapes[0])
    monkeypatch.setattr(rcpr, "restarts", 2)
    monkeypatch.setattr(rcpr, "restart_spread", 0.0)
    # Starts that lie far apart at first: the second lot, all equal, must be taken.
    far = rcpr.starts_.copy()
    far[:5] += np.array([0, -2, -1, 1, 2], np.float32)[:, None, None]
    far[5:] = rcpr.mean_
    monkeypatch.setattr(rcpr, "starts_", far)
    anew = rcpr.align(image, box)
    np.testing.assert_allclose(anew.spread, 0, atol=1e-6)
    np.testing.assert_allclose(anew.shapes[0], rcpr.predict(image, box, n_starts=1), atol=1e-3)


def test_visibility_needs_line_points(covered):
    model = cascade.Cascade([Stage(Pixels(50), OcclusionFerns(5))], random_state=0)
    with pytest.raises(InputError, match="LinePixels"):
        model.fit(covered)


def test_visible_follows_the_faces(covered):
    some = covered.subset([3, 1])
    np.testing.assert_array_equal(some.visible, covered.visible[[3, 1]])
    both = FaceDataset.concatenate([some, covered.subset([0])])
    np.testing.assert_array_equal(both.visible, covered.visible[[3, 1, 0]])
    bare = FaceDataset.from_arrays(some.images, some.shapes, some.boxes)
    assert bare.visible is None and FaceDataset.concatenate([some, bare]).visible is None
    store = covered.store()
    n = len(covered)
    flip = list(covered.scheme.flip)
    np.testing.assert_array_equal(store.visible[n:], covered.visible[:, flip])
    np.testing.assert_array_equal(store.subset([n, 0]).visible, store.visible[[n, 0]])
    assert bare.store().visible is None
    with pytest.raises(InputError, match="visible"):
        FaceDataset(some.files, some.shapes, some.boxes, visible=[[True]])


def test_occlusion_metrics():
    visibility = np.array([[0.1, 0.2, 0.6], [0.3, 0.3, 0.9]])
    visible = np.array([[False, False, False], [True, False, True]])
    assert occlusion_precision_recall(visibility, visible, 0.25) == (1.0, 0.5)
    assert occlusion_precision_recall(visibility, visible, 0.5) == (0.75, 0.75)
    # 3 of 4 at 0.3, where two values are equal; 4 of 5 at 0.6.
    assert recall_at_precision(visibility, visible, 0.8) == 1.0
    assert recall_at_precision(visibility, visible, 0.9) == 0.5
    assert np.isnan(recall_at_precision(visibility, np.ones((2, 3), bool)))
    with pytest.raises(InputError, match="differ"):
        recall_at_precision(visibility, visible[:1])


def test_points_are_laid_out_as_in_files():
    """Another layout in training than after loading would compile the kernels twice."""
    feature = LinePixels(30).fit(None, None, np.zeros((9, 2)), np.random.default_rng(0))
    assert feature.points.flags.c_contiguous and feature.points.shape == (2, 30)
