import numpy as np
import pytest
from scipy import stats

from data_tools.metrics import auc, bootstrap_interval, failure_rate, holm, paired_test
from features.errors import InputError

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def errors():
    return np.random.default_rng(0).gamma(4, 0.01, 400)


def test_interval_of_a_mean_is_that_of_the_normal_distribution(errors):
    low, high = bootstrap_interval(errors)
    half = 1.96 * errors.std(ddof=1) / np.sqrt(len(errors))
    assert low == pytest.approx(errors.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(errors.mean() + half, abs=0.1 * half)


def test_interval_agrees_with_plain_resampling(errors):
    rng = np.random.default_rng(1)
    drawn = [auc(rng.choice(errors, len(errors)), 0.08) for _ in range(1000)]
    np.testing.assert_allclose(
        bootstrap_interval(errors, auc, n_resamples=1000),
        np.quantile(drawn, [0.025, 0.975]),
        atol=0.006,
    )


def test_interval_widens_with_the_level_and_repeats_with_the_seed(errors):
    narrow, wide = (bootstrap_interval(errors, level=level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert bootstrap_interval(errors, seed=3) == bootstrap_interval(errors, seed=3)


def test_interval_at_the_edges():
    assert np.isnan(bootstrap_interval([0.1])).all()
    assert bootstrap_interval([0.1, 0.1, NAN]) == pytest.approx((0.1, 0.1))
    low, high = bootstrap_interval([0.01] * 30 + [INF] * 10, failure_rate)
    assert 0.1 < low < 0.25 < high < 0.4
    with pytest.raises(InputError, match="no error"):
        bootstrap_interval([NAN])
    with pytest.raises(InputError, match="level"):
        bootstrap_interval([0.1, 0.2], level=1.5)


def test_paired_test_by_hand():
    # The exact two-sided p of five pairs all of one sign is 2 / 2^5.
    test = paired_test([0.01, 0.02, 0.03, 0.04, 0.05], [0.02, 0.04, 0.06, 0.08, 0.10])
    assert test["p_value"] == pytest.approx(2 / 32)
    assert (test["n"], test["wins"], test["losses"], test["ties"]) == (5, 5, 0, 0)
    assert test["difference"] == pytest.approx(-0.03)
    assert test["low"] < -0.03 < test["high"] < 0


def test_paired_test_agrees_with_scipy_and_swaps_sides(errors):
    others = errors * np.random.default_rng(2).normal(1.02, 0.1, len(errors))
    one, other = paired_test(errors, others), paired_test(others, errors)
    expected = stats.wilcoxon(errors, others, zero_method="pratt").pvalue
    assert one["p_value"] == pytest.approx(expected)
    assert other["p_value"] == pytest.approx(one["p_value"])
    assert (one["wins"], one["losses"]) == (other["losses"], other["wins"])
    assert one["difference"] == pytest.approx(-other["difference"])


def test_misses_are_worse_than_any_face_and_tie_with_each_other():
    test = paired_test([INF, INF, 0.1, NAN], [5.0, INF, 0.2, 0.1])
    assert (test["n"], test["wins"], test["losses"], test["ties"]) == (3, 1, 1, 1)
    assert test["difference"] == pytest.approx(-0.1)
    assert test["low"] is None
    # The miss has the rank of the largest difference, however large the others are.
    large = paired_test([INF, 0.1, 0.1], [0.1, 9.0, 9.0])
    small = paired_test([INF, 0.1, 0.1], [0.1, 0.2, 0.2])
    assert large["p_value"] == small["p_value"]


def test_equal_models_and_wrong_input():
    same = paired_test([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    assert same["p_value"] == 1 and same["ties"] == 3
    with pytest.raises(InputError, match="paired"):
        paired_test([0.1], [0.1, 0.2])
    with pytest.raises(InputError, match="no error"):
        paired_test([NAN, 0.1], [0.1, NAN])


def test_holm_by_hand():
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 (not below the one before), 0.5 x 1.
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
