import numpy as np
from numba import njit

from features._lanes import WIDE, add_lanes, add_rows, add_wide_rows, fold_lanes, subtract_lanes


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


def test_eight_rows_at_once():
    @njit
    def add(total, rows, firsts):
        add_rows(total, np.uint64(8), rows, firsts, np.uint64(1))

    @njit
    def add_wide(total, rows, firsts):
        add_wide_rows(total, np.uint64(0), rows, firsts, np.uint64(1))

    rng = np.random.default_rng(1)
    rows = rng.integers(-128, 128, (40, WIDE)).astype(np.int8)
    chosen = rng.integers(0, 40, 9)
    firsts = (chosen * WIDE).astype(np.uint32)
    narrow, wide = np.full(WIDE, 7, np.int32), np.full(WIDE, 7, np.int32)
    add(narrow, rows.reshape(-1), firsts)
    add_wide(wide, rows.reshape(-1), firsts)
    expected = 7 + rows[chosen[1:]].sum(0, dtype=np.int32)
    np.testing.assert_array_equal(wide, expected)
    np.testing.assert_array_equal(narrow, np.where(np.arange(WIDE) < 8, 7, expected))
