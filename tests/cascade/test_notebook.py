"""What notebooks show of models, landmarks and drawings, and of progress."""

import io
import re
import sys
import types
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from rich.console import Console as Terminal

import cascade
from cascade import Alignment, FoundFaces, Starts
from cascade.loop import progress
from cascade.loop.notebook_bar import NotebookBar
from data_tools.picture import Picture
from data_tools.plots import draw_shape, montage
from data_tools.synthetic import synthetic_faces


class _Tags(HTMLParser):
    """Checks that every tag that opens is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.cells = [], []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["td"]:
            self.cells.append(data)


def cells(html):
    """The texts of the cells of sound HTML."""
    parser = _Tags()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser.cells


def test_estimators_show_their_parameters():
    model = cascade.ERT(n_trees=7, starts=Starts(n=3))
    found = cells(model._repr_html_())
    names, values = found[::2], found[1::2]
    shown = dict(zip(names, values, strict=True))
    assert shown == {name: repr(value) for name, value in model.get_params(deep=False).items()}
    assert names[:2] == ["n_trees", "starts"]  # what was changed comes first, unfolded
    assert len(re.findall('class="changed"', model._repr_html_())) == 2
    unfolded, _, folded = model._repr_html_().partition("<details>")
    assert "n_trees" in unfolded and "depth" in folded


def test_trained_models_show_their_card():
    model = cascade.load("ert68")
    html = model._repr_html_()
    assert f"{len(model.stages_)} stages, 68 landmarks" in html
    assert model.notes_["figures"] in cells(html)


def test_parameters_cannot_write_html():
    html = cascade.ERT(random_state="<script>alert(1)</script>")._repr_html_()
    assert "<script" not in html
    assert "'<script>alert(1)</script>'" in cells(html)


@pytest.fixture(scope="module")
def face():
    return synthetic_faces(1, seed=3, size=128)


def decoded(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def test_drawings_are_pictures(face):
    drawn = draw_shape(face.image(0), face.shapes[0], face.scheme)
    for picture in (drawn, montage([drawn, drawn]), drawn[20:60, 10:90]):
        assert np.array_equal(decoded(picture._repr_png_()), picture)
    for numbers in (drawn[0], drawn / 2, drawn[:0], drawn.mean()):
        assert getattr(numbers, "_repr_png_", lambda: None)() is None


@pytest.mark.parametrize("kind", [Alignment, FoundFaces])
def test_landmarks_are_drawn(face, kind):
    shapes = face.shapes.copy()
    shapes[0, 5] = np.nan
    hidden = np.ones((1, 68), np.float32)
    hidden[0, :30] = 0.1
    pictures = []
    for visible in (None, hidden):
        found = kind(shapes, face.boxes, visible=visible)
        pictures.append(decoded(found._repr_png_()))
    assert pictures[0].shape[2] == 3 and max(pictures[0].shape) <= 322
    red = [(each[..., 2].astype(int) - each[..., 0] > 100).sum() for each in pictures]
    assert red[0] == 0 and red[1] > 30  # covered landmarks


def test_no_landmarks_no_picture():
    nothing = np.full((1, 68, 2), np.nan, np.float32)
    for shapes in (nothing, nothing[:0]):
        assert Alignment(shapes, shapes)._repr_png_() is None


def test_points_of_no_scheme_are_drawn():
    shapes = np.random.default_rng(0).uniform(0, 100, (2, 33, 2)).astype(np.float32)
    assert decoded(Alignment(shapes, shapes)._repr_png_()).std() > 5


def test_an_alignment_is_drawn_on_its_photograph(face):
    found = Alignment(face.shapes, face.shapes)
    drawn = cascade.draw(face.image(0), found)
    assert isinstance(drawn, Picture)
    plain = draw_shape(face.image(0), face.shapes[0], face.scheme)
    assert np.array_equal(drawn, plain)


class _Display:
    """What `IPython.display` keeps of displays: the last content of each."""

    def __init__(self):
        self.contents = []

    def display(self, content, *, raw, display_id):
        assert raw and display_id
        self.contents.append([content])
        return _Handle(self.contents[-1])


class _Handle:
    def __init__(self, history):
        self.history = history

    def update(self, content, *, raw):
        assert raw
        self.history.append(content)


@pytest.fixture
def notebook(monkeypatch):
    shown = _Display()
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    module = types.ModuleType("IPython.display")
    module.display = shown.display
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return shown


def _shares(content):
    return re.findall('value="(.*?)"', content["text/html"])


def test_training_shows_a_bar_in_a_notebook(notebook, capsys):
    faces = synthetic_faces(24, seed=3, size=96)
    with progress.Console(Terminal(force_jupyter=True)) as report:
        cascade.ERT(n_stages=2, n_trees=3, random_state=0).fit(faces, progress=report)
    (bar,) = notebook.contents  # one display, updated in place
    shares = [float(share) for each in bar for share in _shares(each)]
    assert shares and 0 <= min(shares) <= max(shares) <= 1
    assert any("training stage" in each["text/plain"] for each in bar)
    assert bar[-1] == {"text/html": "", "text/plain": ""}  # nothing stays but the lines
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("stage")]
    assert [line.split()[1] for line in lines] == ["1", "2"]


def test_the_bar_of_a_notebook_tells_the_time_left(notebook):
    now = [100.0]
    bar = NotebookBar(clock=lambda: now[0])
    bar.start()
    task = bar.add_task("reading <faces>", total=4)
    for second in range(1, 4):
        now[0] = 100.0 + 30 * second
        bar.update(task, "reading <faces>", second)
        now[0] += 0.01
        bar.update(task, "reading <faces>", second)  # too soon to be drawn
    (history,) = notebook.contents
    assert len(history) == 4
    assert history[-1]["text/plain"] == "reading <faces>  75%  1:30  left 0:30"
    assert (
        "&lt;faces&gt;" in cells_of_bar(history[-1]) and 'value="0.750"' in history[-1]["text/html"]
    )


def cells_of_bar(content):
    html = content["text/html"]
    parser = _Tags()
    parser.feed(html)
    assert not parser.open
    return html


def test_a_terminal_without_a_screen_shows_no_bar():
    assert progress.Console(Terminal(file=io.StringIO()))._bar.disable


def test_short_texts_of_found_faces_and_schemes(face):
    assert repr(FoundFaces(face.shapes, face.boxes)) == "<FoundFaces: 1 face of 68 landmarks>"
    assert repr(face.scheme).startswith("<Scheme 'face68', 68 points: jaw, right_eyebrow")
