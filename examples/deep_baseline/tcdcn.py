"""TCDCN (Zhang et al. 2014, "Facial landmark detection by deep multi-task learning"): landmarks
learned together with tasks that share their features: which way the head is turned, in five
classes, and whether the mouth is open, both told by the training landmarks themselves.

A task whose error on held-out faces has not fallen for a while stops, before it overfits and harms
the landmarks (section 3.2, in a simpler form).
"""

import keras
import numpy as np
from blocks import convolution, dense, regress
from keras import layers, ops
from losses import loss
from recipe import Recipe

from cascade.judging.compare.runner import turn_of_head
from data_tools.schemes import FACE68
from features.errors import InputError

TURNS = (-0.12, -0.04, 0.04, 0.12)  # between the classes, as of `turn_of_head`
OPEN = 0.06  # gap of the inner lips over the distance of the outer corners of the eyes
PATIENCE = 3  # epochs
WEIGHT = 0.5  # of a task's cross-entropy beside the loss of landmarks in pixels


def tasks(truth):
    """One-hot class of the turn (n, 5), and whether the mouth is open (n, 1), float32; NaN where
    landmarks are missing."""
    turn = turn_of_head(truth, FACE68)
    turns = np.eye(5, dtype=np.float32)[np.digitize(np.nan_to_num(turn), TURNS)]
    gap = np.linalg.norm(truth[:, 66] - truth[:, 62], axis=-1)
    eyes = np.linalg.norm(truth[:, 45] - truth[:, 36], axis=-1)
    mouth = np.where(np.isfinite(gap / eyes), gap > OPEN * eyes, np.nan)[:, None]
    turns[np.isnan(turn)] = np.nan
    return turns, mouth.astype(np.float32)


class Tcdcn(Recipe):
    def __init__(self, options, source):
        super().__init__(options, source)
        if source.scheme.name != FACE68.name:
            raise InputError(f"tcdcn needs faces of 68 points, not of {source.scheme.name}")
        self.weights = [keras.Variable(WEIGHT, trainable=False) for _ in range(2)]
        self.best, self.since = [np.inf] * 2, [0, 0]

    def build(self, mean):
        face = x = keras.Input((self.options.size, self.options.size, 1), name="face")
        for width, side in ((20, 5), (48, 5), (64, 3)):
            x = layers.MaxPooling2D(2)(convolution(x, width, side, padding="valid"))
        features = dense(convolution(x, 80, 3, padding="valid"), 512)
        self.landmarks = keras.Model(face, regress(features, mean), name="tcdcn")
        logits = layers.Dense(6)(features)  # five of the turn, one of the mouth
        return keras.Model(
            face, layers.Concatenate()([self.landmarks.output, logits]), name="tcdcn_and_tasks"
        )

    def loss(self):
        landmarks = loss(self.options.loss, self.options.size)

        def all_tasks(truth, found):
            turn, mouth = self._task_losses(truth, found)
            first, second = self.weights
            return landmarks(truth[:, :-6], found[:, :-6]) + first * turn + second * mouth

        return all_tasks

    @staticmethod
    def _task_losses(truth, found):
        known = ops.isfinite(truth[:, -6:])
        truth = ops.where(known, truth[:, -6:], 0.0)
        turn = -ops.sum(truth[:, :5] * ops.log_softmax(found[:, -6:-1]), axis=1)
        logit = found[:, -1]
        mouth = ops.softplus(logit) - truth[:, 5] * logit
        return ops.mean(turn), ops.mean(ops.where(known[:, 5], mouth, 0.0))

    def targets(self, truth):
        return np.concatenate([truth.reshape(len(truth), -1), *tasks(truth)], axis=1)

    def fractions(self, answers):
        return super().fractions(np.asarray(answers)[:, :-6])

    def after_epoch(self, model, source):
        """Stop the tasks that have learned what they will."""
        found = model.predict(source.seen, verbose=0)
        truth = ops.convert_to_tensor(self.targets(source.held_out_truth()))
        errors = self._task_losses(truth, ops.convert_to_tensor(np.asarray(found)))
        for k, error in enumerate(float(ops.convert_to_numpy(e)) for e in errors):
            self.since[k] = 0 if error < self.best[k] else self.since[k] + 1
            self.best[k] = min(self.best[k], error)
            if self.since[k] > PATIENCE:
                self.weights[k].assign(0.0)

    def final(self, model):
        return self.landmarks
