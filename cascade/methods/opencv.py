"""OpenCV's FacemarkLBF: LBF whose pixels, turns and sums are those of OpenCV's contrib modules."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from data_tools.schemes import scheme_for
from features.errors import InputError, require_range
from features.frame import Frame
from features.images import as_grey
from features.lbf import LocalForests
from features.opencv_forests import FacemarkForests, residuals

from ..loop.prediction import FARTHEST, as_boxes
from ..loop.training import BaseCascade
from ..stages.lbf.regressor import SparseRidge
from ..stages.opencv.regressor import LeafWeights
from ..stages.stage import FittedStage

# Nearest pixels are grown with and the pixel to the left and above is read: half a pixel between.
_HALF_A_PIXEL = np.float32([0.5, 0.5, 0.0])


class FacemarkLBF(BaseCascade):
    """The model of OpenCV's ``FacemarkLBF``, read from its files, trained here, written for it.

    It is the LBF of Ren et al. (2014) with OpenCV's geometry. Boxes are whole pixels, others are
    rounded, and need not be square. Every node has offsets of its own, pixels are rounded down,
    and none beyond half a box around the box is looked at. The image is read at its own scale,
    whatever its size, and every leaf has a float64 weight for every coordinate, which makes large
    files. `LBF` is the better choice where OpenCV is not to load the model.

    What a model predicts, ``cv2.face`` predicts from the file that it is written to, to a
    millionth of a pixel, for the box ``(left, top, right - left, bottom - top)``.

    Parameters
    ----------
    radius : sequence of float
        Of each stage, the distance from a landmark within which pixels are compared, in box
        sides; its length is the number of stages. OpenCV counts in half box sides.
    n_trees : int
        Trees a landmark and stage; OpenCV's ``tree_n``.
    depth : int
        Levels of splits, 1 to 7; one less than OpenCV's ``tree_depth``.
    alpha_per_sample, n_components, n_points, n_candidates, n_tried, bag, smallest_leaf
        As in `LBF`.
    starts, mirror, patience, frame_size, face_size, memory_limit, random_state, n_jobs
        As in `ERT`.
    """

    method = "opencv"
    PRESETS: ClassVar = {
        "small": {"radius": (0.25, 0.17, 0.12), "n_trees": 4},
        "default": {},
        "accurate": {"radius": (0.25, 0.2, 0.17, 0.14, 0.12, 0.1, 0.09, 0.08)},
    }
    #: Parameters that a file of OpenCV's tells.
    SIZES = ("radius", "n_trees", "depth")

    def __init__(self, radius=(0.25, 0.2, 0.15, 0.12, 0.1), n_trees=6, depth=4,
                 alpha_per_sample=0.3, n_components=48, n_points=128, n_candidates=500,
                 n_tried=100, bag=0.3, smallest_leaf=10, starts=None, mirror=True, patience=0,
                 frame_size=256, face_size=140, memory_limit=2 << 30, random_state=None,
                 n_jobs=None):  # fmt: skip
        self.radius = radius
        self.n_trees = n_trees
        self.depth = depth
        self.alpha_per_sample = alpha_per_sample
        self.n_components = n_components
        self.n_points = n_points
        self.n_candidates = n_candidates
        self.n_tried = n_tried
        self.bag = bag
        self.smallest_leaf = smallest_leaf
        # There is one start and no mirror image: OpenCV knows neither.
        super().__init__(
            starts, mirror, patience, frame_size, face_size, memory_limit, 1, False, random_state,
            n_jobs,
        )  # fmt: skip

    @classmethod
    def from_stages(cls, stages):
        """A model of trained stages, ready to predict.

        Each stage is a `FittedStage` of `FacemarkForests` and `LeafWeights`.
        """
        forests = stages[0].feature
        reference, (n_codes, n_nodes, _) = forests.reference, forests.points.shape
        model = cls(
            radius=tuple(s.feature.radius for s in stages),
            n_trees=n_codes // len(reference),
            depth=n_nodes.bit_length(),
        )
        model.scheme_, model.frame_ = scheme_for(len(reference)), Frame()
        model.mean_ = reference.astype(np.float32)
        model.starts_ = model.mean_[None]
        model.stages_, model.history_, model.notes_ = list(stages), [], {}
        model._plan()
        return model

    # ------------------------------------------------------------------ training

    def recipe(self):
        """A stage for each radius."""
        if not len(self.radius):
            raise InputError("radius is empty; give one for each stage")
        ridge = self._made(SparseRidge)
        return [
            _FacemarkStage(self._made(LocalForests, radius=radius), ridge) for radius in self.radius
        ]

    def _test_starts(self, shapes, rng):
        return self.mean_[None]

    def _center(self):
        # Turns and sizes are measured from the centre, shapes start where the mean shape is.
        self._centred = self.mean_

    # ---------------------------------------------------------------- prediction

    def _plan(self):
        if any(s.kind != (FacemarkForests, LeafWeights) for s in self.stages_):
            raise InputError("a stage is none of OpenCV's FacemarkLBF")
        super()._plan()

    def _answers(self, image, boxes, color, n_starts, mirror, path=None):
        self._check_fitted()
        require_range("n_starts", 1 if n_starts is None else n_starts, 1, 1)
        if mirror:
            raise InputError("OpenCV's facemark looks at one view only; leave `mirror` out")
        image = as_grey(image, color)
        places, windows = _places(as_boxes(boxes), image.shape)
        n = len(places)
        shapes = np.repeat(self.stages_[0].feature.reference[None], n, axis=0)
        (runner,) = self._runners
        index = np.zeros(n, np.intp)
        for moved in runner.steps(image[None], index, places, windows, shapes, (0, n)):
            if path is not None:
                path.append(moved.copy())
        if path is not None:
            path[:] = [np.stack(path)]
        places[:, :2] += windows[:, :2]
        return shapes[None], None, places

    def _to_pixels(self, shapes, placements):
        """Shapes (…, n, L, 2) at `placements` (n, 4), centre, width and height, in pixels."""
        pixels = shapes * placements[:, None, 2:] + placements[:, None, :2]
        return pixels.astype(np.float32)

    def _run_stack(self, images, boxes, workers):
        return None  # an image at a time: each has a window of its own


class _FacemarkStage:
    """Recipe of a stage whose forests are read, after they have grown, as OpenCV reads them."""

    def __init__(self, forests, regressor):
        self.forests = forests
        self.regressor = regressor

    def fit(self, samples, mean, rng, workers, tick=None):
        """As `Stage.fit`; `mean` is not centred."""
        reference = mean.astype(np.float64)
        left = residuals(samples, reference)
        shifted = replace(samples, placements=samples.placements - _HALF_A_PIXEL)
        forests = self.forests.fit(shifted, left, mean - mean.mean(0), rng, workers)
        feature = FacemarkForests.from_local(forests, reference)
        sparse = self.regressor.fit_stage(feature, samples, left, mean, rng, workers, tick)
        return FittedStage(feature, LeafWeights.from_sparse(sparse))


def _places(boxes, size):
    """Places (n, 4) and windows (n, 4) of boxes in an image; see `walk_facemark`."""
    height, width = size
    places, windows = np.empty((len(boxes), 4)), np.empty((len(boxes), 4), np.int64)
    # A loop: for the one or two boxes of a photograph it is faster than operations on arrays.
    for i, box in enumerate(boxes.tolist()):
        if not all(-FARTHEST < edge < FARTHEST for edge in box):
            raise InputError(f"box {i} is {box}: need finite numbers")
        left, top, right, bottom = (round(edge) for edge in box)
        wide, high = right - left, bottom - top
        x, y = max(0, left - wide // 2), max(0, top - high // 2)
        # OpenCV leaves out the last column and the last row.
        columns = min(width - 1, right + wide // 2) - x
        rows = min(height - 1, bottom + high // 2) - y
        if wide < 1 or high < 1:
            raise InputError(f"box {i} is {box}: need left < right and top < bottom")
        if columns < 1 or rows < 1:
            raise InputError(f"box {i} is {box}: outside the {width}x{height} image")
        places[i] = left - x + wide / 2, top - y + high / 2, wide, high
        windows[i] = x, y, columns, rows
    return places, windows
