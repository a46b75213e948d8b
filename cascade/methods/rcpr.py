"""RCPR: robust cascaded pose regression (Burgos-Artizzu, Perona & Dollár 2013, "Robust Face
Landmark Estimation under Occlusion")."""

from dataclasses import dataclass, field
from typing import ClassVar

from features.errors import require_count, require_range

from ..loop.starts import Starts
from .esr import FernCascade


@dataclass(kw_only=True, eq=False, repr=False)
class RCPR(FernCascade):
    """Cascade of random ferns on points between landmarks, with visibility and smart restarts.

    If the training faces have annotations of visibility, the cascade learns to predict it (see
    `Alignment.visible`), and weights the ferns of each zone of the face by its predicted
    visibility.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    n_stages, n_ferns, depth, shrinkage, learning_rate, threshold, n_points, n_components
        As in `ESR`.
    n_zones : int
        Ferns grown per step, each on one zone of the face, if visibility is learned.
    n_visibility : int
        Principal components in which visibility is fitted.
    restarts : int
        Number of restarts from other shapes.
    restart_spread : float
        A face is restarted if the spread of its starts after the first tenth of the stages exceeds
        this. The spread is the mean distance of a landmark from the median of the starts, in box
        sides.
    starts : Starts
        Sampler of the training starts.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses, confidence, max_landmarks, verbose
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import RCPR
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(20, seed=1, size=128, occluders=0.5)
    >>> model = RCPR(n_stages=2, n_ferns=6, random_state=0).fit(faces)
    >>> model.align(faces.image(0), faces.boxes[0]).visible.shape
    (1, 68)
    """

    method = "rcpr"
    #: Sets of parameters by name, for ``--preset``; "published" is close to the paper's.
    PRESETS: ClassVar = {
        "small": {"n_stages": 6, "n_ferns": 200, "starts": Starts(n=8)},
        "default": {},
        "accurate": {"n_ferns": 600, "starts": Starts(n=20), "test_mirror": True},
        "published": {
            "n_stages": 100,
            "n_ferns": 15,
            "n_components": 16,
            "learning_rate": 1.0,
            "shrinkage": 1000.0,
            "starts": Starts(n=20, mix=(0.0, 0.0)),
        },
    }

    n_stages: int = 10
    n_ferns: int = 500
    depth: int = 5
    shrinkage: float = 300.0
    learning_rate: float = 0.25
    threshold: float = 0.2
    n_points: int = 400
    n_components: int = 28
    n_zones: int = 3
    n_visibility: int = 12
    restarts: int = 2
    restart_spread: float = 0.15
    test_starts: int = 5
    starts: Starts = field(default_factory=lambda: Starts(n=14))

    def parts(self):
        """See `FernCascade.parts`."""
        from features.line_pixels import LinePixels

        from ..stages.ferns.regressor import OcclusionFerns

        require_count("restarts", self.restarts, 0, 1000)
        require_range("restart_spread", self.restart_spread, 0, 1e9)
        return LinePixels, OcclusionFerns
