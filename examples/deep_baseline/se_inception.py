"""SE-Inception: the inception module (Szegedy et al. 2015, "Going deeper with convolutions") with
squeeze and excitation (Hu et al. 2018), the other module that their paper shows."""

import keras
from blocks import convolution, regress, squeeze_excite
from keras import layers
from recipe import Recipe


def inception(x, width, reduction):
    """Four branches of `width` / 4 channels, which see 1, 3, 5 and 3 pixels, side by side."""
    part = max(1, width // 4)
    five = convolution(convolution(convolution(x, part, 1), part, 3), part, 3)
    branches = [
        convolution(x, part, 1),
        convolution(convolution(x, part, 1), part, 3),
        five,
        convolution(layers.MaxPooling2D(3, 1, padding="same")(x), part, 1),
    ]
    return squeeze_excite(layers.Concatenate()(branches), reduction)


class SeInception(Recipe):
    """``width`` channels in the first stage, twice as many in the next, and so on; ``blocks`` are
    the modules of each."""

    def build(self, mean):
        o = self.options
        face = x = keras.Input((o.size, o.size, 1), name="face")
        x = convolution(x, o.width, 7, strides=4)
        for stage, n_blocks in enumerate(o.blocks):
            if stage:
                x = layers.MaxPooling2D(2, padding="same")(x)
            for _ in range(n_blocks):
                x = inception(x, o.width << stage, o.reduction)
        return keras.Model(face, regress(layers.Flatten()(x), mean), name="se_inception")
