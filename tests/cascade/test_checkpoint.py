"""Training that stops and goes on ends in the same bytes as training that did not."""

import numpy as np
import pytest

import cascade
from cascade import ERT, InputError, Starts
from cascade.formats.native import dumps
from cascade.loop.checkpoint import Checkpoint
from cascade.loop.progress import Silent

OPTIONS = {"n_stages": 4, "n_trees": 6, "n_points": 50, "depth": 3, "starts": Starts(n=2)}


class StopAt(Silent):
    """Ctrl-C in the middle of a stage."""

    def __init__(self, stage):
        self.stage, self.now = stage, 0

    def stage_begins(self, stage, n_stages):
        self.now = stage

    def tick(self, share):
        if self.now == self.stage and share > 0.4:
            raise KeyboardInterrupt


def make(**options):
    return ERT(**OPTIONS | {"random_state": 3} | options)


@pytest.mark.parametrize("stage", [1, 2, 4])
def test_resumed_equals_unbroken(synthetic, tmp_path, stage):
    path = tmp_path / "model.part"
    with pytest.raises(KeyboardInterrupt):
        make().fit(synthetic, 0.2, checkpoint=path, progress=StopAt(stage))
    assert path.exists() == (stage > 1)
    assert not list(tmp_path.glob("*.lock"))
    resumed = make(n_jobs=2).fit(synthetic, 0.2, checkpoint=path, resume=True)
    unbroken = make().fit(synthetic, 0.2)
    assert dumps(resumed) == dumps(unbroken)


def test_checkpoint_is_a_model(synthetic, tmp_path):
    path = tmp_path / "model.part"
    with pytest.raises(KeyboardInterrupt):
        make().fit(synthetic, checkpoint=path, progress=StopAt(3))
    model = cascade.load(path)
    assert len(model.stages_) == 2
    assert model.predict(synthetic.image(0), synthetic.boxes[0]).shape == (68, 2)


def test_finished_training_resumes_to_itself(synthetic, tmp_path):
    path = tmp_path / "model.part"
    first = make().fit(synthetic, checkpoint=path)
    again = make().fit(synthetic, checkpoint=path, resume=True, progress=StopAt(1))
    assert dumps(first) == dumps(again)


@pytest.mark.parametrize("other", [{"depth": 2}, {"random_state": 4}, {"starts": Starts(n=3)}])
def test_other_options_are_refused(synthetic, tmp_path, other):
    path = tmp_path / "model.part"
    make(n_stages=1).fit(synthetic, checkpoint=path)
    with pytest.raises(InputError, match="another"):
        make(n_stages=1, **other).fit(synthetic, checkpoint=path, resume=True)


def test_other_faces_are_refused(synthetic, tmp_path):
    path = tmp_path / "model.part"
    make(n_stages=1).fit(synthetic, checkpoint=path)
    with pytest.raises(InputError, match="faces"):
        make(n_stages=1).fit(synthetic.subset(np.arange(60)), checkpoint=path, resume=True)


def test_damaged_checkpoint_is_named(synthetic, tmp_path):
    path = tmp_path / "model.part"
    path.write_bytes(b"half a file")
    with pytest.raises(InputError, match=r"model\.part"):
        make().fit(synthetic, checkpoint=path, resume=True)


def test_two_trainings_do_not_share_a_checkpoint(synthetic, tmp_path):
    pytest.importorskip("fcntl")
    path = tmp_path / "model.part"
    model = make(n_stages=1).fit(synthetic)
    with Checkpoint(path, model, synthetic.store(mirror=False)):
        with pytest.raises(InputError, match="another training"):
            make().fit(synthetic, checkpoint=path)


def test_unwritable_folder_is_refused_before_training(synthetic, tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        make().fit(synthetic, checkpoint=tmp_path / "nowhere" / "model.part")
