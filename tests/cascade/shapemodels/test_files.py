"""What both shape models promise as aligners: files, checkpoints, starts, threads, commands."""

import json

import numpy as np
import pytest
from safetensors.numpy import save as pack
from sklearn.exceptions import NotFittedError

import cascade
import cascade.models
from cascade import AAM, ASM, InputError
from cascade.formats import native
from cascade.loop import model_file
from cascade.video.tracking import Tracker
from data_tools.metrics import nme

MODELS = ("asm", "aam")
SMALL = {
    "asm": (ASM, {"scales": (12.0, 20.0), "n_cells": 3, "random_state": 0}),
    "aam": (AAM, {"scales": (10.0, 16.0), "n_appearances": (5,), "random_state": 0}),
}


@pytest.fixture(params=MODELS)
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


def rewrite(path, change):
    """Apply `change(header, arrays)` and write the file with a digest that fits."""
    header, arrays = model_file.read(path)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(header, arrays)
    header["sha256"] = model_file._digest(header, arrays)
    path.write_bytes(pack(arrays, {"cascade": json.dumps(header)}))


def test_round_trip(model, file, synthetic):
    loaded = cascade.load(file)
    assert type(loaded) is type(model) and loaded.get_params() == model.get_params() | {
        name: list(value) for name, value in model.get_params().items() if isinstance(value, tuple)
    }
    assert loaded.history_ == model.history_ and loaded.notes_ == model.notes_
    for i in range(4):
        image, box = synthetic.image(i), synthetic.boxes[i]
        np.testing.assert_allclose(loaded.predict(image, box), model.predict(image, box), atol=1e-3)
    assert native.dumps(loaded) == file.read_bytes()


def test_every_array_is_checked(model, file):
    """Each array missing, of another type or shape, not finite, or out of range."""
    _, arrays = model_file.read(file)
    whole = file.read_bytes()

    def wrong(name):
        array = arrays[name]
        yield None
        yield array.astype(np.float64)
        yield array[..., :0]
        yield array[None]
        if array.dtype.kind == "f":
            for value in (np.nan, np.inf):
                yield np.full_like(array, value)
        if array.dtype.kind == "i":
            yield np.full_like(array, -1)
            yield np.full_like(array, 1 << 30)

    for name in arrays:
        for changed in wrong(name):

            def change(header, found, name=name, changed=changed):
                if changed is None:
                    del found[name]
                else:
                    found[name] = changed

            rewrite(file, change)
            with pytest.raises(InputError):
                cascade.load(file)
            file.write_bytes(whole)


def test_numbers_out_of_range_are_refused_or_harmless(model, file, synthetic):
    """Whatever finite numbers a file holds, it is refused or predicts numbers."""
    _, arrays = model_file.read(file)
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    image, box = synthetic.image(0), synthetic.boxes[0]
    n_loaded = 0
    for name, array in arrays.items():
        for value in (0, -1, 1e-30, 3e4, 1e30):

            def change(header, found, name=name, array=array, value=value):
                flat = found[name].reshape(-1)
                most = 6e4 if array.dtype == np.float16 else 1e38
                with np.errstate(over="ignore"):
                    number = value if array.dtype.kind == "f" else int(min(value, 1 << 30))
                    flat[rng.integers(flat.size)] = np.clip(number, -most, most)

            rewrite(file, change)
            try:
                loaded = cascade.load(file)
            except InputError:
                pass
            else:
                n_loaded += 1
                assert np.isfinite(loaded.predict(image, box)).all(), name
            file.write_bytes(whole)
    assert n_loaded > 5


