"""LBF: local binary features and a global regression (Ren et al. 2014, "Face Alignment at 3000 FPS
via Regressing Local Binary Features")."""

from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar

from features.errors import InputError

from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..stages.stage import Stage

_PUBLISHED_RADIUS = (0.3, 0.2, 0.15, 0.12, 0.1)


@dataclass(kw_only=True, eq=False, repr=False)
class LBF(BaseCascade):
    """Cascade of local random forests and one ridge regression a stage.

    Parameters
    ----------
    radius : sequence
        Of each stage, the distance from a landmark within which pixels are compared, in box
        sides; its length is the number of stages. A stage's entry may be a sequence of distances:
        the one that moves held-out faces best is taken, the paper's way (section 4).
    n_trees : int
        Trees a landmark and stage.
    depth : int
        Levels of splits, 1 to 7.
    alpha_per_sample : float or sequence
        Regularisation of the ridge as a share of the number of samples; a sequence is tried out
        stage by stage like those of `radius`. The linear SVR of common implementations is 0.5.
    n_components : int
        Principal components in which the residuals of a stage are regressed.
    n_points, n_candidates, n_tried, bag, smallest_leaf
        As in `features.lbf.LocalForests`.
    starts : Starts
        Sampler of the training starts.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses, verbose
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import LBF
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(20, seed=1, size=128)
    >>> model = LBF(radius=(0.2, 0.1), n_trees=2, depth=3, random_state=0).fit(faces)
    >>> model.predict(faces.image(0), faces.boxes[0]).shape
    (68, 2)
    """

    method = "lbf"
    #: How much to invest, by the names the command line offers. "fast" has the size of the paper's
    #: LBF fast, "published" the radii, trees and regularisation of common implementations.
    PRESETS: ClassVar = {
        "fast": {"radius": _PUBLISHED_RADIUS, "n_trees": 4, "n_components": 24},
        "published": {"radius": _PUBLISHED_RADIUS, "n_trees": 6, "alpha_per_sample": 0.5},
        "default": {},
        "accurate": {"n_trees": 10, "test_starts": 3, "test_mirror": True},
    }

    radius: tuple = (0.25, 0.2, 0.17, 0.14, 0.12, 0.1, 0.09, 0.08)
    n_trees: int = 8
    depth: int = 5
    alpha_per_sample: float = 0.3
    n_components: int = 32
    n_points: int = 128
    n_candidates: int = 500
    n_tried: int = 100
    bag: float = 0.3
    smallest_leaf: int = 10
    starts: Starts = field(default_factory=lambda: Starts(n=10))

    def recipe(self):
        """A stage for each radius."""
        if not len(self.radius):
            raise InputError("radius is empty; give one for each stage")
        return [self._stage(radius) for radius in self.radius]

    def _stage(self, radius):
        from features.lbf import LocalForests  # growers are imported when somebody trains

        from ..stages.lbf.regressor import SparseRidge
        from ..stages.selection import BestStage

        forests = [self._made(LocalForests, radius=r) for r in _several(radius)]
        shares = _several(self.alpha_per_sample)
        ridges = [self._made(SparseRidge, alpha_per_sample=share) for share in shares]
        candidates = [Stage(*pair) for pair in product(forests, ridges)]
        return candidates[0] if len(candidates) == 1 else BestStage(candidates)


def _several(value):
    return tuple(value) if hasattr(value, "__iter__") else (value,)
