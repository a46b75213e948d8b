"""Key shapes, the choice among them, and routes."""

import json

import numpy as np
import pytest
import typer
from sklearn.base import clone

import cascade
from cascade import SDM, FacemarkLBF, InputError, Poses, ShapePredictor, Starts
from cascade.cli.settings import configured
from cascade.formats import native
from cascade.loop import model_file
from cascade.loop.progress import Silent
from cascade.loop.starts import mean_shape
from cascade.pose import clusters, fitting
from cascade.pose.key_shapes import KeyShapes
from cascade.pose.routing import RoutedRunner, RoutedStage, Router
from cascade.stages.linear.regressor import ReducedRidge
from cascade.stages.samples import Samples
from cascade.stages.stage import Stage
from data_tools.metrics import nme
from features.geometry import rotate
from features.hog import Hog

SMALL = {"n_stages": 3, "n_cells": 2, "starts": Starts(n=2), "random_state": 0}
KEYS = Poses(n_shapes=2, roll=30.0, n_early=1)
ROUTES = Poses(n_routes=2, n_early=1, overlap=1.2)


@pytest.fixture(scope="module", autouse=True)
def quick_score():
    """A score of a fourth of the descriptors and a tenth of the samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "SCORE", Stage(Hog(half=0.2, n_cells=1), ReducedRidge(0.01, 1)))
        patch.setattr(fitting, "N_SCORED", 400)
        yield


@pytest.fixture(scope="module")
def plain(synthetic):
    return SDM(**SMALL).fit(synthetic)


@pytest.fixture(scope="module")
def keyed(synthetic):
    return SDM(**SMALL, poses=KEYS).fit(synthetic)


@pytest.fixture(scope="module")
def routed(synthetic):
    return SDM(**SMALL, poses=ROUTES).fit(synthetic)


def turn(shapes, degrees, center):
    angle = np.deg2rad(degrees)
    return rotate(shapes - center, np.array([[np.cos(angle), np.sin(angle)]])) + center


def predicted(model, faces, n=40, **options):
    return np.stack([model.predict(faces.image(i), faces.boxes[i], **options) for i in range(n)])


def error(model, faces):
    return nme(predicted(model, faces), faces.shapes[:40], faces.scheme).mean()


class TestClusters:
    def test_aligned_forgets_position_size_and_roll(self):
        rng = np.random.default_rng(0)
        mean = rng.normal(size=(9, 2))
        shape = mean + 0.1 * rng.normal(size=(9, 2))
        moved = 1.7 * turn(shape[None], 40, np.zeros(2)) + [3, -1]
        same = clusters.aligned(np.concatenate([shape[None], moved]), mean)
        np.testing.assert_allclose(same[0], same[1], atol=1e-6)
        np.testing.assert_allclose(clusters.aligned(mean[None], mean)[0], mean.ravel(), atol=1e-6)

    def test_missing_landmarks_lie_on_the_mean(self):
        mean = np.array([[0, 0], [1, 0], [0, 1], [1, 1.0]])
        shape = 2 * mean[None] + 5
        shape[0, 3] = np.nan
        np.testing.assert_allclose(clusters.aligned(shape, mean)[0], mean.ravel(), atol=1e-6)

    def test_centres_are_the_means_of_groups_the_largest_first(self):
        rng = np.random.default_rng(1)
        groups = [rng.normal(at, 0.01, (n, 3)) for at, n in ((0, 10), (5, 40), (9, 20))]
        found = clusters.centres(np.concatenate(groups), 3, rng)
        wanted = [groups[k].mean(0) for k in (1, 2, 0)]
        np.testing.assert_allclose(found, wanted, atol=1e-5)

    def test_more_clusters_than_rows_are_refused(self):
        with pytest.raises(InputError, match="fewer"):
            clusters.centres(np.zeros((2, 3)), 3, np.random.default_rng(0))


class TestKeyShapes:
    def test_rolls_of_the_mean(self, synthetic):
        mean = mean_shape(synthetic.shapes)
        shapes = fitting.choose_shapes(
            Poses(roll=20.0), synthetic.shapes, mean, np.random.default_rng(0)
        )
        assert shapes.shape == (3, 68, 2)
        np.testing.assert_allclose(shapes[0], mean, rtol=1e-6)
        for shape, degrees in zip(shapes, (0, -20, 20), strict=True):
            line, level = shape[45] - shape[36], mean[45] - mean[36]
            angle = np.arctan2(line[1], line[0]) - np.arctan2(level[1], level[0])
            assert np.rad2deg(angle) == pytest.approx(degrees, abs=0.01)

    def test_heads_to_both_sides(self, keyed):
        tip = keyed.keys_.shapes[:2, 30, 0] - keyed.keys_.shapes[:2, [36, 45], 0].mean(1)
        assert tip.min() < 0 < tip.max() and len(keyed.keys_.shapes) == 6

    def test_placed_where_the_start_lies(self):
        rng = np.random.default_rng(2)
        mean = rng.normal(size=(5, 2)).astype(np.float32)
        keys = KeyShapes(np.stack([mean, mean + 1]), 1, None)
        starts = np.concatenate([mean[None], 2 * turn(mean[None], 70, 0) + [1, 4]])
        placed = keys.placed(starts.astype(np.float32), mean)
        np.testing.assert_allclose(placed[:2], starts, atol=1e-5)
        shift = 2 * turn(np.ones((1, 1, 2)), 70, 0)
        np.testing.assert_allclose(placed[3], starts[1] + shift[0], atol=1e-5)

    def test_the_lowest_score_goes_on(self, keyed, synthetic):
        """Against a loop over the key shapes, one stage and one face at a time."""
        image, box = synthetic.image(5), synthetic.boxes[5]
        crop, placement, _ = keyed.frame_.crop(image, box)
        ends, scores = [], []
        for key in keyed.keys_.shapes:
            samples = Samples(
                crop[None], np.zeros(1, np.intp), placement[None], key[None].copy(), None
            )
            for stage in keyed.stages_[:1]:
                features = stage.feature.extract(samples, keyed.reference)
                samples.move(stage.predictor.predict(features), keyed.reference)
            score = keyed.keys_.score
            found = score.predictor.predict(score.feature.extract(samples, keyed.reference))
            scores.append(found[0, 0])
            for stage in keyed.stages_[1:]:
                features = stage.feature.extract(samples, keyed.reference)
                samples.move(stage.predictor.predict(features), keyed.reference)
            ends.append(samples.shapes[0])
        side = np.sqrt(np.prod(box[2:] - box[:2]))
        wanted = ends[int(np.argmin(scores))] * side + (box[:2] + box[2:]) / 2
        np.testing.assert_allclose(keyed.predict(image, box), wanted, atol=0.05)

    def test_turned_starts_find_the_face(self, plain, keyed, synthetic, monkeypatch):
        upright = error(plain, synthetic), error(keyed, synthetic)
        assert upright[1] < upright[0] * 1.2
        for model in (plain, keyed):
            monkeypatch.setattr(
                model, "starts_", turn(model.starts_, 35, model.mean_.mean(0)).astype(np.float32)
            )
        assert error(keyed, synthetic) < 0.5 * error(plain, synthetic)

    def test_faces_do_not_depend_on_their_company(self, keyed, synthetic):
        image, box = synthetic.image(0), synthetic.boxes[0]
        boxes = box + np.array([[0, 0, 0, 0], [3, 0, 3, 0], [0, -4, 6, 2]], np.float32)
        together = keyed.predict(image, boxes, n_starts=3)
        for one, alone in zip(together, boxes, strict=True):
            np.testing.assert_allclose(keyed.predict(image, alone, n_starts=3), one, atol=1e-3)

    def test_stages_are_those_of_the_chosen(self, keyed, synthetic):
        found = keyed.align(synthetic.image(1), synthetic.boxes[1], staged=True, n_starts=1)
        assert found.staged.shape == (3, 1, 68, 2)
        np.testing.assert_allclose(found.staged[-1], found.shapes, atol=1e-4)

    def test_many_images(self, small_ert, synthetic):
        faces = synthetic.subset(slice(12))
        model = clone(small_ert).set_params(poses=KEYS).fit(faces)
        stack = np.stack([faces.image(i) for i in range(12)])
        np.testing.assert_allclose(
            model.predict_many(stack, faces.boxes, n_jobs=2), predicted(model, faces, 12), atol=1e-3
        )

    def test_given_to_a_trained_cascade(self, synthetic):
        # Cross-fitted stages know what they need for the same bytes in training alone.
        model = SDM(**SMALL, n_parts=1).fit(synthetic)
        keyed = SDM(**SMALL, n_parts=1, poses=KEYS).fit(synthetic)
        assert native.dumps(model.fit_keys(synthetic, KEYS)) == native.dumps(keyed)
        with pytest.raises(InputError, match="n_routes"):
            model.fit_keys(synthetic, ROUTES)

    @pytest.mark.parametrize("method", [ShapePredictor, FacemarkLBF])
    def test_methods_of_one_start_have_none(self, method, synthetic):
        sizes = {"n_stages": 1} if method is ShapePredictor else {"radius": (0.2,), "n_tried": 5}
        few = synthetic.subset(slice(6))
        model = method(**sizes, n_trees=2, depth=2, starts=Starts(n=1), random_state=0).fit(few)
        with pytest.raises(InputError, match="one start"):
            model.fit_keys(few, KEYS)


class TestRoutes:
    def test_each_shape_takes_its_own_route(self, routed, synthetic):
        store = synthetic.store(routed.frame_, mirror=False)
        samples = Samples.from_store(store, store.shapes)
        stages = [s for s in routed.stages_ if isinstance(s, RoutedStage)]
        assert len(stages) == 2
        slow = samples.shapes.copy()
        for stage in stages:
            for i in range(len(slow)):
                one = samples.part(i, i + 1)
                one.shapes = slow[i : i + 1]
                pose = clusters.aligned(one.shapes, routed.reference)[0]
                distance = [np.linalg.norm(pose - c.ravel()) for c in stage.router.centres]
                route = stage.routes[int(np.argmin(distance))]
                features = route.feature.extract(one, routed.reference)
                one.move(route.predictor.predict(features), routed.reference)
        staged = np.empty((2, *slow.shape), np.float32)
        RoutedRunner(stages, routed.reference).run(samples, staged=staged)
        np.testing.assert_allclose(samples.shapes, slow, atol=1e-4)
        np.testing.assert_array_equal(staged[1], samples.shapes)

    def test_routes_are_told_apart_by_yaw(self, routed):
        (center, other) = routed.stages_[1].router.centres
        assert (center[30, 0] - center[[36, 45], 0].mean()) * (
            other[30, 0] - other[[36, 45], 0].mean()
        ) < 0

    def test_router_takes_the_nearest(self):
        mean = np.array([[-1, 0], [1, 0], [0, 1], [0, -1.0]], np.float32)
        bent = mean + np.array([[0, 0], [0, 0], [0.3, 0], [0.3, 0]], np.float32)
        router = Router(clusters.aligned(np.stack([mean, bent]), mean).reshape(2, 4, 2))
        shapes = np.concatenate([turn(3 * s[None], 50, 0) + 2 for s in (bent, mean, bent)])
        assert router.route(shapes, mean).tolist() == [1, 0, 1]


@pytest.mark.parametrize("model", ["plain", "keyed", "routed"])
def test_the_file_predicts_the_same(model, request, synthetic, tmp_path):
    model = request.getfixturevalue(model)
    model.save(tmp_path / "model")
    again = cascade.load(tmp_path / "model")
    np.testing.assert_array_equal(predicted(again, synthetic, 5), predicted(model, synthetic, 5))
    assert native.dumps(again) == native.dumps(model)


@pytest.mark.parametrize(("kind", "stage"), [("keyed", 3), ("routed", 2), ("routed", 3)])
def test_resumed_on_more_threads_equals_unbroken(kind, stage, request, synthetic, tmp_path):
    unbroken = request.getfixturevalue(kind)
    chosen = unbroken.poses

    class Stop(Silent):
        def stage_begins(self, number, n_stages):
            if number == stage:
                raise KeyboardInterrupt

    path = tmp_path / "part"
    with pytest.raises(KeyboardInterrupt):
        SDM(**SMALL, poses=chosen).fit(synthetic, checkpoint=path, progress=Stop())
    resumed = SDM(**SMALL, poses=chosen, n_jobs=2).fit(synthetic, checkpoint=path, resume=True)
    assert native.dumps(resumed) == native.dumps(unbroken)


def without(name):
    def change(header, arrays):
        del arrays[name]

    return change


def changed(name, value):
    def change(header, arrays):
        arrays[name] = value(arrays[name])

    return change


def header(*path, value):
    def change(header, arrays):
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = value

    return change


DAMAGE = {
    "no keys": ("keyed", without("keys")),
    "a key of NaN": ("keyed", changed("keys", lambda a: a * np.float32("nan"))),
    "keys of other landmarks": ("keyed", changed("keys", lambda a: a[:, 1:].copy())),
    "too many keys": ("keyed", changed("keys", lambda a: np.tile(a, (100, 1, 1)))),
    "chosen after no stage": ("keyed", header("keys", "stages", value=0)),
    "chosen after the last": ("keyed", header("keys", "stages", value=4)),
    "no score": ("keyed", header("keys", "score", value=None)),
    "a score of many numbers": (
        "keyed", changed("score.predictor.bias", lambda a: np.tile(a, 136)),
    ),
    "keys of another kind": ("keyed", header("keys", value=3)),
    "fewer routes than centres": ("routed", header("stages", 1, "routes", value=[])),
    "keys of a method that knows none": ("keyed", header("method", value="dlib")),
    "routes of a method that knows none": ("routed", header("method", value="opencv")),
    "routes of another kind": ("routed", header("stages", 1, "routes", value="abc")),
    "a centre of NaN": (
        "routed", changed("stages.1.router.centres", lambda a: a * np.float32("nan")),
    ),
    "centres of other landmarks": (
        "routed", changed("stages.2.router.centres", lambda a: a[:, 1:].copy()),
    ),
    "no router": ("routed", without("stages.1.router.centres")),
    "half a route": ("routed", without("stages.1.1.predictor.basis")),
}  # fmt: skip


@pytest.mark.parametrize(("model", "change"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_files_are_refused(model, change, request, tmp_path):
    path = tmp_path / "damaged"
    path.write_bytes(native.dumps(request.getfixturevalue(model)))
    head, arrays = model_file.read(path)
    head = json.loads(json.dumps(head))
    change(head, arrays)
    head["sha256"] = model_file._digest(head, arrays)
    path.write_bytes(
        model_file.pack(arrays, {model_file._HEADER: json.dumps(head, sort_keys=True)})
    )
    with pytest.raises(InputError, match="damaged"):
        cascade.load(path)


@pytest.mark.parametrize(
    "bad",
    [{"n_shapes": 0}, {"n_shapes": 33}, {"roll": -1.0}, {"roll": float("nan")}, {"n_early": 0},
     {"n_routes": 0}, {"overlap": 0.5}],
    ids=str,
)  # fmt: skip
def test_bad_values_are_named(bad, synthetic):
    with pytest.raises(InputError, match=f"poses: {next(iter(bad))}"):
        SDM(**SMALL, poses=Poses(**bad)).fit(synthetic)


def test_fewer_faces_than_kinds(synthetic):
    few = synthetic.subset([0, 1])
    with pytest.raises(InputError, match="fewer"):
        SDM(**SMALL, poses=Poses(n_shapes=9)).fit(few)


class TestCommandLine:
    def test_set(self):
        model = configured(SDM, "default", ["poses.roll=30", "poses.n_routes=2"])
        assert (model.poses.roll, model.poses.n_routes) == (30.0, 2)

    @pytest.mark.parametrize("bad", ["poses.roll=-3", "poses.n_shapes=two", "poses.rol=3"])
    def test_bad_values(self, bad):
        with pytest.raises(typer.BadParameter, match="poses"):
            configured(SDM, "default", [bad])

    def test_starts_are_the_methods_own(self):
        assert configured(SDM, "default", []).starts.n == SDM().starts.n
