"""The loop S(t+1) = S(t) + r_t(φ_t(I, S(t))) in training, the same for every method."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from data_tools.metrics import nme
from features.errors import InputError, require_count, require_flag
from features.frame import Frame
from features.workers import Workers, count_jobs

from ..pose.poses import Poses
from ..stages.registry import FOREIGN_KINDS, plan
from ..stages.samples import Samples
from . import model_file
from .checkpoint import Checkpoint, CheckpointFile
from .estimator import Estimator
from .prediction import Predictor
from .preparing import faces_and_validation, rng_for, seed_of, shares_of, split_off, store_of
from .progress import reporting
from .shape_modes import MAX_MOVED, N_MOVED, WHOLE, ShapeModes
from .sharing import Faces, Job, chosen_rows, on_root, samples_of
from .starts import N_KEPT, Starts, mean_shape, test_starts
from .state import restore, stages_from, to_state, untrained

MAX_STAGES = 1000
# Landmarks farther from their box than so many box sides are a mistake in the data.
_FARTHEST_LANDMARK = 1000
# Characters of the parameters in the `repr` of a model: two lines.
_LONGEST_REPR = 200


# Samples whose errors are computed together.
_TOGETHER = 256
# The most crops that key shapes are learned from.
MOST_CROPS = 4096
# Errors are added in whole numbers of so small a step.
_ERROR_STEP = 2.0**-24


@dataclass(kw_only=True, eq=False, repr=False)
class BaseCascade(Predictor, Estimator):
    """What all cascades share; a method adds its parameters and its `recipe`.

    Attributes
    ----------
    stages_ : list of FittedStage
    mean_shape_ : ndarray of shape (L, 2), float32
        In the box frame; `mean_` is the same.
    modes_ : ShapeModes or None
        Of dense schemes: which landmarks stages move, and how all follow from them. See
        `cascade.loop.shape_modes`.
    seed_ : int
        What training drew its random numbers from.
    starts_ : ndarray of shape (16, L, 2), float32
        Starts for predictions from several; the first is the mean shape. Of dense schemes, the
        landmarks that stages move; so are `keys_`.
    keys_ : KeyShapes or None
        Shapes that each start is tried with; see `cascade.pose.key_shapes`.
    confidence_ : Confidence or None
        What tells how sure the landmarks are; see `cascade.loop.confidence`.
    scheme_ : Scheme
    frame_ : Frame
    history_ : list of dict
        Of each stage: `stage` (1-based), `train_nme`, `validation_nme` (or None), and what its
        regressor chose, as `alpha_per_sample`. Where stages are cross-fitted, `train_nme` is of
        predictors that did not see the faces.
    members_ : list of dict
        After a training on Dask workers, what each did: `worker`, `rounds` of sums, `bytes` sent,
        `seconds`, `cpu_s` of its process, and `peak_mib` of memory. Not kept in files.
    notes_ : dict of str
        Free text kept in the model file: `data`, `terms`, `boxes`, ….
    """

    starts: Starts = field(default_factory=Starts)
    mirror: bool = True
    patience: int = 0
    frame_size: int = 256
    face_size: int = 140
    memory_limit: int = 2 << 30
    test_starts: int = 1
    test_mirror: bool = False
    random_state: object = None
    n_jobs: int | None = None
    poses: Poses = field(default_factory=Poses)
    confidence: bool = False
    max_landmarks: int | None = None
    verbose: bool | int | None = None

    method: ClassVar[str] = "cascade"
    #: Sets of parameters by name, for ``--preset``.
    PRESETS: ClassVar[dict] = {"default": {}}

    def recipe(self):
        """The `Stage` recipes, first to last."""
        raise NotImplementedError(f"{type(self).__name__} must say what its stages are")

    def _made(self, recipe, **own):
        """A `recipe` with this cascade's parameters of the same names, but for its `own`."""
        shared = set(recipe._get_param_names()) & set(self._get_param_names())
        return recipe(**{name: getattr(self, name) for name in shared} | own)

    def fit(self, faces, shapes=None, boxes=None, *, validation=None, scheme=None, color="bgr",
            checkpoint=None, resume=False, progress=None, notes=None, client=None):  # fmt: skip
        """Train stage by stage, on ``fit(faces)`` or ``fit(images, shapes, boxes)``.

        Parameters
        ----------
        faces : FaceDataset, FaceStore or sequence of ndarray
            A store must have the crops that the parameters `frame_size`, `face_size` and `mirror`
            ask for. Images, one a face, need `shapes` and `boxes`.
        shapes : array_like of shape (n, L, 2)
            Landmarks on the images, in pixels; NaN where missing. After a dataset or store,
            `validation` may stand in this place, as in version 0.1.
        boxes : array_like of shape (n, 4)
            (left, top, right, bottom) of the faces on the images, in pixels.
        validation : FaceDataset, FaceStore or float, optional
            Validation faces, or the share of image files of `faces` to split off for validation.
        scheme : Scheme, str or Path, optional
            What the landmarks on the images are; see `FaceDataset`.
        color : {"bgr", "rgb"}
            Channel order of colour images.
        checkpoint : str or Path, optional
            Model file, rewritten after every stage.
        resume : bool
            Go on from `checkpoint` if it exists. The result equals that of an unbroken run; a
            checkpoint of other faces or parameters is refused.
        progress : Progress, optional
            Told what happens, in place of what `verbose` asks for; see `cascade.loop.progress`.
        notes : dict of str, optional
            Kept in the model file, for example the boxes' detector and the data's terms.
        client : distributed.Client or True, optional
            Train on the workers of this Dask cluster; True takes the active client. The model is
            the same to the byte; so is a checkpoint, which may be resumed with or without a client.
            Workers read the image files of `faces` themselves, under the same names; images in
            memory are sent to them. `n_jobs` is then the number of threads a worker; without it,
            as many as the worker has. See `cascade.distributed`.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If an argument or a parameter is unusable, a landmark is missing in all faces, the
            checkpoint belongs to another training, a worker is lost, or `client` is given for a
            method that cannot be trained over several machines.

        Examples
        --------
        >>> from cascade import ERT
        >>> from data_tools.synthetic import synthetic_faces
        >>> faces = synthetic_faces(20, seed=1, size=128)
        >>> images = [faces.image(i) for i in range(20)]
        >>> model = ERT(n_stages=2, n_trees=5).fit(images, faces.shapes, faces.boxes)
        >>> len(model.stages_)
        2
        """
        self._checked_recipe()
        faces, validation = faces_and_validation(faces, shapes, boxes, validation, scheme, color)
        seed = self._seed()
        with reporting(progress, self.verbose) as progress:
            faces, validation = split_off(faces, validation, seed)
            job = Job(seed, faces, validation, notes, resume)
            file = CheckpointFile(checkpoint) if checkpoint else None
            if client is None:
                with Workers(self.n_jobs) as workers:
                    self.fit_member(job, file, progress, workers)
            else:
                from .on_cluster import fit_on_cluster

                self.members_ = fit_on_cluster(self, client, job, file, progress)
        self._plan()
        return self

    def fit_member(self, job, file, progress, workers):
        """What each member of a training does; alone, a training has one.

        Parameters
        ----------
        job : Job
            The same for all members.
        file : CheckpointFile or None
            An object like it; only member 0 is to write.
        progress : Silent
        workers : Workers
            With the group of members, if there are several.
        """
        recipes = self._checked_recipe()
        found = self._prepare(job, progress, workers)
        progress.divided(found.samples.n_all, workers.size)
        keeper = nullcontext()
        if file is not None:
            keeper = Checkpoint(file, self, found.store, found.everyone, workers)
        with keeper as saved:
            kept = saved.load() if job.resume and saved is not None else None
            self._train_stages(recipes, found, kept, saved, workers, progress)
            self._keep_best()
            self._fit_choice(found.store, found.everyone, workers)
        self.stages_ = [stage.finished() for stage in self.stages_]

    def __repr__(self):
        """The parameters that are not the defaults, and what was trained."""
        text = super().__repr__()
        if len(text) > _LONGEST_REPR:
            text = f"{text[: _LONGEST_REPR - 2]}…)"
        if not hasattr(self, "_late"):
            return text
        text += f"\n# trained: {len(self.stages_)} stages, {self.scheme_.n_points} landmarks"
        text += f" ({self.scheme_.name})"
        error = self.history_[-1].get("train_nme") if self.history_ else None
        return text if error is None else f"{text}, training error {error * 100:.2f} %"

    def fit_keys(self, faces, poses, *, progress=None):
        """Give a trained cascade key shapes; its stages stay as they are.

        Parameters
        ----------
        faces : FaceDataset or FaceStore
            Those that it was trained on, for the model that training with `poses` gives; where the
            stages were cross-fitted, for nearly that one.
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
        if self._space.single:
            raise InputError(f"a model of method {self.method!r} has one start and no key shapes")
        poses.check()
        if poses.n_routes != self._poses().n_routes:
            raise InputError("poses: n_routes changes the stages; train anew with fit")
        with reporting(progress, self.verbose) as progress:
            store = self._moved(self._store(faces, self.frame_, True, progress))
        with Workers(self.n_jobs) as workers:
            self.seed_, self.poses = self._seed(), poses
            self._fit_choice(store, store, workers)
        self._plan()
        return self

    def crops(self, faces, training, progress):
        """The crops of faces that `fit` would make: a `FaceStore`, with mirrored ones where
        `training` and the parameters ask for them."""
        frame = Frame(self.frame_size, self.face_size)
        return store_of(
            faces, frame, self.mirror, self.memory_limit, progress, training, self.n_jobs
        )

    def check_stages(self):
        """Refuse trained stages, read from a file, that the method cannot run."""
        with np.errstate(over="ignore", invalid="ignore"):
            energy = np.square(self.moved_mean - self.moved_mean.mean(0)).sum()
        if not 0 < energy < np.inf:
            raise InputError("the mean shape is a single point, which nothing can be aligned with")
        for t, stage in enumerate(self.stages_, 1):
            if set(stage.kind) & FOREIGN_KINDS:
                raise InputError(f"stage {t} follows other rules than method {self.method!r}")

    def save(self, path):
        """Write the model file; see `cascade.save`."""
        self._check_fitted()
        model_file.write(path, *self.state())

    def state(self, training=None):
        """Header and arrays for a file; see `cascade.loop.state.to_state`."""
        return to_state(self, training)

    def stages_of(self, header, arrays):
        """The trained stages in a file; see `cascade.loop.state.stages_from`."""
        n_moved = self.scheme_.n_points if self.modes_ is None else len(self.modes_.moved)
        return stages_from(header, arrays, n_moved)

    @classmethod
    def from_state(cls, header, arrays):
        """A trained model from what a file holds; see `cascade.loop.state.restore`."""
        return restore(untrained(cls, header), header, arrays)

    # ------------------------------------------------------------------------------- the steps

    def _checked_recipe(self):
        """The stages to train, after all parameters were found in range."""
        for name, low, high in (
            ("n_stages", 1, MAX_STAGES),
            ("test_starts", 1, N_KEPT),
            ("patience", 0, MAX_STAGES),
            ("frame_size", 1, 1 << 16),
            ("face_size", 1, 1 << 16),
            ("memory_limit", 0, 1 << 62),
        ):
            if hasattr(self, name):
                require_count(name, getattr(self, name), low, high)
        if self.max_landmarks is not None:
            require_count("max_landmarks", self.max_landmarks, 3, MAX_MOVED)
        for name in ("mirror", "test_mirror", "confidence"):
            require_flag(name, getattr(self, name))
        count_jobs(self.n_jobs)
        for name, cls in (("starts", Starts), ("poses", Poses)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, cls):
                raise InputError(f"{name} must be a {cls.__name__}(…), not {value!r}")
        starts, poses = self._starts_sampler(), self._poses()
        starts.check()
        poses.check()
        recipes = poses.routed(self.recipe())
        require_count("n_stages", len(recipes), 1, MAX_STAGES)
        return recipes

    def _starts_sampler(self):
        return type(self)().starts if self.starts is None else self.starts

    def _poses(self):
        return Poses() if self.poses is None else self.poses

    def _prepare(self, job, progress, workers):
        """Crops, mean shape and starts; sets the fitted attributes that do not depend on stages."""
        self.seed_ = seed = job.seed
        frame, watched = Frame(self.frame_size, self.face_size), None
        own, everyone = self._shares(job.faces, frame, True, progress, workers)
        if job.validation is not None:
            watched, _ = self._shares(job.validation, frame, False, progress, workers)
        if not np.nanmax(np.abs(everyone.shapes)) < _FARTHEST_LANDMARK:
            raise InputError(
                f"a landmark lies more than {_FARTHEST_LANDMARK} box sides from its face box; "
                "correct the landmarks or the boxes of the training faces"
            )
        self.stages_, self.history_, self.keys_, self.confidence_ = [], [], None, None
        self.frame_, self.scheme_, self.notes_ = frame, everyone.scheme, dict(job.notes or {})
        self.mean_shape_ = workers.decide(lambda: mean_shape(everyone.shapes))
        space = self.face_space(frame)
        self.modes_ = self._fit_modes(everyone, space)
        own, everyone, watched = map(self._moved, (own, everyone, watched))
        self.moved_scheme, mean = everyone.scheme, self.moved_mean
        self._reference = space.reference(mean)
        rows = workers.share(len(everyone))
        starts = self._starts_sampler().sample(everyone.shapes, mean, rng_for(seed, 0), rows)
        samples = samples_of(own, everyone, starts, self._starts_sampler().n, workers)
        self.starts_ = mean[None]
        if not space.single:
            self.starts_ = workers.decide(
                lambda: test_starts(everyone.shapes, mean, rng_for(seed, 1))
            )
        if watched is not None:
            watched = Samples.from_store(watched, np.repeat(mean[None], len(watched), 0))
        return Faces(own, everyone, samples, watched)

    def _fit_modes(self, store, space):
        """`ShapeModes` where the faces have more landmarks than are to be moved, else None."""
        n_points, most = store.scheme.n_points, self.max_landmarks
        if space.single:
            if n_points > MAX_MOVED:
                raise InputError(
                    f"the faces have {n_points} landmarks, but a model of method {self.method!r} "
                    f"moves each on its own, at most {MAX_MOVED}; train ert, sdm or lbf"
                )
            return None
        if most is None:
            most = WHOLE if n_points <= WHOLE else N_MOVED
        if n_points <= most:
            return None
        return ShapeModes.fit(store.shapes, self.mean_shape_, store.scheme, most)

    def _moved(self, store):
        """A store of the landmarks that stages move."""
        if store is None or self.modes_ is None:
            return store
        moved = self.modes_.moved
        visible = None if store.visible is None else store.visible[:, moved]
        scheme = self.modes_.scheme_of(store.scheme)
        return replace(store, shapes=store.shapes[:, moved], visible=visible, scheme=scheme)

    def _train_stages(self, recipes, found, kept, checkpoint, workers, progress):
        """Train what `kept`, the stages of a checkpoint or None, leaves to be trained."""
        if kept is not None:
            for stage in kept:
                self._append(stage, found, workers)
            progress.resumed(len(self.stages_), len(recipes))
        for t in range(len(self.stages_), len(recipes)):
            if self._has_stopped():
                return
            progress.stage_begins(t + 1, len(recipes))
            stage = recipes[t].fit(
                found.samples, self._reference, rng_for(self.seed_, 2, t), workers, progress.tick
            )
            self._append(stage, found, workers)
            if checkpoint is not None and workers.rank == 0:
                checkpoint.save()
            progress.stage_ends(self.history_[-1])

    def _append(self, stage, found, workers):
        """Add a trained stage, move the samples by it, and the watched ones as inference would."""
        stage.advance(found.samples, self._reference, workers)
        errors = [self._error(found.samples, workers), None]
        if found.watched is not None:
            plan([stage], self._reference)[0].run(found.watched, workers)
            errors[1] = self._error(found.watched, workers)
        self.stages_.append(stage)
        row = {"stage": len(self.stages_), "train_nme": errors[0], "validation_nme": errors[1]}
        self.history_.append(row | stage.facts)

    def _error(self, samples, workers):
        """The mean error of the samples of all members."""
        total = np.zeros(2, np.int64)  # of the errors in steps, and how many there are
        # In parts that stay in the caches: many arrays are made on the way to an error.
        for at in range(0, len(samples), _TOGETHER):
            part = samples.part(at, at + _TOGETHER)
            errors = nme(part.shapes, part.truth, self.moved_scheme).astype(np.float64)
            errors = errors[np.isfinite(errors)]
            total += [np.rint(errors / _ERROR_STEP).astype(np.int64).sum(), len(errors)]
        total, count = workers.total(total).tolist()
        return total * _ERROR_STEP / count if count else float("nan")

    def _fit_choice(self, own, everyone, workers):
        """The key shapes, and how sure the answers are, from the faces that the stages were trained
        on: some thousands of them, which member 0 looks at alone."""
        poses = self._poses()
        if poses.has_keys:
            rows = chosen_rows(len(everyone), MOST_CROPS, rng_for(self.seed_, 3, 1))
            store, blocks = on_root(own, everyone, rows, workers)
            if store is not None:
                rng = rng_for(self.seed_, 3)
                self.keys_ = poses.fit(
                    store, self.stages_, self.moved_mean, rng, workers.alone(), blocks
                )
        if self.confidence:
            from . import confidence_fitting as fitting  # scikit-learn waits until it is needed

            rows = chosen_rows(len(everyone), fitting.MOST_CROPS, rng_for(self.seed_, 4, 1))
            store, blocks = on_root(own, everyone, rows, workers)
            if store is not None:
                rng = rng_for(self.seed_, 4)
                self.confidence_ = fitting.fit_confidence(self, store, blocks, rng, workers.alone())

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

    def _seed(self):
        """An integer that all random numbers of a training follow from."""
        return seed_of(self.random_state)

    def _store(self, faces, frame, training, progress):
        """The crops of faces, in the frame of the model's face space."""
        store = store_of(
            faces, frame, self.mirror, self.memory_limit, progress, training, self.n_jobs
        )
        return self.face_space(store.frame).store(store)

    def _shares(self, faces, frame, training, progress, workers):
        """This member's crops, and the facts about the faces of all, in the same frame."""
        own, everyone = shares_of(
            faces, frame, self.mirror, self.memory_limit, progress, workers, training
        )
        space = self.face_space(frame)
        return space.store(own), space.store(everyone)


