"""The network, its losses, and what it costs.

A residual network (He et al. 2016, "Deep residual learning") whose blocks squeeze the map to one
number a channel, excite them through a bottleneck, and scale the map (Hu et al. 2018, "Squeeze-and-
excitation networks", section 3). One linear layer on top regresses all coordinates at once.
"""

import keras
import numpy as np
from keras import layers, ops

# Unit of the last layer in fractions of the crop: about how far landmarks are from the mean shape.
# With units of a whole crop, the first steps of Adam would throw them out of it.
SPREAD = 0.05


def se_resnet(mean, size=112, width=32, blocks=(1, 1, 1, 1), reduction=16):
    """An untrained network.

    Parameters
    ----------
    mean : ndarray of shape (L, 2)
        Mean shape in fractions of the crop: what the network answers before it has learned.
    size : int
        Side of the crop in pixels.
    width : int
        Channels of the first stage, at a quarter of the crop's size; they double from stage to
        stage.
    blocks : tuple of int
        Residual blocks of each stage; every stage but the first halves the map.
    reduction : int
        Channels of a block over those of its excitation's bottleneck.

    Returns
    -------
    keras.Model
        From grey crops (n, size, size, 1) to (n, 2 L): x and y of each landmark.
    """
    face = x = keras.Input((size, size, 1), name="face")
    x = _convolution(x, width, 7, strides=4, relu=True)
    for stage, n_blocks in enumerate(blocks):
        for block in range(n_blocks):
            halve = stage > 0 and block == 0
            x = _block(x, width << stage, 2 if halve else 1, reduction)
    x = layers.Flatten()(x)
    small = keras.initializers.RandomNormal(stddev=1e-3, seed=0)
    x = layers.Dense(np.size(mean), kernel_initializer=small)(x)
    points = layers.Rescaling(SPREAD, np.ravel(mean).tolist())(x)
    return keras.Model(face, points)


def _block(x, width, strides, reduction):
    shortcut = x
    if strides > 1 or x.shape[-1] != width:
        shortcut = _convolution(x, width, 1, strides)
    x = _convolution(x, width, 3, strides, relu=True)
    x = _convolution(x, width, 3)
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)  # squeeze
    weight = layers.Conv2D(max(1, width // reduction), 1, activation="relu")(weight)  # excite
    weight = layers.Conv2D(width, 1, activation="sigmoid")(weight)
    x = layers.Multiply()([x, weight])  # scale
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _convolution(x, width, side, strides=1, relu=False):
    x = layers.Conv2D(
        width, side, strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    x = layers.BatchNormalization(momentum=0.95)(x)
    return layers.ReLU()(x) if relu else x


def loss(name, size, width=10.0, curvature=2.0):
    """Loss between coordinates in fractions of a crop of `size` pixels, NaN truths left out.

    Parameters
    ----------
    name : {"wing", "l2"}
        "wing" (Feng et al. 2018, "Wing loss for robust facial landmark localisation"): logarithmic
        in small errors, so that they still count, and linear in large ones. "l2": their square.
    size : int
    width, curvature : float
        w and epsilon of the wing in pixels of the crop; the defaults are the paper's.
    """

    def mean_loss(truth, found):
        known = ops.isfinite(truth)
        error = ops.abs(ops.where(known, truth, found) - found) * size
        if name == "l2":
            cost = ops.square(error)
        else:
            gap = width - width * np.log1p(width / curvature)
            cost = ops.where(
                error < width, width * ops.log1p(error / curvature), error - float(gap)
            )
        count = ops.maximum(ops.sum(ops.cast(known, cost.dtype)), 1)
        return ops.sum(ops.where(known, cost, 0.0)) / count

    return mean_loss


def flops(model):
    """Floating-point operations for one face: two for each multiply-add of the convolutions and
    dense layers; what costs one a value (normalisation, activation, pooling) is not counted."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            positions = int(np.prod(layer.output.shape[1:-1], dtype=np.int64))
            total += 2 * positions * int(np.prod(layer.kernel.shape))
    return total
