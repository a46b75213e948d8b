"""A cascade of scikit-learn regressors.

A stage is a feature and a regressor, and the regressor may be anything of scikit-learn's that
predicts many outputs. Here the first stages are extremely randomised trees on differences of
pixels, which see the coarse pose, and the last is ridge regression on grey levels.

Run with ``python examples/sklearn_stage.py``; it needs no data, because it renders its faces.
Such a cascade predicts like any other. It cannot be saved to a model file, which holds arrays
only; keep the object in memory.
"""

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge

from cascade import Cascade, Stage, Starts
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces
from features.pixels import PixelDifferences, Pixels


def build(n_trees=20, random_state=0):
    """An untrained cascade of two stages of trees and one of ridge regression."""
    trees = ExtraTreesRegressor(n_trees, max_features=0.2, min_samples_leaf=5)
    stages = [
        Stage(PixelDifferences(300, padding=0.1), trees),
        Stage(PixelDifferences(300, padding=0.0), trees),
        Stage(Pixels(200), Ridge(alpha=1e6)),
    ]
    return Cascade(stages, starts=Starts(n=5), random_state=random_state)


def main(n_faces=200):
    """Train on rendered faces; return the error on others, before and after, in percent."""
    faces = synthetic_faces(n_faces, seed=0, size=160)
    others = synthetic_faces(50, seed=1, size=160)
    model = build().fit(faces)
    found = [model.align(others.image(i), others.boxes[i]) for i in range(len(others))]
    start = np.concatenate([each.initial for each in found])
    end = np.concatenate([each.shapes for each in found])
    return tuple(100 * nme(each, others.shapes, others.scheme).mean() for each in (start, end))


if __name__ == "__main__":
    before, after = main()
    print(f"NME of the mean shape {before:.1f} %, of the cascade {after:.1f} %")
