"""Trainings of SDM, LBF, ESR and RCPR divided over members: the same bytes for any cut."""

import numpy as np
import pytest

from cascade import ESR, LBF, RCPR, SDM, Starts
from cascade.formats.native import dumps
from data_tools.synthetic import synthetic_faces

from .test_members import train

SMALL_SDM = {
    "half": (0.2, 0.12), "n_stages": 2, "n_cells": 1, "rank": 8, "starts": Starts(n=3),
    "frame_size": 160, "face_size": 88, "confidence": False, "random_state": 3,
}  # fmt: skip
SMALL_LBF = {
    "radius": (0.25, 0.15), "n_trees": 3, "depth": 3, "n_points": 40, "n_tried": 20,
    "starts": Starts(n=3), "confidence": False, "random_state": 3,
}  # fmt: skip
SMALL_FERNS = {
    "n_stages": 2, "n_ferns": 12, "depth": 3, "n_points": 80, "starts": Starts(n=5),
    "random_state": 3,
}  # fmt: skip
METHODS = {
    "sdm": (SDM, SMALL_SDM),
    "sdm-auto": (SDM, SMALL_SDM | {"alpha_per_sample": "auto", "clip": (0.9, None)}),
    "sdm-sift": (
        SDM,
        SMALL_SDM | {"descriptor": "sift", "n_descriptor_components": 12, "n_parts": 1},
    ),
    "lbf": (LBF, SMALL_LBF),
    "esr": (ESR, SMALL_FERNS),
    "rcpr": (RCPR, SMALL_FERNS | {"n_zones": 2}),
}
CUTS = [((1, 1), 2), ((3, 0, 2), 1), ((0, 2, 5, 1), 1)]


@pytest.fixture(scope="module")
def faces():
    """Few faces, some of whose landmarks are missing, others hidden."""
    faces = synthetic_faces(24, seed=4, size=128)
    rng = np.random.default_rng(0)
    faces.shapes[rng.random(faces.shapes.shape[:2]) < 0.03] = np.nan
    faces.visible = rng.random(faces.shapes.shape[:2]) < 0.8
    return faces


@pytest.mark.parametrize("method", METHODS)
def test_any_cut_and_any_threads_give_the_same_bytes(faces, method, monkeypatch):
    monkeypatch.setattr("cascade.stages.ferns.regressor._N_SELECTION", 90)
    cls, options = METHODS[method]
    alone = dumps(cls(**options).fit(faces))
    assert dumps(cls(**options, n_jobs=2).fit(faces)) == alone
    for weights, n_jobs in CUTS:
        for model in train(lambda: cls(**options), faces, weights, n_jobs=n_jobs):
            assert dumps(model) == alone
