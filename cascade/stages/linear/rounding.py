"""Numbers in whole steps, so that float32 products of matrices are exact.

A sum of whole numbers is the same in any order as long as none of its partial sums is rounded:
float32 holds all whole numbers up to 2**24. By Cauchy and Schwarz no partial sum of a product of
columns exceeds the root of the product of their sums of squares, so these tell how many rows may
be multiplied at a time.
"""

from dataclasses import dataclass

import numpy as np

from features.workers import SERIAL

from . import _sum_kernels as kernels

# Rows that origins and steps are found from.
_N_ROWS = 256
# Columns that vary less than this share of what columns vary on average get no finer steps.
_LEAST_SPREAD = 1 / 16
# Partial sums of products stay below the root of this.
_EXACT = 2.0**48


@dataclass(frozen=True)
class Rounding:
    """Where the whole numbers of each column begin, and how large their steps are.

    Attributes
    ----------
    origin : ndarray of shape (F,), float32
        What counts as 0.
    step : ndarray of shape (F,), float32
        Powers of two, so that multiplying by them rounds nothing.
    most : int
        Whole numbers lie within ± so many; values farther off are moved there.
    """

    origin: np.ndarray
    step: np.ndarray
    most: int

    @classmethod
    def fit(cls, rows, n_steps, most, workers=SERIAL):
        """Steps that standard deviations have about `n_steps` of.

        Parameters
        ----------
        rows : ndarray of shape (n, F), float32
            This member's share of the samples at `sampled` rows.
        n_steps, most : int
            `most` is at least 20 standard deviations where it is 32 * n_steps.
        workers : Workers
        """
        rows = workers.joined(rows)

        def found():
            values = rows.astype(np.float64)
            spread = values.std(0)
            least = max(_LEAST_SPREAD * float(np.sqrt(np.square(spread).mean())), 1e-20)
            exponent = np.rint(np.log2(np.maximum(spread, least) / n_steps))
            return values.mean(0).astype(np.float32), np.exp2(exponent).astype(np.float32)

        return cls(*workers.decide(found), most)

    def whole(self, values):
        """Values (n, F) float32 as whole numbers (n, F), in float32."""
        out = np.empty(values.shape, np.float32)
        kernels.to_steps(values, self.origin, 1 / self.step, np.float32(self.most), out)
        return out

    def value(self, whole):
        """What whole numbers (F,), or means of them, stand for: (F,) float64."""
        return self.origin + whole * self.step.astype(np.float64)


def sampled(first, n, workers=SERIAL, n_rows=_N_ROWS):
    """Every so many rows of all members, about `n_rows` of them.

    Parameters
    ----------
    first : int
        Number of this member's first row among those of all members.
    n : int
        Rows of this member.
    workers : Workers
    n_rows : int

    Returns
    -------
    ndarray of intp
        Those of this member, counted from its own first.
    """
    n_all = int(workers.total(np.array(n, np.int64)))
    # Odd, so that faces with an even number of starts take turns in which start is read.
    stride = max(1, n_all // n_rows) | 1
    return np.arange(-first % stride, n, stride)


def exact_spans(left, right):
    """Spans of rows whose products ``left.T @ right`` are exact in float32.

    Parameters
    ----------
    left, right : ndarray of shape (n, …), float32
        Whole numbers; the product of any two in a row lies within ±2**24.

    Returns
    -------
    list of slice
        All rows, in halves of halves where there is too much for one sum.
    """

    def halved(start, stop):
        bound = float(kernels.sums(left[start:stop])[1].max(initial=0))
        bound *= bound if right is left else kernels.sums(right[start:stop])[1].max(initial=0)
        if bound < _EXACT or stop - start == 1:
            return [slice(start, stop)]
        middle = (start + stop) // 2
        return halved(start, middle) + halved(middle, stop)

    return halved(0, len(left)) if len(left) else []
