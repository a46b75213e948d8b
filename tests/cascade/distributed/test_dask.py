"""Trainings on a Dask cluster of processes."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import cv2
import numpy as np
import pytest

from cascade import ERT, SDM, Poses, Starts
from cascade.formats.native import dumps
from cascade.loop.progress import Silent
from data_tools.dataset import FaceDataset
from data_tools.store import open_store, write_store
from data_tools.store.crops import StoredCrops
from data_tools.writers import write_pts
from features.errors import InputError

from .test_exact_sums import METHODS as SMALL

distributed = pytest.importorskip("distributed", reason="needs pip install 'cascade-align[dask]'")


def make(**options):
    options = {"n_stages": 2, "n_trees": 10, "random_state": 3} | options
    return ERT(n_points=60, depth=3, starts=Starts(n=3), **options)


@pytest.fixture(scope="module")
def client():
    """Two workers of one thread, in processes that are started anew when they die."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def faces(synthetic):
    return synthetic.subset(slice(30))


@pytest.fixture(scope="module")
def on_disk(faces, tmp_path_factory):
    """The same faces as image files, with landmarks beside them."""
    folder = tmp_path_factory.mktemp("faces")
    files = [folder / f"{i:02d}.png" for i in range(len(faces))]
    for i, file in enumerate(files):
        cv2.imwrite(str(file), faces.image(i))
        write_pts(file.with_suffix(".pts"), faces.shapes[i])
    return FaceDataset(files, faces.shapes, faces.boxes, faces.scheme)


class Acting(Silent):
    """Does something when a stage begins."""

    def __init__(self, stage, act):
        self.stage, self.act = stage, act

    def stage_begins(self, stage, n_stages):
        if stage == self.stage:
            self.act()


def test_files_and_images_in_memory_give_the_bytes_of_one_thread(client, faces, on_disk):
    told = []

    class Told(Silent):
        def divided(self, n_samples, n_members):
            told.append((n_samples, n_members))

    alone = make().fit(faces, 0.2)
    assert dumps(make().fit(faces, 0.2, client=client, progress=Told())) == dumps(alone)
    assert told == [(2 * 3 * 24, 2)]
    apart = make(n_jobs=2).fit(on_disk, 0.2, client=True)  # the active client
    assert dumps(apart) == dumps(alone)
    found = apart.predict(faces.image(0), faces.boxes[0])
    np.testing.assert_array_equal(found, alone.predict(faces.image(0), faces.boxes[0]))
    assert apart.n_jobs == 2 and apart.history_ == alone.history_


def test_a_store_on_disk_is_read_by_the_workers(client, faces, tmp_path):
    write_store(tmp_path / "store", faces, shard_rows=7)
    store = open_store(tmp_path / "store")
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredCrops, "__array__", lambda *whatever: asked.append(1))
        apart = make().fit(store, client=client)
    assert dumps(apart) == dumps(make().fit(faces)) and not asked


def test_sdm_with_key_shapes_and_confidence(client, faces):
    def sdm():
        return SDM(
            n_stages=2, n_cells=2, n_parts=2, poses=Poses(roll=20.0), starts=Starts(n=2),
            random_state=0,
        )  # fmt: skip

    apart = sdm().fit(faces, client=client)
    assert apart.confidence_ is not None and len(apart.keys_.shapes) == 3
    assert dumps(apart) == dumps(sdm().fit(faces))


@pytest.mark.parametrize("method", ["lbf", "esr"])
def test_other_methods(client, faces, method):
    cls, options = SMALL[method]
    apart = cls(**options).fit(faces, client=client)
    assert dumps(apart) == dumps(cls(**options).fit(faces))
    assert [member["rounds"] > 0 for member in apart.members_] == [True, True]


def test_relative_files_are_those_of_the_caller(client, on_disk, tmp_path, monkeypatch):
    monkeypatch.chdir(os.path.dirname(on_disk.files[0]))
    names = [os.path.basename(file) for file in on_disk.files]
    faces = FaceDataset(names, on_disk.shapes, on_disk.boxes, on_disk.scheme)
    assert dumps(make().fit(faces, client=client)) == dumps(make().fit(on_disk))


def test_workers_that_are_threads_of_this_process(faces):
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        apart = make(n_stages=1).fit(faces, client=client)
    assert len(apart.members_) == 3
    assert dumps(apart) == dumps(make(n_stages=1).fit(faces))


def test_members_talk_by_the_certificates_of_their_workers(faces):
    pytest.importorskip("cryptography", reason="needs pip install cryptography")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            security=distributed.Security.temporary(),
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):  # fmt: skip
        assert all(address.startswith("tls://") for address in client.nthreads())
        apart = make(n_stages=1).fit(faces, client=client)
    assert dumps(apart) == dumps(make(n_stages=1).fit(faces))


def test_a_member_whose_caller_is_gone_ends():
    from cascade.distributed.member import _LEASE, _Training

    training = _Training()
    assert training.stopped() is None
    training.heard -= _LEASE + 1
    assert "gone" in training.stopped()


