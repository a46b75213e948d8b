"""dlib's shape predictor: ERT whose leaves are added in the frame of the face box."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from data_tools.schemes import scheme_for
from features.dlib_pixels import BoxIndexedPixels
from features.errors import InputError, require_count
from features.frame import Frame
from features.geometry import as_boxes, sound_boxes
from features.images import as_grey
from features.workers import Workers

from ..aligner import refuse_unpaired
from ..loop.face_space import View, refuse_views
from ..loop.starts import Starts
from ..loop.training import BaseCascade
from ..pose.poses import Poses
from ..stages.dlib.predictor import BoxTrees, CompactBoxTrees
from ..stages.stage import FittedStage

# Images of `predict_many` whose faces share one pass over the leaves.
_TOGETHER = 64


@dataclass(kw_only=True, eq=False, repr=False)
class ShapePredictor(BaseCascade):
    """The model of dlib's ``shape_predictor``: read from .dat files, trained here, written for
    dlib.

    It is the ERT of Kazemi & Sullivan (2014) with dlib's geometry. In the frame of shapes, (0, 0)
    is the left top corner of the box and (1, 1) the right bottom corner (the last pixel inside),
    even if the box is not square. Leaves are added in that frame; `ERT` rotates them with the
    shape, which is more accurate on turned heads. Pixels outside the image are 0. Grey is the mean
    of the channels. The image is never resampled.

    Predictions of a model from a .dat file, rounded by ``floor(x + 0.5)``, equal dlib's for the
    same image and ``dlib.rectangle(left, top, right, bottom)``. A model trained here adds its
    leaves as integers, but dlib adds those of the written file as floats: about one coordinate in
    two hundred then differs by a pixel. `exact` converts such a model to one that adds floats, as
    dlib does.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    n_stages, n_trees, depth, learning_rate, n_points, padding, n_pairs, pair_distance,
    n_components, smallest_leaf, starts, mirror, patience, frame_size, face_size, memory_limit,
    random_state, n_jobs, verbose
        As in `ERT`.
    """

    method = "dlib"
    PRESETS: ClassVar = {
        "small": {"n_stages": 6, "n_trees": 150, "n_points": 300, "starts": Starts(n=8)},
        "default": {},
        # Chosen on held-out faces, 3.97 % against 4.07; more starts and deeper trees do not help.
        "accurate": {"n_stages": 15},
    }
    #: Parameters that can be read from a dlib file.
    SIZES = ("n_stages", "n_trees", "depth", "n_points")

    n_stages: int = 10
    n_trees: int = 500
    depth: int = 4
    learning_rate: float = 0.1
    n_points: int = 400
    padding: float = 0.05
    n_pairs: int = 30
    pair_distance: float = 0.1
    n_components: int = 28
    smallest_leaf: int = 20
    # There is one start and no mirror image: dlib knows neither.
    test_starts: int = field(default=1, init=False)
    test_mirror: bool = field(default=False, init=False)
    poses: Poses = field(default_factory=Poses, init=False)
    confidence: bool = field(default=False, init=False)
    max_landmarks: int | None = field(default=None, init=False)

    @classmethod
    def from_stages(cls, initial, stages):
        """A predictor made of trained stages, with the initial shape `initial` (L, 2) float32.

        Each stage is a `FittedStage` of `BoxIndexedPixels` and `BoxTrees` or `CompactBoxTrees`.
        """
        n_nodes, n_trees = stages[0].predictor.first.shape[1], len(stages[0].predictor.first)
        model = cls(
            n_stages=len(stages),
            n_trees=n_trees,
            depth=n_nodes.bit_length(),
            n_points=len(stages[0].feature.anchors),
        )
        model.scheme_, model.frame_ = scheme_for(len(initial)), Frame()
        model.mean_shape_, model.starts_ = initial, initial[None]
        model.stages_, model.history_, model.notes_ = list(stages), [], {}
        model._plan()
        return model

    def compact(self, n_components=64):
        """A smaller and faster copy that predicts nearly the same.

        The leaves of a stage become 16-bit numbers in the basis of their principal components.

        Parameters
        ----------
        n_components : int
            Number of components kept, at most two per landmark.

        Returns
        -------
        ShapePredictor
        """
        self._check_fitted()
        require_count("n_components", n_components, 1, 2 * len(self.mean_shape_))
        return self._with(
            replace(stage, predictor=stage.predictor.compact(n_components))
            if isinstance(stage.predictor, BoxTrees)
            else stage
            for stage in self.stages_
        )

    def exact(self):
        """A larger and slower copy that adds its leaves as floats, as dlib does.

        Its rounded predictions equal those of dlib with the file that this model is written to.

        Returns
        -------
        ShapePredictor
        """
        self._check_fitted()
        return self._with(
            replace(stage, predictor=stage.predictor.exact(self.mean_shape_))
            if isinstance(stage.predictor, CompactBoxTrees)
            else stage
            for stage in self.stages_
        )

    def _with(self, stages):
        """A copy with other stages."""
        model = self.from_stages(self.mean_shape_, list(stages))
        model.set_params(**self.get_params(deep=False))
        model.scheme_, model.frame_ = self.scheme_, self.frame_
        model.history_, model.notes_ = list(self.history_), dict(self.notes_)
        return model

    def recipe(self):
        """`n_stages` equal stages."""
        from features.pixels import Pixels  # growers are imported when somebody trains

        from ..stages.trees.regressor import BoostedTrees

        return [_BoxStage(self._made(Pixels), self._made(BoostedTrees))] * self.n_stages

    def face_space(self, frame, needs_crop=False):
        """dlib's frame; images are never resampled, so `frame` is ignored."""
        return BoxSpace()

    def check_stages(self):
        """Refuse stages of other methods."""
        if any(not isinstance(s.feature, BoxIndexedPixels) for s in self.stages_) or self.keys_:
            raise InputError("a model of method 'dlib' has a stage of another method")

    def predict_many(self, images, boxes, *, color="bgr", n_starts=None, mirror=None, n_jobs=None):
        """As `Aligner.predict_many`, but several times faster than one call per image.

        Faces of many images go through each stage together.
        """
        self._check_fitted()
        refuse_unpaired(images, boxes)
        refuse_views(self._space, n_starts, mirror)

        def predict(span):
            first, last = span
            parts = range(first, last, _TOGETHER)
            return [
                shapes
                for at in parts
                for shapes in self._predict_together(
                    images[at : min(at + _TOGETHER, last)],
                    boxes[at : min(at + _TOGETHER, last)],
                    color,
                )
            ]

        with Workers(self.n_jobs if n_jobs is None else n_jobs) as workers:
            parts = workers.map(predict, workers.ranges(len(images)))
        return [shapes for part in parts for shapes in part]

    def _predict_together(self, images, boxes, color):
        """Landmarks of a few images, which are copied into one array."""
        space = self._space
        images = [space.grey(image, color) for image in images]
        places = [space.place(as_boxes(some)) for some in boxes]
        counts = [len(some) for some in places]
        places = np.concatenate(places)
        frames = np.array([(0, *image.shape) for image in images], np.int64)
        frames[1:, 0] = np.cumsum(frames[:, 1] * frames[:, 2])[:-1]
        pixels = np.concatenate([image.reshape(-1) for image in images])
        index = np.repeat(np.arange(len(images)), counts)
        shapes = np.repeat(self.mean_shape_[None], len(places), axis=0)
        for runner in self.runners:
            runner.move(pixels, frames, index, places.astype(np.float64), shapes, (0, len(places)))
        parts = np.split(space.to_pixels(shapes, places), np.cumsum(counts)[:-1])
        return [
            part[0] if np.shape(some) == (4,) else part
            for part, some in zip(parts, boxes, strict=True)
        ]


