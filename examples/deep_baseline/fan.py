"""FAN (Bulat and Tzimiropoulos 2017, "How far are we from solving the 2D & 3D face alignment
problem?"), small: one hourglass, which sees the face at falling and then rising resolution, and
gives a heatmap for each landmark at a quarter of the crop's: logarithms of where it may be."""

import keras
import numpy as np
from blocks import convolution, residual
from keras import layers
from losses import heatmap_loss, heatmaps
from recipe import Recipe

from cascade.judging.compare.peers.decoders.heatmaps import soft_argmax

DEPTH = 3
WINDOW = 5  # pixels of the map that count around the highest


def hourglass(x, width, depth):
    """Half the resolution, `depth` times, and back, a shortcut at each (Newell et al. 2016)."""
    beside = residual(x, width)
    x = residual(layers.MaxPooling2D(2, padding="same")(x), width)
    x = hourglass(x, width, depth - 1) if depth > 1 else residual(x, width)
    return layers.Add()([beside, layers.UpSampling2D(2)(x)])


class Fan(Recipe):
    def build(self, mean):
        o = self.options
        face = keras.Input((o.size, o.size, 1), name="face")
        x = convolution(face, o.width, 7, strides=2)
        x = residual(x, 2 * o.width, strides=2)
        x = residual(hourglass(x, 2 * o.width, DEPTH), 2 * o.width)
        small = keras.initializers.RandomNormal(stddev=1e-3, seed=0)
        x = layers.Conv2D(len(mean), 1, kernel_initializer=small)(x)
        return keras.Model(face, x, name="fan")

    def loss(self):
        return heatmap_loss

    def targets(self, truth):
        return heatmaps(truth, self.options.size // 4)

    def fractions(self, answers):
        maps = np.asarray(answers).transpose(0, 3, 1, 2)
        return np.stack([soft_argmax(one, beta=1, window=WINDOW) for one in maps])

    def decode(self):
        return f"&decode=heatmap&beta=1&window={WINDOW}"
