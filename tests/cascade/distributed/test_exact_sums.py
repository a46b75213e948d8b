"""Trainings of SDM, LBF, ESR and RCPR divided over members: the same bytes for any cut."""

import numpy as np
import pytest

from cascade import SDM, Starts
from cascade.formats.native import dumps
from data_tools.synthetic import synthetic_faces

from .test_members import train

SMALL_SDM = {
    "half": (0.2, 0.12), "n_stages": 2, "n_cells": 2, "rank": 8, "starts": Starts(n=3),
    "frame_size": 160, "face_size": 88, "confidence": False, "random_state": 3,
}  # fmt: skip
METHODS = {
    "sdm": (SDM, SMALL_SDM),
    "sdm-auto": (SDM, SMALL_SDM | {"alpha_per_sample": "auto", "clip": (0.9, None)}),
    "sdm-sift": (
        SDM,
        SMALL_SDM | {"descriptor": "sift", "n_descriptor_components": 12, "n_parts": 1},
    ),
}
CUTS = [((1, 1), 2), ((3, 0, 2), 1), ((0, 2, 5, 1), 1)]


@pytest.fixture(scope="module")
def faces():
    """Few faces, some of whose landmarks are missing."""
    faces = synthetic_faces(24, seed=4, size=128)
    faces.shapes[np.random.default_rng(0).random(faces.shapes.shape[:2]) < 0.03] = np.nan
    return faces


@pytest.mark.parametrize("method", METHODS)
def test_any_cut_and_any_threads_give_the_same_bytes(faces, method):
    cls, options = METHODS[method]
    alone = dumps(cls(**options).fit(faces))
    assert dumps(cls(**options, n_jobs=2).fit(faces)) == alone
    for weights, n_jobs in CUTS:
        for model in train(lambda: cls(**options), faces, weights, n_jobs=n_jobs):
            assert dumps(model) == alone
