"""ERT: an ensemble of regression trees (Kazemi & Sullivan 2014, "One Millisecond Face Alignment
with an Ensemble of Regression Trees")."""

from dataclasses import dataclass
from typing import ClassVar

from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..stages.stage import Stage


@dataclass(kw_only=True, eq=False, repr=False)
class ERT(BaseCascade):
    """Cascade of gradient-boosted regression trees on shape-indexed pixel differences.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

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
        Margin around the mean shape's bounding box within which points are drawn, in box sides.
    n_pairs : int
        Candidate pairs of pixels tried per level.
    pair_distance : float
        λ of the prior ``exp(-distance / λ)`` that prefers near pairs, in box sides.
    n_components : int
        Principal components in which the residuals of a stage are fitted.
    smallest_leaf : int
        Fewest samples in a leaf.
    starts : Starts
        Sampler of the training starts.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses, confidence, max_landmarks, verbose
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
    #: Sets of parameters by name, for ``--preset``.
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

    n_stages: int = 10
    n_trees: int = 500
    depth: int = 4
    learning_rate: float = 0.1
    n_points: int = 400
    padding: float = 0.05
    n_pairs: int = 30
    pair_distance: float = 0.1
    n_components: int = 28
    smallest_leaf: int = 20

    def recipe(self):
        """`n_stages` equal stages."""
        from features.pixels import Pixels  # growers are imported when somebody trains

        from ..stages.trees.regressor import BoostedTrees

        return [Stage(self._made(Pixels), self._made(BoostedTrees))] * self.n_stages
