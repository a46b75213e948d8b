"""DCNN (Sun, Wang and Tang 2013, "Deep convolutional network cascade for facial point detection"):
five points in three levels, with the first of the paper's networks at level 1.

Each level learns where the level before may leave a point: at level 1 from jittered boxes, at 2 and
3 from patches around points that are moved at random. The files go to a folder, as the peer
``dcnn:FOLDER`` reads them.
"""

import cv2
import keras
import numpy as np
from blocks import convolution, dense, regress
from keras import layers
from losses import loss
from recipe import Recipe, export_checked

from cascade.judging.compare.peers.published.dcnn import GROW, HALVES, PATCH, POINTS, SIZE
from cascade.judging.compare.peers.published.face_crop import standardised
from data_tools.files import make_folder

# How far the points that a level starts from are off, in units of the square's side.
SPREADS = {2: 0.04, 3: 0.02}


def network(size, widths, n_features, mean, name):
    """Convolutions, all but the last with pooling, and two dense layers; `mean` (P, 2) is what it
    answers at first, in fractions of the patch."""
    patch = x = keras.Input((size, size, 1))
    maps = []
    for k, width in enumerate(widths):
        x = convolution(x, width, (4, 3, 3, 2)[k], padding="valid")
        if k < 3:
            x = layers.MaxPooling2D(2, padding="same")(x)
        maps.append(x)
    # The paper joins the last two maps of level 1.
    flat = [layers.Flatten()(one) for one in maps[2:] or maps[-1:]]
    x = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    return keras.Model(patch, regress(dense(x, n_features), mean), name=name)


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
        inner = (mean - 0.5) * self.options.expand + 0.5
        first = network(SIZE, (20, 40, 60, 80), 120, inner, "level_1")
        self.nets, self.levels = {"1_F": first}, [first]
        yield first, loss(self.options.loss, SIZE), 0.5
        middle = np.full((1, 2), 0.5)
        for level in (2, 3):
            nets = {f"{level}_{p}{k}": network(PATCH, (20, 40), 60, middle, f"p_{level}_{p}{k}")
                    for p in POINTS for k in (1, 2)}  # fmt: skip
            self.nets |= nets
            joint = layers.Concatenate()([net.output for net in nets.values()])
            inputs = [net.input for net in nets.values()]
            self.levels.append(keras.Model(inputs, joint, name=f"level_{level}"))
            yield self.levels[-1], loss(self.options.loss, PATCH), 0.25

    def _cut(self, crops, points, half):
        """Patches (n, PATCH, PATCH, 1) of `half` the square's side around points (n, 2), their
        corners (n, 2) and their side in fractions of the crop."""
        side = 2 * half / self.options.expand
        return patches(crops, points - side / 2, side, PATCH), points - side / 2, side

    def _around(self, crops, points, level):
        """What the networks of a level see around points (n, 5, 2), one array each, and where."""
        cuts = [self._cut(crops, points[:, k], half)
                for k in range(len(POINTS)) for half in HALVES[level]]  # fmt: skip
        return [cut for cut, _, _ in cuts], [where for _, *where in cuts]

    def _first(self, crops):
        """What level 1 sees, and corners (n, 2) and side of the square that it answers in."""
        inner = 1 / self.options.expand
        corners = np.full((len(crops), 2), 0.5)
        seen = patches(crops, corners - GROW * inner / 2, GROW * inner, SIZE)
        return seen, corners - inner / 2, inner

    def inputs(self, crops, truth, rng):
        level = len(self.levels)
        if level == 1:
            seen, self._corner, self._side = self._first(crops)
            return seen
        spread = SPREADS[level] / self.options.expand
        moved = np.nan_to_num(truth, nan=0.5) + rng.normal(0, spread, truth.shape)
        seen, self._places = self._around(crops, moved, level)
        return seen

    def targets(self, truth):
        if len(self.levels) == 1:
            inner = (truth - self._corner[:, None]) / self._side
            return inner.reshape(len(truth), -1).astype(np.float32)
        wanted = [(truth[:, k // 2] - corner) / side
                  for k, (corner, side) in enumerate(self._places)]  # fmt: skip
        return np.concatenate(wanted, axis=1).astype(np.float32)

    def predict(self, model, crops):
        """All levels that there are, as the peer runs them."""
        seen, corner, side = self._first(crops)
        found = np.asarray(self.levels[0].predict(seen, verbose=0)).reshape(-1, 5, 2)
        points = corner[:, None] + found * side
        for level, net in enumerate(self.levels[1:], start=2):
            seen, places = self._around(crops, points, level)
            answers = np.split(np.asarray(net.predict(seen, verbose=0)), len(places), axis=1)
            found = [corners + answer * side
                     for answer, (corners, side) in zip(answers, places, strict=True)]  # fmt: skip
            points = np.stack(found, axis=1).reshape(len(crops), len(POINTS), 2, 2).mean(2)
        return points

    def write(self, model, learner):
        o = self.options
        folder = make_folder(o.out.with_suffix(""))
        gap, rng = 0.0, np.random.default_rng(0)
        for name, net in self.nets.items():
            seen = rng.normal(size=(4, *net.input.shape[1:])).astype(np.float32)
            gap = max(gap, export_checked(net, folder / f"{name}.onnx", seen, self.notes(learner)))
        return f"dcnn:{folder}?expand=1&down=0", gap