@pytest.mark.parametrize(
    "change",
    [
        lambda h, a: h.update(stages=[]),
        lambda h, a: h.update(stages=h["stages"] * 9),
        lambda h, a: h.update(stages=[{"level": "trees"}]),
        lambda h, a: h.update(stages=[None]),
        lambda h, a: h.update(stages={"level": 1}),
        lambda h, a: h["parameters"].update(scales=[1e9]),
        lambda h, a: h["parameters"].update(scales="wide"),
        lambda h, a: h["parameters"].update(share="all"),
        lambda h, a: h.update(frame={"size": 1, "face": 2}),
        lambda h, a: h.update(history="none"),
        lambda h, a: h.pop("scheme"),
    ],
)
def test_damaged_headers(change, model, file):
    rewrite(file, change)
    with pytest.raises(InputError):
        cascade.load(file)


@pytest.mark.parametrize("suffix", ["dat", "yaml", "onnx"])
def test_has_no_form_in_other_formats(suffix, model, tmp_path):
    from cascade.formats import format_of

    path = tmp_path / f"model.{suffix}"
    with pytest.raises(InputError, match=f"a model of method '{model.method}' cannot be"):
        format_of(path).write(model, path)
    assert not list(tmp_path.iterdir())


def test_truncated(file):
    whole = file.read_bytes()
    for share in (0.1, 0.5, 0.99):
        file.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError):
            cascade.load(file)


@pytest.mark.parametrize("name", MODELS)
def test_resume_equals_an_unbroken_run(name, synthetic, tmp_path):
    method, options = SMALL[name]
    part = tmp_path / "part"

    class Stop(Exception):
        pass

    from cascade.loop.progress import Silent

    class StopAfterOne(Silent):
        def stage_ends(self, row):
            raise Stop

    with pytest.raises(Stop):
        method(**options).fit(synthetic, checkpoint=part, progress=StopAfterOne())
    assert len(cascade.load(part).stages_) == 1
    resumed = method(**options).fit(synthetic, checkpoint=part, resume=True)
    whole = method(**options).fit(synthetic)
    assert len(resumed.stages_) == 2
    for ours, theirs in zip(resumed.stages_, whole.stages_, strict=True):
        for field in ours.LAYOUT:
            np.testing.assert_allclose(
                getattr(ours, field), getattr(theirs, field), rtol=1e-3, atol=1e-3
            )
    other = method(**options | {"share": 0.9})
    with pytest.raises(InputError, match="share"):
        other.fit(synthetic, checkpoint=part, resume=True)


@pytest.mark.parametrize("name", MODELS)
def test_threads_change_nothing(name, synthetic):
    method, options = SMALL[name]
    one = method(**options).fit(synthetic.subset(slice(40)))
    many = method(**options, n_jobs=3).fit(synthetic.subset(slice(40)))
    for ours, theirs in zip(one.stages_, many.stages_, strict=True):
        for field in ours.LAYOUT:
            np.testing.assert_allclose(
                getattr(ours, field), getattr(theirs, field), rtol=1e-5, atol=1e-6
            )
    faces = synthetic.subset(slice(40, 60))
    np.testing.assert_allclose(
        one.predict_faces(faces, n_jobs=3), one.predict_faces(faces), atol=1e-3
    )


def test_align_and_its_steps(model, synthetic):
    image, box = synthetic.image(0), synthetic.boxes[0]
    boxes = np.stack([box, box + np.float32(2)])
    found = model.align(image, boxes, staged=True)
    assert found.staged.shape == (2, 2, 68, 2) and found.staged.dtype == np.float32
    np.testing.assert_allclose(found.staged[-1], found.shapes, atol=1e-3)
    np.testing.assert_allclose(model.predict(image, boxes), found.shapes, atol=1e-3)
    np.testing.assert_allclose(model.predict(image, box), found.shapes[0], atol=1e-3)
    truth = synthetic.shapes[:1]
    ways = [nme(s[:1], truth, synthetic.scheme)[0] for s in (found.initial, found.shapes)]
    assert ways[1] < ways[0]
    assert model.align(image, np.zeros((0, 4))).shapes.shape == (0, 68, 2)


