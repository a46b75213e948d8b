"""Faces to compare on, and a comparison of three models on them."""

import numpy as np
import pytest

from cascade.judging.compare import compare, open_model
from cascade.judging.points import points_of
from data_tools.schemes import FACE68

from .made_up import index_of, model


@pytest.fixture(scope="session")
def faces(synthetic):
    return synthetic.subset(slice(24))


@pytest.fixture(scope="session")
def comparison(faces, small_ert, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    small_ert.save(path)
    five = points_of(FACE68, "centres5")

    def gaps(image, box):
        i = index_of(faces, box)
        return None if i == 3 else faces.shapes[i] + np.float32([6, 0])

    models = [
        open_model(f"ours={path}"),
        model("gaps", gaps, seen="a set with these faces"),
        model("five", lambda im, box: five.of(faces.shapes[[index_of(faces, box)]])[0] + 1, "5"),
    ]
    models[2].find.points = "centres5"
    subsets = {"first": np.arange(24) < 10, "rest": np.arange(24) >= 10}
    return compare(models, faces, subsets)
