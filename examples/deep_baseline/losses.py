"""Losses, and what a network costs."""

import keras
import numpy as np
from keras import layers, ops


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


def heatmap_loss(truth, found):
    """Cross-entropy of where each point is, over the pixels of its map: the truth (n, H, W, P) and
    the softmax of the answer are the shares of each pixel. NaN truths are left out.

    The squared error of maps that FAN learns from tells hardly anything at first, since nearly all
    of a map is background: in the first minutes it only finds that.
    """
    n_pixels, n_points = truth.shape[1] * truth.shape[2], truth.shape[3]
    truth, found = (ops.reshape(maps, (-1, n_pixels, n_points)) for maps in (truth, found))
    shares = ops.where(ops.isfinite(truth), truth, 0.0)
    shares = shares / ops.maximum(ops.sum(shares, axis=1, keepdims=True), 1e-3)
    return -ops.mean(ops.sum(shares * ops.log_softmax(found, axis=1), axis=1))


def heatmaps(points, side, sigma=1.0):
    """Gaussians of `sigma` pixels at points (n, P, 2), fractions of the crop: (n, side, side, P),
    float32, NaN where a point is missing."""
    middle = (np.arange(side) + 0.5) / side
    x, y = (np.exp(-0.5 * ((middle[:, None] - points[:, None, :, axis]) * side / sigma) ** 2)
            for axis in (0, 1))  # fmt: skip
    return (y[:, :, None] * x[:, None]).astype(np.float32)


def flops(model):
    """Floating-point operations for one face: two for each multiply-add of the convolutions and
    dense layers; what costs one a value (normalisation, activation, pooling) is not counted."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense | layers.Conv2DTranspose):
            spread = layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
            positions = int(np.prod(spread.shape[1:-1], dtype=np.int64))
            total += 2 * positions * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.Model):
            total += flops(layer)
    return total
