"""Pieces that several networks are made of."""

import keras
import numpy as np
from keras import layers

# Unit of the last layer in fractions of the crop: about how far landmarks are from the mean shape.
# With units of a whole crop, the first steps of Adam would throw them out of it.
SPREAD = 0.05


def convolution(x, width, side, strides=1, relu=True, padding="same", start=0.0):
    """Convolution, batch normalisation to a mean of `start` at first and, unless told otherwise,
    ReLU."""
    x = layers.Conv2D(
        width, side, strides, padding=padding, use_bias=False, kernel_initializer="he_normal"
    )(x)
    return _normal(x, relu, start)


def dense(x, width, relu=True, start=0.0):
    """All values of a map, or features, in one layer; then as `convolution`.

    The papers before 2015 do without normalisation and train for days at small rates. At a rate
    that is done in minutes, the first steps would push every unit to where its slope is zero.
    """
    x = layers.Flatten()(x) if len(x.shape) > 2 else x
    x = layers.Dense(width, use_bias=False, kernel_initializer="he_normal")(x)
    return _normal(x, relu, start)


def _normal(x, relu, start):
    start = keras.initializers.Constant(start)
    x = layers.BatchNormalization(momentum=0.95, beta_initializer=start)(x)
    return layers.ReLU()(x) if relu else x


def squeeze_excite(x, reduction):
    """The map with each channel scaled by what a bottleneck makes of the means of all (Hu et al.
    2018, "Squeeze-and-excitation networks", section 3)."""
    width = x.shape[-1]
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)  # squeeze
    weight = layers.Conv2D(max(1, width // reduction), 1, activation="relu")(weight)  # excite
    weight = layers.Conv2D(width, 1, activation="sigmoid")(weight)
    return layers.Multiply()([x, weight])  # scale


def residual(x, width, strides=1, reduction=None):
    """A block of two convolutions beside a shortcut (He et al. 2016, "Deep residual learning");
    squeezed and excited if a `reduction` is given."""
    shortcut = x
    if strides > 1 or x.shape[-1] != width:
        shortcut = convolution(x, width, 1, strides, relu=False)
    x = convolution(x, width, 3, strides)
    x = convolution(x, width, 3, relu=False)
    if reduction is not None:
        x = squeeze_excite(x, reduction)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def regress(x, mean):
    """All coordinates (n, 2 L) from features by one linear layer, near `mean` (L, 2) at first."""
    small = keras.initializers.RandomNormal(stddev=1e-3, seed=0)
    x = layers.Dense(np.size(mean), kernel_initializer=small)(x)
    return layers.Rescaling(SPREAD, np.ravel(mean).tolist())(x)


class Formula(layers.Layer):
    """A layer of arithmetic, written once for Keras and for ONNX.

    Subclasses have ``formula(ops, *inputs)``, of operators that tensors of both have, and of
    functions of `keras.ops` that `to_onnx.Operators` has, too; and ``sides(*shapes)``, the shape of
    the output, where it is not that of the first input.
    """

    def call(self, *inputs):
        return self.formula(keras.ops, *inputs)

    def sides(self, first, *others):
        return first

    def compute_output_spec(self, *inputs):
        return keras.KerasTensor(self.sides(*(x.shape for x in inputs)))


class AbsTanh(Formula):
    """|tanh|, by which Sun et al. 2013 and Wu et al. 2017 activate neurons.

    It gives the same for x and -x, so what has a mean of 0 loses its sign; normalise to a mean of
    1, and most values begin on the side that rises.
    """

    def formula(self, ops, x):
        return ops.abs(ops.tanh(x))