@dataclass(kw_only=True, eq=False, repr=False)
class Cascade(BaseCascade):
    """A cascade of any stages.

    Parameters
    ----------
    stages : list of Stage
        Recipes, first to last.
    starts : Starts
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
    random_state : int, numpy.random.Generator or numpy.random.RandomState, optional
        Seed; the same seed gives the same model for any `n_jobs`.
    n_jobs : int, optional
        Threads for training; -1 takes all cores.
    poses : Poses
        How head pose is handled; by default, not at all.
    confidence : bool
        Whether to train a confidence estimator, which takes a few seconds; see
        `Alignment.confidence`.
    max_landmarks : int, optional
        Most landmarks that stages read and move; where faces have more, so many are spread over
        the face and the others follow from them by shape modes, see `cascade.loop.shape_modes`.
        Without it, up to 256 are all moved, and of more, 100.
    verbose : bool, optional
        True tells of the progress of training on stderr, False says nothing; without it, progress
        is told once a training takes longer than two seconds. It is not kept in model files.

    Examples
    --------
    >>> from cascade import Cascade, Stage
    >>> from cascade.regressors import BoostedTrees
    >>> from features.pixels import Pixels
    >>> stages = [Stage(Pixels(100), BoostedTrees(20)) for _ in range(3)]
    >>> len(Cascade(stages, random_state=0).recipe())
    3
    """

    stages: list = field(default=(), kw_only=False)

    def recipe(self):
        """The `stages` as given."""
        return list(self.stages)
