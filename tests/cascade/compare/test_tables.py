"""Rows and pairs of the report, and subsets of the faces."""

import numpy as np
import pytest

from cascade.judging.compare import compare, tables
from cascade.judging.compare.subsets import read_subsets
from data_tools.dataset import Skipped
from data_tools.metrics import auc
from features.errors import InputError

from .made_up import model, shifted


def test_table_counts_misses_as_failures_and_apart(comparison):
    rows = {(r["points"], r["subset"], r["model"]): r for r in tables.rows(comparison)}
    assert len(rows) == 3 * (2 + 3)
    errors = comparison.errors(comparison.results[1], comparison.point_sets[0])
    row = rows["face68", "all", "gaps"]
    assert (row["n"], row["misses"], row["seen"]) == (24, 1, "a set with these faces")
    assert row["nme"] == pytest.approx(errors[np.isfinite(errors)].mean())
    assert row["nme_low"] < row["nme"] < row["nme_high"]
    assert row["fr08"] == pytest.approx((errors > 0.08).mean())
    assert row["auc08"] == pytest.approx(auc(errors))
    assert row["megabytes"] == 1.5 and row["load_seconds"] == 0.5
    assert rows["face68", "rest", "gaps"]["misses"] == 0
    assert rows["face68", "first", "gaps"]["n"] == 10


def test_faces_without_a_box_fail_for_every_model(faces):
    few = faces.subset(slice(4))
    few.skipped = [Skipped("lost.jpg", "no face box"), Skipped("odd.jpg", "truncated")]
    result = compare([model("perfect", shifted(few, 0))], few)
    (row,) = tables.rows(result)
    assert (row["n"], row["misses"], row["no_box"]) == (5, 0, 1)
    assert row["nme"] == 0 and row["fr08"] == pytest.approx(0.2)
    assert row["auc08"] == pytest.approx(0.8)


def test_pairs_and_models_that_saw_the_faces(faces, tmp_path, comparison):
    test = tables.pairs(comparison)
    assert [(t["points"], t["model"], t["other"]) for t in test] == [
        ("face68", "ours", "gaps"),
        ("centres5", "ours", "gaps"),
        ("centres5", "ours", "five"),
        ("centres5", "gaps", "five"),
    ]
    assert all(t["p_holm"] >= t["p_value"] for t in test)
    few = faces.subset(slice(2))
    few.images = [few.image(0), few.image(1)]
    few.files = ["/data/set/test/a.jpg", "/data/set/test/b.jpg"]
    known = model("known", shifted(few, 0), trained_on="2 faces of set/test, other/train")
    compare([known], few)
    assert known.find.seen == "trained on set/test"


def test_subsets_from_lists_and_columns(tmp_path):
    files = ["/a/one.jpg", "/a/two.png", "/a/three.jpg"]
    table = tmp_path / "sets.csv"
    table.write_text("image,set,light\none.jpg,common,dark\ntwo,common,\nx/three.jpg,hard,dark\n")
    found = {name: mask.tolist() for name, mask in read_subsets(table, files).items()}
    assert found == {
        "common": [True, True, False],
        "hard": [False, False, True],
        "dark": [True, False, True],
    }
    names = tmp_path / "profile.txt"
    names.write_text("two.png\n\n")
    assert read_subsets(names, files)["profile"].tolist() == [False, True, False]
    names.write_text("nobody\n")
    with pytest.raises(InputError, match="none of the 3 faces"):
        read_subsets(names, files)


def test_subsets_that_are_no_csv_are_refused_by_name(tmp_path):
    table = tmp_path / "damaged.csv"
    table.write_text("image,pose\na.png," + "x" * 200_000)
    with pytest.raises(InputError, match=r"damaged\.csv, line \d: not csv"):
        read_subsets(table, ["a.png"])


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "line 1: need a header"),
        ("name,set\na,b\n", "line 1: need a header"),
        ("image,set\na.png\n", "line 2: expected 2 columns, found 1"),
        ("image,set\na.png,x\nb.png,x,y\n", "line 3: expected 2 columns, found 3"),
        ("image,set,set\na.png,x,y\n", "line 1: two columns"),
        ("image,set\n", "none of the 1 faces"),
    ],
)
def test_subsets_with_ragged_rows_are_refused_by_line(tmp_path, text, words):
    table = tmp_path / "sets.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=rf"sets\.csv.*{words}"):
        read_subsets(table, ["a.png"])


def test_latex_has_the_rows_and_no_open_specials(comparison):
    rows = tables.rows(comparison)
    rows[0]["model"] = "a_b & 100 %"
    text = tables.latex(rows)
    assert r"a\_b \& 100 \%" in text
    assert text.count(r"\\") == len(rows) + text.count(r"\begin{tabular}")
    first = next(line for line in text.splitlines() if line.startswith(r"a\_b"))
    assert f"{rows[0]['nme'] * 100:.2f}" in first and first.count(" & ") == 6
