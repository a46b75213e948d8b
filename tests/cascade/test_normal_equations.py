"""Sums of normal equations against sums of Python's integers, and on members of a training."""

import numpy as np
import pytest

from cascade.stages.linear import normal_equations
from cascade.stages.linear.normal_equations import NormalEquations
from cascade.stages.linear.rounding import Rounding, exact_spans, sampled
from features.workers import Workers

from ..members import run_members

N, F, K = 300, 12, 5


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    features = 3 + rng.normal(size=(N, F)) * rng.uniform(0.1, 9, F)
    return features.astype(np.float32), rng.normal(size=(N, K)).astype(np.float32)


def roundings(data):
    return Rounding.fit(data[0], 64, 2047), Rounding.fit(data[1], 256, 8191)


def summed(data, batch=100):
    sums = NormalEquations(*roundings(data))
    for start in range(0, N, batch):
        sums.add(*(array[start : start + batch] for array in data))
    return sums


def whole(data):
    """The features and targets as sums read them, as integers."""
    return (r.whole(array).astype(object) for r, array in zip(roundings(data), data, strict=True))


def test_steps_are_powers_of_two_and_fine_enough(data):
    rounding = roundings(data)[0]
    assert (np.frexp(rounding.step)[0] == 0.5).all()
    spread = data[0].std(0)
    assert ((spread / rounding.step > 45) & (spread / rounding.step < 91)).sum() >= F - 2
    read = rounding.value(rounding.whole(data[0]))
    assert (np.abs(read - data[0]) <= 0.501 * rounding.step).all()


def test_far_values_end_and_constant_columns_stay():
    values = np.zeros((100, 2), np.float32)
    values[:, 1] = np.arange(100)
    rounding = Rounding.fit(values, 64, 2047)
    far = rounding.whole(np.float32([[0, 1e9], [0, -np.inf], [np.nan, 0]]))
    assert far[0, 1] == 2047
    assert far[1, 1] == -2047
    assert np.isfinite(far).all()
    assert (rounding.value(rounding.whole(values))[:, 0] == 0).all()


@pytest.mark.parametrize("batch", [7, 300])
def test_sums_are_those_of_integers(data, batch):
    x, y = whole(data)
    sums = summed(data, batch)
    assert np.array_equal(np.tril(sums.gram), np.tril((x.T @ x).astype(np.int64)))
    assert np.array_equal(sums.cross, (x.T @ y).astype(np.int64))
    for k, values in enumerate((x, y)):
        assert np.array_equal(sums.total[k], values.sum(0).astype(np.int64))
        assert np.array_equal(sums.energy[k], (values * values).sum(0).astype(np.int64))


def test_products_too_large_for_one_sum_are_halved():
    """Without halving, float32 would lose the ones among the squares of 2047."""
    column = np.full((64, 2), 2047, np.float32)
    column[::2, 0] = 1
    spans = exact_spans(column, column)
    assert len(spans) > 8
    assert [span.start for span in spans[1:]] == [span.stop for span in spans[:-1]]
    for span in spans:
        assert len(column[span]) == 1 or (column[span].astype(int) ** 2).sum(0).max() < 2**24
    sums = NormalEquations(*[Rounding(np.zeros(2, np.float32), np.ones(2, np.float32), 2047)] * 2)
    sums.add(column, column)
    exact = column.astype(np.int64)
    assert np.array_equal(np.tril(sums.gram), np.tril(exact.T @ exact))
    assert np.array_equal(sums.cross, exact.T @ exact)


def test_wide_sums_are_the_same(data, monkeypatch):
    want = summed(data)
    monkeypatch.setattr(normal_equations, "_FITS", 10**5)
    got = summed(data)
    assert (got.gram.dtype, got.cross.dtype) == (np.int64, np.int64)
    assert (want.gram.dtype, want.cross.dtype) == (np.int32, np.int32)
    assert np.array_equal(got.cross, want.cross)
    assert np.array_equal(np.tril(got.gram), np.tril(want.gram))
    means = want.means()
    got, want = got.moments(means).gram, want.moments(means).gram
    assert np.array_equal(np.tril(got), np.tril(want))


def test_moments_are_those_around_the_mean(data):
    x, y = (r.value(r.whole(a)) for r, a in zip(roundings(data), data, strict=True))
    x, y = x - x.mean(0), y - y.mean(0)
    sums = summed(data)
    moments = sums.moments(sums.means())
    np.testing.assert_allclose(np.tril(moments.gram), np.tril(x.T @ x), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(moments.cross, x.T @ y, rtol=1e-5, atol=1e-3)


def test_members_add_up_to_the_sums_of_one(data, monkeypatch):
    monkeypatch.setattr(normal_equations, "_PANEL", 5)
    want = summed(data)

    def member(group):
        with Workers(1, group) as workers:
            rows = slice(*workers.share(N))
            sums = NormalEquations(*roundings(data), workers)
            sums.add(*(array[rows] for array in data))
            sums.gather()
            return sums

    members = run_members(member, [2, 0, 1])
    assert np.array_equal(np.tril(members[0].gram), np.tril(want.gram))
    assert np.array_equal(members[0].cross, want.cross)
    for sums in members:
        assert sums.n == want.n
        assert np.array_equal(sums.total[0], want.total[0])


@pytest.mark.parametrize("weights", [[1, 1], [0, 3, 1]])
def test_sampled_rows_do_not_depend_on_the_cut(weights):
    want = sampled(0, 1000, n_rows=30)
    assert 20 < len(want) <= 40

    def member(group):
        workers = Workers(1, group)
        first, stop = workers.share(1000)
        return first + sampled(first, stop - first, workers, n_rows=30)

    assert np.array_equal(np.concatenate(run_members(member, weights)), want)
