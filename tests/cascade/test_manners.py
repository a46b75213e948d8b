"""The manners of scikit-learn: model selection on a FaceDataset, arguments, words and progress."""

import io
import pydoc

import numpy as np
import pytest
from rich.console import Console as Terminal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score

from cascade import ERT, METHODS, SDM, Cascade, InputError, Poses, Starts
from cascade.formats.native import dumps
from cascade.loop import progress
from data_tools.dataset import FaceDataset
from data_tools.metrics import nme

TINY = {"n_stages": 2, "n_trees": 5, "n_points": 40, "depth": 2, "starts": Starts(n=2)}


@pytest.fixture(scope="module")
def faces(synthetic):
    return synthetic.subset(slice(30))


@pytest.fixture(scope="module")
def images(faces):
    return [faces.image(i) for i in range(len(faces))]


@pytest.fixture(scope="module")
def model(faces):
    return ERT(**TINY, random_state=0).fit(faces)


class TestModelSelection:
    @pytest.mark.parametrize(
        ("index", "expected"),
        [
            (np.array([4, 0, 4]), [4, 0, 4]),
            ([4, 0], [4, 0]),
            (slice(1, 9, 3), [1, 4, 7]),
            (np.arange(30) >= 28, [28, 29]),
            ([], []),
            (-1, [29]),
        ],
    )
    def test_faces_are_chosen_as_rows_of_an_array(self, faces, index, expected):
        chosen = faces[index]
        assert isinstance(chosen, FaceDataset) and chosen.shape == (len(expected),)
        np.testing.assert_array_equal(chosen.boxes, faces.boxes[np.array(expected, int)])
        assert chosen.files == [faces.files[i] for i in expected]

    def test_wrong_index(self, faces):
        with pytest.raises(IndexError):
            faces[30]
        for index in ("a", (0, 1)):
            with pytest.raises(InputError, match="selected by"):
                faces[index]

    def test_score_is_minus_the_mean_error(self, model, faces):
        shapes = faces.shapes.copy()
        shapes[3, list(faces.scheme.eye_corners)] = np.nan  # this face has no normaliser
        gaps = FaceDataset(faces.files, shapes, faces.boxes, images=faces.images)
        found = [model.predict(faces.image(i), faces.boxes[i]) for i in range(30)]
        errors = nme(np.stack(found), shapes, faces.scheme)
        assert np.isnan(errors).sum() == 1
        assert model.score(gaps) == pytest.approx(-np.mean(errors[np.isfinite(errors)]))

    def test_cross_validation_equals_training_on_each_fold(self, faces):
        estimator = ERT(**TINY, random_state=0)
        scores = cross_val_score(estimator, faces, cv=3)
        expected = [
            clone(estimator).fit(faces.subset(train)).score(faces.subset(test))
            for train, test in KFold(3).split(np.zeros(30))
        ]
        np.testing.assert_allclose(scores, expected, rtol=1e-5)

    def test_groups_keep_photographs_together(self, faces, images):
        files = [f"{i // 5}.png" for i in range(30)]
        pairs = FaceDataset.from_arrays(images, faces.shapes, faces.boxes, files=files)
        folds = list(GroupKFold(3).split(pairs, groups=pairs.groups))
        for train, test in folds:
            assert not set(pairs[train].files) & set(pairs[test].files)
        scores = cross_val_score(
            ERT(**TINY, random_state=0), pairs, groups=pairs.groups, cv=GroupKFold(3)
        )
        assert len(scores) == 3 and (scores < 0).all()

    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_grid_search(self, faces, n_jobs):
        grid = {"n_stages": [1, 2], "starts__n": [2]}
        search = GridSearchCV(ERT(**TINY, random_state=0), grid, cv=2, n_jobs=n_jobs).fit(faces)
        assert search.best_params_ == {"n_stages": 2, "starts__n": 2}
        best = search.best_estimator_
        assert len(best.stages_) == 2
        assert search.score(faces) == best.score(faces)
        assert dumps(best) == dumps(ERT(**TINY, random_state=0).fit(faces))

    def test_score_refuses(self, model, faces):
        with pytest.raises(InputError, match="faces must be a FaceDataset, not ndarray"):
            model.score(np.zeros((3, 2)))
        with pytest.raises(InputError, match="y must be None"):
            model.score(faces, faces.shapes)
        part = FaceDataset(faces.files, faces.shapes[:, :7], faces.boxes, images=faces.images)
        with pytest.raises(InputError, match="7 landmarks"):
            model.score(part)


class TestParameters:
    def test_parts(self):
        model = ERT(poses=Poses(roll=20.0))
        assert model.get_params()["starts__n"] == 20
        assert model.get_params()["poses__roll"] == 20.0
        assert model.set_params(starts__n=5, starts=Starts(n=7, roll=3.0)).starts.n == 5
        assert model.starts.roll == 3.0
        assert clone(model).get_params()["starts__n"] == 5
        with pytest.raises(InputError, match="no parameter 'm'"):
            model.set_params(starts__m=1)

    def test_presets_and_other_models_stay_as_they_are(self):
        one, two = (ERT(**ERT.PRESETS["small"]) for _ in range(2))
        one.set_params(starts__n=3)
        assert (one.starts.n, two.starts.n, ERT.PRESETS["small"]["starts"].n) == (3, 8, 8)

    @pytest.mark.parametrize("method", METHODS)
    def test_help_is_of_ours_alone(self, method):
        cls = METHODS[method]
        text = pydoc.plain(pydoc.render_doc(cls))
        assert "metadata" not in text.lower() and "_request" not in text
        assert "verbose" in text
        assert cls().verbose is None


