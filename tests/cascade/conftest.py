"""A small model of each method that can be written as a program for other runtimes."""

import pytest


@pytest.fixture(scope="session")
def small_models(synthetic, small_ert):
    """A small model of each method, and of each way to treat turned heads."""
    from sklearn.base import clone

    from cascade import ESR, LBF, RCPR, SDM, Poses, Starts
    from data_tools.synthetic import synthetic_faces

    few, starts = synthetic.subset(slice(40)), Starts(n=2)
    hidden = synthetic_faces(40, seed=4, size=160, occluders=0.6)
    ferns = {"n_stages": 3, "n_ferns": 30, "n_points": 80, "starts": starts, "random_state": 0}
    poses = Poses(n_shapes=2, roll=20.0, n_early=1)
    routes = Poses(n_routes=2, n_early=1)
    models = {
        "ert": small_ert,
        "lbf": LBF(
            radius=(0.2, 0.1), n_trees=2, depth=3, n_tried=20, starts=starts, random_state=0
        ),
        "sdm": SDM(n_stages=3, starts=starts, random_state=0),
        "esr": ESR(**ferns),
        "rcpr": RCPR(**ferns, restart_spread=0.02),
        "keys": SDM(n_stages=3, starts=starts, poses=poses, random_state=0),
        "routes": clone(small_ert).set_params(poses=routes),
        "sdm-routes": SDM(n_stages=3, starts=starts, poses=routes, random_state=0),
    }
    return {
        name: model if name == "ert" else model.fit(hidden if name == "rcpr" else few)
        for name, model in models.items()
    }
