"""Every network of the deep baseline can learn some 30 faces by heart.

One that cannot has a mistake in its loss, its units or its layers, which no hour of training would
cure.
"""

import importlib

import numpy as np
import pytest

from .test_deep_baseline import deep, folder, room
from .test_deep_zoo import SMALL, answers_of_densereg

__all__ = ["deep", "folder", "room"]  # fixtures

EPOCHS = {"tcnn": 150, "fan": 100, "densereg": 120}  # of three batches; others 60
SIZES = {
    "se-resnet": ("--size", "32", "--width", "8", "--blocks", "1", "1"),
    "densereg": ("--size", "64", "--width", "8"),
}
LEFT = 0.5  # of the error of the mean shape, at most; what does not learn keeps 0.9 and more


@pytest.fixture(scope="module")
def faces():
    from data_tools.synthetic import synthetic_faces

    return synthetic_faces(64, seed=5, size=96)


class ByHeart:
    """A source whose training faces are those it is judged by, without any jitter."""

    def __init__(self, source):
        self.source = source
        self.n_faces = len(source.seen)

    def __getattr__(self, name):
        return getattr(self.source, name)

    def epoch(self, batch_size, rng):
        """Crops and truths, every face once."""
        truth, rows = self.held_out_truth(), rng.permutation(self.n_faces)
        for first in range(0, len(rows), batch_size):
            part = rows[first : first + batch_size]
            yield self.seen[part], truth[part]


@pytest.mark.parametrize("name", ["se-resnet", *SMALL])
def test_thirty_faces_are_learned_by_heart(deep, folder, tmp_path, name):
    from cascade.judging.points import points_of, whole
    from cascade.loop.progress import Console

    sources, zoo = deep("sources"), deep("zoo")
    entry = zoo.NETWORKS[name]
    sizes = SIZES.get(name) or SMALL[name]
    options = deep("options").parse([
        *([] if entry.drawn else [str(folder)]), "--network", name, "--heads", "64",
        "--out", str(tmp_path / "net.onnx"), *sizes, "--validation", "0.5", "--batch", "10",
        "--epochs", str(EPOCHS.get(name, 60)), "--rate", "0.003",
    ])  # fmt: skip

    importlib.import_module("keras").utils.set_random_seed(0)

    def points(scheme):
        return whole(scheme) if entry.found is None else points_of(scheme, entry.found)

    with Console() as progress:
        source = ByHeart((sources.Heads if entry.drawn else sources.Photographs)(
            options, points, progress
        ))  # fmt: skip
        assert 28 <= source.n_faces <= 32
        recipe = zoo.load(name)(options, source)
        learner = deep("train").Learner(options, progress, source, recipe)
        model = learner.run()
    found = recipe.predict(model, source.seen)
    mean = source.error(np.broadcast_to(source.mean, found.shape))
    assert source.error(found) < LEFT * mean + coarse(name, recipe, source)


def coarse(name, recipe, source):
    """Error of perfect answers: maps of the surface know landmarks to a pixel, and the jaw, which
    has no place of its own there, less well."""
    if name not in ("prnet", "densereg"):
        return 0.0
    answers = recipe.targets(source.held_out_truth())
    return source.error(recipe.fractions(
        answers_of_densereg(answers) if name == "densereg" else answers
    ))  # fmt: skip
