"""Shapes normalised for position, size and rotation, and clusters of them."""

import numpy as np

from features.errors import InputError
from features.geometry import inverse, rotate, similarity
from features.threads import one_blas_thread


def aligned(shapes, mean):
    """Shapes aligned with the mean shape by similarities.

    Parameters
    ----------
    shapes : ndarray of shape (N, L, 2)
        NaN where a landmark is missing; it is replaced by that of the mean shape.
    mean : ndarray of shape (L, 2)

    Returns
    -------
    ndarray of shape (N, 2L), float32
    """
    linear, shift = similarity(mean, shapes)
    found = rotate(shapes - shift[:, None], inverse(linear))
    found = np.where(np.isfinite(found), found, mean)
    return found.reshape(len(found), -1).astype(np.float32)


def centres(rows, n_clusters, rng):
    """Centres of k-means clusters, the largest first.

    Parameters
    ----------
    rows : ndarray of shape (N, D), float32
    n_clusters : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_clusters, D), float32

    Raises
    ------
    InputError
        If there are fewer rows than clusters.
    """
    from sklearn.cluster import KMeans  # training alone needs them

    if len(rows) < n_clusters:
        raise InputError(
            f"poses: {n_clusters} clusters of {len(rows)} shapes; set fewer shapes or "
            "routes, or give more faces"
        )
    seed = int(rng.integers(2**31))
    with one_blas_thread():
        found = KMeans(n_clusters, n_init=4, random_state=seed).fit(rows)
    order = np.argsort(-np.bincount(found.labels_, minlength=n_clusters), kind="stable")
    return found.cluster_centers_[order].astype(np.float32)
