"""The joint cascade in action: the search of an image, and alignment in given boxes."""

from dataclasses import replace

import numpy as np

from features.errors import InputError, require_range
from features.geometry import box_placement, from_box_frame, rotate, similarity, to_box_frame
from features.images import kernel_view

from ...aligner import Alignment
from . import _search_kernels, _stage_kernels
from .search import (
    Found,
    boxes_of,
    gather,
    one_each,
    plan_search,
    squares_of,
    thinned,
    turns_of,
    windows_of,
)
from .stages import FAILED, NEVER, stacked
from .windows import LEAST_SIDE, Levels, grid_points, to_level

# Side of a box, in pixels, at which the score is that of the verifier alone.
USUAL_SIDE = 40.0
# Faces that the verifier looks at, surest first.
_MOST_VERIFIED = 256
# Windows that may pass the first part, of one image, and those that are looked at further.
_ROOM, _MOST_WINDOWS = 1 << 18, 1 << 14
MAX_ANGLES = 36
#: Angles of a usual search, in degrees: faces are found within about 20 degrees of one of them.
ANGLES = (0.0, -26.0, 26.0)


def _best(found):
    """The windows of the highest scores, as many as there is time for, in their order."""
    if len(found) <= _MOST_WINDOWS:
        return found
    return found[np.sort(np.argsort(-found[:, 3], kind="stable")[:_MOST_WINDOWS])]


