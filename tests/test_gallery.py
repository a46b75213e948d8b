"""The gallery's scripts run at a small size, and make the pictures that the guide shows."""

import re
from contextlib import closing

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from .small_gallery import LIMITS, ROOT, SCRIPTS, small

_SHOWN = re.compile(r"sphx_glr_(\w+)_(\d{3})\.png")


class _Figures(list):
    def close(self):
        plt.close("all")


@pytest.fixture
def figures():
    """Figures that are open, as pictures; they are closed at the end."""
    plt.close("all")
    with closing(_Figures()) as found:
        yield found


def test_constants_are_cut_down():
    cut = small("N_FACES = 150\nCOPIES = 4\nN_TEST = 3\nN_TREES = (5, 10)\n")
    assert cut == f"N_FACES = {LIMITS['N_FACES']}\nCOPIES = 4\nN_TEST = 3\nN_TREES = (5, 10)\n"


def test_there_are_enough_examples():
    assert len(SCRIPTS) >= 15
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert "shared" not in text and "read_folder" not in text, script  # drawn faces alone


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_draws(script, figures):
    text = small(script.read_text(encoding="utf-8"))
    exec(compile(text, str(script), "exec"), {"__name__": "__main__"})
    for number in plt.get_fignums():
        canvas = plt.figure(number).canvas
        canvas.draw()
        figures.append(np.asarray(canvas.buffer_rgba())[..., :3])
    assert figures and all(picture.std() > 5 for picture in figures)
    assert len(figures) >= shown().get(script.stem, 0)


def shown():
    """The number of the last picture of each script that a page of the site shows."""
    last = {}
    for page in (ROOT / "docs").rglob("*.md"):
        if {"generated", "_build"} & set(page.parts):
            continue
        for name, number in _SHOWN.findall(page.read_text(encoding="utf-8")):
            last[name] = max(last.get(name, 0), int(number))
    return last


def test_pages_show_pictures_of_scripts_that_exist():
    names = {script.stem for script in SCRIPTS}
    assert len(shown()) > 8 and set(shown()) <= names
