"""A heatmap for each point, as by FAN and hourglass networks."""

import numpy as np

from features.errors import InputError, require_count

from .maps import channels_first, count_channels


class Heatmaps:
    """The expected position of each map.

    Options: ``beta``, see `soft_argmax`; ``window``, pixels of the map: only the square of that
    side around the highest value counts, for maps that are not zero far from their point.
    """

    about = "heatmaps, soft-argmax"

    def __init__(self, spec, size):
        self.beta = spec.take("beta", None, float)
        self.window = spec.take("window", None, int)
        if self.window is not None:
            require_count("window", self.window, 1, 1024)
        if self.beta is not None and not np.isfinite(self.beta):
            raise InputError(f"{spec.text}: beta must be a finite number")

    def count(self, shape):
        """Points that an output of this shape holds; 0 if it holds none."""
        return count_channels(shape)

    def __call__(self, answer):
        return soft_argmax(channels_first(answer), self.beta, self.window)


def soft_argmax(maps, beta=None, window=None):
    """Expected position in heatmaps (Sun et al. 2018, "Integral human pose regression").

    Parameters
    ----------
    maps : ndarray of shape (P, H, W)
    beta : float, optional
        Weights are ``exp(beta * map)``; without it they are the map itself, negative values cut.
    window : int, optional
        Side of the square around the highest value outside of which nothing counts.

    Returns
    -------
    ndarray of shape (P, 2), float64
        Fractions of the width and the height, from the edges of the map; NaN for a map of zeros.
    """
    maps = np.asarray(maps, np.float64)
    n_points, height, width = maps.shape
    flat = maps.reshape(n_points, -1)
    if beta is None:
        weights = np.maximum(flat, 0)
    else:
        weights = np.exp(beta * (flat - flat.max(1, keepdims=True)))
    if window is not None:
        row, column = np.divmod(flat.argmax(1)[:, None], width)
        rows, columns = np.divmod(np.arange(height * width), width)
        far = np.maximum(abs(rows - row), abs(columns - column)) > window // 2
        weights = np.where(far, 0, weights)
    total = weights.sum(1)
    weights = np.divide(weights, total[:, None], out=np.full_like(flat, np.nan),
                        where=total[:, None] > 0).reshape(maps.shape)  # fmt: skip
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    return np.stack([weights.sum(1) @ x, weights.sum(2) @ y], axis=-1)
