"""The order in which many samples of few images are worked on."""

import numpy as np

# Images side by side whose samples are worked on together: they stay in the caches.
_IMAGES = 64


def image_spans(index, start, stop):
    """Parts of samples, those of the same images one after the other.

    Samples of m images from k starts lie start by start, so that an image is looked at k times, the
    whole data set between one time and the next. The parts bring these times together; whatever
    is done sample by sample comes out the same.

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
