"""Ridge regression on leaf indices by conjugate gradients, whose sums over samples are exact.

Directions are rounded to whole numbers before the samples see them. So their products with the
normal equations are sums of whole numbers, the same for any number of threads, and of members that
hold the samples; all else is done where the sums are known.
"""

import numpy as np

from features.errors import InputError
from features.workers import SERIAL

from . import _ridge_kernels as kernels
from .predictor import whole_lanes

# What the weights of one sample add up to at most, see `kernels.add_normal`.
_ROW_LIMIT = 2**31 // kernels.BLOCK - 1


def solve_ridge(leaves, n_leaves, targets, alpha, *, tol=1e-6, max_iterations=500, workers=SERIAL):
    """Ridge regression without intercept on a binary code given as leaf indices.

    Solves ``(X'X + alpha I) W = X'Y`` by conjugate gradients with the diagonal as preconditioner
    (Shewchuk 1994), all columns side by side. X is never built.

    Parameters
    ----------
    leaves : ndarray of shape (N, K), uint8
        Of this member's samples.
    n_leaves : int
    targets : ndarray of shape (N, R), int16
    alpha : float
        Above 0.
    tol : float
        Stops when ``|X'Y - (X'X + alpha I) W| <= tol * |X'Y|`` holds for every column.
    max_iterations : int
    workers : Workers
        Neither their number nor that of the members of the training changes the result.

    Returns
    -------
    ndarray of shape (K * n_leaves, R), float32

    Raises
    ------
    InputError
        If alpha is not above 0, or a leaf is not below `n_leaves`.
    """
    if not alpha > 0:
        raise InputError(f"alpha is {alpha}; the ridge needs a number above 0")
    if leaves.size and leaves.max() >= n_leaves:
        raise InputError(f"leaf {leaves.max()} is not below n_leaves, {n_leaves}")
    codes = np.ascontiguousarray(leaves.T)
    n_codes, n_components = len(codes), targets.shape[1]

    def summed(kernel, rows):
        """What `kernel` adds over this member's samples."""
        rows = whole_lanes(rows)
        shape = n_codes * n_leaves, rows.shape[1]

        def add(span):
            out = np.zeros(shape, np.int64)
            kernel(codes, n_leaves, rows, *span, np.zeros(shape, np.int32), out)
            return out

        first, *others = workers.map(add, workers.ranges(len(leaves), kernels.BLOCK) or [(0, 0)])
        for other in others:
            first += other
        return np.ascontiguousarray(first[:, :n_components])

    counts = np.concatenate([np.bincount(code, minlength=n_leaves) for code in codes])
    gradients = _Gradients(alpha, tol, n_codes)
    right = summed(kernels.add_transposed, np.asarray(targets, np.int16))
    direction = workers.decide(gradients.begin, counts, right)
    for _ in range(max_iterations):
        if direction is None:
            break
        direction = workers.decide(gradients.go_on, summed(kernels.add_normal, direction))
    return workers.decide(gradients.result)


class _Gradients:
    """The state of the iteration, on the member that knows the sums.

    With each direction rounded, the step along it is that to the least error, and the next is
    made conjugate to the rounded one ("flexible" conjugate gradients, Notay 2000).

    Parameters
    ----------
    alpha, tol
        As in `solve_ridge`.
    n_codes : int
        Ones in the code of a sample.
    """

    def __init__(self, alpha, tol, n_codes):
        self.alpha, self.tol, self.n_codes = alpha, tol, n_codes

    def begin(self, counts, right):
        """The first direction (D, R) int32, from how often each leaf is (D,) and X'Y (D, R)."""
        self.diagonal = (counts + self.alpha)[:, None]
        self.residual = right.astype(np.float64)
        self.weights = np.zeros(right.shape)
        self.enough = self.tol**2 * _dots(self.residual, self.residual)
        self.direction = self.residual / self.diagonal
        return self._rounded()

    def go_on(self, product):
        """The next direction, from ``X'X @ direction``; None where enough was done."""
        product = product * self.step + self.alpha * self.direction
        curvature = _dots(self.direction, product)
        along = _ratio(_dots(self.direction, self.residual), curvature)
        self.weights += along * self.direction
        self.residual -= along * product
        scaled = self.residual / self.diagonal
        self.direction *= -_ratio(_dots(scaled, product), curvature)
        self.direction += scaled
        return self._rounded()

    def result(self):
        """The weights (D, R) float32."""
        return self.weights.astype(np.float32)

    def _rounded(self):
        """Round the direction, and give it in whole steps of each column."""
        if (_dots(self.residual, self.residual) <= self.enough).all():
            return None
        per_tree = np.abs(self.direction).reshape(self.n_codes, -1, self.direction.shape[1])
        largest = per_tree.max(1).sum(0)  # that one sample can meet; rounding adds a half a tree
        self.step = np.where(largest > 0, largest, 1) / (_ROW_LIMIT - self.n_codes)
        whole = np.rint(self.direction / self.step)
        self.direction = whole * self.step
        return whole.astype(np.int32)


def _dots(left, right):
    return np.einsum("ij,ij->j", left, right)


def _ratio(above, below):
    """Quotient, 0 where a column is solved or empty."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
