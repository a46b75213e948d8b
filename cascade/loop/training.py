"""The loop S(t+1) = S(t) + r_t(φ_t(I, S(t))) in training, the same for every method."""

from contextlib import nullcontext

import numpy as np
from sklearn.base import BaseEstimator

from data_tools.metrics import nme
from features.errors import InputError, require_range
from features.frame import Frame
from features.workers import Workers

from ..formats.native import save
from ..pose.key_shapes import Poses
from ..stages.samples import Samples
from ..stages.stage import plan
from .checkpoint import Checkpoint
from .prediction import Predictor
from .progress import Silent
from .starts import Starts, mean_shape

# Starts kept in a model for predictions from several, and how far they lie from the mean shape.
_N_KEPT_STARTS = 16
_TEST_JITTER = {"shift": 0.4, "scale": 0.5}


class BaseCascade(Predictor, BaseEstimator):
    """What all cascades share; a method adds its parameters and its `recipe`.

    Attributes
    ----------
    stages_ : list of FittedStage
    mean_ : ndarray of shape (L, 2), float32
        Mean shape in the box frame.
    seed_ : int
        What training drew its random numbers from.
    starts_ : ndarray of shape (16, L, 2), float32
        Starts for predictions from several; the first is the mean shape.
    keys_ : KeyShapes or None
        Shapes that each start is tried with; see `cascade.pose.key_shapes`.
    scheme_ : Scheme
    frame_ : Frame
    history_ : list of dict
        Of each stage: `stage` (1-based), `train_nme`, `validation_nme` (or None), and what its
        regressor chose, as `alpha_per_sample`.
    notes_ : dict of str
        Free facts kept in the model file: `data`, `terms`, `boxes`, ….
    """

    method = "cascade"
    #: Sampler of the training starts where none is given.
    default_starts = Starts()
    #: What is done for turned heads, where a method has no parameter of this name.
    poses = None

    def __init__(self, starts, mirror, patience, frame_size, face_size, memory_limit, test_starts,
                 test_mirror, random_state, n_jobs, poses=None):  # fmt: skip
        self.starts = starts
        self.mirror = mirror
        self.patience = patience
        self.frame_size = frame_size
        self.face_size = face_size
        self.memory_limit = memory_limit
        self.test_starts = test_starts
        self.test_mirror = test_mirror
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.poses = poses

    def recipe(self):
        """The `Stage` recipes, first to last."""
        raise NotImplementedError(f"{type(self).__name__} must say what its stages are")

    def _made(self, recipe, **own):
        """A `recipe` with this cascade's parameters of the same names, but for its `own`."""
        shared = set(recipe._get_param_names()) & set(self._get_param_names())
        return recipe(**{name: getattr(self, name) for name in shared} | own)

    def fit(self, faces, validation=None, *, checkpoint=None, resume=False, progress=None,
            notes=None):  # fmt: skip
        """Train stage by stage.

        Parameters
        ----------
        faces : FaceDataset or FaceStore
        validation : FaceDataset, FaceStore or float, optional
            Faces to watch the error on, or the share of image files of `faces` to split off.
        checkpoint : str or Path, optional
            Model file, rewritten after every stage.
        resume : bool
            Go on from `checkpoint` if it exists. The result equals that of an unbroken run; a
            checkpoint of other faces or parameters is refused.
        progress : Progress, optional
            Told what happens; see `cascade.loop.progress`.
        notes : dict of str, optional
            Kept in the model file, for example the boxes' detector and the data's terms.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If `validation` is unusable, or the checkpoint belongs to another training.
        """
        progress = progress or Silent()
        poses = self.poses or Poses()
        poses.check()
        recipes = poses.routed(self.recipe())
        require_range("n_stages", len(recipes), 1, 1000)
        require_range("test_starts", self.test_starts, 1, _N_KEPT_STARTS)
        self.seed_ = seed = self._seed()
        if isinstance(validation, float):
            validation, faces = faces.split(validation, seed)
        frame = Frame(self.frame_size, self.face_size)
        store = self._store(faces, frame, True, progress)
        watched = None if validation is None else self._store(validation, frame, False, progress)

        self.frame_, self.scheme_, self.notes_ = store.frame, store.scheme, dict(notes or {})
        self.mean_ = mean_shape(store.shapes)
        self._center()
        starts = self.starts or self.default_starts
        samples = Samples.from_store(store, starts.sample(store.shapes, self.mean_, _rng(seed, 0)))
        self.starts_ = self._test_starts(store.shapes, _rng(seed, 1))
        watched = watched and Samples.from_store(
            watched, np.repeat(self.mean_[None], len(watched), 0)
        )
        self.stages_, self.history_, self.keys_ = [], [], None
        keeper = Checkpoint(checkpoint, self, store) if checkpoint else nullcontext()
        with keeper, Workers(self.n_jobs) as workers:
            if resume and checkpoint:
                for stage in keeper.load():
                    self._append(stage, samples, watched, workers)
                progress.resumed(len(self.stages_), len(recipes))
            for t in range(len(self.stages_), len(recipes)):
                if self._has_stopped():
                    break
                progress.stage_begins(t + 1, len(recipes))
                stage = recipes[t].fit(
                    samples, self._centred, _rng(seed, 2, t), workers, progress.tick
                )
                self._append(stage, samples, watched, workers)
                if checkpoint:
                    keeper.save()
                progress.stage_ends(self.history_[-1])
            self._keep_best()
            self.keys_ = poses.fit(store, self.stages_, self.mean_, _rng(seed, 3), workers)
        self._plan()
        return self

    def fit_keys(self, faces, poses, *, progress=None):
        """Give a trained cascade key shapes; its stages stay as they are.

        Parameters
        ----------
        faces : FaceDataset or FaceStore
            Those that it was trained on, for the model that training with `poses` gives.
        poses : Poses
            Its `n_routes` must be that of the training.
        progress : Progress, optional

        Returns
        -------
        self

        Raises
        ------
        InputError
            If `poses` is out of range or has other routes, or the method has one start alone.

        Examples
        --------
        >>> from cascade import SDM, Poses
        >>> from data_tools.synthetic import synthetic_faces
        >>> faces = synthetic_faces(20, seed=1, size=128)
        >>> model = SDM(n_stages=2, n_cells=2, random_state=0).fit(faces)
        >>> model.fit_keys(faces, Poses(roll=30.0)).keys_.shapes.shape
        (3, 68, 2)
        """
        self._check_fitted()
        if "poses" not in self._get_param_names():
            raise InputError(f"a model of method {self.method!r} has one start and no key shapes")
        poses.check()
        if poses.n_routes != (self.poses or Poses()).n_routes:
            raise InputError("poses: n_routes changes the stages; train anew with fit")
        store = self._store(faces, self.frame_, True, progress or Silent())
        with Workers(self.n_jobs) as workers:
            keys = poses.fit(store, self.stages_, self.mean_, _rng(self._seed(), 3), workers)
        self.poses, self.keys_ = poses, keys
        self._plan()
        return self

    def _seed(self):
        state = self.random_state
        return int(np.random.default_rng().integers(2**31)) if state is None else int(state)

    def save(self, path):
        """Write the model file; see `cascade.save`."""
        self._check_fitted()
        save(self, path)

    def _store(self, faces, frame, mirror, progress):
        if hasattr(faces, "placements"):
            return faces
        return faces.store(
            frame,
            mirror=mirror and self.mirror,
            memory_limit=self.memory_limit,
            progress=progress.cropping,
        )

    def _test_starts(self, shapes, rng):
        """Starts for prediction: the mean shape, and the mean shape where other boxes put it."""
        boxes = Starts(_N_KEPT_STARTS, mix=(1.0, 1.0), **_TEST_JITTER)
        moved = boxes.sample(shapes, self.mean_, rng)[:: len(shapes)]
        return np.concatenate([self.mean_[None], moved[1:]])

    def _append(self, stage, samples, watched, workers):
        """Add a trained stage, and move the samples by it as inference would."""
        (runner,) = plan([stage], self._centred)
        errors = []
        for group in (samples, watched):
            if group is not None:
                runner.run(group, workers)
            errors.append(None if group is None else self._error(group))
        self.stages_.append(stage)
        row = {"stage": len(self.stages_), "train_nme": errors[0], "validation_nme": errors[1]}
        row |= getattr(stage.predictor, "facts", {})
        self.history_.append(row)

    def _error(self, samples):
        kind = "interocular" if self.scheme_.eye_corners else "diagonal"
        return float(np.nanmean(nme(samples.shapes, samples.truth, self.scheme_, kind=kind)))

    def _has_stopped(self):
        """Whether the validation error has not fallen for `patience` stages."""
        errors = [row["validation_nme"] for row in self.history_]
        if not self.patience or not errors or errors[0] is None:
            return False
        return len(errors) - 1 - int(np.argmin(errors)) >= self.patience

    def _keep_best(self):
        """Drop the stages after the best on the validation faces."""
        errors = [row["validation_nme"] for row in self.history_]
        if self.patience and errors and errors[0] is not None:
            best = int(np.argmin(errors)) + 1
            self.stages_, self.history_ = self.stages_[:best], self.history_[:best]


