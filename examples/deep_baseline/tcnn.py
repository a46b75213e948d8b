"""Vanilla CNN with tweaked experts, TCNN (Wu, Hassner et al. 2017, "Facial landmark detection with
tweaked convolutional neural networks"): five points.

The plain network of four convolutions and a dense layer learns first. Then a Gaussian mixture
clusters what its dense layer says of the training faces, which sorts them by pose, and each cluster
gets a last layer of its own, which starts as the common one and learns from that cluster's faces.
"""

import keras
import numpy as np
from blocks import SPREAD, AbsTanh, Formula, convolution, dense
from keras import layers
from recipe import Recipe

N_CLUSTERS = 8
N_FACES = 2000  # to find clusters in


class Experts(Formula):
    """The last layer of the cluster that features most probably belong to.

    Parameters
    ----------
    mixture : sklearn.mixture.GaussianMixture
        Of features, with diagonal covariances.
    kernel, bias : ndarray
        Of the common layer.
    """

    def __init__(self, mixture, kernel, bias, **kwargs):
        super().__init__(**kwargs)
        self.n_clusters, self.n_outputs = len(mixture.means_), len(bias)
        precision = 1 / mixture.covariances_
        # log p + constant = f² @ square + f @ linear + offset
        self.square = (-0.5 * precision.T).astype(np.float32)
        self.linear = (precision * mixture.means_).T.astype(np.float32)
        offset = np.log(mixture.weights_) + 0.5 * np.log(precision).sum(1)
        offset -= 0.5 * (precision * mixture.means_**2).sum(1)
        self.offset = offset.astype(np.float32)
        many = np.tile(kernel, (1, self.n_clusters))
        self.kernel = self.add_weight(many.shape, keras.initializers.Constant(0), name="kernel")
        self.bias = self.add_weight((many.shape[1],), keras.initializers.Constant(0), name="bias")
        self.kernel.assign(many)
        self.bias.assign(np.tile(bias, self.n_clusters))

    def sides(self, shape):
        return (shape[0], self.n_outputs)

    def formula(self, ops, x):
        square, linear, offset = map(ops.convert_to_tensor, (self.square, self.linear, self.offset))
        score = ops.matmul(x * x, square) + ops.matmul(x, linear) + offset
        chosen = ops.cast(score >= ops.max(score, axis=1, keepdims=True), "float32")
        kernel, bias = ops.convert_to_tensor(self.kernel), ops.convert_to_tensor(self.bias)
        answers = ops.reshape(ops.matmul(x, kernel) + bias, (-1, self.n_clusters, self.n_outputs))
        return ops.sum(answers * ops.reshape(chosen, (-1, self.n_clusters, 1)), axis=1)


class Tcnn(Recipe):
    def phases(self, mean, learner):
        face = x = keras.Input((self.options.size, self.options.size, 1), name="face")
        for width, side, padding in ((16, 5, "same"), (48, 3, "same"), (64, 3, "valid")):
            x = AbsTanh()(convolution(x, width, side, relu=False, padding=padding, start=1))
            x = layers.MaxPooling2D(2)(x)
        x = AbsTanh()(convolution(x, 64, 2, relu=False, padding="valid", start=1))
        features = AbsTanh()(dense(x, 100, relu=False, start=1))
        small = keras.initializers.RandomNormal(stddev=0.1, seed=0)
        last = layers.Dense(np.size(mean), kernel_initializer=small)

        def in_crop(x):
            return layers.Rescaling(SPREAD, np.ravel(mean).tolist())(x)

        yield keras.Model(face, in_crop(last(features)), name="vanilla_cnn"), self.loss(), 0.7

        from sklearn.mixture import GaussianMixture

        body = keras.Model(face, features)
        body.trainable = False
        crops, _ = learner.sample(N_FACES)
        values = np.asarray(body.predict(crops, verbose=0), np.float64)
        mixture = GaussianMixture(
            min(N_CLUSTERS, len(values) // 10 + 1), covariance_type="diag", random_state=0,
            reg_covar=1e-3,
        ).fit(values)  # fmt: skip
        experts = Experts(mixture, np.asarray(last.kernel.numpy()), np.asarray(last.bias.numpy()))
        yield keras.Model(face, in_crop(experts(features)), name="tcnn"), self.loss(), 0.3
