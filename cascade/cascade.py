"""The loop S(t+1) = S(t) + r_t(φ_t(I, S(t))): training and prediction of every method."""

from contextlib import nullcontext

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from data_tools.metrics import nme
from features.errors import InputError
from features.frame import Frame
from features.geometry import from_box_frame
from features.images import as_grey

from .alignment import Alignment
from .checkpoint import Checkpoint
from .formats.native import save
from .initialization import Starts, mean_shape
from .parallel import Workers
from .progress import Silent
from .samples import Samples
from .stage import plan

# Range of the image's scale, relative to the frame's, within which pixels are read where they are.
# Beyond, the face is resampled to the scale that the cascade was trained at.
_NEAR_SCALE = (0.6, 1.5)
# Starts kept in a model for predictions from several.
_N_KEPT_STARTS = 16


class BaseCascade(BaseEstimator):
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
    scheme_ : Scheme
    frame_ : Frame
    history_ : list of dict
        Of each stage: `stage` (1-based), `train_nme`, `validation_nme` (or None).
    notes_ : dict of str
        Free facts kept in the model file: `data`, `terms`, `boxes`, ….
    """

    method = "cascade"

    def recipe(self):
        """The `Stage` recipes, first to last."""
        raise NotImplementedError(f"{type(self).__name__} must say what its stages are")

    # ------------------------------------------------------------------ training

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
            Told what happens; see `cascade.progress`.
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
        state = self.random_state
        seed = int(np.random.default_rng().integers(2**31)) if state is None else int(state)
        self.seed_ = seed
        if isinstance(validation, float):
            validation, faces = faces.split(validation, seed)
        frame = Frame(self.frame_size, self.face_size)
        store = self._store(faces, frame, True, progress)
        watched = None if validation is None else self._store(validation, frame, False, progress)

        self.frame_, self.scheme_, self.notes_ = store.frame, store.scheme, dict(notes or {})
        self.mean_ = mean_shape(store.shapes)
        self._center()
        starts = self.starts or Starts()
        samples = Samples.from_store(store, starts.sample(store.shapes, self.mean_, _rng(seed, 0)))
        kept = starts.sample(store.shapes[: 1 + len(store) // 2], self.mean_, _rng(seed, 1))
        self.starts_ = np.concatenate([self.mean_[None], kept[: _N_KEPT_STARTS - 1]])
        watched = watched and Samples.from_store(
            watched, np.repeat(self.mean_[None], len(watched), 0)
        )
        self.stages_, self.history_ = [], []
        recipes = self.recipe()
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
        self._plan()
        return self

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

    # ---------------------------------------------------------------- prediction

    def predict(self, image, boxes, *, color="bgr", n_starts=1):
        """Landmarks of the faces in `boxes`.

        Safe to call from several threads on one model; the kernels release the GIL.

        Parameters
        ----------
        image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
            uint8, uint16 or float in [0, 1].
        boxes : array_like of shape (4,) or (n, 4)
            (left, top, right, bottom) in pixels, of the detector the model was trained with.
        color : {"bgr", "rgb"}
            Channel order of a colour image.
        n_starts : int
            Starts whose median is the answer, 1 to 16; more are slower and a little better.

        Returns
        -------
        ndarray of shape (L, 2) or (n, L, 2), float32
            In pixels, x before y, pixel centres at integers; not rounded, not clipped to the image.

        Raises
        ------
        InputError
            For an image or box that cannot be read; see `features.images.as_grey`.
        """
        samples, back = self._samples(as_grey(image, color), boxes, n_starts)
        for runner in self._runners:
            runner.run(samples)
        shapes = _to_pixels(_median(samples.shapes, n_starts), back)
        return shapes[0] if np.ndim(boxes) == 1 else shapes

    def align(self, image, boxes, *, color="bgr", n_starts=1, staged=False):
        """Like `predict`, and how the cascade came to the answer.

        Parameters
        ----------
        image, boxes, color, n_starts
            As in `predict`; a single box counts as a list of one.
        staged : bool
            Whether to keep the shapes after each stage.

        Returns
        -------
        Alignment
        """
        boxes = np.atleast_2d(np.asarray(boxes, np.float32).reshape(-1, 4))
        samples, back = self._samples(as_grey(image, color), boxes, n_starts)
        n_faces = len(boxes)
        initial = samples.shapes[:n_faces].copy()
        stages = []
        for runner in self._runners:
            kept = np.empty((len(runner.stages), *samples.shapes.shape), np.float32)
            runner.run(samples, None, kept if staged else None)
            stages.append(kept)
        spread = None
        if n_starts > 1:
            answers = samples.shapes.reshape(n_starts, n_faces, *self.mean_.shape)
            distance = np.linalg.norm(answers - np.median(answers, axis=0), axis=-1)
            spread = np.median(distance, axis=0)
        path = np.concatenate(stages)[:, :n_faces] if staged else None
        return Alignment(
            shapes=_to_pixels(_median(samples.shapes, n_starts), back),
            initial=_to_pixels(initial, back),
            staged=None if path is None else np.stack([_to_pixels(s, back) for s in path]),
            spread=spread,
        )

    def predict_many(self, images, boxes, *, color="bgr", n_starts=1, n_jobs=None):
        """Landmarks of many images, in parallel.

        Parameters
        ----------
        images : sequence of ndarray
        boxes : sequence of array_like
            One (4,) box or (n, 4) boxes an image.
        color, n_starts
            As in `predict`.
        n_jobs : int, optional
            Threads; without it, the model's own.

        Returns
        -------
        list of ndarray
            What `predict` returns for each image; one array where images and boxes are both one.
        """
        if len(images) != len(boxes):
            raise InputError(f"{len(images)} images but boxes for {len(boxes)}; give one each")
        with Workers(self.n_jobs if n_jobs is None else n_jobs) as workers:

            def predict(span):
                return [
                    self.predict(images[i], boxes[i], color=color, n_starts=n_starts)
                    for i in range(*span)
                ]

            return [shape for part in workers.map(predict, workers.ranges(len(images)))
                    for shape in part]  # fmt: skip

    def _samples(self, image, boxes, n_starts):
        """Samples that start in the boxes of one image, and how their shapes return to it."""
        self._check_fitted()
        if not 1 <= n_starts <= len(self.starts_):
            raise InputError(f"n_starts must be 1 to {len(self.starts_)}, not {n_starts}")
        boxes = np.asarray(boxes, np.float32)
        boxes = boxes.reshape(-1, 4) if boxes.ndim == 1 or not boxes.size else boxes
        placements = _placements(boxes, image.shape)
        n_faces = len(boxes)
        back = placements
        index = np.zeros(n_faces, np.intp)
        scales = placements[:, 2] / np.float32(self.frame_.face)
        low, high = _NEAR_SCALE
        if not self._needs_crop and all(low <= scale <= high for scale in scales.tolist()):
            images = image[None]
        else:
            crops = [self.frame_.crop(image, box) for box in boxes]
            images = np.stack([crop for crop, _, _ in crops])
            placements = np.stack([placement for _, placement, _ in crops])
            index = np.arange(n_faces)
        shapes = np.repeat(self.starts_[:n_starts], n_faces, axis=0)
        if n_starts > 1:
            index, placements = np.tile(index, n_starts), np.tile(placements, (n_starts, 1))
        return Samples(images, index, placements, shapes), back

    def _center(self):
        self._centred = self.mean_ - self.mean_.mean(0)

    def _plan(self):
        """Make ready to predict: once, after training or loading."""
        self._center()
        self._runners = plan(self.stages_, self._centred)
        self._needs_crop = any(getattr(s.feature, "needs_crop", False) for s in self.stages_)

    def _check_fitted(self):
        if not hasattr(self, "_runners"):
            raise NotFittedError("this cascade is not trained; call fit, or load a model file")


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
    random_state : int, optional
        Seed; the same seed gives the same model for any `n_jobs`.
    n_jobs : int, optional
        Threads for training; -1 takes all cores.

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
                 face_size=140, memory_limit=2 << 30, random_state=None, n_jobs=None):  # fmt: skip
        self.stages = stages
        self.starts = starts
        self.mirror = mirror
        self.patience = patience
        self.frame_size = frame_size
        self.face_size = face_size
        self.memory_limit = memory_limit
        self.random_state = random_state
        self.n_jobs = n_jobs

    def recipe(self):
        """The `stages` as given."""
        return list(self.stages)


def _rng(seed, *key):
    """The generator for one purpose: it does not depend on what was drawn before."""
    return np.random.default_rng([seed, *key])


def _placements(boxes, size):
    """Placements (n, 3) of boxes in an image; a box that lies outside of it is refused."""
    height, width = size
    out = np.empty((len(boxes), 3), np.float32)
    for i, (left, top, right, bottom) in enumerate(boxes.tolist()):
        if not (left < right and top < bottom and right - left < 1e9 and bottom - top < 1e9):
            raise InputError(
                f"box {i} is {[left, top, right, bottom]}: need finite numbers with left < right "
                "and top < bottom"
            )
        if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
            raise InputError(
                f"box {i} is {[left, top, right, bottom]}: outside the {width}x{height} image"
            )
        side = ((right - left) * (bottom - top)) ** 0.5
        out[i] = (left + right) / 2, (top + bottom) / 2, side
    return out


def _median(shapes, n_starts):
    """Median over starts; start j of face i is row ``j * n + i``."""
    if n_starts == 1:
        return shapes
    return np.median(shapes.reshape(n_starts, -1, *shapes.shape[1:]), axis=0)


def _to_pixels(shapes, placements):
    return from_box_frame(shapes, placements)
