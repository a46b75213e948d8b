"""What `fit` and `predict` say of arguments that cannot be."""

import numpy as np
import pytest

import cascade
from cascade import ERT, SDM, InputError, Poses, Starts
from cascade.formats.native import dumps
from data_tools.dataset import FaceDataset
from features.frame import Frame
from features.workers import Workers

SMALL = {"n_stages": 2, "n_trees": 4, "n_points": 40, "depth": 2, "starts": Starts(n=2)}


class TestPredict:
    @pytest.mark.parametrize("n_starts", [1.5, "2", True, 0, 17, None.__class__])
    def test_starts(self, small_ert, synthetic, n_starts):
        with pytest.raises(InputError, match="n_starts"):
            small_ert.predict(synthetic.image(0), synthetic.boxes[0], n_starts=n_starts)

    @pytest.mark.parametrize("mirror", ["no", 1, 0.0])
    def test_mirror(self, small_ert, synthetic, mirror):
        with pytest.raises(InputError, match="mirror must be True or False"):
            small_ert.predict(synthetic.image(0), synthetic.boxes[0], mirror=mirror)

    @pytest.mark.parametrize(
        "boxes", [[[1, 2, 3, 4], [1, 2]], [10**400] * 4, [0, 0, 1e300, 1e300], {"a": 1}, [[[1]]]]
    )
    def test_boxes(self, small_ert, synthetic, boxes):
        with pytest.raises(InputError, match="box"):
            small_ert.predict(synthetic.image(0), boxes)

    @pytest.mark.parametrize("n_jobs", [2.5, "2", 0, True])
    def test_threads(self, small_ert, synthetic, n_jobs):
        with pytest.raises(InputError, match="n_jobs"):
            small_ert.predict_many([synthetic.image(0)], [synthetic.boxes[0]], n_jobs=n_jobs)
        with pytest.raises(InputError, match="n_jobs"):
            Workers(n_jobs)


class TestFit:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"n_stages": 10**9},
            {"n_stages": 1.5},
            {"n_jobs": 2.5},
            {"mirror": "no"},
            {"test_mirror": 1},
            {"test_starts": True},
            {"random_state": -1},
            {"random_state": "seed"},
            {"patience": -1},
            {"starts": 5},
            {"poses": 30.0},
            {"starts": Starts(mix=0.5)},
            {"poses": Poses(n_shapes=2.0)},
        ],
    )
    def test_the_parameter_is_named(self, synthetic, wrong):
        (name,) = wrong
        with pytest.raises(InputError, match=name):
            ERT(**SMALL | {"random_state": 0} | wrong).fit(synthetic)

    @pytest.mark.parametrize("share", [1, True, 0.0, "0.2", float("nan"), -0.5])
    def test_validation_share(self, synthetic, share):
        with pytest.raises(InputError, match=r"validation|share"):
            ERT(**SMALL, random_state=0).fit(synthetic, validation=share)

    def test_other_than_faces(self):
        with pytest.raises(InputError, match="FaceDataset"):
            ERT(**SMALL).fit([1, 2, 3])

    def test_generators_seed_as_scikit_learn_has_it(self, synthetic):
        def trained(state):
            return dumps(ERT(**SMALL, random_state=state).fit(synthetic))

        for make in (np.random.default_rng, np.random.RandomState):
            first, second = trained(make(5)), trained(make(5))
            # The parameter itself is kept as text; all the rest must be equal.
            assert len(first) == len(second)
            assert ERT(random_state=make(5))._seed() == ERT(random_state=make(5))._seed()

    @pytest.mark.parametrize("method", [ERT, SDM])
    def test_a_landmark_missing_in_all_faces(self, method, synthetic, tmp_path):
        shapes = synthetic.shapes.copy()
        shapes[:, 30] = np.nan  # the tip of the nose, its own mirror image
        images = [synthetic.image(i) for i in range(len(synthetic))]
        faces = FaceDataset.from_arrays(images, shapes, synthetic.boxes)
        with pytest.raises(InputError, match=r"landmark 30 .* missing in all"):
            method(random_state=0).fit(faces, checkpoint=tmp_path / "part")
        assert not list(tmp_path.iterdir())

    def test_a_landmark_that_is_far_away(self, synthetic):
        store = synthetic.store(Frame(256, 140))
        store.shapes[3, 5] = 1e30
        with pytest.raises(InputError, match="box sides from its face box"):
            ERT(**SMALL, random_state=0).fit(store)


class TestStore:
    def test_a_share_of_a_store_is_held_out(self, synthetic):
        store = synthetic.store(Frame(256, 140))
        model = ERT(**SMALL, random_state=0).fit(store, validation=0.2)
        assert all(row["validation_nme"] > 0 for row in model.history_)

    def test_the_store_must_be_what_the_parameters_say(self, synthetic):
        with pytest.raises(InputError, match="frame_size"):
            ERT(**SMALL, random_state=0).fit(synthetic.store(Frame(200, 140)))
        plain = synthetic.store(Frame(256, 140), mirror=False)
        with pytest.raises(InputError, match="mirror"):
            ERT(**SMALL, random_state=0).fit(plain)
        assert ERT(**SMALL, random_state=0, mirror=False).fit(plain).stages_

    def test_a_store_gives_what_its_dataset_gives(self, synthetic):
        store = synthetic.store(Frame(256, 140))
        one, two = (ERT(**SMALL, random_state=0).fit(faces) for faces in (synthetic, store))
        assert dumps(one) == dumps(two)


def test_names_of_version_0_1(small_ert):
    from cascade.regressors import BoostedTrees, ReducedRidge, SparseRidge, Trees  # noqa: F401

    assert small_ert.mean_ is small_ert.mean_shape_
    assert ERT(starts=None)._starts_sampler().n == Starts().n
    assert set(cascade.__all__) <= set(dir(cascade))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cascade.nothing  # noqa: B018
