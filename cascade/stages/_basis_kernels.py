"""Coefficients of residuals with gaps: one small linear system a sample."""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def most_probable(residuals, seen, components, gram, prior, out):
    """Most probable coefficients under a Gaussian; the missing coordinates drop out.

    Solves ``(V V' + diag(prior)) x = V r`` by Cholesky's method, V being the columns of
    `components` that are seen. No BLAS: every processor rounds alike.

    Parameters
    ----------
    residuals : (n, D) float64
        Zero where not seen.
    seen : (n, D) bool
    components : (D, R) float64
        A column a component, so that the loops run over contiguous numbers.
    gram : (R, R) float64
        ``V V'`` where all is seen.
    prior : (R,) float64
    out : (n, R) float32
        Overwritten.
    """
    n_components = gram.shape[0]
    matrix = np.empty(gram.shape)
    x = np.empty(n_components)
    for row in range(residuals.shape[0]):
        n_seen = 0
        for d in range(seen.shape[1]):
            n_seen += seen[row, d]
        # From whichever side fewer coordinates are to be added or taken away.
        added = 2 * n_seen <= seen.shape[1]
        for i in range(n_components):
            for j in range(n_components):
                matrix[i, j] = 0.0 if added else gram[i, j]
            matrix[i, i] += prior[i]
            x[i] = 0.0
        for d in range(seen.shape[1]):
            column = components[d]
            if seen[row, d]:
                for i in range(n_components):
                    x[i] += column[i] * residuals[row, d]
            if seen[row, d] == added:
                for i in range(n_components):
                    weight = column[i] if added else -column[i]
                    line = matrix[i]
                    for j in range(n_components):
                        line[j] += weight * column[j]
        _solve(matrix, x)
        for i in range(n_components):
            out[row, i] = x[i]


@njit(nogil=True, cache=True)
def _solve(matrix, x):
    """Replace x by the solution of ``matrix @ y = x``; the matrix, symmetric and positive
    definite, is used up."""
    n = x.shape[0]
    for k in range(n):
        pivot = matrix[k]
        for i in range(k + 1, n):
            factor = pivot[i] / pivot[k]
            line = matrix[i]
            for j in range(i, n):
                line[j] -= factor * pivot[j]
            x[i] -= factor * x[k]
    for k in range(n - 1, -1, -1):
        x[k] /= matrix[k, k]
        for i in range(k):
            x[i] -= matrix[i, k] * x[k]
