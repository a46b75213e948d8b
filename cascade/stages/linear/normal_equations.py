"""Sums over samples that linear regression needs, added batch by batch."""

from copy import copy

import numpy as np
from scipy.linalg.blas import ssymm

# Columns of the matrix of features that one thread adds at a time.
_PANEL = 1024


class NormalEquations:
    """Moments of features X and targets Y around a point: X'X, X'Y, Y'Y and the sums.

    Parameters
    ----------
    workers : Workers
        Add panels of X'X side by side; the sums do not depend on their number.

    Attributes
    ----------
    n : int
        Samples that were added.
    origin : ndarray of shape (F,), float32, or None
        What features are measured from; set it before the first are added. Near their mean,
        it keeps later subtractions from cancelling.
    gram : ndarray of shape (F, F), float32
        X'X; only what is not below its diagonal.
    cross : ndarray of shape (F, K), float32
        X'Y.
    """

    def __init__(self, workers):
        self.workers = workers
        self.n = 0
        self.origin = None
        self.center = np.float32(0)

    def add(self, features, targets):
        """Add the features (n, F) and targets (n, K) of samples."""
        n_features, n_targets = features.shape[1], targets.shape[1]
        if not self.n:
            self.gram = np.zeros((n_features, n_features), np.float32, order="F")
            self.cross = np.zeros((n_features, n_targets), np.float32)
            self.total = np.zeros(n_features), np.zeros(n_targets)
            self.energy = 0.0
        features = features - self.origin

        def add(start):
            stop = min(start + _PANEL, n_features)
            # Above the diagonal only: the rest is its mirror image.
            self.gram[:stop, start:stop] += (features[:, start:stop].T @ features[:, :stop]).T

        self.workers.map(add, range(0, n_features, _PANEL))
        self.cross += features.T @ targets
        for total, values in zip(self.total, (features, targets), strict=True):
            total += values.sum(0, dtype=np.float64)
        self.energy += float(np.square(targets, dtype=np.float64).sum())
        self.n += len(features)

    def means(self):
        """Means of the features (F,) and of the targets (K,), as they were added."""
        x, y = ((total / self.n).astype(np.float32) for total in self.total)
        return self.origin + x, self.center + y

    def shift(self, origin, center):
        """Measure features from `origin` (F,) and targets from `center` (K,) from now on."""
        x, y = origin - self.origin, center - self.center
        total_x, total_y = (total.astype(np.float32) for total in self.total)
        # (X - x)'(X - x) = X'X - x t' - (t - n x) x', with t the sum of X.
        left = total_x - self.n * x
        for j in range(len(self.gram)):
            self.gram[: j + 1, j] -= x[: j + 1] * total_x[j] + left[: j + 1] * x[j]
        self.cross -= np.outer(total_x, y) + np.outer(x, total_y - self.n * y)
        self.energy += float(self.n * (y @ y) - 2 * (y @ total_y))
        self.total = self.total[0] - self.n * x, self.total[1] - self.n * y
        self.origin, self.center = origin, center

    @classmethod
    def sum(cls, parts, own=False):
        """The sums of all samples of `parts`, which are measured from the same points.

        Parameters
        ----------
        parts : list of NormalEquations
        own : bool
            Whether to add to the first of them, which saves the memory of one; the others keep
            nothing then.
        """
        total = copy(parts[0])
        if not own:
            total.gram, total.cross = total.gram.copy(order="F"), total.cross.copy()
        for part in parts[1:]:
            total.gram += part.gram
            total.cross += part.cross
            total.total = tuple(a + b for a, b in zip(total.total, part.total, strict=True))
            total.energy += part.energy
            total.n += part.n
            if own:
                del part.gram, part.cross
        return total

    def error(self, weights):
        """Sum of the squares of ``Y - X @ weights``."""
        explained = ssymm(1.0, self.gram, weights)
        weights = weights.astype(np.float64)
        return self.energy + float(np.sum(weights * (explained - 2.0 * self.cross)))
