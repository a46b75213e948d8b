"""Texts in csv files that spreadsheets would compute."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.cells import guarded, unguarded
from data_tools.dataset import FaceDataset
from data_tools.readers import read_boxes, read_folder, read_rows, read_visible
from data_tools.writers import write_folder

STARTS = "=+-@\t\r\n"


@given(st.text(alphabet="'" + STARTS + "a1 ", max_size=6))
def test_every_text_comes_back_and_none_is_a_formula(text):
    cell = guarded(text)
    assert not cell.startswith(tuple(STARTS))
    assert unguarded(cell) == text
    assert guarded("x" + text) == "x" + text


@pytest.mark.parametrize("cell", ["-1.5", "+3", "'tis", "", "a.png"])
def test_what_nobody_guarded_is_read_as_it_is(cell):
    assert unguarded(cell) == cell


@pytest.mark.parametrize("name", ["=A1.png", "-x.png", "'-x.png", "@x.png"])
def test_names_come_back_from_a_file(tmp_path, name):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["image"], [guarded(name)]])
    path = tmp_path / "names.csv"
    path.write_text(text.getvalue())
    assert [row for _, row in read_rows(path)] == [["image"], [name]]


def test_a_folder_with_names_that_begin_with_a_minus(tmp_path):
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 256, (2, 60, 60)).astype(np.uint8))
    shapes = rng.uniform(10, 50, (2, 68, 2))
    visible = rng.random((2, 68)) < 0.8
    boxes = np.tile([8.0, 8, 52, 52], (2, 1))
    faces = FaceDataset.from_arrays(images, shapes, boxes, files=["-a.png", "b"], visible=visible)
    names = write_folder(tmp_path, faces)
    assert names[0].startswith("-")
    for table, read in (("boxes.csv", read_boxes), ("visible.csv", read_visible)):
        assert not any(line.startswith("-") for line in (tmp_path / table).read_text().splitlines())
        assert list(read(tmp_path / table)) == names
    again = read_folder(tmp_path)
    np.testing.assert_array_equal(again.visible, visible)
    np.testing.assert_allclose(again.boxes, boxes)
