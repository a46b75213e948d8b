"""Models in several processes: forked, spawned, pickled, and with arrays that stay in the file."""

import copy
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import cascade
from features.errors import InputError

_model = None


def _keep(model):
    global _model
    _model = cascade.load(model, mapped=True) if isinstance(model, str) else model


def _predict(image, box):
    return os.getpid(), _model.predict(image, box)


@pytest.fixture(scope="module")
def photograph(synthetic):
    """A photograph in colour, large enough that OpenCV uses threads of its own, and its box."""
    grey = cv2.resize(synthetic.image(0), None, fx=12, fy=12)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.float32(synthetic.boxes[0] * 12)


@pytest.mark.parametrize(
    "how, name, given",
    [("fork", "ert", "model"), ("fork", "keys", "file"), ("spawn", "keys", "model"),
     ("spawn", "ert", "file")],
)  # fmt: skip
def test_pools_predict_the_same(small_models, photograph, tmp_path, how, name, given):
    if how not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {how} on this system")
    model, (image, box) = small_models[name], photograph
    model.save(tmp_path / "m.safetensors")
    # Threads before the fork: of OpenCV in the conversion, and our own.
    ours = model.predict(image, box)
    model.predict_many([image] * 4, [box] * 4, n_jobs=2)
    given = model if given == "model" else str(tmp_path / "m.safetensors")
    with multiprocessing.get_context(how).Pool(2, _keep, (given,)) as pool:
        # With a limit: a deadlock shall fail, not hang.
        found = pool.starmap_async(_predict, [(image, box)] * 4, chunksize=1).get(300)
    assert all(np.array_equal(ours, shape) for _, shape in found)
    assert os.getpid() not in {pid for pid, _ in found}


@pytest.mark.parametrize("name", ["ert", "lbf", "sdm", "esr", "rcpr", "keys", "sdm-routes"])
def test_pickled_and_copied_models_predict_the_same(small_models, synthetic, name):
    model, image, box = small_models[name], synthetic.image(1), synthetic.boxes[1]
    ours = model.predict(image, box)
    data = pickle.dumps(model)
    for other in (pickle.loads(data), copy.deepcopy(model), copy.copy(model)):
        assert np.array_equal(other.predict(image, box), ours)
        assert other.get_params(deep=False).keys() == model.get_params(deep=False).keys()


@pytest.mark.parametrize("name", ["ert", "lbf", "sdm", "rcpr", "keys"])
def test_a_pickle_is_no_larger_than_the_file(small_models, tmp_path, name):
    model = small_models[name]
    model.save(tmp_path / "m.safetensors")
    size = (tmp_path / "m.safetensors").stat().st_size
    assert len(pickle.dumps(model)) < 1.1 * size + 20_000


def test_untrained_models_can_be_pickled():
    model = pickle.loads(pickle.dumps(cascade.ERT(n_stages=3)))
    assert model.n_stages == 3 and not hasattr(model, "stages_")


def test_mapped_arrays_stay_in_the_file(small_models, synthetic, tmp_path):
    model, path = small_models["sdm"], tmp_path / "m.safetensors"
    model.save(path)
    mapped = cascade.load(path, mapped=True)
    image, box = synthetic.image(0), synthetic.boxes[0]
    assert np.array_equal(mapped.predict(image, box), model.predict(image, box))
    weights = mapped.stages_[0].predictor.weights
    assert not weights.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        weights[0] = 0
    copied = cascade.load(path).stages_[0].predictor.weights
    assert np.array_equal(weights, copied) and weights.dtype == copied.dtype
    # It may be replaced by a file as `save` writes it, the model's own among them.
    mapped.save(path)
    small_models["ert"].save(path)
    assert np.array_equal(weights, copied)
    assert np.array_equal(mapped.predict(image, box), model.predict(image, box))


def test_damage_is_found_in_mapped_files_too(small_models, tmp_path):
    path = tmp_path / "m.safetensors"
    small_models["ert"].save(path)
    data = bytearray(path.read_bytes())
    for cut in (4, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(InputError, match=r"m\.safetensors"):
            cascade.load(path, mapped=True)
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="altered or damaged"):
        cascade.load(path, mapped=True)


def test_other_formats_cannot_be_mapped(synthetic, tmp_path):
    from cascade.methods.dlib import ShapePredictor

    few = {"n_stages": 2, "n_trees": 4, "depth": 2, "random_state": 0}
    model = ShapePredictor(**few).fit(synthetic.subset(slice(20)))
    cascade.formats.dlib.write(model, tmp_path / "m.dat")
    with pytest.raises(InputError, match="leave mapped out"):
        cascade.load(tmp_path / "m.dat", mapped=True)


_MEASURE = """
import sys
import numpy as np
import cascade

def private():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty")) / 1024

image, box = np.zeros((300, 300), np.uint8), [80, 80, 220, 220]
cascade.load(sys.argv[1]).predict(image, box)
before, kept = private(), []
for _ in range(10):
    kept.append(cascade.load(sys.argv[1], mapped=sys.argv[2] == "mapped"))
print((private() - before) / 10)
"""


def test_mapped_models_take_less_memory_of_their_own(tmp_path):
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("no /proc/self/smaps_rollup to measure with")
    from cascade.models import model_resource

    shutil.copy(model_resource("ert68"), tmp_path / "m.safetensors")
    size = (tmp_path / "m.safetensors").stat().st_size / 2**20
    taken = {}
    for how in ("copied", "mapped"):
        command = [sys.executable, "-c", _MEASURE, str(tmp_path / "m.safetensors"), how]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
        )
        taken[how] = float(done.stdout)
    assert taken["mapped"] < taken["copied"] - 0.7 * size
