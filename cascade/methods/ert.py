"""ERT: an ensemble of regression trees (Kazemi & Sullivan 2014, "One Millisecond Face Alignment
with an Ensemble of Regression Trees")."""

from typing import ClassVar

from features.pixels import Pixels

from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..stages.stage import Stage
from ..stages.trees.regressor import BoostedTrees


class ERT(BaseCascade):
    """Cascade of gradient-boosted regression trees on shape-indexed pixel differences.

    Parameters
    ----------
    n_stages : int
        Stages T of the cascade.
    n_trees : int
        Trees K a stage.
    depth : int
        Levels of splits of a tree.
    learning_rate : float
        Shrinkage ν.
    n_points : int
        Pixels P that a stage's trees compare.
    padding : float
        Margin around the mean shape within which points are drawn, in box sides.
    n_pairs : int
        Candidate pairs of pixels tried a level.
    pair_distance : float
        λ of the prior that prefers near pairs, in box sides.
    n_components : int
        Principal components in which the residuals of a stage are fitted.
    smallest_leaf : int
        Fewest samples in a leaf.
    starts : Starts, optional
        Sampler of the training starts; without it, ``Starts()``.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import ERT
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(20, seed=1, size=128)
    >>> model = ERT(n_stages=2, n_trees=5, random_state=0).fit(faces)
    >>> model.predict(faces.image(0), faces.boxes[0]).shape
    (68, 2)
    """

    method = "ert"
    #: How much to invest, by the names the command line offers.
    PRESETS: ClassVar = {
        "small": {"n_stages": 6, "n_trees": 150, "n_points": 300, "starts": Starts(n=8)},
        "default": {},
        "accurate": {
            "n_stages": 11,
            "depth": 5,
            "n_components": 21,
            "smallest_leaf": 40,
            "test_starts": 3,
            "test_mirror": True,
        },
    }

    def __init__(self, n_stages=10, n_trees=500, depth=4, learning_rate=0.1, n_points=400,
                 padding=0.05, n_pairs=30, pair_distance=0.1, n_components=28, smallest_leaf=20,
                 starts=None, mirror=True, patience=0, frame_size=256, face_size=140,
                 memory_limit=2 << 30, test_starts=1, test_mirror=False,
                 random_state=None, n_jobs=None, poses=None):  # fmt: skip
        self.n_stages = n_stages
        self.n_trees = n_trees
        self.depth = depth
        self.learning_rate = learning_rate
        self.n_points = n_points
        self.padding = padding
        self.n_pairs = n_pairs
        self.pair_distance = pair_distance
        self.n_components = n_components
        self.smallest_leaf = smallest_leaf
        super().__init__(
            starts, mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
            random_state, n_jobs, poses,
        )  # fmt: skip

    def recipe(self):
        """`n_stages` equal stages."""
        return [Stage(self._made(Pixels), self._made(BoostedTrees))] * self.n_stages
