"""Prediction: from an image and boxes to landmarks, by the trained stages of a cascade."""

import numpy as np
from sklearn.exceptions import NotFittedError

from features.errors import InputError, require_range
from features.geometry import from_box_frame
from features.images import as_grey
from features.workers import Workers

from ..aligner import Alignment
from ..stages.samples import Samples
from ..stages.stage import plan
from .opening import Opening, median, run_through

# Range of the image's scale, relative to the frame's, within which pixels are read where they are.
# Beyond, the face is resampled to the scale that the cascade was trained at.
NEAR_SCALE = (0.6, 1.5)


#: Boxes that reach or are as wide as this have no pixel that a photograph could hold.
FARTHEST = 1e9


class Predictor:
    """What a trained cascade can do; `BaseCascade` adds how it is trained.

    It reads the fitted attributes of `BaseCascade`, and the parameters `test_starts`, `test_mirror`
    and `n_jobs`.
    """

    #: How often a face may start anew because its starts lie apart after the first tenth of the
    #: stages, and how far apart, in box sides.
    restarts = 0
    restart_spread = 0.15
    #: Shapes that each start is tried with; None where it is tried as it is.
    keys_ = None

    def predict(self, image, boxes, *, color="bgr", n_starts=None, mirror=None):
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
        n_starts : int, optional
            Starts whose median is the answer, 1 to 16; more are slower and a little better.
            Without it, the model's `test_starts`.
        mirror : bool, optional
            Whether to average with the answer for the mirrored image, which doubles the time.
            Without it, the model's `test_mirror`.

        Returns
        -------
        ndarray of shape (L, 2) or (n, L, 2), float32
            In pixels, x before y, pixel centres at integers; not rounded, not clipped to the image.

        Raises
        ------
        InputError
            For an image or box that cannot be read; see `features.images.as_grey`.
        """
        answers, _, placements = self._answers(image, boxes, color, n_starts, mirror)
        shapes = self._to_pixels(median(answers), placements)
        return shapes[0] if np.shape(boxes) == (4,) else shapes

    def align(self, image, boxes, *, color="bgr", n_starts=None, mirror=None, staged=False):
        """Like `predict`, and how the cascade came to the answer.

        Parameters
        ----------
        image, boxes, color, n_starts, mirror
            As in `predict`; a single box counts as a list of one.
        staged : bool
            Whether to keep the shapes after each stage.

        Returns
        -------
        Alignment
        """
        path = [] if staged else None
        answers, visibility, placements = self._answers(image, boxes, color, n_starts, mirror, path)
        middle = median(answers)
        spread = None
        if len(answers) > 1:
            spread = median(np.linalg.norm(answers - middle, axis=-1))
        initial = np.repeat(self.mean_[None], len(placements), axis=0)
        return Alignment(
            shapes=self._to_pixels(middle, placements),
            initial=self._to_pixels(initial, placements),
            staged=self._to_pixels(path[0], placements) if staged else None,
            spread=spread,
            visible=None if visibility is None else np.clip(median(visibility), 0, 1),
        )

    def predict_many(self, images, boxes, *, color="bgr", n_starts=None, mirror=None, n_jobs=None):
        """Landmarks of many images, in parallel.

        Images in one uint8 array (n, H, W) with one box each are the fastest: they take one call.

        Parameters
        ----------
        images : sequence of ndarray
        boxes : sequence of array_like
            One (4,) box or (n, 4) boxes an image.
        color, n_starts, mirror
            As in `predict`.
        n_jobs : int, optional
            Threads; without it, the model's own.

        Returns
        -------
        list of ndarray
            What `predict` returns for each image.
        """
        if len(images) != len(boxes):
            raise InputError(f"{len(images)} images but boxes for {len(boxes)}; give one each")
        self._check_fitted()
        options = {"color": color, "n_starts": n_starts, "mirror": mirror}
        plain = not (self.test_mirror if mirror is None else mirror)
        plain &= (self.test_starts if n_starts is None else n_starts) == 1
        with Workers(self.n_jobs if n_jobs is None else n_jobs) as workers:
            if plain and _is_stack(images) and np.shape(boxes) == (len(images), 4):
                shapes = self._run_stack(images, as_boxes(boxes), workers)
                if shapes is not None:
                    return list(shapes)
            parts = workers.map(
                lambda span: [self.predict(images[i], boxes[i], **options) for i in range(*span)],
                workers.ranges(len(images)),
            )
        return [shapes for part in parts for shapes in part]

    def _to_pixels(self, shapes, placements):
        """Shapes (…, n, L, 2) of the box frame in pixels."""
        return from_box_frame(shapes, placements)

    def _answers(self, image, boxes, color, n_starts, mirror, path=None):
        """Shapes (k, n, L, 2) in the box frame and visibility (k, n, L) from each of k starts, and
        the n placements. Visibility is None where the stages do not say.

        `path`, a list, takes the shapes (T, n, L, 2) after each stage from the first start.
        """
        self._check_fitted()
        image = as_grey(image, color)
        n_starts = self.test_starts if n_starts is None else n_starts
        require_range("n_starts", n_starts, 1, len(self.starts_))
        if mirror is None:
            mirror = self.test_mirror and self.scheme_.flip is not None
        if mirror and self.scheme_.flip is None:
            raise InputError(
                f"landmark scheme {self.scheme_.name!r} has no flip index to mirror by"
            )
        boxes = as_boxes(boxes)
        placements = _placements(boxes, image.shape)
        views = self._views(image, boxes, placements)
        answers, visibility = self._run(views, n_starts, len(boxes), path)
        if mirror:
            views = _mirrored_views(views, self.frame_)
            mirrored, seen = self._run(views, n_starts, len(boxes))
            answers = np.concatenate([answers, self.scheme_.mirrored(mirrored)])
            if visibility is not None:
                visibility = np.concatenate([visibility, seen[..., list(self.scheme_.flip)]])
        return answers, visibility, placements

    def _views(self, image, boxes, placements):
        """Where to look for the faces: (image, placements) of one or more faces, in order.

        The image itself where its faces are near the scale of training, else a crop a face.
        """
        if self._reads_in_place(placements):
            return [(image, placements)]
        crops = (self.frame_.crop(image, box) for box in boxes)
        return [(crop, placement[None]) for crop, placement, _ in crops]

    def _reads_in_place(self, placements):
        """Whether the faces are so near the scale of training that no crop is needed."""
        low, high = NEAR_SCALE[0] * self.frame_.face, NEAR_SCALE[1] * self.frame_.face
        sides = placements[:, 2].tolist()
        return not self._needs_crop and all(low <= side <= high for side in sides)

    def _run_stack(self, images, boxes, workers):
        """Shapes (n, L, 2) in pixels of one face in each image of a uint8 stack (n, H, W), from
        the mean shape in one kernel call; None where the faces need crops."""
        placements = _placements(boxes, images.shape[1:])
        if not self._reads_in_place(placements):
            return None
        shapes = np.repeat(self.starts_[:1], len(images), axis=0)
        samples = Samples(np.ascontiguousarray(images), np.arange(len(images)), placements, shapes)
        self._opening.run(samples, workers)
        run_through(self._late, samples, workers)
        return from_box_frame(samples.shapes, placements)

    def _run(self, views, n_starts, n_faces, path=None):
        """Shapes (n_starts, n, L, 2) in the box frame that the starts end in, and visibility."""
        n_landmarks = len(self.mean_)
        answers = np.empty((n_starts, n_faces, n_landmarks, 2), np.float32)
        visibility = None
        first = 0
        if path is not None:
            staged = [np.empty((len(self.stages_), 0, n_landmarks, 2), np.float32)]
        for image, placements in views:
            n = len(placements)
            if n_starts > 1:
                placements = np.tile(placements, (n_starts, 1))
            samples = self._samples(image, placements, self.starts_[:n_starts])
            stages = [] if path is None else [np.empty((0, *samples.shapes.shape), np.float32)]
            self._opening.run(samples, None, stages)
            if self.restarts and n_starts > 1:
                self._opening.start_anew(
                    samples, n_starts, self.starts_, self.restarts, self.restart_spread
                )
            run_through(self._late, samples, None, stages)
            span = slice(first, first + n)
            answers[:, span] = samples.shapes.reshape(n_starts, n, n_landmarks, 2)
            if samples.visibility is not None:
                if visibility is None:
                    visibility = np.empty(answers.shape[:3], np.float32)
                visibility[:, span] = samples.visibility.reshape(n_starts, n, n_landmarks)
            first += n
            if path is not None:
                staged.append(np.concatenate(stages)[:, :n])
        if path is not None:
            path.append(np.concatenate(staged, axis=1))
        return answers, visibility

    def _samples(self, image, placements, starts):
        """Samples of all faces in an image, start by start."""
        n = len(placements) // len(starts)
        shapes = starts.copy() if n == 1 else np.repeat(starts, n, axis=0)
        return Samples(image[None], np.zeros(len(shapes), np.intp), placements, shapes)

    def _center(self):
        self._centred = self.mean_ - self.mean_.mean(0)

    def _plan(self):
        """Make ready to predict: once, after training or loading."""
        self._center()
        n_early = -(-len(self.stages_) // 10) if self.restarts else 0
        stages = list(self.stages_)
        if self.keys_ is not None:
            n_early = self.keys_.n_stages
            stages.append(self.keys_.score)
        early = plan(self.stages_[:n_early], self._centred)
        self._late = plan(self.stages_[n_early:], self._centred)
        self._runners = early + self._late
        self._opening = Opening(early, self.mean_, self.keys_)
        self._needs_crop = any(getattr(s.feature, "needs_crop", False) for s in stages)

    def _check_fitted(self):
        if not hasattr(self, "_runners"):
            raise NotFittedError("this cascade is not trained; call fit, or load a model file")


def as_boxes(boxes):
    """One box, many boxes or none as (n, 4) float32."""
    try:
        array = np.asarray(boxes, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"boxes must be numbers (left, top, right, bottom), not {boxes!r}"
        ) from error
    if not array.size:
        return array.reshape(0, 4)
    array = np.atleast_2d(array)
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(f"boxes must be (4,) or (n, 4), not {np.shape(boxes)}")
    return array


def _placements(boxes, size):
    """Placements (n, 3) of boxes in an image; a box that lies outside of it is refused."""
    height, width = size
    rows = []
    for i, (left, top, right, bottom) in enumerate(boxes.tolist()):
        if not (
            left < right and top < bottom and right - left < FARTHEST and bottom - top < FARTHEST
        ):
            raise InputError(
                f"box {i} is {[left, top, right, bottom]}: need finite numbers with left < right "
                "and top < bottom"
            )
        if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
            raise InputError(
                f"box {i} is {[left, top, right, bottom]}: outside the {width}x{height} image"
            )
        side = ((right - left) * (bottom - top)) ** 0.5
        rows.append(((left + right) / 2, (top + bottom) / 2, side))
    return np.array(rows, np.float32).reshape(-1, 3)


def _is_stack(images):
    return isinstance(images, np.ndarray) and images.ndim == 3 and images.dtype == np.uint8


def _mirrored_views(views, frame):
    """What `views` look like in a mirror, one view a face, cut to what training would show."""
    reach = frame.size / frame.face / 2
    mirrored = []
    for image, placements in views:
        for cx, cy, side in placements.tolist():
            left, top = (max(0, int(c - reach * side)) for c in (cx, cy))
            right, bottom = (int(c + reach * side) + 2 for c in (cx, cy))
            part = np.ascontiguousarray(image[top:bottom, left:right][:, ::-1])
            placement = (part.shape[1] - 1 - (cx - left), cy - top, side)
            mirrored.append((part, np.array([placement], np.float32)))
    return mirrored
