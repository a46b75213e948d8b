"""PRNet (Feng et al. 2018, "Joint 3D face reconstruction and dense alignment with position map
regression network"), small: residual blocks down, transposed convolutions up to a UV position map.

The map is the drawn head's own grid, 34 rows from the hair to the chin and 37 columns from ear to
ear, stretched to a square; where in it each landmark lies is measured on the training heads and
written to FILE.index.txt. Errors count 16 times at landmarks and 4 times in the middle of the face,
as in the paper.
"""

import cv2
import keras
import numpy as np
from blocks import Formula, convolution, residual
from keras import layers, ops
from recipe import Recipe

from data_tools.files import replace_file
from features.errors import InputError


def up(x, width, strides):
    """A transposed convolution, batch normalisation and ReLU."""
    x = layers.Conv2DTranspose(width, 4 if strides > 1 else 3, strides, padding="same",
                               use_bias=False)(x)  # fmt: skip
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))


class Offset(Formula):
    """Maps plus their mean over the training heads (side, side, 3): the network learns the rest."""

    def __init__(self, mean, **kwargs):
        super().__init__(**kwargs)
        self.mean = mean

    def formula(self, ops, x):
        mean = self.mean if ops is keras.ops else self.mean.transpose(2, 0, 1)
        return x + ops.convert_to_tensor(np.ascontiguousarray(mean, np.float32))


class PrNet(Recipe):
    def __init__(self, options, source):
        super().__init__(options, source)
        if options.size % 16:
            raise InputError(f"--size {options.size}: prnet needs a multiple of 16")
        side = options.size // 2  # of the position map
        self.maps = np.stack([cv2.resize(one, (side, side)) for one in source.surface])
        self.places = places(self.maps, source.landmarks)
        rows, columns = np.mgrid[:side, :side] / (side - 1) - 0.5
        weight = np.where(np.maximum(abs(rows), abs(columns)) < 0.25, 4.0, 1.0)
        weight[self.places[:, 1], self.places[:, 0]] = 16
        self.weight = weight[..., None].astype(np.float32)

    def build(self, mean):
        o = self.options
        face = keras.Input((o.size, o.size, 1), name="face")
        x = convolution(face, o.width, 5, strides=2)
        for k in (1, 2, 3):
            x = residual(residual(x, o.width << k, strides=2), o.width << k)
        for k in (3, 2, 1):
            x = up(up(x, o.width << (k - 1), 2), o.width << (k - 1), 1)
        small = keras.initializers.RandomNormal(stddev=1e-3, seed=0)
        x = layers.Conv2D(3, 3, padding="same", kernel_initializer=small)(x)
        return keras.Model(face, Offset(self.maps.mean(0))(x), name="prnet")

    def loss(self):
        weight = ops.convert_to_tensor(self.weight)

        def weighted(truth, found):
            return ops.mean(weight * ops.square(truth - found)) * self.options.size**2

        return weighted

    def targets(self, truth):
        return self.maps[truth]

    def fractions(self, answers):
        column, row = self.places.T
        return np.asarray(answers)[:, row, column, :2]

    def decode(self):
        path = self.options.out.with_suffix(".index.txt")
        lines = "".join(f"{column} {row}\n" for column, row in self.places)
        replace_file(path, lines.encode())
        return f"&decode=uvmap&index={path}"


def places(maps, landmarks):
    """(column, row) of the place of a map that is nearest to each landmark on average, (68, 2)."""
    columns = maps.shape[2]
    # The grid's last row is one point, the chin: of places that are equally near, the middle one.
    aside = abs(np.arange(columns) - (columns - 1) / 2)
    gaps = np.tile(1e-4 * aside, (landmarks.shape[1], maps.shape[1]))
    for one, points in zip(maps[:200], landmarks[:200], strict=True):
        flat = one[..., :2].reshape(-1, 2)
        gaps += np.linalg.norm(flat[None] - points[:, None], axis=-1)
    row, column = np.divmod(gaps.argmin(1), columns)
    return np.stack([column, row], -1)
