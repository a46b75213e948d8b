"""CPR and ESR: cascades of random ferns (Dollár, Welinder & Perona 2010, "Cascaded Pose
Regression"; Cao, Wei, Wen & Sun 2012, "Face Alignment by Explicit Shape Regression")."""

from typing import ClassVar

from features.pixels import Pixels

from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..stages.ferns.regressor import BoostedFerns
from ..stages.stage import Stage


class FernCascade(BaseCascade):
    """What the cascades of equal stages of ferns share; each adds its parameters and defaults.

    The parameters are attributes of the same names as those of the `feature` and `regressor` that
    every stage is made of.
    """

    feature, regressor = Pixels, BoostedFerns

    def __init__(self, n_stages, n_ferns, depth, shrinkage, learning_rate, threshold, n_points,
                 n_components, *common):  # fmt: skip
        self.n_stages = n_stages
        self.n_ferns = n_ferns
        self.depth = depth
        self.shrinkage = shrinkage
        self.learning_rate = learning_rate
        self.threshold = threshold
        self.n_points = n_points
        self.n_components = n_components
        super().__init__(*common)

    def recipe(self):
        """`n_stages` equal stages."""
        return [Stage(self._made(self.feature), self._made(self.regressor))] * self.n_stages


class ESR(FernCascade):
    """Two-level cascade of boosted random ferns on shape-indexed pixel differences.

    Parameters
    ----------
    n_stages : int
        Stages T of the cascade; pixels are read anew in each.
    n_ferns : int
        Ferns K a stage.
    depth : int
        Tests F of a fern.
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
    starts : Starts, optional
        Sampler of the training starts; without it, `default_starts`.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses
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
    default_starts = Starts(n=14)
    #: How much to invest, by the names the command line offers; "published" is the paper's.
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

    def __init__(self, n_stages=10, n_ferns=400, depth=5, shrinkage=300.0, learning_rate=0.25,
                 threshold=0.2, n_points=400, padding=0.05, n_components=28, starts=None,
                 mirror=True, patience=0, frame_size=256, face_size=140, memory_limit=2 << 30,
                 test_starts=3, test_mirror=False, random_state=None, n_jobs=None,
                 poses=None):  # fmt: skip
        self.padding = padding
        super().__init__(
            n_stages, n_ferns, depth, shrinkage, learning_rate, threshold, n_points, n_components,
            starts, mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
            random_state, n_jobs, poses,
        )  # fmt: skip


class CPR(ESR):
    """One-level cascade of random ferns: pixels are read anew for every few ferns.

    The same as `ESR` with many short stages.

    Parameters
    ----------
    n_stages, n_ferns, depth, shrinkage, learning_rate, threshold, n_points, padding,
    n_components, starts, mirror, patience, frame_size, face_size, memory_limit, test_starts,
    test_mirror, random_state, n_jobs, poses
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
    default_starts = Starts(n=7)
    PRESETS: ClassVar = {
        "small": {"n_stages": 40, "n_ferns": 10, "starts": Starts(n=5)},
        "default": {},
        "published": {"n_stages": 512, "n_ferns": 1, "learning_rate": 1.0, "shrinkage": 1000.0},
    }

    def __init__(self, n_stages=60, n_ferns=20, depth=5, shrinkage=300.0, learning_rate=0.35,
                 threshold=0.2, n_points=150, padding=0.05, n_components=20, starts=None,
                 mirror=True, patience=0, frame_size=256, face_size=140, memory_limit=2 << 30,
                 test_starts=5, test_mirror=False, random_state=None, n_jobs=None,
                 poses=None):  # fmt: skip
        super().__init__(
            n_stages, n_ferns, depth, shrinkage, learning_rate, threshold, n_points, padding,
            n_components, starts, mirror, patience, frame_size, face_size, memory_limit,
            test_starts, test_mirror, random_state, n_jobs, poses,
        )  # fmt: skip
