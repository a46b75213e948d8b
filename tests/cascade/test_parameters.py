"""`cascade train --parameters`, the names of dlib and OpenCV in `--set`, presets."""

import subprocess
import sys
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import cascade
from cascade import LBF, METHODS, InputError, Starts
from cascade.cli import app
from cascade.cli.parameters import documented_parameters
from cascade.cli.settings import configured
from cascade.methods.lbf import stage_radii
from cascade.methods.other_names import OTHER_NAMES, other_name

ROOT = Path(__file__).parents[2]


def train(*args):
    return CliRunner().invoke(app, ["train", *map(str, args)])


# ------------------------------------------------------------------------------------- listing


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_is_listed_with_default_and_meaning(method):
    listed = {name: (value, doc) for name, value, doc in documented_parameters(METHODS[method]())}
    # dataclasses know the parameters and defaults without the docstring.
    for field in fields(METHODS[method]):
        if field.init and field.name not in ("starts", "poses"):
            assert listed[field.name][0] == getattr(METHODS[method](), field.name)
    assert "starts.n" in listed or method in ("aam", "asm", "jda")
    for name, (_, doc) in listed.items():
        assert doc.kind and len(doc.meaning) > 5 and "As in" not in doc.meaning, name


def test_listing_needs_neither_folder_nor_file(tmp_path):
    result = train("ert", "--parameters")
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "depth 4 Levels of splits of a tree" in lines
    assert "starts.n 20 Starts a face, mirrored copies counted as faces" in lines
    assert "nu learning_rate dlib" in lines and "random_seed give --seed" in lines
    assert train("--parameters", "ert").stdout == result.stdout
    # Nothing is done, whatever else is asked for.
    out = tmp_path / "m.safetensors"
    assert train("ert", tmp_path, "--out", out, "--parameters").exit_code == 0
    assert not list(tmp_path.iterdir())
    assert train("--parameters").exit_code == 2 and train("nonsense", "--parameters").exit_code == 2


def test_presets_are_listed_as_set_takes_them():
    text = " ".join(train("rcpr", "--parameters").stdout.split())
    assert "accurate n_ferns=600, starts.n=20, test_mirror=True" in text


# ----------------------------------------------------------------------------- names of others


@pytest.mark.parametrize("method", METHODS)
def test_counterparts_are_parameters_of_the_method(method):
    known = METHODS[method]().get_params()
    for name in OTHER_NAMES:
        assert name not in known
        row = other_name(name, method)
        assert row.remark if row.parameter is None else row.parameter.replace(".", "__") in known


def test_every_option_of_dlibs_trainer_is_in_the_table():
    dlib = pytest.importorskip("dlib")
    options = dlib.shape_predictor_training_options()
    names = [name for name in dir(options) if not name.startswith("_")]
    assert len(names) > 10 and set(names) <= set(OTHER_NAMES)


def test_dlibs_defaults_give_dlibs_trees(capsys):
    dlib = pytest.importorskip("dlib")
    options = dlib.shape_predictor_training_options()
    set_ = [f"{name}={getattr(options, name)}" for name in OTHER_NAMES
            if hasattr(options, name) and other_name(name, "ert").parameter]  # fmt: skip
    model = configured(cascade.ERT, "small", set_)
    assert (model.n_stages, model.n_trees, model.depth) == (10, 500, 4)
    assert (model.starts.n, model.n_points, model.n_pairs) == (20, 400, 20)
    assert (model.learning_rate, model.pair_distance) == pytest.approx((0.1, 0.1))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(set_)
    assert "nu=0.1 (dlib) is learning_rate=0.1 here" in told


def test_opencvs_values_are_converted(capsys):
    model = configured(
        LBF, "default", ["tree_depth=5", "radius_m=(0.3, 0.2)", "tree_n=7", "initShape_n=3"]
    )
    # As cascade.formats.opencv counts them, which is tested against cv2.face.
    assert model.depth == 4 and model.radius == (0.15, 0.1)
    assert model.n_trees == 7 and model.starts.n == 3
    assert "is depth=4 here (one less" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "assignment", "reason"),
    [
        ("sdm", "nu=0.1", "alpha_per_sample"),
        ("esr", "tree_depth=4", "its tests are depth"),
        ("lbf", "bagging_overlap=0.4", "set bag"),
        ("lbf", "tree_depth=many", "OpenCV"),
        ("lbf", "tree_depth=1", "from 1"),
        ("lbf", "lambda=0.1", "ert, dlib alone"),
        ("ert", "oversampling_translation_jitter=0.1", "starts.shift"),
        ("ert", "num_threads=4", "--jobs"),
        ("opencv", "radius_m=0.3", "half box sides"),
    ],
)
def test_what_has_no_counterpart_is_refused_with_the_reason(method, assignment, reason):
    with pytest.raises(typer.BadParameter) as caught:
        configured(METHODS[method], "default", [assignment])
    assert reason in caught.value.message


