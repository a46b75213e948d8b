"""CPR and ESR: cascades of random ferns (Dollár, Welinder & Perona 2010, "Cascaded Pose
Regression"; Cao, Wei, Wen & Sun 2012, "Face Alignment by Explicit Shape Regression")."""

from dataclasses import dataclass, field
from typing import ClassVar

from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..stages.stage import Stage


class FernCascade(BaseCascade):
    """Base class of cascades whose stages are equal ferns.

    Parameters have the names of the parameters of the feature and the regressor in `parts`.
    """

    def parts(self):
        """Classes of the feature and the regressor of every stage."""
        from features.pixels import Pixels  # growers are imported when somebody trains

        from ..stages.ferns.regressor import BoostedFerns

        return Pixels, BoostedFerns

    def recipe(self):
        """`n_stages` equal stages."""
        return [Stage(*map(self._made, self.parts()))] * self.n_stages


@dataclass(kw_only=True, eq=False, repr=False)
class ESR(FernCascade):
    """Two-level cascade of boosted random ferns on shape-indexed pixel differences.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    n_stages : int
        Stages T of the cascade; pixels are read anew in each.
    n_ferns : int
        Ferns K a stage.
    depth : int
        Comparisons F of a fern.
    shrinkage : float
        β: a bin's value is the sum of its n residuals divided by ``n + β``.
    learning_rate : float
        Factor on every fern.
    threshold : float
        Thresholds are drawn within this share of the largest difference of a pair of pixels.
    n_points : int
        Pixels P that a stage's ferns compare.
    padding : float
        Margin around the mean shape within which points are drawn, in box sides.
    n_components : int
        Principal components in which the residuals of a stage are fitted.
    starts : Starts
        Sampler of the training starts.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses, confidence, max_landmarks, verbose
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import ESR
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(20, seed=1, size=128)
    >>> model = ESR(n_stages=2, n_ferns=5, random_state=0).fit(faces)
    >>> model.predict(faces.image(0), faces.boxes[0]).shape
    (68, 2)
    """

    method = "esr"
    #: Sets of parameters by name, for ``--preset``; "published" is the paper's.
    PRESETS: ClassVar = {
        "small": {"n_stages": 6, "n_ferns": 200, "starts": Starts(n=8)},
        "default": {},
        "accurate": {"n_ferns": 500, "test_starts": 5, "test_mirror": True},
        "published": {
            "n_ferns": 500,
            "test_starts": 5,
            "learning_rate": 1.0,
            "shrinkage": 1000.0,
            "starts": Starts(n=20, mix=(0.0, 0.0)),
        },
    }

    n_stages: int = 10
    n_ferns: int = 400
    depth: int = 5
    shrinkage: float = 300.0
    learning_rate: float = 0.25
    threshold: float = 0.2
    n_points: int = 400
    padding: float = 0.05
    n_components: int = 28
    test_starts: int = 3
    starts: Starts = field(default_factory=lambda: Starts(n=14))


@dataclass(kw_only=True, eq=False, repr=False)
class CPR(ESR):
    """One-level cascade of random ferns: pixels are read again after every few ferns.

    The same as `ESR` with many short stages.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    n_stages, n_ferns, depth, shrinkage, learning_rate, threshold, n_points, padding,
    n_components, starts, mirror, patience, frame_size, face_size, memory_limit, test_starts,
    test_mirror, random_state, n_jobs, poses, confidence, max_landmarks, verbose
        As in `ESR`.

    Examples
    --------
    >>> from cascade import CPR
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(20, seed=1, size=128)
    >>> model = CPR(n_stages=3, random_state=0).fit(faces)
    >>> len(model.stages_)
    3
    """

    method = "cpr"
    PRESETS: ClassVar = {
        "small": {"n_stages": 40, "n_ferns": 10, "starts": Starts(n=5)},
        "default": {},
        "accurate": {"n_stages": 90, "starts": Starts(n=10), "test_starts": 7, "test_mirror": True},
        "published": {"n_stages": 512, "n_ferns": 1, "learning_rate": 1.0, "shrinkage": 1000.0},
    }

    n_stages: int = 60
    n_ferns: int = 20
    depth: int = 5
    shrinkage: float = 300.0
    learning_rate: float = 0.35
    threshold: float = 0.2
    n_points: int = 150
    padding: float = 0.05
    n_components: int = 20
    test_starts: int = 5
    starts: Starts = field(default_factory=lambda: Starts(n=7))
