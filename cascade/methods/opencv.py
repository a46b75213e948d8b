"""OpenCV's FacemarkLBF: LBF with the geometry and arithmetic of OpenCV's contrib modules."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from data_tools.schemes import scheme_for
from features.errors import InputError
from features.frame import Frame
from features.geometry import sound_boxes
from features.images import as_grey
from features.opencv_forests import FacemarkForests, residuals

from ..loop.face_space import View
from ..pose.poses import Poses
from ..stages.opencv.predictor import LeafWeights
from ..stages.stage import FittedStage
from .lbf import RadiusCascade, stage_radii

# Nearest pixels are grown with and the pixel to the left and above is read: half a pixel between.
_HALF_A_PIXEL = np.float32([0.5, 0.5, 0.0])


@dataclass(kw_only=True, eq=False, repr=False)
class FacemarkLBF(RadiusCascade):
    """The model of OpenCV's ``FacemarkLBF``: read from .yaml files, trained here, written for
    OpenCV.

    It is the LBF of Ren et al. (2014) with OpenCV's geometry. Boxes are rounded to whole pixels and
    need not be square. Every node has its own offsets, coordinates of pixels are rounded down, and
    pixels more than half a box outside the box are not read. The image is never resampled. Every
    leaf has a float64 weight for every coordinate, so files are large. If OpenCV need not load the
    model, `LBF` is the better choice.

    With the written file, ``cv2.face`` predicts the same landmarks to a millionth of a pixel, for
    the box ``(left, top, right - left, bottom - top)``.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    radius : sequence of float
        For each stage, the distance from a landmark within which pixels are compared, in box sides;
        its length is the number of stages. OpenCV's unit is half a box side.
    n_stages : int, optional
        As in `LBF`.
    n_trees : int
        Trees per landmark and stage; OpenCV's ``tree_n``.
    depth : int
        Levels of splits, 1 to 7; one less than OpenCV's ``tree_depth``.
    alpha_per_sample, n_components, n_points, n_candidates, n_tried, bag, smallest_leaf
        As in `LBF`.
    starts, mirror, patience, frame_size, face_size, memory_limit, random_state, n_jobs,
    verbose
        As in `ERT`.
    """

    method = "opencv"
    PRESETS: ClassVar = {
        "small": {"radius": (0.25, 0.17, 0.12), "n_trees": 4},
        "default": {},
        "accurate": {"radius": (0.25, 0.2, 0.17, 0.14, 0.12, 0.1, 0.09, 0.08)},
    }
    #: Parameters that can be read from an OpenCV file.
    SIZES = ("radius", "n_trees", "depth")

    radius: tuple = (0.25, 0.2, 0.15, 0.12, 0.1)
    n_stages: int | None = None
    n_trees: int = 6
    depth: int = 4
    alpha_per_sample: float = 0.3
    n_components: int = 48
    n_points: int = 128
    n_candidates: int = 500
    n_tried: int = 100
    bag: float = 0.3
    smallest_leaf: int = 10
    # OpenCV supports neither several starts nor mirroring.
    test_starts: int = field(default=1, init=False)
    test_mirror: bool = field(default=False, init=False)
    poses: Poses = field(default_factory=Poses, init=False)
    confidence: bool = field(default=False, init=False)
    max_landmarks: int | None = field(default=None, init=False)

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
        model.mean_shape_ = reference.astype(np.float32)
        model.starts_ = model.mean_shape_[None]
        model.stages_, model.history_, model.notes_ = list(stages), [], {}
        model._plan()
        return model

    def recipe(self):
        """A stage for each radius."""
        from features.lbf import LocalForests  # growers are imported when somebody trains

        from ..stages.lbf.regressor import SparseRidge

        ridge = self._made(SparseRidge)
        radii = stage_radii(self.radius, self.n_stages)
        return [_FacemarkStage(self._made(LocalForests, radius=radius), ridge) for radius in radii]

    def face_space(self, frame, needs_crop=False):
        """OpenCV's frame; images are never resampled, so `frame` is ignored."""
        stages = getattr(self, "stages_", None)
        return WindowSpace(stages[0].feature.reference if stages else None)

    def check_stages(self):
        """Refuse stages of other methods."""
        if any(s.kind != ("opencv-forests", "opencv-weights") for s in self.stages_) or self.keys_:
            raise InputError("a model of method 'opencv' has a stage of another method")


class WindowSpace:
    """OpenCV's frame of shapes: the box's centre is (0, 0), its width and height are the units.

    Boxes are rounded to whole pixels. Pixels more than half a box outside the box are not read.
    See `cascade.loop.face_space.FaceSpace`. A placement holds the centre, width and height of the
    box from the left top corner of its window, then left, top, width and height of the window in
    the image: (n, 8) float64.

    Parameters
    ----------
    reference : ndarray of shape (L, 2), float64, or None
        The shape that trained stages start from.
    """

    single = True

    def __init__(self, reference=None):
        self._reference = reference

    def grey(self, image, color):
        """See `features.images.as_grey`."""
        return as_grey(image, color)

    def place(self, boxes, size):
        """Boxes and their windows; InputError for a window without pixels."""
        height, width = size
        placements = np.empty((len(boxes), 8))
        for i, box in enumerate(sound_boxes(boxes)):
            left, top, right, bottom = (round(edge) for edge in box)
            wide, high = right - left, bottom - top
            x, y = max(0, left - wide // 2), max(0, top - high // 2)
            # OpenCV leaves out the last column and the last row.
            columns = min(width - 1, right + wide // 2) - x
            rows = min(height - 1, bottom + high // 2) - y
            if wide < 1 or high < 1:
                raise InputError(f"box {i} is {box}: less than a pixel wide or high when rounded")
            if columns < 1 or rows < 1:
                raise InputError(f"box {i} is {box}: outside the {width}x{height} image")
            box_in_window = left - x + wide / 2, top - y + high / 2, wide, high
            placements[i] = *box_in_window, x, y, columns, rows
        return placements

    def views(self, image, placements):
        """The image itself."""
        return [View(image, slice(0, len(placements)), placements)]

    def in_place(self, images, placements):
        """False: each image has its own window."""
        return False

    def starts(self, starts):
        """The start of the trained stages, in the float64 that they move shapes in."""
        return self._reference[None]

    def to_pixels(self, shapes, placements):
        """Shapes in boxes at `placements` in pixels."""
        center = placements[:, :2] + placements[:, 4:6]
        pixels = shapes * placements[:, None, 2:4] + center[:, None]
        return pixels.astype(np.float32)

    def store(self, store):
        """The store itself: for square boxes, this frame is the toolkit's own."""
        return store

    def reference(self, mean_shape):
        """The mean shape, not centred: OpenCV centres shapes itself, and starts from it."""
        return mean_shape


class _FacemarkStage:
    """Recipe of a stage that is trained as in `LBF` and then converted to OpenCV's rules."""

    def __init__(self, forests, regressor):
        self.forests = forests
        self.regressor = regressor

    def fit(self, samples, reference, rng, workers, tick=None):
        """As `Stage.fit`; `reference` is the mean shape, not centred."""
        wide = reference.astype(np.float64)
        left = residuals(samples, wide)
        shifted = replace(samples, placements=samples.placements - _HALF_A_PIXEL)
        forests = self.forests.fit(shifted, left, reference - reference.mean(0), rng, workers)
        feature = FacemarkForests.from_local(forests, wide)
        sparse = self.regressor.fit_stage(feature, samples, left, reference, rng, workers, tick)
        return FittedStage(feature, LeafWeights.from_sparse(sparse))
