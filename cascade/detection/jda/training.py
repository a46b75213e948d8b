"""Training of the joint cascade: the first part, then the stages, against mined windows."""

import numpy as np

from data_tools.metrics import nme

from ...loop.preparing import rng_for
from . import _boost_kernels
from . import faces as face_windows
from .boosting import boost_weights, grow_tree
from .mining import Negatives
from .stage_training import Limits, fit_stage, read_pool, run_on_crops
from .stages import FAILED

#: Trees after which windows are mined anew.
ROUNDS = (2, 2, 4, 8, 8, 16, 16, 24, 24, 32, 32, 32, 64, 64, 64, 64)
#: Fewer windows than this share of those wanted end the training of a part.
FEWEST = 0.05


class Training:
    """One training: its faces and others, and where it stands.

    Parameters
    ----------
    model : JDA
        Its parameters; `front_` and `stages_` are set, step by step.
    faces, watched : FaceDataset
        To grow trees on, and to set their limits on.
    backgrounds : list of ndarray
    progress : Progress
    workers : Workers
    """

    def __init__(self, model, faces, watched, backgrounds, progress, workers):
        self.model, self.progress, self.workers = model, progress, workers
        seed = model.seed_
        self.mean = model.mean_shape_.astype(np.float64)
        self.reference = (self.mean - self.mean.mean(0)).astype(np.float32)
        jitter = _jitter(model)
        self.faces, self.index = face_windows.render(
            faces, self.mean, model.context, jitter, rng_for(seed, 1)
        )
        self.watched, _ = face_windows.render(
            watched, self.mean, model.context, _jitter(model, calm=True), rng_for(seed, 2)
        )
        self.n_photos, self.photos = len(faces), faces
        self.watched_shape = len(watched), len(self.watched) // len(watched)
        boxes = face_windows.boxes_of(faces.shapes, self.mean)
        self.negatives = Negatives(backgrounds, faces, boxes, model.context, seed)
        self.others = None
        # Before the first stage, those of the mean shape.
        self.errors = [self.error_of(windows) for windows in (self.faces, self.watched)]

    def restored(self, origin, draw):
        """Take up mined windows of a checkpoint."""
        self.negatives.draw = draw
        self.others = self.negatives.again(origin) if len(origin) else None
        self.errors = [self.error_of(windows) for windows in (self.faces, self.watched)]

    # ---------------------------------------------------------------------------------- windows

    def passing(self, windows):
        """Which windows pass all stages; those of the first part are known to."""
        return self.state(windows)[2]

    def state(self, windows):
        """Shapes, scores and passes of windows after all that is trained."""
        shapes = np.repeat(self.mean.astype(np.float32)[None], len(windows), axis=0)
        scores, passed = self.model.front_.scores(windows.patches)
        stages = self.model.stages_
        if stages:
            passed &= run_on_crops(stages, windows, shapes, scores, self.reference)
        return shapes, scores, passed

    def refill(self):
        """Drop windows that fail, and mine others; the share of windows that pass, by now."""
        model, mined = self.model, self.negatives
        if self.others is not None and len(self.others):
            self.others = self.others.subset(self.state(self.others)[2])
        have = 0 if self.others is None else len(self.others)
        if have > 0.9 * model.n_others:
            return have, None
        found = mined.mine(model.front_.arrays, self.passing if model.stages_ else None,
                           model.n_others - have, model.work, self.tell)  # fmt: skip
        parts = [part for part in (self.others, found) if part is not None and len(part)]
        self.others = face_windows.Windows.concatenate(parts) if parts else None
        have = 0 if self.others is None else len(self.others)
        return have, mined.passed / max(1, mined.searched)

    def tell(self, done, need):
        """Progress of mining is part of the step's."""
        self.progress.tick(0.5 * done / max(1, need))

    def error_of(self, windows):
        """Mean error of the landmarks of the windows that pass."""
        shapes, _, passed = self.state(windows)
        errors = nme(shapes[passed], windows.truth[passed], self.model.scheme_)
        return float(np.nanmean(errors)) if passed.any() else None

    def growing(self, rng):
        """The half of faces and others that a tree's splits are chosen on."""
        if self.model.honest <= 0:
            return None
        mask = rng.random(self.n_photos) < self.model.honest
        return np.concatenate([mask[self.index], rng.random(len(self.others)) < self.model.honest])

    def row(self, step, kind, share):
        """A line of the history."""
        return {
            "stage": step,
            "train_nme": self.errors[0],
            "validation_nme": self.errors[1],
            "part": kind,
            "trees": len(self.model.front_.limits),
            "others": 0 if self.others is None else len(self.others),
            "passing": share,
        }

    # ------------------------------------------------------------------------------------ steps

    def front_round(self, k):
        """Add the trees of round k of the first part; False where windows ran out."""
        model, n = self.model, len(self.faces)
        have, share = self.refill()
        if have < FEWEST * model.n_others:
            return False, share
        rng = rng_for(model.seed_, 3, k)
        patches = np.concatenate([self.faces.patches, self.others.patches], axis=1)
        labels = (np.arange(patches.shape[1]) < n).astype(np.uint8)
        scores = model.front_.scores(patches)[0]
        watched, alive = model.front_.scores(self.watched.patches)
        limits = Limits(*self.watched_shape, alive, model.margin)
        limits.lost = 0  # the loss is counted from the first tree on
        count = min(ROUNDS[k], model.front_trees - len(model.front_.limits))
        for j in range(count):
            tree = grow_tree(
                patches, labels, boost_weights(scores, labels), depth=model.front_depth,
                n_pairs=model.n_pairs, rng=rng, growing=self.growing(rng), workers=self.workers,
            )  # fmt: skip
            first = len(model.front_.limits)
            model.front_ = model.front_.with_tree(*tree, -(2**30))
            model.front_.scores(patches, first, scores)
            model.front_.scores(self.watched.patches, first, watched)
            loss = model.front_loss * (first + 1) / model.front_trees
            model.front_.limits[first] = limits.set(watched, loss)
            self.progress.tick(0.5 + 0.5 * (j + 1) / count)
        return True, share

    def stage(self, t):
        """Add stage t; False where windows ran out."""
        model = self.model
        have, share = self.refill()
        if have < FEWEST * model.n_others:
            return False, share
        states = [self.state(windows)[:2] for windows in (self.faces, self.others)]
        shapes, scores = (np.concatenate(parts) for parts in zip(*states, strict=True))
        # What fails has no score any more: faces that fail go on with the lowest that is left.
        failed = scores == FAILED
        scores[failed] = scores[~failed].min()
        stage = fit_stage(
            model, t, self.faces, self.others, shapes, scores, self.reference,
            rng_for(model.seed_, 4, t), self.growing, self.workers,
            lambda done: self.progress.tick(0.5 + 0.5 * done),
        )  # fmt: skip
        self._set_limits(stage)
        model.stages_.append(stage)
        self.errors = [self.error_of(windows) for windows in (self.faces, self.watched)]
        return True, share

    def _set_limits(self, stage):
        """Limits of a stage's trees, by the windows of the watched faces."""
        shapes, scores, passed = self.state(self.watched)
        scores[~passed] = 0
        limits = Limits(*self.watched_shape, passed, self.model.margin)
        patches = read_pool(self.watched, shapes, self.reference, stage.anchors, stage.offsets)
        leaf = np.empty(len(self.watched), np.uint8)
        for k in range(len(stage.limits)):
            _boost_kernels.leaves_of(patches, stage.nodes[k], leaf)
            scores += stage.leaves[k][leaf]
            loss = self.model.stage_loss * (k + 1) / len(stage.limits)
            stage.limits[k] = limits.set(scores, loss)


def _jitter(model, calm=False):
    """How windows of faces are varied; of those that are watched, not their light."""
    if calm:
        return face_windows.Jitter(copies=8, roll=model.roll / 2, coarse=0.1, noise=0.0, light=0.0,
                                   side=0.0, stretch=0.0)  # fmt: skip
    return face_windows.Jitter(copies=model.copies, roll=model.roll)
