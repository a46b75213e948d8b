"""The joint cascade in action: the search of an image, and alignment in given boxes."""

from dataclasses import replace

import numpy as np

from features.errors import InputError, require_range
from features.geometry import box_placement, from_box_frame, rotate, to_box_frame
from features.images import kernel_view

from ...aligner import Alignment
from . import _search_kernels, _stage_kernels
from .search import Found, gather, plan_search
from .stages import FAILED, NEVER, stacked
from .windows import Levels, grid_points, level_of, to_level

# Faces that the verifier looks at, surest first.
_MOST_VERIFIED = 256
# Windows that may pass the first part, of one image; more are left out.
_ROOM = 1 << 16
MAX_ANGLES = 36


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
        self.verifier = model.verifier_

    def detect(self, image, min_size, max_size, factor, step, rotation, min_score):
        """See `JDA.detect`."""
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
            return Found.none(len(self.mean))
        finest = max(0, int(plan[:, 0].min()) - 1)
        levels = Levels([kernel_view(image)], finest, float((plan[:, 1] * 2 ** plan[:, 0]).max()))
        out = np.empty((_ROOM, 4), np.int32)
        n, _, _ = _search_kernels.scan(
            levels.pixels, levels.tables[0], plan, self.grid, *self.front, out
        )
        found = out[: min(n, _ROOM)]
        if not len(found):
            return Found.none(len(self.mean))
        rows = plan[found[:, 0]]
        # The stages read the finer level, where there is one.
        finer = rows[:, 0] > 0
        times, shift = np.where(finer, [[2.0], [0.5]], [[1.0], [0.0]])
        centres = found[:, 1:3] * times[:, None] + shift[:, None]
        sides = rows[:, 1] * times / self.context
        level = (rows[:, 0] - finer).astype(np.int64)
        placements = np.column_stack([centres, sides]).astype(np.float32)
        shapes = rotate(self.mean[None], rows[:, 2:4].astype(np.float32))
        shapes = np.ascontiguousarray(shapes, np.float32)
        scores = found[:, 3].astype(np.int64)
        passed = self._run(levels, placements, level, shapes, scores)
        zoom = np.exp2(level[passed])
        pixels = from_box_frame(shapes[passed], placements[passed]).astype(np.float64) + 0.5
        pixels = pixels * zoom[:, None, None] - 0.5
        if self.verifier is None:
            return gather(pixels, scores[passed], self.mean, min_score)
        found = gather(pixels, scores[passed], self.mean, -np.inf)
        return self._verified(levels, finest, found, min_score)

    def _verified(self, levels, finest, found, min_score):
        """The faces with the scores of the verifier, surest first."""
        if not len(found):
            return found
        found = found.subset(slice(_MOST_VERIFIED))
        placements = box_placement(found.boxes).reshape(-1, 3)
        coarsest = levels.tables.shape[1] - 1
        level = [level_of(side * self.context) - 1 for side in placements[:, 2].tolist()]
        level = np.clip(level, finest, coarsest).astype(np.int32)
        centres = to_level(placements[:, :2], level)
        whole = np.floor(centres + 0.5).astype(np.int64)
        crops = np.empty((len(found), *[2 * _stage_kernels.HALF_CROP] * 2), np.uint8)
        _stage_kernels.copy_crops(levels.pixels, levels.tables, np.zeros(len(found), np.int32),
                                  level, whole, crops)  # fmt: skip
        local = np.column_stack([centres - whole + _stage_kernels.HALF_CROP,
                                 placements[:, 2] / 2.0**level]).astype(np.float32)  # fmt: skip
        shapes = to_box_frame(found.shapes, placements)
        scores = self.verifier.scores(crops, local, shapes, self.mean)
        order = np.argsort(-scores, kind="stable")
        found = replace(found, scores=scores.astype(np.float32)).subset(order)
        return found.subset(found.scores >= min_score)

    def _run(self, levels, placements, level, shapes, scores):
        if self.stages is None:
            return np.ones(len(scores), bool)
        _stage_kernels.run_stages(levels.pixels, levels.tables[0], placements, level, shapes,
                                  self.reference, *self.stages, scores)  # fmt: skip
        return scores != FAILED

    def align(self, image, boxes, staged):
        """See `JDA.align`."""
        placements = box_placement(boxes).reshape(-1, 3)
        n = len(placements)
        initial = from_box_frame(np.repeat(self.mean[None], n, 0), placements)
        steps = np.empty((self.n_stages, n, *self.mean.shape), np.float32) if staged else None
        shapes = np.repeat(self.mean[None], n, 0)
        if n and self.stages is not None:
            level = np.array([max(0, level_of(s * self.context) - 1) for s in placements[:, 2]])
            levels = Levels([kernel_view(image)])
            level = np.minimum(level, levels.tables.shape[1] - 1)
            local = np.column_stack([to_level(placements[:, :2], level),
                                     placements[:, 2] / 2.0**level]).astype(np.float32)  # fmt: skip
            parts = list(self.stages)
            parts[4] = np.full_like(parts[4], NEVER)
            parts[3] = np.zeros_like(parts[3])
            for t in range(self.n_stages) if staged else [slice(None)]:
                one = [p[t] if isinstance(t, slice) else p[t : t + 1] for p in parts]
                _stage_kernels.run_stages(
                    levels.pixels, levels.tables[0], local, level, shapes, self.reference, *one,
                    np.zeros(n, np.int64),
                )  # fmt: skip
                if staged:
                    steps[t] = from_box_frame(shapes, placements)
        return Alignment(from_box_frame(shapes, placements), initial, steps)
