"""The median of a few rows against numpy's, bit for bit."""

import numpy as np
import pytest

from features._median_kernels import median_of_rows


@pytest.mark.parametrize("k", [1, 2, 3, 5, 6, 16, 32])
@pytest.mark.parametrize("m", [0, 1, 136])
def test_median_equals_numpy(k, m):
    rng = np.random.default_rng(k)
    rows = np.round(rng.normal(0, 1, (k, m)), 1).astype(np.float32)
    out = np.empty(m, np.float32)
    sorted_rows = rows.copy()
    median_of_rows(sorted_rows, out)
    np.testing.assert_array_equal(out, np.median(rows, axis=0))
    np.testing.assert_array_equal(sorted_rows, np.sort(rows, axis=0))
