"""ESR and CPR from training to file."""

import numpy as np
import pytest
from sklearn.base import clone

import cascade
from cascade import CPR, ESR, METHODS, RCPR, InputError, Starts
from cascade.formats import native
from cascade.loop import state
from cascade.stages.plain import PlainRunner
from cascade.stages.samples import Samples
from data_tools.metrics import nme

SMALL = {
    "starts": Starts(n=4), "shrinkage": 10.0, "learning_rate": 0.5, "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def esr(synthetic):
    return ESR(n_stages=3, n_ferns=40, n_points=80, **SMALL).fit(synthetic)


def test_learns(esr, synthetic):
    errors = [row["train_nme"] for row in esr.history_]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.6 * errors[0]
    found = np.stack([esr.predict(synthetic.image(i), synthetic.boxes[i]) for i in range(20)])
    assert nme(found, synthetic.shapes[:20], synthetic.scheme).mean() < 0.6 * errors[0]


def test_cpr_learns(synthetic):
    model = CPR(n_stages=20, n_ferns=3, **SMALL).fit(synthetic)
    assert model.history_[-1]["train_nme"] < 0.8 * model.history_[0]["train_nme"]
    assert METHODS["cpr"] is CPR and METHODS["esr"] is ESR


def test_fused_kernel_equals_stage_by_stage(esr, synthetic):
    store = synthetic.store(esr.frame_)
    starts = Starts(n=1).sample(store.shapes, esr.mean_, np.random.default_rng(0))
    fused, plain = Samples.from_store(store, starts), Samples.from_store(store, starts)
    staged = np.empty((3, *fused.shapes.shape), np.float32)
    (runner,) = esr.runners
    runner.run(fused, staged=staged)
    PlainRunner(esr.stages_, esr.reference).run(plain)
    np.testing.assert_allclose(fused.shapes, plain.shapes, atol=1e-5)
    np.testing.assert_array_equal(staged[-1], fused.shapes)


def test_median_of_the_starts(esr, synthetic):
    image, box = synthetic.image(0), synthetic.boxes[0]
    found = esr.align(image, box)
    assert esr.test_starts == 3 and found.spread.shape == (1, 68) and found.visible is None
    one = esr.predict(image, box, n_starts=1)
    assert (one != found.shapes[0]).any()


def test_round_trip_and_threads(esr, synthetic, tmp_path):
    esr.save(tmp_path / "model")
    loaded = cascade.load(tmp_path / "model")
    image, box = synthetic.image(1), synthetic.boxes[1]
    np.testing.assert_array_equal(loaded.predict(image, box), esr.predict(image, box))
    again = ESR(n_stages=3, n_ferns=40, n_points=80, n_jobs=2, **SMALL).fit(synthetic)
    assert native.dumps(again) == native.dumps(esr)


def test_resume_equals_an_unbroken_run(esr, synthetic, tmp_path):
    class Broken(cascade.loop.progress.Silent):
        def stage_ends(self, row):
            if row["stage"] == 2:
                raise KeyboardInterrupt

    part = tmp_path / "part"
    model = ESR(n_stages=3, n_ferns=40, n_points=80, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(synthetic, checkpoint=part, progress=Broken())
    model.fit(synthetic, checkpoint=part, resume=True)
    assert native.dumps(model) == native.dumps(esr)


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [("predictor.first", (0, 0), 80), ("predictor.second", (1, 1), 65535),
     ("feature.anchors", -1, 68), ("predictor.basis", (0, 0), np.nan)],
)  # fmt: skip
def test_hostile_arrays_are_refused(esr, tmp_path, monkeypatch, name, index, value):
    real = state.to_arrays

    def altered(item, prefix):
        arrays = {k: v.copy() for k, v in real(item, prefix).items()}
        if f"stages.1.{name}" in arrays:
            arrays[f"stages.1.{name}"][index] = value
        return arrays

    monkeypatch.setattr(state, "to_arrays", altered)
    esr.save(tmp_path / "model")
    with pytest.raises(InputError, match="damaged"):
        cascade.load(tmp_path / "model")


@pytest.mark.parametrize("method", [ESR, CPR, RCPR])
def test_parameters_reach_the_stages(method):
    for preset in method.PRESETS.values():
        model = clone(method(**preset).set_params(depth=3, n_points=77))
        stages = model.recipe()
        assert len(stages) == model.n_stages
        made = stages[0].feature.get_params() | stages[0].regressor.get_params()
        assert made["depth"] == 3 and made["n_points"] == 77
        assert made.items() <= model.get_params().items()
