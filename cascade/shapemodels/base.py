"""Base class of shape models: a pyramid of levels fits one point distribution model."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from data_tools.metrics import nme
from features.errors import InputError, require_count, require_flag, require_range
from features.frame import Frame
from features.geometry import as_boxes, from_box_frame, to_box_frame
from features.images import as_grey
from features.workers import Workers, count_jobs

from ..aligner import Aligner, Alignment, refuse_other_landmarks
from ..loop import model_file
from ..loop.checkpoint import Checkpoint
from ..loop.estimator import Estimator
from ..loop.face_space import CropSpace
from ..loop.preparing import faces_and_validation, rng_for, seed_of, split_off, store_of
from ..loop.progress import reporting
from ..loop.starts import mean_shape
from ..loop.state import begun, detectors_in, parameters, recalled, versions
from ..stages.layout import from_arrays, to_arrays
from .found import Found
from .pdm import MAX_COMPONENTS, PointDistributionModel

MAX_LEVELS = 8
# Cells that a plane is wide, at most.
MAX_SIZE = 512
# Faces that the error of a level is told of.
_N_WATCHED = 300
# If a level changes the size of a face by more than this factor, or moves it by more than this
# multiple of its size, it has failed, and its result is discarded.
_LARGEST_STEP = 2.0


@dataclass(kw_only=True, eq=False, repr=False)
class ShapeModel(Aligner, Estimator):
    """An aligner that fits the parameters of a point distribution model, coarse to fine.

    A subclass defines the class of its levels, `LEVEL`, their training, and the check of its
    parameters.

    Attributes
    ----------
    pdm_ : PointDistributionModel
        In units of the box side.
    start_ : ndarray of shape (4,), float32
        (a, b, x, y): pose of the mean shape in the box frame.
    stages_ : list
        The levels, coarse to fine.
    mean_shape_ : ndarray of shape (L, 2), float32
        In the box frame; `mean_` is the same.
    scheme_, frame_, history_, notes_, seed_
        As of `BaseCascade`.
    """

    share: float = 0.98
    max_components: int = 30
    mirror: bool = True
    frame_size: int = 256
    face_size: int = 140
    memory_limit: int = 2 << 30
    random_state: object = None
    n_jobs: int | None = None
    verbose: bool | int | None = None

    method: ClassVar[str] = "shape-model"
    PRESETS: ClassVar[dict] = {"default": {}}
    #: The class of its levels.
    LEVEL: ClassVar[type] = None
    takes_start: ClassVar[bool] = True
    #: Of cascades alone.
    keys_: ClassVar = None

    @property
    def mean_(self):
        """The mean shape in the box frame; see `mean_shape_`."""
        return self.mean_shape_

    # ---------------------------------------------------------------------- what a class defines

    def n_levels(self):
        """Number of levels that the parameters define."""
        raise NotImplementedError(f"{type(self).__name__} must say how many levels it has")

    def check_parameters(self):
        """Refuse parameters that are out of range."""
        require_range("share", self.share, 0, 1)
        require_count("max_components", self.max_components, 1, MAX_COMPONENTS)
        require_flag("mirror", self.mirror)
        require_count("memory_limit", self.memory_limit, 0, 1 << 62)
        count_jobs(self.n_jobs)

    def train_level(self, t, found, rng, workers, tick):
        """Train level `t`.

        Parameters
        ----------
        t : int
            0 is the coarsest.
        found : Found
        rng : numpy.random.Generator
        workers : Workers
        tick : callable
            Called with the finished share of the work.

        Returns
        -------
        LEVEL
        """
        raise NotImplementedError(f"{type(self).__name__} must say how a level is trained")

    def make_ready(self):
        """Prepare the trained levels for prediction."""
        self._basis = self.pdm_.arrays()

    def run_level(self, t, image, placement, pose, numbers):
        """Move a face by one level.

        Parameters
        ----------
        t : int
        image : ndarray of shape (F, F), uint8
        placement : ndarray of shape (3,), float32
            The box frame in the image.
        pose : ndarray of shape (4,), float64
            (a, b, x, y), from the model's frame to the box frame; updated in place.
        numbers : ndarray of shape (k,), float64
            Parameters of the point distribution model; updated in place.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what a level does")

    # --------------------------------------------------------------------------------- training

    def fit(self, faces, shapes=None, boxes=None, *, validation=None, scheme=None, color="bgr",
            checkpoint=None, resume=False, progress=None, notes=None):  # fmt: skip
        """Train the shape model, then the levels, coarse to fine.

        Parameters
        ----------
        faces, shapes, boxes, validation, scheme, color, checkpoint, resume, progress, notes
            As of `BaseCascade.fit`; a level is a stage.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If a parameter or `validation` is unusable, a landmark is missing in all faces, or the
            checkpoint belongs to another training.
        """
        self.check_parameters()
        faces, validation = faces_and_validation(faces, shapes, boxes, validation, scheme, color)
        with reporting(progress, self.verbose) as progress:
            store, watched = self._prepare(faces, validation, notes, progress)
            found = self._found(store)
            keeper = Checkpoint(checkpoint, self, store) if checkpoint else nullcontext()
            with keeper as saved, Workers(self.n_jobs) as workers:
                kept = saved.load() if resume and checkpoint else None
                if kept is not None:
                    for level in kept[: self.n_levels()]:
                        self._append(level, store, watched, workers)
                    progress.resumed(len(self.stages_), self.n_levels())
                for t in range(len(self.stages_), self.n_levels()):
                    progress.stage_begins(t + 1, self.n_levels())
                    rng = rng_for(self.seed_, t)
                    level = self.train_level(t, found, rng, workers, progress.tick)
                    self._append(level, store, watched, workers)
                    if saved is not None:
                        saved.save()
                    progress.stage_ends(self.history_[-1])
        return self

    def _prepare(self, faces, validation, notes, progress):
        """Crops for training and validation; sets the attributes that do not depend on levels."""
        self.seed_ = seed_of(self.random_state)
        frame = Frame(self.frame_size, self.face_size)
        faces, validation = split_off(faces, validation, self.seed_)
        store = store_of(faces, frame, self.mirror, self.memory_limit, progress)
        watched = None
        if validation is not None:
            watched = store_of(
                validation, frame, self.mirror, self.memory_limit, progress, training=False
            )
        self.frame_, self.scheme_, self.notes_ = store.frame, store.scheme, dict(notes or {})
        self.stages_, self.history_ = [], []
        mean = mean_shape(store.shapes)
        self.pdm_ = PointDistributionModel.fit(store.shapes, self.share, self.max_components)
        self._set_start(self._pose_of(mean)[0])
        return store, watched

    def _pose_of(self, shape):
        numbers, linear, shift = self.pdm_.project(shape)
        return np.concatenate([linear, shift]), numbers

    def _set_start(self, pose):
        self.start_ = np.asarray(pose, np.float32)
        zeros = np.zeros(len(self.pdm_.variances))
        self.mean_shape_ = self.pdm_.shapes(zeros, self.start_[:2], self.start_[2:])

    def _found(self, store):
        """What the levels are trained on, in memory."""
        _, linear, shift = self.pdm_.project(store.shapes)
        return Found(
            store.images,
            store.placements,
            self.pdm_.completed(store.shapes),
            np.isfinite(store.shapes).all(-1),
            np.concatenate([linear, shift], -1),
        )

    def _append(self, level, store, watched, workers):
        """Add a trained level and a line of the history."""
        self.stages_.append(level)
        self.make_ready()
        errors = []
        for faces in (store, watched):
            if faces is None:
                errors.append(None)
                continue
            rows = np.arange(len(faces))[:: max(1, len(faces) // _N_WATCHED)]
            found = np.empty((len(rows), *self.mean_shape_.shape), np.float32)

            def run(span, faces=faces, rows=rows, found=found):
                for i in range(*span):
                    pose, numbers = self._beginning()
                    self._run(faces.images[rows[i]], faces.placements[rows[i]], pose, numbers)
                    found[i] = self._shape(pose, numbers)

            workers.over_spans(run, len(rows))
            errors.append(float(np.nanmean(nme(found, faces.shapes[rows], self.scheme_))))
        row = {"stage": len(self.stages_), "train_nme": errors[0], "validation_nme": errors[1]}
        self.history_.append(row)

    # ------------------------------------------------------------------------------- prediction

    def predict(self, image, boxes, *, color="bgr", n_starts=None, mirror=None, start=None):
        """Landmarks of the faces in `boxes`; parameters as of `align`.

        Returns
        -------
        ndarray of shape (L, 2) or (n, L, 2), float32
            In pixels, x before y, pixel centres at integers; not rounded, not clipped to the image.
        """
        return super().predict(
            image, boxes, color=color, n_starts=n_starts, mirror=mirror, start=start
        )

    def align(self, image, boxes, *, color="bgr", n_starts=None, mirror=None, staged=False,
              start=None):  # fmt: skip
        """Landmarks of the faces in `boxes`, with further results.

        Thread-safe.

        Parameters
        ----------
        image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
            uint8, uint16 or float in [0, 1].
        boxes : array_like of shape (4,) or (n, 4)
            (left, top, right, bottom) in pixels, of the detector the model was trained with.
        color : {"bgr", "rgb"}
            Channel order of a colour image.
        n_starts : int, optional
            A shape model has one start: 1 or None.
        mirror : bool, optional
            Shape models do not support mirroring: False or None.
        staged : bool
            Whether to keep the shapes after each level.
        start : Aligner or array_like of shape (n, L, 2), optional
            An aligner that finds the initial shapes, or the shapes in pixels; by default the mean
            shape in the box. Only the finest level refines a given start.

        Returns
        -------
        Alignment

        Raises
        ------
        InputError
            For an image, a box or a start that cannot be read.
        """
        self._check_fitted()
        if n_starts not in (None, 1) or mirror:
            raise InputError(
                f"n_starts={n_starts} and mirror={mirror}: a model of method {self.method!r} "
                "uses one view and one start only; leave both out"
            )
        image = as_grey(image, color)
        boxes = as_boxes(boxes)
        placements = self._space.place(boxes, image.shape)
        n = len(placements)
        shapes = np.empty((n, *self.mean_shape_.shape), np.float32)
        initial = np.repeat(self.mean_shape_[None], n, axis=0)
        steps = np.empty((len(self.stages_), *shapes.shape), np.float32) if staged else None
        first = 0
        if start is not None and n:
            initial = to_box_frame(self._started(start, image, boxes), placements)
            # Coarser levels would lose what a good start knows: measured on held-out faces.
            first = len(self.stages_) - 1
        for i in range(n):
            pose, numbers = self._beginning()
            looked_at = placements[i]
            if start is not None:
                pose, numbers = self._pose_of(initial[i])
                looked_at, pose = self._around(placements[i], pose)
            crop, placement, _ = self.frame_.cut(image, looked_at)
            path = None if steps is None else steps[:, i]
            self._run(crop, placement, pose, numbers, first, path)
            found = from_box_frame(self._shape(pose, numbers), looked_at)
            shapes[i] = found
            if steps is not None:
                steps[first:, i] = from_box_frame(steps[first:, i], looked_at)
                steps[:first, i] = from_box_frame(initial[i], placements[i])
        return Alignment(shapes, from_box_frame(initial, placements), steps)

    def _started(self, start, image, boxes):
        """Initial shapes (n, L, 2) in pixels, from the argument `start`."""
        if isinstance(start, Aligner):
            refuse_other_landmarks(start, self.scheme_)
            return start.align(image, boxes).shapes
        shapes = np.asarray(start, np.float32)
        shapes = shapes[None] if shapes.ndim == 2 else shapes
        if shapes.shape != (len(boxes), *self.mean_shape_.shape) or not np.isfinite(shapes).all():
            raise InputError(
                f"start must be finite shapes {(len(boxes), *self.mean_shape_.shape)}, one a box, "
                f"not {shapes.shape}"
            )
        return shapes

    def _around(self, placement, pose):
        """The box frame and pose that correspond to a shape."""
        a, b = float(self.start_[0]), float(self.start_[1])
        ratio = float(np.hypot(pose[0], pose[1])) / float(np.hypot(a, b))
        cx, cy, side = placement.tolist()
        moved = side * ratio
        # A shape without size has no pose; the box stays what it was.
        if not (1e-3 < ratio < 1e3 and np.isfinite(pose).all()):
            return placement, self._beginning()[0]
        cx += side * pose[2] - moved * float(self.start_[2])
        cy += side * pose[3] - moved * float(self.start_[3])
        turned = np.array([pose[0] / ratio, pose[1] / ratio, *self.start_[2:].tolist()])
        return np.array([cx, cy, moved], np.float32), turned

    def _beginning(self):
        return self.start_.astype(np.float64), np.zeros(len(self.pdm_.variances))

    def _run(self, image, placement, pose, numbers, first=0, path=None):
        """Move one face through the levels from `first` on, writing shapes to `path` (T, L, 2)."""
        for t in range(first, len(self.stages_)):
            before, kept = pose.copy(), numbers.copy()
            try:
                self.run_level(t, image, placement, pose, numbers)
            except np.linalg.LinAlgError:  # equations of damaged numbers
                pose[:] = np.nan
            size, was = np.hypot(pose[0], pose[1]), np.hypot(before[0], before[1])
            far = np.abs(pose[2:] - before[2:]).max()
            near = 1 / _LARGEST_STEP < size / was < _LARGEST_STEP and far < _LARGEST_STEP * was
            if not (near and np.isfinite(numbers).all()):
                pose[:], numbers[:] = before, kept
            if path is not None:
                path[t] = self._shape(pose, numbers)

    def _shape(self, pose, numbers):
        return self.pdm_.shapes(numbers, pose[:2], pose[2:])

    @property
    def _space(self):
        return CropSpace(self.frame_, True)

    def _check_fitted(self):
        if not hasattr(self, "_basis"):
            # scikit-learn's own exception, which is worth its import in this case alone.
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this model is not trained; call fit, or load a model file")

    # ------------------------------------------------------------------------------------ files

    def save(self, path):
        """Write the model file; see `cascade.save`."""
        self._check_fitted()
        model_file.write(path, *self.state())

    def state(self, training=None):
        """Header and arrays for a file; `training` as of `cascade.loop.state.to_state`."""
        arrays = to_arrays(self.pdm_, "pdm") | {"start": self.start_}
        for t, level in enumerate(self.stages_):
            arrays |= to_arrays(level, f"stages.{t}")
        header = {
            "method": self.method,
            "parameters": parameters(self),
            "scheme": self.scheme_.to_dict(),
            "frame": {"size": self.frame_.size, "face": self.frame_.face},
            "stages": [{"level": level.KIND} for level in self.stages_],
            "history": self.history_,
            "notes": self.notes_,
            "versions": versions(),
            **detectors_in(self),
        }
        if training:
            header["training"] = training
        return header, arrays

    def stages_of(self, header, arrays):
        """The trained levels in a file.

        Raises
        ------
        InputError
            If something is missing, of another type, out of range or inconsistent; the message
            names it.
        """
        entries = header["stages"]
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_LEVELS:
            raise InputError("the file must have a list of levels of valid length")
        levels = []
        for t, entry in enumerate(entries):
            if entry.get("level") != self.LEVEL.KIND:
                raise InputError(f"level {t + 1} is no level of method {self.method!r}")
            sizes = {"landmarks": len(self.pdm_.mean), "modes": len(self.pdm_.variances)}
            levels.append(from_arrays(self.LEVEL, arrays, f"stages.{t}", sizes))
        return levels

    @classmethod
    def from_state(cls, header, arrays):
        """A trained model from what a file holds.

        Raises
        ------
        InputError
            As `stages_of`.
        """
        model = begun(cls, header)
        frame = header["frame"]
        model.frame_ = Frame(int(frame["size"]), int(frame["face"]))
        sizes = {"landmarks": model.scheme_.n_points}
        model.pdm_ = from_arrays(PointDistributionModel, arrays, "pdm", sizes)
        start = arrays.get("start")
        if start is None or start.dtype != np.float32 or start.shape != (4,):
            raise InputError("array start is missing or not float32 of 4 numbers")
        if not np.abs(start).max() < 1e3 or np.hypot(start[0], start[1]) < 1e-3:
            raise InputError("array start must be a pose in or near the box")
        model._set_start(start)
        model.stages_ = model.stages_of(header, arrays)
        recalled(model, header)
        model.make_ready()
        return model


def level_number(array, name, low, high):
    """The one number of a level's array, checked: InputError unless within [low, high]."""
    value = array[0].item()
    if not low <= value <= high:
        raise InputError(f"{name} is {value}; it must be {low} to {high}")
    return value
