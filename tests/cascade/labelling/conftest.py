"""Folders of drawn faces to label, with a small scheme that no pretrained model knows."""

import cv2
import numpy as np
import pytest

from cascade.labelling.face import Face
from cascade.labelling.learner import Learner
from cascade.labelling.session import Session
from data_tools.schemes import Scheme
from data_tools.synthetic import synthetic_faces

#: Corners of the eyes, tip of the nose, corners of the mouth, chin.
KEPT = [36, 39, 42, 45, 30, 48, 54, 8]
EIGHT = Scheme(
    "eight",
    8,
    flip=(3, 2, 1, 0, 4, 6, 5, 7),
    groups={"right_eye": ((0, 1), False), "left_eye": ((2, 3), False), "mouth": ((5, 6), False)},
    eye_corners=(0, 3),
)


@pytest.fixture(scope="session")
def drawn():
    """30 drawn faces."""
    return synthetic_faces(30, seed=4, size=192)


@pytest.fixture
def folder(tmp_path, drawn):
    """A folder of the first 16 of them, not labelled."""
    path = tmp_path / "portraits"
    path.mkdir()
    for i in range(16):
        cv2.imwrite(str(path / f"face_{i:02d}.png"), drawn.image(i))
    return path


@pytest.fixture
def session(folder):
    with Session(folder, EIGHT) as opened:
        yield opened


def face_of(drawn, i, **changes):
    """The true face `i` as a page sends it."""
    points = drawn.shapes[i][KEPT].astype(np.float64)
    face = Face(tuple(drawn.boxes[i].tolist()), points, np.zeros(8, bool))
    return face.to_json() | changes


def finish(session, drawn, i, **changes):
    """Finish the face of image `i`."""
    return session.save(i, [face_of(drawn, i, **changes)], session.image(i)["revision"])


@pytest.fixture
def learner(session):
    """A learner without a thread: tests call `learn` themselves."""
    return Learner(session)