def test_start_from_another_aligner(model, synthetic, small_ert):
    faces = synthetic.subset(slice(20))
    found = model.predict_faces(faces, start=small_ert)
    errors = nme(found, faces.shapes, faces.scheme).mean()
    assert errors < nme(small_ert.predict_faces(faces), faces.shapes, faces.scheme).mean()
    # A start far from the box: the box is only where the start's own landmarks are looked for.
    image, box = faces.image(0), faces.boxes[0]
    away = box + np.float32(0.4 * (box[2] - box[0]))
    near = model.align(image, away, start=faces.shapes[:1], staged=True)
    assert nme(near.shapes, faces.shapes[:1], faces.scheme)[0] < 0.08
    np.testing.assert_allclose(near.initial, faces.shapes[:1], atol=1e-2)
    np.testing.assert_allclose(near.staged[0], faces.shapes[:1], atol=1e-2)


def test_compare_knows_starts(file, model, synthetic):
    from cascade.judging.compare.specs import open_model

    image, box = synthetic.image(0), synthetic.boxes[0]
    alone, refined = open_model(str(file)), open_model(f"{file}?start=ert68")
    start = cascade.models.pretrained("ert68")
    np.testing.assert_allclose(
        refined.find(image, box), model.predict(image, box, start=start), atol=1e-3
    )
    assert refined.find.n_bytes > alone.find.n_bytes and "from ert" in refined.find.about
    with pytest.raises(InputError, match="takes no start"):
        open_model(f"ert68?start={file}")
    with pytest.raises(InputError, match="no such model"):
        open_model(f"{file}?start=nobody")


def test_refused_arguments(model, synthetic):
    image, box = synthetic.image(0), synthetic.boxes[0]
    with pytest.raises(InputError, match="one start"):
        model.predict(image, box, n_starts=3)
    with pytest.raises(InputError, match="one view"):
        model.predict(image, box, mirror=True)
    with pytest.raises(InputError, match="start must be"):
        model.predict(image, box, start=np.zeros((3, 2)))
    with pytest.raises(InputError, match="outside"):
        model.predict(image, box + np.float32(1e4))
    with pytest.raises(InputError, match="box"):
        model.predict(image, [np.nan, 0, 1, 1])
    with pytest.raises(InputError, match="box"):
        model.predict(image, [1, 2, 3])


@pytest.mark.parametrize("name", MODELS)
def test_untrained(name, synthetic):
    with pytest.raises(NotFittedError):
        SMALL[name][0]().predict(synthetic.image(0), synthetic.boxes[0])


@pytest.mark.parametrize("image", [np.zeros((40, 50)), np.full((200, 200), 255, np.uint8)])
def test_images_without_a_face(model, image):
    assert np.isfinite(model.predict(image, [5, 5, 35, 35])).all()


def test_follows_a_video(model, synthetic):
    tracker = Tracker(model, lambda grey: synthetic.boxes[:1])
    for _ in range(3):
        found = tracker.update(synthetic.image(0))
    assert len(found) == 1


@pytest.mark.parametrize("name", MODELS)
def test_commands(name, tmp_path, monkeypatch):
    """train, info, evaluate, predict and compare on a folder."""
    from typer.testing import CliRunner

    from cascade.cli import app
    from tests.cascade.test_cli import write_folder

    monkeypatch.setenv("CASCADE_DEBUG", "1")
    folder, model = tmp_path / "faces", tmp_path / "model"
    write_folder(folder, 24, seed=1)

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    text = run("train", name, folder, "--out", model, "--set", "max_components=5",
               "--validation", 0.2, "--preset", "small", "-j", 1)  # fmt: skip
    assert "stages" in text and not model.with_name("model.part").exists()
    assert name in run("info", model)
    assert "time per face" in run("evaluate", model, folder)
    image = next(folder.glob("*.[pj][np]g"))
    boxes = folder / "boxes.csv"
    assert '"landmarks"' in run("predict", model, image, "--boxes", boxes)
    run("compare", folder, "--model", f"a={model}", "--out", tmp_path / "out")