def test_two_trainings_at_once(client, faces):
    """Each worker has one slot, and every training needs one on both."""
    with ThreadPoolExecutor(2) as pool:
        fits = [
            pool.submit(lambda seed=seed: make(random_state=seed).fit(faces, client=client))
            for seed in (3, 4)
        ]
        models = [fit.result(120) for fit in fits]
    assert dumps(models[0]) == dumps(make().fit(faces))
    assert dumps(models[0]) != dumps(models[1])


def test_one_face_leaves_a_worker_without_any(client, faces):
    few = faces.subset(slice(1))
    model = make(mirror=False)
    assert dumps(model.fit(few, client=client)) == dumps(make(mirror=False).fit(few))


def test_a_lost_worker_is_named_and_the_checkpoint_goes_on(client, faces, tmp_path):
    path = tmp_path / "model.part"
    pids = client.run(os.getpid)
    victim = sorted(pids)[1]
    killed = Event()

    def kill():
        os.kill(pids[victim], signal.SIGKILL)
        killed.at = time.monotonic()

    long = {"n_trees": 600}
    with pytest.raises(InputError, match=f"{victim} was lost"):
        make(**long).fit(faces, client=client, checkpoint=path, progress=Acting(2, kill))
    assert time.monotonic() - killed.at < 20
    assert path.exists()
    client.wait_for_workers(2, timeout=60)
    resumed = make(**long).fit(faces, client=client, checkpoint=path, resume=True)
    alone = make(**long).fit(faces, checkpoint=path, resume=True)
    assert dumps(resumed) == dumps(alone)


def test_an_interrupted_training_leaves_the_workers_free(client, faces, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(n_trees=1500).fit(faces, client=client, progress=Acting(1, interrupt))
    from cascade.distributed import member

    deadline = time.monotonic() + 20
    while any(client.run(lambda: len(member._TRAININGS)).values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_error_of_a_worker_is_the_caller_s(client, on_disk, tmp_path):
    files = [*on_disk.files[:-1], str(tmp_path / "gone.png")]
    faces = FaceDataset(files, on_disk.shapes, on_disk.boxes, on_disk.scheme)
    with pytest.raises(InputError, match=r"gone\.png"):
        make().fit(faces, client=client)


def test_an_error_of_the_caller_ends_the_training(client, faces, tmp_path):
    path = tmp_path / "folder" / "model.part"
    path.parent.mkdir()

    def remove():
        path.unlink()
        path.with_name("model.part.lock").unlink()
        path.parent.rmdir()

    with pytest.raises(InputError, match=r"model\.part"):
        make(n_stages=3).fit(faces, client=client, checkpoint=path, progress=Acting(2, remove))


def test_another_version_on_a_worker_is_named(client, faces):
    def set_version(version):
        from cascade.distributed import cluster

        before, cluster.__version__ = cluster.__version__, version
        return before

    worker = sorted(client.nthreads())[0]
    (before,) = client.run(set_version, "0.0.1", workers=[worker]).values()
    try:
        with pytest.raises(InputError, match=f"{worker} has cascade-align 0.0.1"):
            make().fit(faces, client=client)
    finally:
        client.run(set_version, before, workers=[worker])


@pytest.mark.parametrize("client", ["tcp://nowhere:1", object(), False])
def test_no_client(faces, client):
    with pytest.raises(InputError, match="client must be"):
        make().fit(faces, client=client)


def test_what_one_machine_alone_can_train_is_refused(client, faces):
    with pytest.raises(InputError, match="routes"):
        make(poses=Poses(n_routes=2)).fit(faces, client=client)
    from cascade import Cascade, Stage
    from features.pixels import PixelDifferences

    stage = Stage(PixelDifferences(10), object())
    with pytest.raises(InputError, match="'cascade' cannot be trained over several workers"):
        Cascade([stage]).fit(faces, client=client)


def test_the_command_line(client, on_disk, tmp_path):
    from typer.testing import CliRunner

    from cascade.cli.app import app

    scheduler = tmp_path / "scheduler.json"
    scheduler.write_text(json.dumps({"address": client.scheduler.address, "id": "x"}))
    folder = os.path.dirname(on_disk.files[0])
    common = ["train", "ert", folder, "--boxes", "tight", "--preset", "small"]
    common += ["--no-detector-check", "--set", "n_trees=10", "--set", "n_stages=2"]
    files = []
    for name, more in (("a", []), ("b", ["--dask", str(scheduler)])):
        files.append(tmp_path / f"{name}.safetensors")
        result = CliRunner().invoke(app, [*common, "--out", str(files[-1]), *more])
        assert result.exit_code == 0, result.output
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "where, words",
    [("local:0", "local workers"), ("local:x", "local:N"), ("nowhere.json", "neither an address")],
)
def test_the_command_line_refuses_what_is_no_cluster(where, words):
    from cascade.distributed.cluster import open_client

    with pytest.raises(InputError, match=words), open_client(where):
        pass