class TestArguments:
    def test_arrays_train_the_same_model_as_a_dataset(self, model, faces, images):
        by_hand = ERT(**TINY, random_state=0).fit(images, faces.shapes, faces.boxes)
        assert dumps(by_hand) == dumps(model)
        stack = np.stack(images)
        named = ERT(**TINY, random_state=0).fit(
            stack, shapes=faces.shapes, boxes=faces.boxes, scheme=faces.scheme, validation=0.3
        )
        assert named.history_[0]["validation_nme"] > 0

    def test_validation_by_place_and_by_name(self, faces):
        rows = [
            ERT(**TINY, random_state=0).fit(faces, *args, **named).history_
            for args, named in (((faces[:9],), {}), ((), {"validation": faces[:9]}))
        ]
        assert rows[0] == rows[1] and rows[0][0]["validation_nme"] > 0

    @pytest.mark.parametrize(
        ("arguments", "named", "text"),
        [
            ("abc", {}, "faces must be a FaceDataset .* not str"),
            (None, {}, "faces must be .* not NoneType"),
            (["a.png"], {}, "faces must be images .* item 0 is of type str"),
            ("images", {}, "shapes is missing"),
            ("images", {"shapes": "shapes"}, "boxes is missing"),
            ("images", {"shapes": "faces", "boxes": "boxes"}, "shapes must be an array"),
            ("images", {"shapes": "shapes", "boxes": "text"}, "boxes must be an array, not str"),
            ("faces", {"shapes": "shapes"}, "shapes must be left out"),
            ("faces", {"boxes": "boxes"}, "boxes must be left out"),
            ("faces", {"validation": "shapes"}, "validation must be .* not ndarray"),
            ("faces", {"shapes": "faces", "validation": "faces"}, "validation is given twice"),
        ],
    )
    def test_wrong_types_are_named(self, faces, images, arguments, named, text):
        things = {"images": images, "faces": faces, "shapes": faces.shapes, "boxes": faces.boxes}
        first = things.get(arguments, arguments) if isinstance(arguments, str) else arguments
        with pytest.raises(InputError, match=text):
            ERT(**TINY).fit(first, **{name: things.get(key, key) for name, key in named.items()})


class TestWords:
    def test_short(self, model, faces):
        found = model.align(faces.image(0), faces.boxes[:3], staged=True, n_starts=3)
        assert repr(found) == (
            "<Alignment: 3 faces of 68 landmarks, shapes after each of 2 stages, spread>"
        )
        for thing in (model, faces, faces.store(), SDM(), found):
            assert len(repr(thing)) < 330 and repr(thing).count("\n") < 3

    def test_a_trained_model_says_so(self, model):
        first, second = repr(model).split("\n")
        assert first == repr(clone(model))
        error = model.history_[-1]["train_nme"] * 100
        assert second == (
            f"# trained: 2 stages, 68 landmarks ({model.scheme_.name}), "
            f"training error {error:.2f} %"
        )

    def test_many_stages(self):
        from cascade import Stage
        from cascade.regressors import BoostedTrees
        from features.pixels import Pixels

        text = repr(Cascade([Stage(Pixels(100 + i), BoostedTrees(20)) for i in range(50)]))
        assert text.startswith("Cascade(stages=[") and text.endswith("…)") and len(text) <= 200


class TestProgress:
    def test_true_tells_and_false_does_not(self, faces, capsys):
        ERT(**TINY, verbose=False).fit(faces)
        assert capsys.readouterr() == ("", "")
        ERT(**TINY, verbose=True).fit(faces)
        out, told = capsys.readouterr()
        assert out == "" and "stage  1" in told and "stage  2" in told

    @pytest.mark.parametrize(("patient", "tells"), [(3600.0, False), (0.0, True)])
    def test_default_tells_of_what_takes_long(self, faces, capsys, monkeypatch, patient, tells):
        monkeypatch.setattr(progress, "PATIENT", patient)
        ERT(**TINY).fit(faces)
        assert ("stage  2" in capsys.readouterr().err) is tells

    def test_a_terminal_sees_no_bar_of_what_is_short(self):
        for after, drawn in ((3600.0, False), (0.0, True)):
            file = io.StringIO()
            with progress.Console(Terminal(file=file, force_terminal=True), after) as report:
                report.stage_begins(1, 2)
                report.tick(0.5)
                report.stage_ends({"stage": 1, "train_nme": 0.05, "validation_nme": None})
            assert ("training stage 1 of 2" in file.getvalue()) is drawn
            assert bool(file.getvalue()) is drawn

    def test_what_was_held_back_is_said_in_order(self, monkeypatch):
        now = [0.0]
        monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
        file = io.StringIO()
        with progress.Console(Terminal(file=file), after=2.0) as report:
            report.say("one")
            now[0] = 1.9
            report.say("two")
            assert file.getvalue() == ""
            now[0] = 2.1
            report.tick(0.5)
            assert file.getvalue() == "one\ntwo\n"
            report.say("three")
        assert file.getvalue() == "one\ntwo\nthree\n"

    def test_the_callers_own_report_is_taken(self, faces, capsys):
        class Heard(progress.Silent):
            rows = ()

            def stage_ends(self, row):
                self.rows = (*self.rows, row["stage"])

        heard = Heard()
        ERT(**TINY, verbose=True).fit(faces, progress=heard)
        assert heard.rows == (1, 2)
        assert capsys.readouterr() == ("", "")

    def test_it_is_no_part_of_the_model(self, faces, model):
        for verbose in (True, False):
            again = ERT(**TINY, random_state=0, verbose=verbose).fit(faces)
            assert dumps(again) == dumps(model)

    @pytest.mark.parametrize("verbose", ["yes", -1, 0.5])
    def test_wrong(self, faces, verbose):
        with pytest.raises(InputError, match="verbose must be True, False or None"):
            ERT(**TINY, verbose=verbose).fit(faces)
