"""The table of detectors by name, and what data_tools offers without the package of cascades."""

import subprocess
import sys

import pytest

from data_tools import detector_table
from data_tools.backgrounds import held_back, to_train_on
from data_tools.detectors import get_detector
from features.errors import InputError


def test_a_detector_that_is_added_is_found_by_name(monkeypatch):
    monkeypatch.setattr(detector_table, "_CLASSES", dict(detector_table._CLASSES))
    detector_table.register("none:FILE", "builtins.str")
    assert get_detector("none:there.xml") == "there.xml"
    with pytest.raises(InputError, match="no face detector 'none:'"):
        get_detector("none:")


def test_names_cost_no_import():
    code = (
        "import sys; from data_tools.detector_table import DETECTORS; "
        "print('jda' in DETECTORS, 'numpy' in sys.modules, 'cascade' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "False"]


def test_backgrounds_are_split_by_name():
    files = [f"{name}.jpg" for name in "gfedcba"]
    assert held_back(files) == ["c.jpg", "f.jpg"]
    assert sorted(held_back(files) + to_train_on(files)) == sorted(files)
