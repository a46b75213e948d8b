"""Initial shapes: the mean shape, and the shapes that training samples around it."""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError, require_count, require_range
from features.geometry import rotate, similarity
from features.memory import require_memory
from features.parameters import Parameters

# Starts that are computed together.
_TOGETHER = 256


@dataclass(eq=False, repr=False)
class Starts(Parameters):
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

    n: int = 20
    mix: tuple = (0.0, 1.0)
    shift: float = 0.6
    scale: float = 0.6
    roll: float = 0.0
    roll_share: float = 1.0

    def check(self):
        """Refuse parameters out of range."""
        require_count("starts: n", self.n, 1, 10_000)
        try:
            low, high = self.mix
        except (TypeError, ValueError) as error:
            raise InputError(f"starts: mix must be two numbers, not {self.mix!r}") from error
        require_range("starts: lower end of mix", low, 0, 1)
        require_range("starts: upper end of mix", high, low, 1)
        require_range("starts: shift", self.shift, 0, 100)
        require_range("starts: scale", self.scale, 0, 100)
        require_range("starts: roll", self.roll, 0, 180)
        require_range("starts: roll_share", self.roll_share, 0, 1)

    def sample(self, shapes, mean, rng, faces=None):
        """Draw `n` starts for each face.

        Parameters
        ----------
        shapes : ndarray of shape (m, L, 2)
            True shapes in the box frame, NaN where a landmark is missing.
        mean : ndarray of shape (L, 2)
        rng : numpy.random.Generator
        faces : (int, int), optional
            Return the starts of these faces alone, from the first to the one before the second;
            they are the same as if all were returned.

        Returns
        -------
        ndarray of shape (m * n, L, 2), float32
            Start j of face i is row ``i * n + j``.

        Raises
        ------
        InputError
            If a parameter is out of range, or the starts do not fit into memory.
        """
        first, stop = (0, len(shapes)) if faces is None else faces
        rows = first * self.n, stop * self.n
        return self.draw(self.n * len(shapes), shapes, mean, rng, rows)

    def draw(self, n, shapes, mean, rng, rows=None):
        """Draw `n` starts in all, and return those of `rows`, from the first to the one before the
        second; `shapes`, `mean` and `rng` as of `sample`.

        Returns
        -------
        ndarray of shape (n, L, 2), float32
        """
        self.check()
        n_faces = len(shapes)
        first, stop = (0, n) if rows is None else rows
        # In float32, with as much again on the way.
        require_memory((stop - first) * mean.size * 8, "the starts", "take fewer starts or faces")
        center = mean.mean(0)
        linear, shift = similarity(mean - center, shapes)
        spread = shift.std(0), np.log(np.hypot(*linear.T)).std()
        # Another face's shape, where it is whole; a face with gaps lends the mean in their place.
        others = np.where(np.isfinite(shapes), shapes, mean)
        chosen = rng.integers(0, n_faces, n)
        weight = rng.uniform(*self.mix, n)[:, None, None]
        size = np.exp(rng.normal(0, self.scale * spread[1], n))
        angle = np.deg2rad(rng.normal(0, self.roll, n)) * (rng.random(n) < self.roll_share)
        turn = np.stack([size * np.cos(angle), size * np.sin(angle)], -1)
        moved = center + rng.normal(0, 1, (n, 1, 2)) * self.shift * spread[0]
        starts = np.empty((stop - first, *mean.shape), np.float32)
        for at in range(first, stop, _TOGETHER):  # parts whose float64 stays in the caches
            part = slice(at, min(at + _TOGETHER, stop))
            mixed = weight[part] * mean + (1 - weight[part]) * others[chosen[part]]
            there = slice(part.start - first, part.stop - first)
            starts[there] = rotate(mixed - center, turn[part]) + moved[part]
        return starts


#: Starts kept in a model for predictions from several.
N_KEPT = 16
# How far they lie from the mean shape.
_TEST_JITTER = {"shift": 0.4, "scale": 0.5}


def test_starts(shapes, mean, rng):
    """Starts for prediction: the mean shape, and the mean shape where other boxes put it.

    Parameters
    ----------
    shapes, mean, rng
        As of `Starts.sample`.

    Returns
    -------
    ndarray of shape (16, L, 2), float32
        The first is the mean shape.
    """
    moved = Starts(mix=(1.0, 1.0), **_TEST_JITTER).draw(N_KEPT - 1, shapes, mean, rng)
    return np.concatenate([mean[None], moved])


def mean_shape(shapes):
    """Mean of shapes (m, L, 2) in the box frame, missing landmarks left out: (L, 2) float32.

    Raises
    ------
    InputError
        If a landmark is missing in all of them.
    """
    seen = np.isfinite(shapes).all(-1).any(0)
    if not seen.all():
        missing = np.flatnonzero(~seen)
        raise InputError(
            f"landmark {', '.join(map(str, missing[:5].tolist()))}"
            f"{' and others' * (len(missing) > 5)} (counted from 0) is missing in all "
            f"{len(shapes)} faces, so nothing can be learned of it; leave it out of the scheme"
        )
    return np.nanmean(shapes, axis=0, dtype=np.float64).astype(np.float32)
