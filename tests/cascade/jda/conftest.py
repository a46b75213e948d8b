"""A small joint cascade, trained once."""

import numpy as np
import pytest

from cascade.detection.jda.model import JDA
from data_tools.synthetic import synthetic_faces
from data_tools.synthetic.clutter import background

from .made_up import SMALL


@pytest.fixture(scope="session")
def faces():
    return synthetic_faces(60, seed=11, size=160)


@pytest.fixture(scope="session")
def backgrounds():
    rng = np.random.default_rng(4)
    # Clutter, and faces cut into quarters.
    cut = synthetic_faces(12, seed=98, size=160)
    return [np.rint(background(rng, 200)).astype(np.uint8) for _ in range(12)] + [
        np.roll(cut.image(i), (80, 80), (0, 1)) for i in range(12)
    ]


@pytest.fixture(scope="session")
def model(faces, backgrounds):
    return JDA(**SMALL, random_state=0).fit(faces, backgrounds)
