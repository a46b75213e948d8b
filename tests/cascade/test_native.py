"""Model files: whole ones come back equal, all others are refused before a kernel sees them."""

import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save as pack
from sklearn.linear_model import Ridge

import cascade
from cascade import ERT, Cascade, InputError, Stage, Starts
from cascade.formats import native
from cascade.loop import model_file
from features.pixels import Pixels


@pytest.fixture
def file(small_ert, tmp_path):
    path = tmp_path / "model.safetensors"
    small_ert.save(path)
    return path


def rewrite(path, change):
    """Apply `change(header, arrays)` and write the file with a digest that fits."""
    header, arrays = model_file.read(path)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(header, arrays)
    header["sha256"] = model_file._digest(header, arrays)
    path.write_bytes(pack(arrays, {"cascade": json.dumps(header)}))


def test_round_trip(small_ert, synthetic, file):
    loaded = cascade.load(file)
    assert isinstance(loaded, ERT)
    assert loaded.get_params()["starts__n"] == 4 and loaded.n_trees == 20
    assert loaded.scheme_ == synthetic.scheme and loaded.history_ == small_ert.history_
    for i in range(5):
        image, box = synthetic.image(i), synthetic.boxes[i]
        np.testing.assert_array_equal(loaded.predict(image, box), small_ert.predict(image, box))
    assert native.dumps(loaded) == file.read_bytes()


def test_other_regressors_have_no_file(synthetic, tmp_path):
    model = Cascade([Stage(Pixels(20), Ridge())], starts=Starts(n=1), random_state=0).fit(synthetic)
    with pytest.raises(InputError, match="stage 1 cannot be saved"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(InputError, match="no such model file"):
        cascade.load(tmp_path / "none")
    for content in (b"", b"text", b"\x00" * 100, b"\xff" * 1000):
        path = tmp_path / "model"
        path.write_bytes(content)
        with pytest.raises(InputError, match="model"):
            cascade.load(path)
    path.write_bytes(pack({"mean": np.zeros(3)}, {"cascade": "{}"}))
    with pytest.raises(InputError, match="not a model file of this toolkit"):
        cascade.load(path)
    path.write_bytes(pack({"mean": np.zeros(3)}))
    with pytest.raises(InputError, match="not a model file of this toolkit"):
        cascade.load(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 0.999))
def test_truncated_file_is_refused(file, share):
    data = file.read_bytes()
    part = file.with_name("part")
    part.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="part"):
        cascade.load(part)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_flipped_bit_is_refused(file, share, bit):
    data = bytearray(file.read_bytes())
    data[int(share * len(data))] ^= 1 << bit
    flipped = file.with_name("flipped")
    flipped.write_bytes(data)
    with pytest.raises(InputError, match="flipped"):
        cascade.load(flipped)


def test_newer_version_says_upgrade(file):
    def newer(header, arrays):
        header["version"] = model_file.VERSION + 1

    rewrite(file, newer)
    with pytest.raises(InputError, match=r"newer.*upgrade"):
        cascade.load(file)


def set_item(name, index, value):
    def change(header, arrays):
        arrays[name][index] = value

    return change


def replace(name, make):
    def change(header, arrays):
        arrays[name] = make(arrays[name])

    return change


def drop(name):
    def change(header, arrays):
        del arrays[name]

    return change


def edit(*keys, value):
    def change(header, arrays):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


