"""Outputs that are maps of the crop, in either order of axes."""

import numpy as np


def channels_first(answer, n_channels=None):
    """The maps (C, H, W) of one face, float64.

    Parameters
    ----------
    answer : ndarray of shape (1, C, H, W) or (1, H, W, C)
    n_channels : collection of int, optional
        What C can be; without it, channels are last where the first two axes are equal and the
        third is another, since crops are square.
    """
    maps = np.asarray(answer, np.float64)[0]
    return maps.transpose(2, 0, 1) if _last(maps.shape, n_channels) else maps


def count_channels(shape, n_channels=None):
    """C of an output, as `channels_first` takes it; 0 where it is no stack of maps."""
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        return 0
    last = _last(shape[1:], n_channels)
    sides = shape[1:3] if last else shape[2:]
    count = shape[3] if last else shape[1]
    return count if min(sides) > 2 and (n_channels is None or count in n_channels) else 0


def _last(shape, n_channels):
    if n_channels is not None:
        return shape[0] not in n_channels and shape[2] in n_channels
    return shape[0] == shape[1] != shape[2]


def is_maps(shape):
    """Whether an output of this shape is a stack of maps of one face."""
    return count_channels(shape) > 0
