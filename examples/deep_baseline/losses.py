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
    """Squared error of maps, in which pixels count as much more as they are higher in the truth:
    nearly all of a map is background. NaN truths are left out."""
    known = ops.isfinite(truth)
    truth = ops.where(known, truth, found)
    weight = ops.where(known, 1 + 20 * truth, 0.0)
    return ops.mean(weight * ops.square(truth - found)) * 100


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
