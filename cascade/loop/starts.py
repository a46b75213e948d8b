"""Where the cascade starts: the mean shape, and the starts that training samples around it."""

import numpy as np
from sklearn.base import BaseEstimator

from features.errors import require_range
from features.geometry import rotate, similarity
from features.memory import require_memory


class Starts(BaseEstimator):
    """Sampler of the shapes that training starts from.

    A start is the mean shape mixed with the shape of another face, then moved, scaled and turned
    as the boxes of the face detector would have it: the spread of the training faces' own position
    and size in their boxes is the unit of `shift` and `scale`.

    Parameters
    ----------
    n : int
        Starts a face, mirrored copies counted as faces of their own.
    mix : (float, float)
        Range of the weight of the mean shape; 1 is the mean shape alone, 0 another face's.
    shift, scale : float
        Standard deviation of the start's position and of the logarithm of its size, in those of
        the training faces.
    roll : float
        Standard deviation in degrees of the in-plane rotation.
    roll_share : float
        Share of the starts that are turned.

    Notes
    -----
    ESR (Cao et al. 2012, section 2) and ERT start at other faces' shapes. Mixing with the mean is
    DEST's way; starts nearer the mean train a cascade that is more accurate from the mean.
    """

    def __init__(self, n=20, mix=(0.0, 1.0), shift=0.6, scale=0.6, roll=0.0, roll_share=1.0):
        self.n = n
        self.mix = mix
        self.shift = shift
        self.scale = scale
        self.roll = roll
        self.roll_share = roll_share

    def sample(self, shapes, mean, rng):
        """Draw `n` starts for each face.

        Parameters
        ----------
        shapes : ndarray of shape (m, L, 2)
            True shapes in the box frame, NaN where a landmark is missing.
        mean : ndarray of shape (L, 2)
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (n * m, L, 2), float32
            Start j of face i is row ``j * m + i``.

        Raises
        ------
        InputError
            If `n` or `mix` is out of range, or the starts do not fit into memory.
        """
        require_range("starts: n", self.n, 1, 10_000)
        require_range("starts: lower end of mix", self.mix[0], 0, 1)
        require_range("starts: upper end of mix", self.mix[1], self.mix[0], 1)
        n_faces = len(shapes)
        n = self.n * n_faces
        # Drawn in float64, with as much again on the way.
        require_memory(n * mean.size * 40, "the starts", "take fewer starts or faces")
        center = mean.mean(0)
        linear, shift = similarity(mean - center, shapes)
        spread = shift.std(0), np.log(np.hypot(*linear.T)).std()
        # Another face's shape, where it is whole; a face with gaps lends the mean in their place.
        others = np.where(np.isfinite(shapes), shapes, mean)
        chosen = others[rng.integers(0, n_faces, n)]
        weight = rng.uniform(*self.mix, n)[:, None, None]
        starts = weight * mean + (1 - weight) * chosen
        size = np.exp(rng.normal(0, self.scale * spread[1], n))
        angle = np.deg2rad(rng.normal(0, self.roll, n)) * (rng.random(n) < self.roll_share)
        turn = np.stack([size * np.cos(angle), size * np.sin(angle)], -1)
        moved = center + rng.normal(0, 1, (n, 1, 2)) * self.shift * spread[0]
        return (rotate(starts - center, turn) + moved).astype(np.float32)


def mean_shape(shapes):
    """Mean of shapes (m, L, 2) in the box frame, missing landmarks left out: (L, 2) float32."""
    return np.nanmean(shapes, axis=0, dtype=np.float64).astype(np.float32)
