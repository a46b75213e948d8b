"""Trainings divided over members that are threads of one process: the same bytes for any cut."""

import ctypes

import numpy as np
import pytest

from cascade import ERT, SDM, Poses, Starts
from cascade.distributed.malloc import kept_memory
from cascade.formats.native import dumps
from cascade.loop.checkpoint import Checkpoint
from cascade.loop.progress import Silent
from cascade.loop.sharing import Job
from features.errors import InputError
from features.workers import SERIAL, Workers

from ...members import run_members

SMALL = {"starts": Starts(n=3), "random_state": 3}
METHODS = {
    "ert": lambda **options: ERT(**SMALL, n_stages=2, n_trees=10, n_points=60, depth=3, **options),
    "sdm": lambda **options: SDM(
        **SMALL, n_stages=2, n_cells=2, clip=0.95, n_parts=3, poses=Poses(roll=20.0), **options
    ),
}


def train(make, faces, weights, validation=None, n_jobs=1):
    """The models that the members have in the end."""

    def member(group):
        model = make()
        with Workers(n_jobs, group) as workers:
            model.fit_member(Job(3, faces, validation, None, False), None, Silent(), workers)
        model._plan()
        return model

    return run_members(member, weights)


@pytest.mark.parametrize("method", METHODS)
def test_any_cut_of_the_faces_gives_the_same_bytes(synthetic, method):
    watched, faces = synthetic.split(0.3, 1)
    make = METHODS[method]
    alone = dumps(make().fit(faces, watched))
    assert dumps(make(n_jobs=2).fit(faces, watched)) == alone
    for weights, n_jobs in [((1, 1), 2), ((5, 0, 1), 1), ((0, 2, 3, 1), 1)]:
        first, *others = train(make, faces, weights, watched, n_jobs)
        assert dumps(first) == alone
        # The others do not learn the key shapes and the confidence, but the stages.
        for model in others:
            model.keys_, model.confidence_ = first.keys_, first.confidence_
            assert dumps(model) == alone


def test_more_members_than_faces(synthetic):
    faces = synthetic.subset(slice(2))
    make = METHODS["ert"]
    alone = dumps(make().fit(faces))
    assert {dumps(model) for model in train(make, faces, [1] * 6)} == {alone}


def test_landmarks_that_are_missing(synthetic):
    faces = synthetic.subset(slice(40))
    faces.shapes = faces.shapes.copy()
    faces.shapes[np.random.default_rng(0).random(faces.shapes.shape[:2]) < 0.1] = np.nan
    make = METHODS["ert"]
    alone = dumps(make().fit(faces))
    assert {dumps(model) for model in train(make, faces, [2, 0, 1])} == {alone}


def test_a_store_is_divided_as_its_dataset_is(synthetic):
    faces, make = synthetic.subset(slice(20)), METHODS["ert"]
    alone = dumps(make().fit(faces))
    assert {dumps(model) for model in train(make, make().crops(faces, True, Silent()), [1, 2])} == {
        alone
    }


def test_the_digest_of_a_checkpoint_is_that_of_all_faces(synthetic, tmp_path):
    store = synthetic.subset(slice(12)).store()
    model = METHODS["ert"]()
    model.seed_ = 3

    def digest(own, workers):
        with Checkpoint(tmp_path / f"{workers.rank}", model, own, store, workers) as checkpoint:
            return checkpoint._training["faces"]

    def member(group):
        workers = Workers(1, group)
        return digest(store.subset(slice(*workers.share(len(store)))), workers)

    alone = digest(store, SERIAL)
    assert set(run_members(member, [1, 0, 3])) == {alone}
    other = store.subset(slice(None))
    other.images = store.images.copy()
    other.images[-1, 0, 0] ^= 1
    assert digest(other, SERIAL) != alone


def test_an_error_on_one_member_is_the_training_s(synthetic, tmp_path):
    faces = synthetic.subset(slice(12))
    faces.images = [*faces.images[:11], None]
    with pytest.raises(InputError, match=faces.files[11]):
        train(METHODS["ert"], faces, [1, 1])


def test_memory_is_kept_and_given_back(monkeypatch):
    """Page faults of large arrays that come and go: few while memory is kept, else many."""
    resource = pytest.importorskip("resource", reason="no page faults are counted here")
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("malloc is not glibc's")

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(200):
            np.ones(1 << 17)  # 1 MB
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    with kept_memory():
        kept = faults()
    given_back = faults()
    if given_back < 10_000:
        pytest.skip("pages are larger here, or memory is not given back")
    assert kept < given_back / 4
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    with kept_memory():
        pass
