import numpy as np
from numba import njit

from features._lanes import add_lanes, fold_lanes, subtract_lanes


@njit
def _apply(total, row, sign):
    eight = np.uint64(8)
    add_lanes(total[0], eight, row, np.uint64(3))
    subtract_lanes(total[1], eight, row, np.uint64(3))
    fold_lanes(total[2], eight, row, np.uint64(3), sign, np.uint64(0))


def test_lanes_equal_numpy():
    rng = np.random.default_rng(0)
    row = rng.integers(-3000, 3000, 20).astype(np.int16)
    sign = rng.choice(np.array([-1, 1], np.int16), 8)
    before = [rng.integers(-3000, 3000, 24).astype(np.int16) for _ in range(3)]
    after = [array.copy() for array in before]
    _apply(tuple(after), row, sign)
    for array, change in zip(before, (row[3:11], -row[3:11], row[3:11] * sign), strict=True):
        array[8:16] += change
    np.testing.assert_array_equal(after, before)


def test_narrow_rows_widen():
    @njit
    def add(total, row):
        add_lanes(total, np.uint64(0), row, np.uint64(0))

    total = np.full(8, 100_000, np.int32)
    add(total, np.arange(-4, 4).astype(np.int8))
    np.testing.assert_array_equal(total, 100_000 + np.arange(-4, 4))


def test_sums_saturate_instead_of_wrapping():
    total = tuple(np.full(16, 32_000, np.int16) * s for s in (0, -1, 1))
    _apply(total, np.full(16, 32_000, np.int16), np.ones(8, np.int16))
    assert (total[1][8:] == -32768).all() and (total[2][8:] == 32767).all()