HOSTILE = {
    "landmark outside": set_item("stages.0.feature.anchors", -1, 68),
    "pixel outside": set_item("stages.1.predictor.first", (0, 0), 80),
    "other pixel outside": set_item("stages.1.predictor.second", (3, 2), 65535),
    "infinite offset": set_item("stages.0.feature.offsets", (0, 0), np.inf),
    "NaN in the basis": set_item("stages.0.predictor.basis", (0, 0), np.nan),
    "NaN mean": set_item("mean", (0, 0), np.nan),
    "mean is a point": replace("mean", lambda a: np.zeros_like(a)),
    "other landmarks in the mean": replace("mean", lambda a: a[:-1].copy()),
    "fewer leaves": replace("stages.0.predictor.leaves", lambda a: a[:, :-1].copy()),
    "incomplete trees": replace("stages.0.predictor.first", lambda a: a[:, :-1].copy()),
    "wider leaves": replace("stages.2.predictor.leaves", lambda a: a.astype(np.int16)),
    "fewer components": replace("stages.0.predictor.basis", lambda a: a[:-1].copy()),
    "no trees": replace("stages.0.predictor.leaves", lambda a: a[:0].copy()),
    "missing array": drop("stages.2.predictor.bias"),
    "missing mean": drop("mean"),
    "missing starts": drop("starts"),
    "unknown feature": edit("stages", 0, "feature", value="os.system"),
    "no stage": edit("stages", value=[]),
    "more stages than arrays": edit(
        "stages", value=[{"feature": "pixels", "predictor": "trees"}] * 9
    ),
    "a million stages": edit("stages", value=[{}] * 1_000_000),
    "stages of another kind": edit("stages", value="abc"),
    "huge frame": edit("frame", "size", value=1 << 40),
    "frame of no face": edit("frame", "face", value=0),
    "flip outside": edit("scheme", "flip", value=[99] * 68),
    "scheme of a billion points": edit("scheme", "n_points", value=10**9),
    "scheme without a name": edit("scheme", "name", value=None),
    "notes of another kind": edit("notes", value=3),
    "parameters of another kind": edit("parameters", value=3),
    "test starts beyond those kept": edit("parameters", "test_starts", value=10**6),
    "test starts of another kind": edit("parameters", "test_starts", value=True),
    "test mirror of another kind": edit("parameters", "test_mirror", value="yes"),
    "notes in a list": edit("notes", value=["a"]),
    "note of another kind": edit("notes", "terms", value={}),
    "endless note": edit("notes", "terms", value="a" * (1 << 21)),
    "history of another kind": edit("history", value={}),
    "history of lists": edit("history", value=[[]]),
    "error that is text": edit("history", 0, "train_nme", value="[bold]0.1"),
    "a feature that its predictor cannot read": edit("stages", 0, "feature", value="hog"),
    "a kind that is no name": edit("stages", 0, "predictor", value=["trees"]),
    "no parameters": edit("parameters", value=None),
    "no version": edit("version", value=None),
    "no frame": edit("frame", value=None),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_file_with_a_fitting_digest_is_refused(file, change):
    rewrite(file, change)
    with pytest.raises(InputError, match=r"model\.safetensors"):
        cascade.load(file)


def test_text_in_parameters_cannot_run(file, tmp_path):
    def change(header, arrays):
        header["parameters"]["starts"] = {"class": "Starts", "n": "__import__('os').system('x')"}
        header["method"] = "__main__"

    rewrite(file, change)
    assert isinstance(cascade.load(file), Cascade)


def test_full_disk_leaves_the_old_file(small_ert, file, monkeypatch):
    before = file.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        small_ert.save(file)
    assert file.read_bytes() == before and list(file.parent.iterdir()) == [file]


def test_missing_folder_is_named(small_ert, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        small_ert.save(tmp_path / "nowhere" / "model")


def test_file_is_compact(file):
    with safe_open(file, framework="np") as opened:
        leaves = opened.get_tensor("stages.0.predictor.leaves")
    assert leaves.dtype == np.int8


def test_one_large_stage_among_many_small_ones_takes_no_more_room(small_ert):
    """Stages of other sizes go into a kernel of their own: none is padded to the largest."""
    from dataclasses import replace as change

    from cascade.stages.registry import plan

    def cut(stage, n_trees):
        predictor = stage.predictor
        parts = {name: getattr(predictor, name)[:n_trees] for name in ("first", "second", "leaves")}
        return change(stage, predictor=change(
            predictor, threshold=predictor.threshold[:n_trees], **parts))  # fmt: skip

    stage = small_ert.stages_[0]
    stages = [cut(stage, 1)] * 30 + [stage] + [cut(stage, 1)] * 30
    runners = plan(stages, small_ert.reference)
    assert [len(runner.stages) for runner in runners] == [30, 1, 30]
