"""Prediction: landmarks from an image and boxes, by the trained stages of a cascade."""

from typing import NamedTuple

import numpy as np

from features.errors import InputError, require_count, require_flag
from features.geometry import as_boxes
from features.workers import SERIAL, Workers

from ..aligner import Aligner, Alignment, refuse_unpaired
from ..stages.registry import plan
from ..stages.samples import Samples
from .face_space import CropSpace, refuse_views
from .opening import Opening, median, run_through


class Answers(NamedTuple):
    """Results of k starts, including mirrored ones, for the n faces of an image.

    Attributes
    ----------
    shapes : ndarray of shape (k, n, L, 2)
        In the frame of the face space.
    visibility : ndarray of shape (k, n, L), float32, or None
    placements : ndarray of shape (n, d)
    staged : ndarray of shape (T, n, L, 2), float32, or None
        Shapes of the first start after each stage.
    views : list of View
        What was looked at.
    """

    shapes: np.ndarray
    visibility: np.ndarray | None
    placements: np.ndarray
    staged: np.ndarray | None
    views: list


class Predictor(Aligner):
    """Prediction with a trained cascade; `BaseCascade` adds training.

    It reads the fitted attributes of `BaseCascade`, and the parameters `test_starts`, `test_mirror`
    and `n_jobs`.
    """

    #: Number of restarts for a face whose starts disagree after the first tenth of the stages, and
    #: the spread, in box sides, that triggers them.
    restarts = 0
    restart_spread = 0.15
    #: Initial shapes that are tried for each start; None if only the start itself is.
    keys_ = None

    #: `ShapeModes` if stages move only some of the landmarks, else None.
    modes_ = None

    @property
    def mean_(self):
        """The name of the mean shape in version 0.1."""
        return self.mean_shape_

    @property
    def moved_mean(self):
        """The landmarks of the mean shape that stages move: all, or those of `modes_`."""
        return self.mean_shape_ if self.modes_ is None else self.mean_shape_[self.modes_.moved]

    @property
    def reference(self):
        """The centred mean shape (L, 2) in the box frame, which shapes are aligned with.

        With `modes_` it has the moved landmarks only.
        """
        self._check_fitted()
        return self._reference

    @property
    def n_early(self):
        """Number of stages before the choice among key shapes or restarts."""
        if self.keys_ is not None:
            return self.keys_.n_stages
        return -(-len(self.stages_) // 10) if self.restarts else 0

    @property
    def runners(self):
        """The runners of the stages, in order; see `cascade.stages.registry.plan`."""
        self._check_fitted()
        return [*self._opening.runners, *self._late]

    def face_space(self, frame, needs_crop=False):
        """The `FaceSpace` of the method.

        Parameters
        ----------
        frame : Frame
        needs_crop : bool
            Whether a trained stage needs crops at the scale of training.
        """
        return CropSpace(frame, needs_crop)

    def predict(self, image, boxes, *, color="bgr", n_starts=None, mirror=None):
        """Landmarks of the faces in `boxes`.

        Thread-safe; the kernels release the GIL. The result for a box does not depend on the other
        boxes.

        Parameters
        ----------
        image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
            uint8, uint16 or float in [0, 1].
        boxes : array_like of shape (4,) or (n, 4)
            (left, top, right, bottom) in pixels, of the detector the model was trained with.
        color : {"bgr", "rgb"}
            Channel order of a colour image.
        n_starts : int, optional
            Number of starts, whose median is the result, 1 to 16; more are slower and a little more
            accurate. By default the model's `test_starts`.
        mirror : bool, optional
            Whether to average with the result for the mirrored image, which doubles the time. By
            default the model's `test_mirror`.

        Returns
        -------
        ndarray of shape (L, 2) or (n, L, 2), float32
            In pixels, x before y, pixel centres at integers; not rounded, not clipped to the image.

        Raises
        ------
        InputError
            For an image or box that cannot be read; see `features.images.as_grey`.
        """
        answers = self._answer(image, boxes, color, n_starts, mirror)
        shapes = self._space.to_pixels(self._whole(median(answers.shapes)), answers.placements)
        return shapes[0] if len(shapes) == 1 and np.shape(boxes) == (4,) else shapes

    def align(self, image, boxes, *, color="bgr", n_starts=None, mirror=None, staged=False,
              confidence=False):  # fmt: skip
        """Like `predict`, with further results: stages, spread, visibility, confidence.

        Parameters
        ----------
        image, boxes, color, n_starts, mirror
            As in `predict`; a single box counts as a list of one.
        staged : bool
            Whether to keep the shapes after each stage.
        confidence : bool
            Whether to estimate the confidence, which takes about as long as a stage.

        Returns
        -------
        Alignment

        Raises
        ------
        InputError
            As `predict`, and if `confidence` is requested from a model that was trained without it.
        """
        if confidence and self.confidence_ is None:
            raise InputError(
                "this model has no confidence estimator; train it with confidence=True"
            )
        answers = self._answer(image, boxes, color, n_starts, mirror, staged)
        middle = median(answers.shapes)
        spread = None
        if len(answers.shapes) > 1:
            spread = median(np.linalg.norm(answers.shapes - middle, axis=-1))
        visibility, placements = answers.visibility, answers.placements
        visible = None if visibility is None else np.clip(median(visibility), 0, 1)
        sure = face_sure = None
        if confidence:
            sure, face_sure = self._confidence(image, color, answers, middle)
        if self.modes_ is not None:  # told of the moved landmarks, which stand for those around
            spread, visible, sure = (
                None if each is None else each[:, self.modes_.nearest]
                for each in (spread, visible, sure)
            )
        initial = np.repeat(self.mean_shape_[None], len(placements), axis=0)
        to_pixels = self._space.to_pixels
        return Alignment(
            shapes=to_pixels(self._whole(middle), placements),
            initial=to_pixels(initial, placements),
            staged=to_pixels(self._whole(answers.staged), placements) if staged else None,
            spread=spread,
            visible=visible,
            confidence=sure,
            face_confidence=face_sure,
        )

    def predict_many(self, images, boxes, *, color="bgr", n_starts=None, mirror=None, n_jobs=None):
        """Landmarks of many images, in parallel; parameters as of `Aligner.predict_many`.

        Images in one uint8 array (n, H, W) with one box each are the fastest, since they need only
        one kernel call.
        """
        refuse_unpaired(images, boxes)
        self._check_fitted()
        plain = not (self.test_mirror if mirror is None else mirror)
        plain &= (self.test_starts if n_starts is None else n_starts) == 1
        if plain and _is_stack(images) and np.shape(boxes) == (len(images), 4):
            with Workers(self.n_jobs if n_jobs is None else n_jobs) as workers:
                shapes = self._run_stack(images, as_boxes(boxes), workers)
            if shapes is not None:
                return list(shapes)
        options = {"color": color, "n_starts": n_starts, "mirror": mirror}
        return super().predict_many(images, boxes, n_jobs=n_jobs, **options)

    def _answer(self, image, boxes, color, n_starts, mirror, staged=False):
        """The `Answers` for the faces of one image; arguments as of `align`."""
        self._check_fitted()
        space, scheme = self._space, self.scheme_
        refuse_views(space, n_starts, mirror)
        if n_starts is None:
            n_starts = self.test_starts
        else:
            require_count("n_starts", n_starts, 1, len(self.starts_))
        if mirror is None:
            mirror = self.test_mirror and scheme.flip is not None
        else:
            require_flag("mirror", mirror)
        if mirror and scheme.flip is None:
            raise InputError(f"landmark scheme {scheme.name!r} has no flip index to mirror by")
        image = space.grey(image, color)
        placements = space.place(as_boxes(boxes), image.shape)
        views = space.views(image, placements)
        shapes, visibility, path = self._run(views, n_starts, len(placements), staged)
        if mirror:
            mirrored, seen, _ = self._run(space.mirrored(views), n_starts, len(placements))
            moved = self.moved_scheme
            shapes = np.concatenate([shapes, moved.mirrored(mirrored)])
            if visibility is not None:
                visibility = np.concatenate([visibility, seen[..., list(moved.flip)]])
        return Answers(shapes, visibility, placements, path, views)

    def _whole(self, shapes):
        """All landmarks (…, L, 2) of shapes (…, A, 2) as stages move them."""
        return shapes if self.modes_ is None else self.modes_.whole(shapes)

    def _confidence(self, image, color, answers, shapes):
        """Confidence (n, L) and (n,) in shapes (n, L, 2) of the box frame, found as `answers`."""
        views = answers.views
        if not self._crops:
            space = self.face_space(self.frame_, True)
            views = space.views(space.grey(image, color), answers.placements)
        landmarks = np.empty(shapes.shape[:2], np.float32)
        faces = np.empty(len(shapes), np.float32)
        for view, rows, placed in views:
            images, index = _images_of(view, len(placed))
            samples = Samples(images, index, placed, np.ascontiguousarray(shapes[rows], np.float32))
            landmarks[rows], faces[rows] = self.confidence_(samples, self._reference)
        return landmarks, faces

    def _run_stack(self, images, boxes, workers):
        """Shapes (n, L, 2) in pixels of one face in each image of a uint8 stack (n, H, W), from
        the mean shape in one kernel call; None where the faces need crops."""
        placements = self._space.place(boxes, images.shape[1:])
        if not self._space.in_place(images, placements):
            return None
        shapes = np.repeat(self._space.starts(self.starts_[:1]), len(images), axis=0)
        images = np.ascontiguousarray(images)
        samples = Samples(images, np.arange(len(images)), placements, shapes)
        self._opening.run(samples, workers)
        run_through(self._late, samples, workers)
        return self._space.to_pixels(self._whole(samples.shapes), placements)

    def _run(self, views, n_starts, n_faces, staged=False):
        """Shapes (k, n, L, 2) that the starts of all faces end in, their visibility (k, n, L) or
        None, and with `staged` the shapes (T, n, L, 2) of the first start after each stage."""
        starts = self._space.starts(self.starts_[:n_starts])
        parts = [self._run_view(view.image, view.placements, starts, staged) for view in views]
        if len(parts) == 1:  # it holds every face
            return parts[0]
        shapes = np.empty((n_starts, n_faces, *starts.shape[1:]), starts.dtype)
        visibility = path = None
        if any(part[1] is not None for part in parts):
            visibility = np.empty(shapes.shape[:3], np.float32)
        if staged:
            path = np.empty((len(self.stages_), *shapes.shape[1:]), starts.dtype)
        for view, (found, seen, way) in zip(views, parts, strict=True):
            shapes[:, view.rows] = found
            if visibility is not None:
                visibility[:, view.rows] = seen
            if staged:
                path[:, view.rows] = way
        return shapes, visibility, path

    def _run_view(self, image, placements, starts, staged):
        """`_run` of the faces in one view, from `starts` (k, L, 2)."""
        n_starts, n = len(starts), len(placements)
        samples = self._samples(image, placements, starts)
        ways = early = late = None
        if staged:
            ways = np.empty((len(self.stages_), *samples.shapes.shape), starts.dtype)
            early, late = ways[: self._n_early], ways[self._n_early :]
        self._opening.run(samples, SERIAL, early)
        if self.restarts and n_starts > 1:
            self._opening.start_anew(
                samples, n_starts, self.starts_, self.restarts, self.restart_spread
            )
        run_through(self._late, samples, SERIAL, late)
        shapes, visibility = samples.shapes, samples.visibility
        return (
            shapes.reshape(n_starts, n, *shapes.shape[1:]),
            None if visibility is None else visibility.reshape(n_starts, n, -1),
            None if ways is None else ways[:, :n],
        )

    def _samples(self, image, placements, starts):
        """Samples of all faces in a view's image or images, ordered by start."""
        n = len(placements)
        images, index = _images_of(image, n)
        if len(starts) > 1:
            placements, index = np.tile(placements, (len(starts), 1)), np.tile(index, len(starts))
        shapes = starts.copy() if n == 1 else np.repeat(starts, n, axis=0)
        return Samples(images, index, placements, shapes)

    def _plan(self):
        """Prepare for prediction, once after training or loading."""
        stages = [*self.stages_, *([self.keys_.score] if self.keys_ is not None else [])]
        self._crops = any(stage.needs_crop for stage in stages)
        self._space = space = self.face_space(self.frame_, self._crops)
        mean = self.moved_mean
        self._reference = space.reference(mean)
        self.moved_scheme = self.scheme_
        if self.modes_ is not None:
            self.moved_scheme = self.modes_.scheme_of(self.scheme_)
        self._n_early = n_early = self.n_early
        early = plan(self.stages_[:n_early], self._reference)
        self._late = plan(self.stages_[n_early:], self._reference)
        self._opening = Opening(early, mean, self._reference, self.keys_)

    def __getstate__(self):
        """The state for pickling, without what `_plan` computes again."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in _PLANNED}

    def __setstate__(self, state):
        """See `__getstate__`."""
        set_state = getattr(super(), "__setstate__", self.__dict__.update)
        set_state(state)
        if hasattr(self, "stages_"):
            self._plan()

    def _check_fitted(self):
        if not hasattr(self, "_late"):
            # scikit-learn's own exception, which is worth its import in this case alone.
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this cascade is not trained; call fit, or load a model file")


# What `_plan` sets.
_PLANNED = frozenset(("_space", "_crops", "_reference", "_n_early", "_late", "_opening"))


def _images_of(image, n):
    """The image or the images of a view of n faces: (m, H, W), and which is whose, (n,) intp."""
    if image.ndim == 3:
        return image, np.arange(n)
    return image[None], np.zeros(n, np.intp)


def _is_stack(images):
    return isinstance(images, np.ndarray) and images.ndim == 3 and images.dtype == np.uint8
