"""LBF from training to model file."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import cascade
from cascade import LBF, InputError, Stage, Starts
from cascade.formats.native import dumps
from cascade.regressors import SparseRidge
from cascade.stages.plain import PlainRunner
from cascade.stages.samples import Samples
from cascade.stages.selection import BestStage
from data_tools.metrics import nme
from features.lbf import LocalForests

SMALL = {
    "radius": (0.3, 0.15), "n_trees": 3, "depth": 3, "n_points": 40, "n_tried": 30,
    "starts": Starts(n=3), "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def small_lbf(synthetic):
    return LBF(**SMALL).fit(synthetic)


def samples_of(model, faces):
    store = faces.store(model.frame_, mirror=False)
    return Samples.from_store(store, np.repeat(model.mean_[None], len(store), 0))


class TestLBF:
    def test_error_falls_from_stage_to_stage(self, small_lbf, synthetic):
        samples = samples_of(small_lbf, synthetic)
        before = np.linalg.norm(samples.shapes - samples.truth, axis=-1).mean()
        errors = [row["train_nme"] for row in small_lbf.history_]
        assert errors[1] < errors[0]
        for runner in small_lbf.runners:
            runner.run(samples)
        assert np.linalg.norm(samples.shapes - samples.truth, axis=-1).mean() < 0.8 * before

    def test_generalises(self, small_lbf):
        from data_tools.synthetic import synthetic_faces

        others = synthetic_faces(40, seed=9, size=160)
        found = [small_lbf.align(others.image(i), others.boxes[i]) for i in range(len(others))]
        start = nme(np.concatenate([f.initial for f in found]), others.shapes, others.scheme)
        end = nme(np.concatenate([f.shapes for f in found]), others.shapes, others.scheme)
        assert end.mean() < 0.8 * start.mean()

    def test_threads_change_no_byte(self, small_lbf, synthetic):
        assert dumps(LBF(**SMALL, n_jobs=3).fit(synthetic)) == dumps(small_lbf)

    def test_one_kernel_does_what_its_parts_do(self, small_lbf, synthetic):
        fused, plain = samples_of(small_lbf, synthetic), samples_of(small_lbf, synthetic)
        staged = np.empty((2, *fused.shapes.shape), np.float32)
        (runner,) = small_lbf.runners
        runner.run(fused, staged=staged)
        PlainRunner(small_lbf.stages_, small_lbf.reference).run(plain)
        # a pixel on the rounding of float32 may send a walk elsewhere
        error = np.abs(fused.shapes - plain.shapes).max((1, 2))
        assert np.median(error) < 1e-5
        assert np.mean(error < 1e-4) > 0.9
        assert np.array_equal(staged[-1], fused.shapes)

    def test_stages_of_different_size(self, synthetic):
        stages = [
            Stage(LocalForests(n_trees=n, depth=d, n_points=30, n_tried=20), SparseRidge())
            for n, d in ((2, 3), (2, 3), (1, 4))
        ]
        model = cascade.Cascade(stages, starts=Starts(n=2), random_state=0).fit(synthetic)
        fused, plain = samples_of(model, synthetic), samples_of(model, synthetic)
        staged = np.empty((3, *fused.shapes.shape), np.float32)
        (runner,) = model.runners[:1]
        for runner in model.runners:
            runner.run(fused, staged=staged[: len(runner.stages)])
        PlainRunner(model.stages_, model.reference).run(plain)
        assert np.median(np.abs(fused.shapes - plain.shapes)) < 1e-5

    def test_file_predicts_the_same(self, small_lbf, synthetic, tmp_path):
        small_lbf.save(tmp_path / "model.safetensors")
        again = cascade.load(tmp_path / "model.safetensors")
        assert isinstance(again, LBF)
        args = synthetic.image(0), synthetic.boxes[:1]
        assert np.array_equal(small_lbf.predict(*args), again.predict(*args))

    def test_resumes(self, small_lbf, synthetic, tmp_path):
        path = tmp_path / "checkpoint.safetensors"

        class Stop(cascade.loop.progress.Silent):
            def stage_ends(self, row):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            LBF(**SMALL).fit(synthetic, checkpoint=path, progress=Stop())
        resumed = LBF(**SMALL).fit(synthetic, checkpoint=path, resume=True)
        assert dumps(resumed) == dumps(small_lbf)

    def test_presets(self):
        assert LBF(**LBF.PRESETS["fast"]).n_trees < LBF(**LBF.PRESETS["default"]).n_trees

    def test_refuses_no_stages(self, synthetic):
        with pytest.raises(InputError, match="radius"):
            LBF(radius=()).fit(synthetic)


class TestBestStage:
    def test_takes_the_candidate_that_moves_held_out_faces_best(self, synthetic):
        small = {"n_trees": 2, "depth": 3, "n_points": 40}
        bad = Stage(LocalForests(**small, radius=0.001), SparseRidge())
        good = Stage(LocalForests(**small, radius=0.25), SparseRidge())
        for stages in ([bad, good], [good, bad]):
            model = cascade.Cascade([BestStage(stages)], starts=Starts(n=2), random_state=0)
            model.fit(synthetic)
            assert np.abs(model.stages_[0].feature.offsets).max() > 0.1

    def test_lbf_chooses_radius_and_alpha(self, synthetic):
        options = SMALL | {"radius": ((0.001, 0.25),), "alpha_per_sample": (0.1, 1.0)}
        model = LBF(**options).fit(synthetic)
        assert len(model.stages_) == 1
        assert np.abs(model.stages_[0].feature.offsets).max() > 0.1


def test_example_of_scikit_learn_stages_learns():
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "sklearn_stage.py"))
    before, after = example["main"](n_faces=60)
    assert after < 0.7 * before
