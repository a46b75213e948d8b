"""The order in which samples are processed when many share an image."""

import numpy as np

# Number of images whose samples are processed together, so that the images stay in the caches.
_IMAGES = 64


def image_spans(index, start, stop):
    """Ranges of samples, ordered so that samples of the same images are processed together.

    Samples of m images from k starts are stored start by start, so in this order an image is read k
    times with all other images between. The ranges bring the k reads of an image together. The
    order does not change the result of work that treats each sample alone.

    Parameters
    ----------
    index : ndarray of shape (N,), intp
        Image of each sample.
    start, stop : int
        The samples to cover.

    Returns
    -------
    list of (int, int)
        First sample and the one after the last; every sample of [start, stop) is in one of them.

    Examples
    --------
    >>> import numpy as np
    >>> parts = image_spans(np.tile(np.arange(100), 2), 0, 200)
    >>> parts
    [(0, 64), (100, 164), (64, 100), (164, 200)]
    """
    n_images = _period(index[start:stop])
    if n_images is None:
        return [(start, stop)]
    return [
        (at, min(at + _IMAGES, row + n_images, stop))
        for first in range(0, n_images, _IMAGES)
        for row in range(start, stop, n_images)
        if (at := row + first) < stop
    ]


def _period(index):
    """After how many samples the images come again in the same order; None where they do not."""
    if len(index) <= 2 * _IMAGES:
        return None
    again = np.flatnonzero(index == index[0])
    if len(again) < 2 or again[1] < _IMAGES:
        return None
    period = int(again[1])
    return period if np.array_equal(index[period:], index[:-period]) else None
