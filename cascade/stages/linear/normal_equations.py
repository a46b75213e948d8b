"""Sums over samples that linear regression needs, added batch by batch, exactly."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from features.workers import SERIAL

from . import _sum_kernels as kernels
from .rounding import exact_spans

# Columns of the matrix of features that one thread adds at a time.
_PANEL = 256
# Up to here sums fit 32 bits; those of products are at most the root of the product of two sums of
# squares.
_FITS = 2**31 - 1


class NormalEquations:
    """Moments of features X and targets Y in whole steps: X'X, X'Y, Y'Y and the sums.

    Sums of whole numbers are exact. So they are the same for any number of threads, any size of
    batches, and any division of the samples over the members of a training.

    Parameters
    ----------
    features, targets : Rounding
        How both become whole numbers.
    workers : Workers
        Add panels of X'X side by side.

    Attributes
    ----------
    n : int
        Samples that were added.
    gram : ndarray of shape (F, F), int32
        X'X; only what is not above its diagonal. int64 once that is needed.
    cross : ndarray of shape (F, K), int32
        X'Y. int64 once that is needed.
    total : tuple of ndarray (F,) and (K,), int64
        Sums of X and Y.
    energy : tuple of ndarray (F,) and (K,), int64
        Sums of their squares.
    """

    def __init__(self, features, targets, workers=SERIAL):
        self.features, self.targets, self.workers = features, targets, workers
        n_features, n_targets = len(features.step), len(targets.step)
        self.n = 0
        self.gram = np.zeros((n_features, n_features), np.int32)
        self.cross = np.zeros((n_features, n_targets), np.int32)
        self.total = np.zeros(n_features, np.int64), np.zeros(n_targets, np.int64)
        self.energy = np.zeros(n_features, np.int64), np.zeros(n_targets, np.int64)

    def add(self, features, targets):
        """Add the features (n, F) and targets (n, K) of samples, both float32."""
        x, y = self.features.whole(features), self.targets.whole(targets)
        for k, values in enumerate((x, y)):
            total, energy = kernels.sums(values)
            self.total[k][:] += total.astype(np.int64)
            self.energy[k][:] += energy.astype(np.int64)
        self._widen()
        for rows in exact_spans(x, x):
            self._add_gram(x[rows])
        for rows in exact_spans(x, y):
            kernels.add_whole(x[rows].T @ y[rows], self.cross)
        self.n += len(features)

    def _add_gram(self, x):
        def add(start):
            stop = min(start + _PANEL, x.shape[1])
            # Below the diagonal only: the rest is its mirror image.
            kernels.add_whole(x[:, start:stop].T @ x[:, :stop], self.gram[start:stop, :stop])

        self.workers.map(add, range(0, x.shape[1], _PANEL))

    def _widen(self):
        """Keep sums of products in 64 bits where sums of squares say that 32 are too few."""
        x, y = (float(energy.max(initial=0)) for energy in self.energy)
        if x > _FITS:
            self.gram = self.gram.astype(np.int64, copy=False)
        if x * y > float(_FITS) ** 2:
            self.cross = self.cross.astype(np.int64, copy=False)

    def gather(self):
        """Add what all members have, in place; X'X and X'Y on member 0 alone."""
        workers = self.workers
        if workers.size == 1:
            return
        self.n = int(workers.total(np.array(self.n, np.int64)))
        self.total = tuple(workers.total(total) for total in self.total)
        self.energy = tuple(workers.total(energy) for energy in self.energy)
        self._widen()
        panels = [self.gram[a : a + _PANEL, : a + _PANEL] for a in range(0, len(self.gram), _PANEL)]
        for panel in [*panels, self.cross]:

            def keep(total, panel=panel):
                panel[...] = total

            workers.decide(keep, panel)

    @classmethod
    def sum(cls, parts, own=False):
        """The sums of all samples of `parts`.

        Parameters
        ----------
        parts : list of NormalEquations
            Of the same roundings.
        own : bool
            Whether to add to the first of them, which saves the memory of one; the others keep
            nothing then.
        """
        total = copy(parts[0])
        if not own:
            total.gram, total.cross = total.gram.copy(), total.cross.copy()
        for part in parts[1:]:
            total.n += part.n
            total.total = tuple(a + b for a, b in zip(total.total, part.total, strict=True))
            total.energy = tuple(a + b for a, b in zip(total.energy, part.energy, strict=True))
            total._widen()
            total.gram += part.gram
            total.cross += part.cross
            if own:
                del part.gram, part.cross
        return total

    def means(self):
        """Means of the features (F,) and of the targets (K,) in whole steps, float64."""
        return tuple(total / self.n for total in self.total)

    def moments(self, means):
        """`Moments` around `means`, see `means`; the sums are used up."""
        # Where X'X has the room, the moments take its place, panel by panel.
        own = self.gram.dtype == np.int32
        gram = self.gram.view(np.float32) if own else np.empty(self.gram.shape, np.float32)
        for rows, panel in self._panels(means[0]):
            gram[rows, : rows.stop] = panel
        del self.gram
        return Moments(self.n, gram, self._cross(*means).astype(np.float32))

    def error(self, weights, means):
        """Sum of the squares of ``Y - X @ weights``, both measured from `means`.

        Parameters
        ----------
        weights : ndarray of shape (F, K), float32
        means : tuple
            See `means`; of the samples that the weights were fitted to, for example.
        """
        weights = weights.astype(np.float64)
        explained = np.zeros(weights.shape)
        for rows, panel in self._panels(means[0]):
            before, inside = panel[:, : rows.start], np.tril(panel[:, rows.start :])
            explained[rows] += before @ weights[: rows.start]
            explained[: rows.start] += before.T @ weights[rows]
            inside += np.tril(inside, -1).T
            explained[rows] += inside @ weights[rows]
        total, y, step = self.total[1], means[1], self.targets.step.astype(np.float64)
        energy = self.energy[1] - 2 * y * total + self.n * y * y
        energy = float(energy @ (step * step))
        return energy + float(np.sum(weights * (explained - 2 * self._cross(*means))))

    def _panels(self, x):
        """Rows of X'X around `x`, up to the diagonal, with their slices; float64."""
        total, step = self.total[0], self.features.step.astype(np.float64)
        left = total - self.n * x
        size = max(1, _PANEL // 4)  # small enough to stay in the caches
        for start in range(0, len(x), size):
            rows = slice(start, min(start + size, len(x)))
            panel = self.gram[rows, : rows.stop].astype(np.float64)
            # (X - x)'(X - x) = X'X - x t' - (t - n x) x', with t the sum of X.
            panel -= np.outer(x[rows], total[: rows.stop])
            panel -= np.outer(left[rows], x[: rows.stop])
            panel *= np.outer(step[rows], step[: rows.stop])
            yield rows, panel

    def _cross(self, x, y):
        """X'Y around `x` and `y`, float64."""
        cross = np.outer(self.total[0], -y)
        cross += self.cross
        cross -= np.outer(x, self.total[1] - self.n * y)
        cross *= self.features.step[:, None]
        cross *= self.targets.step
        return cross


@dataclass
class Moments:
    """What a regression is solved from, in the units of features and targets.

    Attributes
    ----------
    n : int
        Samples.
    gram : ndarray of shape (F, F), float32
        X'X around the mean; only what is not above its diagonal.
    cross : ndarray of shape (F, K), float32
        X'Y.
    """

    n: int
    gram: np.ndarray
    cross: np.ndarray