class BoxSpace:
    """dlib's frame of shapes: the left top corner of the box is (0, 0), the right bottom one (1,
    1).

    Boxes need not be square, and may lie outside the image. See
    `cascade.loop.face_space.FaceSpace`.
    """

    single = True

    def grey(self, image, color):
        """Grey by dlib's rule: the mean of the channels, rounded down."""
        image = np.asarray(image)
        if image.ndim == 3 and image.shape[2] in (3, 4) and image.dtype == np.uint8 and image.size:
            sums = image[:, :, :3].sum(2, dtype=np.uint16)
            return np.ascontiguousarray((sums // 3).astype(np.uint8))
        return as_grey(image, color)

    def place(self, boxes, size=None):
        """Left, top, width and height of each box: (n, 4) float32."""
        edges = np.array(sound_boxes(boxes), np.float32).reshape(-1, 4)
        edges[:, 2:] -= edges[:, :2]
        return edges

    def views(self, image, placements):
        """The image itself."""
        return [View(image, slice(0, len(placements)), placements)]

    def in_place(self, images, placements):
        """True: images are never resampled."""
        return True

    def starts(self, starts):
        """The starts as they are, float32."""
        return starts

    def to_pixels(self, shapes, placements):
        """Unit squares at `placements` in pixels."""
        return shapes * placements[:, None, 2:] + placements[:, None, :2]

    def store(self, store):
        """The store with shapes and placements relative to the box's corner, not to its centre."""
        placements = store.placements.copy()
        placements[:, :2] -= placements[:, 2:] / 2
        return replace(store, shapes=store.shapes + np.float32(0.5), placements=placements)

    def reference(self, mean_shape):
        """The mean shape around its centre, in float64: in the precision in which dlib centres it.

        In float32 the last bit of a similarity would differ.
        """
        mean_shape = mean_shape.astype(np.float64)
        return mean_shape - mean_shape.mean(0)


class _BoxStage:
    """Recipe of a stage that fits the residuals in the box frame."""

    def __init__(self, pixels, trees):
        self.pixels = pixels
        self.trees = trees

    def fit(self, samples, reference, rng, workers, tick=None):
        """As `Stage.fit`."""
        reference = reference.astype(np.float32)
        residuals = (samples.truth - samples.shapes).reshape(len(samples), -1)
        feature = self.pixels.fit(samples, residuals, reference, rng, workers)
        trees = self.trees.fit_stage(feature, samples, residuals, reference, rng, workers, tick)
        return FittedStage(BoxIndexedPixels(feature.anchors, feature.offsets), _as_box_trees(trees))


def _as_box_trees(trees):
    """`Trees` with dlib's sense of left: every level backwards, and half a grey level between."""
    n_nodes = trees.first.shape[1]
    order = np.concatenate(
        [np.arange(2 * low, low - 1, -1) for low in 2 ** np.arange(n_nodes.bit_length()) - 1]
    )
    return CompactBoxTrees(
        trees.first[:, order],
        trees.second[:, order],
        trees.threshold[:, order].astype(np.float32) - np.float32(0.5),
        np.ascontiguousarray(trees.leaves[:, ::-1]).astype(np.int16),
        trees.basis,
        trees.bias,
    )