class Running:
    """A trained model, packed for the kernels.

    Parameters
    ----------
    model : JDA
    """

    def __init__(self, model):
        self.mean, self.context = model.mean_shape_, float(model.context)
        self.reference = (self.mean - self.mean.mean(0)).astype(np.float32)
        self.front, self.grid = model.front_.arrays, grid_points()
        self.stages = stacked(model.stages_) if model.stages_ else None
        self.n_stages = len(model.stages_)
        # The same stages, which reject nothing.
        self.free = None
        if self.stages is not None:
            self.free = list(self.stages)
            self.free[3], self.free[4] = (
                np.zeros_like(self.free[3]),
                np.full_like(self.free[4], NEVER),
            )
        self.verifier = model.verifier_

    def candidates(self, image, min_size):
        """What the verifier is trained on: faces and others, and their crops, placements and
        shapes. Only of a model that has no verifier yet."""
        search = self._search(image, min_size, None, 1.15, 0.1, ANGLES)
        if search is None:
            search = Levels([kernel_view(image)]), 0, Found.none(len(self.mean))
        return search[2], self._crops(*search)

    def detect(self, image, min_size, max_size, factor, step, rotation, min_score):
        """See `JDA.detect`."""
        search = self._search(image, min_size, max_size, factor, step, rotation)
        if search is None:
            return Found.none(len(self.mean))
        levels, finest, found = search
        if self.verifier is not None and len(found):
            scores = self.verifier.scores(*self._crops(levels, finest, found), self.mean)
            # Small windows are many, and few of them hold a face: on held-out photographs, odds in
            # proportion to the side find 98.2 % of the faces where 97.6 % are found without.
            scores = scores + np.log((found.boxes[:, 2] - found.boxes[:, 0]) / USUAL_SIDE)
            found = replace(found, scores=scores.astype(np.float32))
        return one_each(found.subset(found.scores >= min_score))

    def _search(self, image, min_size, max_size, factor, step, rotation):
        """What passes first part and stages, with the levels of the image and the finest of them;
        None where the image is too small to be searched."""
        require_range("min_size", min_size, 8, 1 << 20)
        require_range("factor", factor, 1.01, 4)
        require_range("step", step, 0.01, 1)
        angles = np.atleast_1d(np.asarray(rotation, np.float64))
        if angles.ndim != 1 or not 0 < len(angles) <= MAX_ANGLES or not np.isfinite(angles).all():
            raise InputError(f"rotation must be 1 to {MAX_ANGLES} angles in degrees")
        largest = None if max_size is None else max_size * self.context
        plan = plan_search(image.shape, min_size * self.context, factor, step, angles,
                           max_side=largest)  # fmt: skip
        if not len(plan):
            return None
        finest = max(0, int(plan[:, 0].min()) - 1)
        levels = Levels([kernel_view(image)], finest, float((plan[:, 1] * 2 ** plan[:, 0]).max()))
        return levels, finest, self._passing(levels, finest, plan)

    def _passing(self, levels, finest, plan):
        """The `Found` of the windows of a plan that pass first part and stages."""
        out = np.empty((_ROOM, 4), np.int32)
        n, _, _ = _search_kernels.scan(
            levels.pixels, levels.tables[0], plan, self.grid, *self.front, out
        )
        found = _best(out[: min(n, _ROOM)])
        if not len(found):
            return Found.none(len(self.mean))
        windows, scores = windows_of(found, plan)
        turns = turns_of(plan[found[:, 0], 2:4])
        found = found[thinned(windows, turns, scores)]
        rows = plan[found[:, 0]]
        windows, _ = windows_of(found, plan)
        shapes = np.ascontiguousarray(rotate(self.mean[None], rows[:, 2:4].astype(np.float32)))
        windows[:, 2] /= self.context
        pixels, scores = self._moved(levels, finest, windows, shapes, found[:, 3], self.stages)
        passed = scores != FAILED
        found = gather(pixels[passed], scores[passed], self.mean).subset(slice(_MOST_VERIFIED))
        return found if self.free is None or not len(found) else self._again(levels, finest, found)

    def _again(self, levels, finest, found):
        """The faces after the stages once more, from their own boxes."""
        squares = squares_of(found.shapes, self.mean)
        linear, _ = similarity(self.mean[None], found.shapes)
        turn = linear / np.maximum(np.hypot(linear[:, :1], linear[:, 1:]), 1e-9)
        shapes = np.ascontiguousarray(rotate(self.mean[None], turn.astype(np.float32)))
        pixels, _ = self._moved(levels, finest, squares, shapes, np.zeros(len(found)), self.free)
        boxes = boxes_of(squares_of(pixels, self.mean))
        sound = np.isfinite(boxes).all(1) & (boxes[:, 2] - boxes[:, 0] > 4)
        boxes = np.where(sound[:, None], boxes, found.boxes)
        pixels = np.where(sound[:, None, None], pixels, found.shapes)
        return replace(found, boxes=boxes.astype(np.float32), shapes=pixels.astype(np.float32))

    def _moved(self, levels, finest, squares, shapes, scores, stages):
        """Landmarks in pixels, and scores, of windows after stages; `shapes` is overwritten."""
        level = self._level(squares[:, 2], levels, finest)
        local = np.column_stack([to_level(squares[:, :2], level), squares[:, 2] / 2.0**level])
        scores = scores.astype(np.int64)
        if stages is not None:
            _stage_kernels.run_stages(
                levels.pixels, levels.tables[0], local.astype(np.float32), level, shapes,
                self.reference, *stages, scores,
            )  # fmt: skip
        pixels = shapes * squares[:, None, 2:] + squares[:, None, :2]
        return pixels, scores

    def _level(self, sides, levels, finest):
        """The level that the stages read boxes at: the one finer than the windows'."""
        finer = np.floor(np.log2(np.maximum(sides * self.context / LEAST_SIDE, 1e-9))) - 1
        return np.clip(finer, finest, levels.tables.shape[1] - 1).astype(np.int64)

    def _crops(self, levels, finest, found):
        """What the verifier looks at: crops, placements and shapes."""
        placements = box_placement(found.boxes).reshape(-1, 3)
        level = self._level(placements[:, 2].astype(np.float64), levels, finest)
        centres = to_level(placements[:, :2], level)
        whole = np.floor(centres + 0.5).astype(np.int64)
        crops = np.empty((len(found), *[2 * _stage_kernels.HALF_CROP] * 2), np.uint8)
        none = np.zeros(len(found), np.int32)
        _stage_kernels.copy_crops(levels.pixels, levels.tables, none, level.astype(np.int32),
                                  whole, crops)  # fmt: skip
        local = np.column_stack([centres - whole + _stage_kernels.HALF_CROP,
                                 placements[:, 2] / 2.0**level]).astype(np.float32)  # fmt: skip
        return crops, local, to_box_frame(found.shapes, placements)

    def align(self, image, boxes, staged):
        """See `JDA.align`."""
        placements = box_placement(boxes).reshape(-1, 3)
        n, squares = len(placements), placements.astype(np.float64)
        shapes = np.repeat(self.mean[None], n, 0)
        initial = from_box_frame(shapes, placements)
        steps = np.empty((self.n_stages, n, *self.mean.shape), np.float32) if staged else None
        if not n or self.free is None:
            return Alignment(initial.copy(), initial, steps)
        levels, zeros = Levels([kernel_view(image)]), np.zeros(n)
        for t in range(self.n_stages) if staged else [slice(None)]:
            one = [p[t : t + 1] if staged else p for p in self.free]
            found, _ = self._moved(levels, 0, squares, shapes, zeros, one)
            if staged:
                steps[t] = found
        return Alignment(found.astype(np.float32), initial, steps)
