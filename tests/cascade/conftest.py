"""A small model of each method that can be written as a program for other runtimes."""

import numpy as np
import pytest


class _Trained(dict):
    """Models that are trained when they are first asked for."""

    def __init__(self, recipes, faces, hidden):
        super().__init__()
        self._recipes, self._faces, self._hidden = recipes, faces, hidden

    def __missing__(self, name):
        faces = self._hidden if name == "rcpr" else self._faces
        model = self[name] = self._recipes[name].fit(faces)
        if name == "rcpr":
            # Starts far from the mean come first, so that some faces start anew from nearer ones.
            away = np.linalg.norm((model.starts_ - model.starts_[0]).mean(1), axis=1)
            model.starts_ = model.starts_[[0, *np.argsort(-away)[:-1]]]
        return model


@pytest.fixture(scope="session")
def small_models(synthetic, small_ert):
    """A small model of each method, and of each way to treat turned heads, by name."""
    from sklearn.base import clone

    from cascade import ESR, LBF, RCPR, SDM, Poses, Starts
    from data_tools.synthetic import synthetic_faces

    starts = Starts(n=2)
    ferns = {"n_stages": 3, "n_ferns": 30, "n_points": 80, "starts": starts, "random_state": 0}
    sdm = {"n_stages": 3, "starts": starts, "random_state": 0}
    forests = {"radius": (0.2, 0.1), "n_trees": 2, "depth": 3, "n_tried": 20}
    routes = Poses(n_routes=2, n_early=1)
    recipes = {
        "lbf": LBF(**forests, starts=starts, random_state=0),
        "sdm": SDM(**sdm),
        "esr": ESR(**ferns),
        "rcpr": RCPR(**ferns, restart_spread=0.02),
        "keys": SDM(**sdm, poses=Poses(n_shapes=2, roll=20.0, n_early=1)),
        "routes": clone(small_ert).set_params(poses=routes),
        "sdm-routes": SDM(**sdm, poses=routes),
    }
    hidden = synthetic_faces(40, seed=4, size=160, occluders=0.6)
    trained = _Trained(recipes, synthetic.subset(slice(40)), hidden)
    trained["ert"] = small_ert
    return trained
