"""Training from beginning to end: its steps, checkpoints, and what goes into the model."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np

from features.errors import InputError
from features.images import as_grey
from features.workers import Workers

from ...loop.checkpoint import Checkpoint
from ...loop.preparing import seed_of, split_off
from ...loop.progress import reporting
from .faces import mean_in_boxes
from .front import Front
from .training import ROUNDS, Training
from .verifier_training import train_verifier


def train(model, faces, backgrounds, checkpoint, resume, progress, notes):
    """Train a joint cascade; parameters as of `JDA.fit`."""
    backgrounds = [as_grey(image) for image in backgrounds]
    if not len(faces) or not backgrounds:
        raise InputError("training needs faces, and photographs without faces (backgrounds)")
    model.seed_, model.scheme_ = seed_of(model.random_state), faces.scheme
    model.notes_, model.history_ = dict(notes or {}), []
    model.front_, model.stages_, model.verifier_ = Front.empty(model.front_depth), [], None
    model.mean_shape_ = mean_in_boxes(faces).astype(np.float32)
    store = SimpleNamespace(
        shapes=faces.shapes, placements=faces.boxes, visible=None,
        images=[*map(faces.image, range(len(faces))), *backgrounds],
    )  # fmt: skip
    keeper = Checkpoint(checkpoint, model, store) if checkpoint else nullcontext()
    watched, grown = faces, faces
    if model.watched:
        grown, watched = split_off(faces, model.watched, model.seed_)
    with reporting(progress, model.verbose) as progress, keeper as saved, \
         Workers(model.n_jobs) as workers:  # fmt: skip
        training = Training(model, grown, watched, backgrounds, progress, workers)
        # What a checkpoint keeps of the training; see `storing.to_state`.
        model.training_ = training
        steps, done = steps_of(model), 0
        kept = saved.load() if resume and saved is not None else None
        if kept:
            model.front_, model.stages_, model.history_, origin, draw = kept
            training.restored(origin, draw)
            done = len(model.history_)
            progress.resumed(done, len(steps))
        for k in range(done, len(steps)):
            kind, number = steps[k]
            progress.stage_begins(k + 1, len(steps))
            share = None
            if kind == "verifier":
                train_verifier(training)
            else:
                step = training.front_round if kind == "front" else training.stage
                _, share = step(number)
            row = training.row(k + 1, kind, share)
            model.history_.append(row)
            progress.stage_ends(row)
            if saved is not None:
                saved.save()
        del model.training_


def steps_of(model):
    """The steps of a training, as pairs of kind and number."""
    steps = [("front", k) for k in range(len(ROUNDS)) if sum(ROUNDS[:k]) < model.front_trees]
    steps += [("stage", t) for t in range(model.n_stages)]
    return steps + [("verifier", 0)] * (model.verify and model.n_stages > 0)
