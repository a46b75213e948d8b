"""DCNN (Sun, Wang and Tang 2013, "Deep convolutional network cascade for facial point detection"):
five points in three levels, with the first of the paper's networks at level 1.

Each level learns where the level before may leave a point: at level 1 from jittered boxes, at 2 and
3 from patches around points that are moved at random. The files go to a folder, as the peer
``dcnn:FOLDER`` reads them.
"""

import cv2
import keras
import numpy as np
from keras import layers
from losses import loss
from recipe import Recipe, export_checked

from cascade.judging.compare.peers.published.dcnn import GROW, HALVES, PATCH, POINTS, SIZE
from cascade.judging.compare.peers.published.face_crop import standardised
from data_tools.files import make_folder

# How far the points that a level starts from are off, in units of the square's side.
SPREADS = {2: 0.04, 3: 0.02}


def network(size, widths, n_features, n_outputs, name):
    """Convolutions, all but the last with pooling, and two dense layers."""
    patch = x = keras.Input((size, size, 1))
    maps = []
    for k, width in enumerate(widths):
        x = layers.Conv2D(width, (4, 3, 3, 2)[k], activation="relu")(x)
        if k < 3:
            x = layers.MaxPooling2D(2, padding="same")(x)
        maps.append(x)
    # The paper joins the last two maps of level 1.
    flat = [layers.Flatten()(one) for one in maps[2:] or maps[-1:]]
    x = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    x = layers.Dense(n_features, activation="relu")(x)
    return keras.Model(patch, layers.Dense(n_outputs, bias_initializer=middle)(x), name=name)


def middle(shape, dtype=None):
    """Answers begin at the middle of the patch."""
    return keras.ops.full(shape, 0.5, dtype)


def patches(crops, corners, side, size):
    """Squares (n, size, size, 1) of crops (n, S, S, 1), each standardised; their corners (n, 2) and
    their side are fractions of the crop."""
    step, found = side * crops.shape[1] / size, []
    for crop, (x, y) in zip(crops[..., 0], corners * crops.shape[1], strict=True):
        where = np.float64([[step, 0, x + step / 2 - 0.5], [0, step, y + step / 2 - 0.5]])
        found.append(standardised(cv2.warpAffine(
            crop, where, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )))  # fmt: skip
    return np.stack(found)[..., None]


class Dcnn(Recipe):
    def phases(self, mean, learner):
        self.level = 1
        self.nets = {"1_F": network(SIZE, (20, 40, 60, 80), 120, 10, "level_1")}
        yield self.nets["1_F"], loss(self.options.loss, SIZE), 0.5
        for level in (2, 3):
            self.level = level
            nets = {f"{level}_{p}{k}": network(PATCH, (20, 40), 60, 2, f"p_{level}_{p}{k}")
                    for p in POINTS for k in (1, 2)}  # fmt: skip
            self.nets |= nets
            joint = layers.Concatenate()([net.output for net in nets.values()])
            inputs = [net.input for net in nets.values()]
            model = keras.Model(inputs, joint, name=f"level_{level}")
            yield model, loss(self.options.loss, PATCH), 0.25

    def _cut(self, crops, points, half):
        """Patches (n, PATCH, PATCH, 1) of `half` the square's side around points (n, 2), their
        corners (n, 2) and their side in fractions of the crop."""
        side = 2 * half / self.options.expand
        return patches(crops, points - side / 2, side, PATCH), points - side / 2, side

    def _first(self, crops):
        """What level 1 sees, and corners (n, 2) and side of the square that it answers in."""
        inner = 1 / self.options.expand
        corners = np.full((len(crops), 2), 0.5)
        seen = patches(crops, corners - GROW * inner / 2, GROW * inner, SIZE)
        return seen, corners - inner / 2, inner

    def inputs(self, crops, truth, rng):
        if self.level == 1:
            seen, self._corner, self._side = self._first(crops)
            return seen
        spread = SPREADS[self.level] / self.options.expand
        moved = np.nan_to_num(truth, nan=0.5) + rng.normal(0, spread, truth.shape)
        seen, self._places = [], []
        for k in range(len(POINTS)):
            for half in HALVES[self.level]:
                cut, corners, side = self._cut(crops, moved[:, k], half)
                seen.append(cut)
                self._places.append((corners, side))
        return seen

    def targets(self, truth):
        if self.level == 1:
            inner = (truth - self._corner[:, None]) / self._side
            return inner.reshape(len(truth), -1).astype(np.float32)
        wanted = [(truth[:, k // 2] - corner) / side
                  for k, (corner, side) in enumerate(self._places)]  # fmt: skip
        return np.concatenate(wanted, axis=1).astype(np.float32)

    def predict(self, model, crops):
        """All levels that there are, as the peer runs them."""
        seen, corner, side = self._first(crops)
        found = np.asarray(self.nets["1_F"].predict(seen, verbose=0)).reshape(-1, 5, 2)
        points = corner[:, None] + found * side
        for level in range(2, self.level + 1):
            for k, point in enumerate(POINTS):
                answers = []
                for number, half in enumerate(HALVES[level], start=1):
                    cut, corners, side = self._cut(crops, points[:, k], half)
                    net = self.nets[f"{level}_{point}{number}"]
                    answers.append(corners + np.asarray(net.predict(cut, verbose=0)) * side)
                points[:, k] = np.mean(answers, axis=0)
        return points

    def write(self, model, learner):
        o = self.options
        folder = make_folder(o.out.with_suffix(""))
        gap, rng = 0.0, np.random.default_rng(0)
        for name, net in self.nets.items():
            seen = rng.normal(size=(4, *net.input.shape[1:])).astype(np.float32)
            gap = max(gap, export_checked(net, folder / f"{name}.onnx", seen, self.notes(learner)))
        return f"dcnn:{folder}?expand=1&down=0", gap