class Cascade(BaseCascade):
    """A cascade of any stages.

    Parameters
    ----------
    stages : list of Stage
        Recipes, first to last.
    starts : Starts, optional
        Sampler of the training starts.
    mirror : bool
        Whether to train on mirrored faces as well, where the scheme has a flip index.
    patience : int
        Stop once the validation error has not fallen for this many stages, and keep the best
        number of stages; 0 never stops.
    frame_size, face_size : int
        Side of the crop, and of the face box in it, that training sees, in pixels.
    memory_limit : int
        Bytes of crops above which they are kept in a memory-mapped file.
    test_starts : int
        Starts that `predict` takes the median of, 1 to 16.
    test_mirror : bool
        Whether `predict` averages with the mirrored image, where the scheme has a flip index.
    random_state : int, optional
        Seed; the same seed gives the same model for any `n_jobs`.
    n_jobs : int, optional
        Threads for training; -1 takes all cores.
    poses : Poses, optional
        What is done for heads that are turned; without it, nothing.

    Examples
    --------
    >>> from cascade import Cascade, Stage
    >>> from cascade.regressors import BoostedTrees
    >>> from features.pixels import Pixels
    >>> stages = [Stage(Pixels(100), BoostedTrees(20)) for _ in range(3)]
    >>> len(Cascade(stages, random_state=0).recipe())
    3
    """

    def __init__(self, stages=(), starts=None, mirror=True, patience=0, frame_size=256,
                 face_size=140, memory_limit=2 << 30, test_starts=1, test_mirror=False,
                 random_state=None, n_jobs=None, poses=None):  # fmt: skip
        self.stages = stages
        super().__init__(
            starts, mirror, patience, frame_size, face_size, memory_limit, test_starts, test_mirror,
            random_state, n_jobs, poses,
        )  # fmt: skip

    def recipe(self):
        """The `stages` as given."""
        return list(self.stages)


def _rng(seed, *key):
    """The generator for one purpose: it does not depend on what was drawn before."""
    return np.random.default_rng([seed, *key])
