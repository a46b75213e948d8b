"""SDM: the supervised descent method (Xiong & De la Torre 2013, "Supervised Descent Method and its
Applications to Face Alignment")."""

from dataclasses import dataclass, field
from typing import ClassVar

from features.errors import InputError

from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..pose.poses import Poses
from ..stages.stage import Stage


@dataclass(kw_only=True, eq=False, repr=False)
class SDM(BaseCascade):
    """Cascade of ridge regressions on descriptors at every landmark.

    The paper uses SIFT; HOG is similar and many times as fast. Descriptors rotate and scale with
    the shape and become smaller from stage to stage.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    n_stages : int
        Stages T of the cascade.
    half : sequence of float
        Half the side of the descriptors of each stage, in box sides; the last value is repeated for
        further stages.
    descriptor : {"hog", "sift"}
        The descriptor at each landmark: histograms of oriented gradients, or SIFT. See
        `features.hog.Hog` and `features.sift.Sift`.
    n_cells : int
        Cells along each side of a HOG descriptor; SIFT has 4.
    alpha_per_sample : float, sequence of float, or "auto"
        Penalty of the ridge regressions, as a multiple of the number of samples; of several, the
        best on held-out faces is chosen for each stage. See `ReducedRidge`.
    rank : int
        Rank of the linear map of a stage: the number of directions in which it moves shapes.
    n_descriptor_components : int, optional
        Principal components that descriptors are reduced to in training; by default they are not
        reduced.
    clip : float, sequence of float or None, optional
        For each stage, a quantile of the residuals at each landmark; longer residuals are shortened
        to it, so that a few badly placed faces do not dominate. The last value is repeated for
        further stages. None does not shorten, which is better in the first stages. See
        `ReducedRidge`.
    shape_gain : float
        Factor of the shape's own coordinates, in box sides, among the features of all stages but
        the first; 0 leaves them out, which is always so with SIFT and reduced descriptors. See
        `features.hog.Hog`.
    n_parts : int
        Number of folds for cross-fitting, 1 to 20: each stage trains on shapes that were moved by
        regressions fitted without these faces. 1 means no cross-fitting, and takes two thirds of
        the time. See `cascade.stages.cross_fitting`.
    starts : Starts
        Sampler of the training starts: four a face (mirrored ones are faces of their own)
        around the mean shape. Wide starts keep the late stages from overfitting.
    mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
    random_state, n_jobs, poses, confidence, max_landmarks, verbose
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import SDM
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(20, seed=1, size=128)
    >>> model = SDM(n_stages=2, n_cells=2, random_state=0).fit(faces)
    >>> model.predict(faces.image(0), faces.boxes[0]).shape
    (68, 2)
    """

    method = "sdm"
    #: Sets of parameters by name, for ``--preset``.
    PRESETS: ClassVar = {
        "small": {"n_stages": 4},
        "default": {},
        "accurate": {"test_mirror": True},
        # Faces turned in the plane are fitted as well as upright ones, for twice the time.
        "robust": {"poses": Poses(roll=30.0)},
        # The paper's descriptor and its number of stages.
        "sift": {"descriptor": "sift", "n_stages": 4, "n_descriptor_components": 48},
    }

    n_stages: int = 7
    half: tuple = (0.2, 0.12, 0.08, 0.06, 0.05, 0.05, 0.07)
    descriptor: str = "hog"
    n_cells: int = 3
    alpha_per_sample: float = 0.01
    rank: int = 32
    n_descriptor_components: object = None
    clip: object = (None, None, 0.97, 0.97, 0.97, 0.95, 0.93)
    shape_gain: float = 8.0
    n_parts: int = 4
    confidence: bool = True
    frame_size: int = 160
    face_size: int = 100
    starts: Starts = field(
        default_factory=lambda: Starts(n=4, mix=(0.3, 1.0), shift=1.3, scale=1.3)
    )

    def recipe(self):
        """One stage for each size of descriptors; from the second on, the shape is a feature."""
        from ..stages.linear.regressor import ReducedRidge  # growers wait until somebody trains

        if not len(self.half):
            raise InputError("half is empty; give the size of the patches of at least one stage")
        clips = self.clip if isinstance(self.clip, tuple | list) else (self.clip,)
        gain = self.shape_gain if self.n_descriptor_components is None else 0.0
        return [
            Stage(
                self._feature(_of_stage(self.half, t), gain if t else 0.0),
                self._made(ReducedRidge, clip=_of_stage(clips, t)),
            )
            for t in range(self.n_stages)
        ]

    def _feature(self, half, shape_gain=0.0):
        from features.hog import Hog
        from features.sift import Sift

        if self.descriptor == "hog":
            return Hog(half, self.n_cells, shape_gain)
        if self.descriptor == "sift":
            return Sift(half)
        raise InputError(f"descriptor is {self.descriptor!r}; take 'hog' or 'sift'")


def _of_stage(values, t):
    """The value for stage t, counted from 0; the last value is repeated for further stages."""
    return values[min(t, len(values) - 1)] if len(values) else None