def test_a_refusal_is_one_line_before_any_work(tmp_path):
    result = train("sdm", tmp_path, "--out", tmp_path / "m.safetensors", "--set", "nu=0.1")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "nu (dlib) is no parameter of sdm" in result.stderr and not list(tmp_path.iterdir())


class TestKinds:
    def test_sequences_may_have_another_length(self):
        assert configured(LBF, "default", ["radius=0.2,0.1"]).radius == (0.2, 0.1)
        model = configured(LBF, "default", ["radius=((0.1,0.2),0.1)", "alpha_per_sample=0.1,1"])
        assert model.radius == ((0.1, 0.2), 0.1) and model.alpha_per_sample == (0.1, 1)
        assert configured(cascade.SDM, "default", ["half=(0.2,)"]).half == (0.2,)

    def test_words_and_none_where_the_docstring_has_them(self):
        model = configured(cascade.SDM, "default", ["alpha_per_sample=auto", "clip=None"])
        assert model.alpha_per_sample == "auto" and model.clip is None
        assert configured(LBF, "default", ["n_stages=4"]).n_stages == 4

    def test_sequences_of_words(self):
        aam = METHODS["aam"]
        model = configured(aam, "default", ["algorithms=('simultaneous',)", "scales=8,16"])
        assert model.algorithms == ("simultaneous",) and model.scales == (8, 16)
        for wrong in ("algorithms=simultaneous", "algorithms=('best',)", "scales=('a',)"):
            with pytest.raises(typer.BadParameter, match="in brackets"):
                configured(aam, "default", [wrong])

    @pytest.mark.parametrize(
        "assignment",
        ["alpha_per_sample=best", "half=()", "half=0.1", "half=(0.1,'x')", "half=(0.1,-1)",
         "descriptor=surf", "n_stages=None", "rank=None", "starts.mix=(0.1,0.2,0.3)",
         "n_descriptor_components=0"],
    )  # fmt: skip
    def test_others_are_refused(self, assignment):
        with pytest.raises(typer.BadParameter):
            configured(cascade.SDM, "default", [assignment])


# ------------------------------------------------------------------------------------- presets


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_three_presets_that_are_recipes(method):
    presets = METHODS[method].PRESETS
    assert {"small", "default", "accurate"} <= set(presets) and presets["default"] == {}
    for preset in presets:
        model = configured(METHODS[method], preset, [])
        if method in ("aam", "asm", "jda"):
            model.check_parameters()
        else:
            assert len(model._checked_recipe()) >= 3
    assert '"small" is for trying out' in METHODS[method].__doc__


class TestNumberOfStages:
    def test_radii_shrink_geometrically(self):
        radii = stage_radii((0.4, 0.3, 0.1), 5)
        assert radii[0] == 0.4 and radii[-1] == 0.1 and len(radii) == 5
        ratios = [b / a for a, b in pairwise(radii)]
        assert ratios == pytest.approx([0.25**0.25] * 4, rel=1e-3)

    @pytest.mark.parametrize("n_stages", [None, 3])
    def test_radii_of_that_number_are_taken_as_they_are(self, n_stages):
        assert stage_radii((0.4, 0.3, 0.1), n_stages) == (0.4, 0.3, 0.1)

    @pytest.mark.parametrize("n_stages", [0, -1, 2.0, True, 1001, "3"])
    def test_other_numbers_are_refused(self, n_stages):
        with pytest.raises(InputError, match="n_stages"):
            stage_radii((0.4, 0.3, 0.1), n_stages)

    def test_nothing_is_put_between_choices(self):
        assert stage_radii(((0.1, 0.2), 0.1), 2) == ((0.1, 0.2), 0.1)
        with pytest.raises(InputError, match="one entry for each stage"):
            stage_radii(((0.1, 0.2), 0.1), 3)

    def test_trained_saved_and_loaded(self, synthetic, tmp_path):
        options = {"n_trees": 2, "depth": 2, "n_tried": 10, "starts": Starts(n=2)}
        model = LBF(**options, n_stages=3, radius=(0.4, 0.1), random_state=0).fit(synthetic)
        assert len(model.stages_) == 3
        same = LBF(**options, radius=(0.4, 0.2, 0.1), random_state=0).fit(synthetic)
        image, box = synthetic.image(0), synthetic.boxes[0]
        assert (model.predict(image, box) == same.predict(image, box)).all()
        model.save(tmp_path / "m.safetensors")
        assert cascade.load(tmp_path / "m.safetensors").n_stages == 3


def test_listing_does_not_load_what_trains():
    code = (
        "import sys; from cascade.cli import main; sys.argv = ['', 'train', 'lbf', '--parameters']"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\ntry:\n    main()\nexcept SystemExit: print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not {"sklearn", "matplotlib", "scipy.stats"} & set(done.stdout.splitlines()[-1].split())
