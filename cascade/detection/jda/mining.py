"""Windows that hold no face and pass what is trained so far, streamed out of photographs."""

import numpy as np

from data_tools.boxes import iou
from features.opencv import cv2

from . import _search_kernels, _stage_kernels
from . import _window_kernels as kernels
from .faces import Windows
from .search import boxes_of, plan_search, windows_of
from .windows import LEAST_SIDE, Levels, grid_points

#: Windows that overlap a face less than this are none of its.
NO_FACE = 0.3
# In sides of the face's box, between centres.
NEAR = 0.8
_ROOM = 1 << 18


class Negatives:
    """Windows without faces.

    Each photograph comes mirrored, turned by quarters and at another size each time, and its
    windows at other places, so that few photographs give many windows. Of those with faces only
    mirrored ones are used: parts of faces must not be learned upside down. What a draw looks like
    follows from its number, so that a window can be read again from five numbers.

    Parameters
    ----------
    backgrounds : list of ndarray of shape (H, W), uint8
        Photographs without faces.
    faces : FaceDataset or None
        Photographs of faces, of whose windows those near a face count that overlap it by
        less than 0.3.
    boxes : ndarray of shape (n, 4)
        Of the faces.
    context : float
        Side of a window in sides of the box.
    seed : int

    Attributes
    ----------
    draw : int
        Photographs drawn so far.
    searched, passed, added : int
        Of the last call of `mine`: windows tried, windows that passed the first part, and trees
        added for them.
    """

    def __init__(self, backgrounds, faces, boxes, context, seed):
        self.context, self.seed = context, seed
        self.items = [(image, None) for image in backgrounds]
        if faces is not None:
            around = {}
            for k, (file, box) in enumerate(zip(faces.files, boxes, strict=True)):
                around.setdefault(file, (k, []))[1].append(box)
            self.items += [(faces.image(k), np.array(found)) for k, found in around.values()]
        self.draw = 0
        self.searched = self.passed = self.added = 0

    def mine(self, front, passes, need, work, tick=None):
        """Collect windows.

        Parameters
        ----------
        front : (nodes, leaves, limits)
            Of the first part.
        passes : callable or None
            From `Windows` to a mask of those that pass the stages.
        need : int
            Windows wanted.
        work : int
            Trees to add up, after which to be content with less.
        tick : callable, optional
            Called as ``tick(done, need)``.

        Returns
        -------
        Windows or None
        """
        parts, n = [], 0
        out = np.empty((_ROOM, 4), np.int32)
        self.searched = self.passed = self.added = 0
        share = max(20, need // 60)
        while n < need and self.added < work:
            found = self._search(self.draw, front, out, share)
            self.draw += 1
            if found is None:
                continue
            if passes is not None:
                found = found.subset(passes(found))
            n += len(found)
            parts.append(found)
            if tick is not None:
                tick(min(n, need), need)
        return Windows.concatenate(parts) if parts else None

    def again(self, origin):
        """The windows of these five numbers each (n, 5), in their order."""
        parts, n = [], len(origin)
        order = np.argsort(origin[:, 0], kind="stable")
        back = np.empty(n, np.intp)
        back[order] = np.arange(n)
        for draw in np.unique(origin[:, 0]):
            rows = origin[origin[:, 0] == draw]
            levels, plan, _, _ = self._prepared(int(draw))
            parts.append(self._windows(levels, rows[:, 1:].astype(np.int32), plan, int(draw)))
        return Windows.concatenate(parts).subset(back)

    def image(self, draw):
        """Image, boxes and random numbers of a draw."""
        epoch, k = divmod(draw, len(self.items))
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self.items))
        rng = np.random.default_rng([self.seed, draw, 2])
        return *_varied(*self.items[order[k]], rng), rng

    def _prepared(self, draw):
        """Levels, plan, boxes and random numbers of a draw."""
        image, boxes, rng = self.image(draw)
        smallest = LEAST_SIDE * (rng.uniform(1, 1.2) if boxes is None else rng.uniform(1.4, 2.0))
        plan = plan_search(image.shape, smallest, 1.2, 0.1, phases=rng)
        return Levels([image]), plan, boxes, rng

    def _search(self, draw, front, out, share):
        levels, plan, boxes, rng = self._prepared(draw)
        n, searched, added = _search_kernels.scan(
            levels.pixels, levels.tables[0], plan, grid_points(), *front, out
        )
        self.searched, self.added = self.searched + searched, self.added + added
        self.passed += n
        found = out[: min(n, len(out))]
        if boxes is not None and len(found):
            places, _ = windows_of(found, plan)
            places[:, 2] /= self.context
            found = found[part_of_face(boxes_of(places), boxes)]
        if len(found) > share:
            found = found[np.sort(rng.choice(len(found), share, replace=False))]
        return self._windows(levels, found, plan, draw) if len(found) else None

    def _windows(self, levels, found, plan, draw):
        rows, n = plan[found[:, 0]], len(found)
        grid, none = grid_points(), np.zeros(n, np.int32)
        level = rows[:, 0].astype(np.int32)
        places = np.column_stack([found[:, 1:3], rows[:, 1:4]]).astype(np.float32)
        patches = np.empty((len(grid), n), np.uint8)
        kernels.read_patches(levels.pixels, levels.tables, none, level, places, grid, 0, n, patches)
        # The stages read the finer level, where there is one.
        finer = level > 0
        centres = found[:, 1:3].astype(np.int64) * np.where(finer, 2, 1)[:, None]
        crops = np.empty((n, *[2 * _stage_kernels.HALF_CROP] * 2), np.uint8)
        _stage_kernels.copy_crops(levels.pixels, levels.tables, none, level - finer, centres, crops)
        middle = _stage_kernels.HALF_CROP + np.where(finer, 0.5, 0.0)
        side = rows[:, 1] * np.where(finer, 2, 1) / self.context
        origin = np.column_stack([np.full(n, draw), found[:, :4]]).astype(np.int64)
        return Windows(patches, crops, np.column_stack([middle, middle, side]).astype(np.float32),
                       origin=origin)  # fmt: skip


def part_of_face(found, boxes):
    """Which of the boxes (n, 4) look at a part of a face, or beside it, but at no face.

    What lies farther away is left out: photographs hold faces that nobody annotated.
    """
    overlap = iou(found, boxes)
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2] - boxes[:, 0]
    theirs = (found[:, :2] + found[:, 2:]) / 2
    apart = np.hypot(*np.moveaxis(theirs[:, None] - centres, -1, 0)) / sides
    return (overlap.max(1) < NO_FACE) & (apart.min(1) < NEAR)


def _varied(image, boxes, rng):
    """A photograph mirrored, turned and at another size, and its boxes there."""
    mirrored, upside, turned = rng.integers(0, 2, 3)
    if mirrored:
        image = image[:, ::-1]
        if boxes is not None:
            right = image.shape[1] - 1
            boxes = np.column_stack([right - boxes[:, 2], boxes[:, 1], right - boxes[:, 0],
                                     boxes[:, 3]])  # fmt: skip
    if boxes is None:
        image = image[::-1] if upside else image
        image = image.T if turned else image
    zoom = rng.uniform(0.6, 1.0 if boxes is not None else 1.3)
    if rng.random() < 0.5:
        size = [max(24, round(n * zoom)) for n in image.shape[::-1]]
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        image = cv2.resize(np.ascontiguousarray(image), size, interpolation=how)
        boxes = None if boxes is None else boxes * zoom
    return np.ascontiguousarray(image), boxes
