"""LBF: local binary features and a global regression (Ren et al. 2014, "Face Alignment at 3000 FPS
via Regressing Local Binary Features")."""

from copy import copy
from dataclasses import dataclass, field
from itertools import product
from numbers import Real
from typing import ClassVar

import numpy as np

from features.errors import InputError, require_count

from ..loop.starts import Starts
from ..loop.training import MAX_STAGES, BaseCascade
from ..stages.stage import Stage

_PUBLISHED_RADIUS = (0.3, 0.2, 0.15, 0.12, 0.1)


class RadiusCascade(BaseCascade):
    """Base class of cascades with one stage per entry of `radius`, unless `n_stages` is set."""

    def _checked_recipe(self):
        if self.n_stages is None:  # which the checks of all cascades would refuse
            n_stages = len(stage_radii(self.radius))
            return copy(self).set_params(n_stages=n_stages)._checked_recipe()
        return super()._checked_recipe()


@dataclass(kw_only=True, eq=False, repr=False)
class LBF(RadiusCascade):
    """Cascade of local random forests and one ridge regression a stage.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    radius : sequence
        For each stage, the distance from a landmark within which pixels are compared, in box sides;
        its length is the number of stages. If a stage's entry is a sequence of distances, the one
        with the smallest error on held-out faces is used, as in the paper (section 4).
    n_stages : int, optional
        Number of stages; if `radius` has another length, radii shrink geometrically from its first
        entry to its last.
    n_trees : int
        Trees per landmark and stage.
    depth : int
        Levels of splits, 1 to 7.
    alpha_per_sample : float or sequence
        Penalty of the ridge regression, as a multiple of the number of samples; of a sequence, the
        best on held-out faces is chosen in each stage. The linear SVR of common implementations
        corresponds to 0.5.
    n_components : int
        Principal components in which the residuals of a stage are regressed.
    n_points, n_candidates, n_tried, bag, smallest_leaf
        As in `features.lbf.LocalForests`.
    starts : Starts
        Sampler of the training starts.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses, confidence, max_landmarks, verbose
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
    #: Sets of parameters by name, for ``--preset``. "fast" has the size of the paper's LBF fast,
    #: "published" the radii, trees and regularisation of common implementations.
    PRESETS: ClassVar = {
        "small": {"radius": (0.25, 0.17, 0.12), "n_trees": 4, "n_components": 24},
        "fast": {"radius": _PUBLISHED_RADIUS, "n_trees": 4, "n_components": 24},
        "published": {"radius": _PUBLISHED_RADIUS, "n_trees": 6, "alpha_per_sample": 0.5},
        "default": {},
        "accurate": {"n_trees": 10, "test_starts": 3, "test_mirror": True},
    }

    radius: tuple = (0.25, 0.2, 0.17, 0.14, 0.12, 0.1, 0.09, 0.08)
    n_stages: int | None = None
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
        return [self._stage(radius) for radius in stage_radii(self.radius, self.n_stages)]

    def _stage(self, radius):
        from features.lbf import LocalForests  # growers are imported when somebody trains

        from ..stages.lbf.regressor import SparseRidge
        from ..stages.selection import BestStage

        forests = [self._made(LocalForests, radius=r) for r in _several(radius)]
        shares = _several(self.alpha_per_sample)
        ridges = [self._made(SparseRidge, alpha_per_sample=share) for share in shares]
        candidates = [Stage(*pair) for pair in product(forests, ridges)]
        return candidates[0] if len(candidates) == 1 else BestStage(candidates)


def stage_radii(radius, n_stages=None):
    """The radius of each stage, or the radii to choose from.

    Parameters
    ----------
    radius : sequence
        See `LBF`.
    n_stages : int, optional
        By default the number of entries of `radius`.

    Raises
    ------
    InputError
        If `radius` is empty, `n_stages` is out of range, or radii would have to be interpolated
        between entries that are sequences.

    Examples
    --------
    >>> stage_radii((0.4, 0.1), 3)
    (0.4, 0.2, 0.1)
    """
    radius = _several(radius)
    if not radius:
        raise InputError("radius is empty; give one for each stage")
    if n_stages is None:
        return radius
    require_count("n_stages", n_stages, 1, MAX_STAGES)
    if n_stages == len(radius):
        return radius
    ends = radius[0], radius[-1]
    if not all(isinstance(end, Real) and end > 0 for end in ends):
        raise InputError(
            f"n_stages is {n_stages}, but radius has {len(radius)} entries and no radii can "
            "be interpolated between its first and last; give one entry for each stage"
        )
    return tuple(np.geomspace(*ends, n_stages).round(4).tolist())


def _several(value):
    return tuple(value) if hasattr(value, "__iter__") else (value,)
