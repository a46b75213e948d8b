"""SE-ResNet: residual blocks with squeeze and excitation, one linear layer for all coordinates.

A residual network (He et al. 2016, "Deep residual learning") whose blocks squeeze the map to one
number a channel, excite them through a bottleneck, and scale the map (Hu et al. 2018, "Squeeze-and-
excitation networks", section 3).
"""

import keras
from blocks import convolution, regress, residual
from keras import layers
from recipe import Recipe


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
    x = convolution(x, width, 7, strides=4)
    for stage, n_blocks in enumerate(blocks):
        for block in range(n_blocks):
            halve = stage > 0 and block == 0
            x = residual(x, width << stage, 2 if halve else 1, reduction)
    return keras.Model(face, regress(layers.Flatten()(x), mean), name="se_resnet")


class SeResNet(Recipe):
    """The options of the command line are those of `se_resnet`."""

    def build(self, mean):
        o = self.options
        return se_resnet(mean, o.size, o.width, o.blocks, o.reduction)
