"""Intervals against hand values and SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil import statistics


def skewed(n: int = 40) -> np.ndarray:
    return np.random.default_rng(3).lognormal(size=n)


def test_mean_interval_agrees_with_the_bca_bootstrap_of_scipy():
    values = skewed()
    ours = statistics.mean_interval(values)
    theirs = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.method == statistics.BOOTSTRAP
    assert ours.value == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.04 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.04 * width)


def test_bca_leans_towards_the_long_tail():
    estimate = statistics.mean_interval(skewed())
    assert estimate.high - estimate.value > 1.1 * (estimate.value - estimate.low)


def test_few_values_take_students_t():
    estimate = statistics.mean_interval([1.0, 2.0, 3.0, np.nan])
    # t(0.975, 2) = 4.3027 and the standard error is 1 / sqrt(3).
    half = 4.302652729911275 / np.sqrt(3)
    assert (estimate.n, estimate.method) == (3, statistics.STUDENT)
    assert (estimate.low, estimate.high) == pytest.approx((2 - half, 2 + half))


@pytest.mark.parametrize(
    ("values", "mean", "n"), [([], np.nan, 0), ([np.nan], np.nan, 0), ([5], 5, 1)]
)
def test_no_interval_without_two_values(values, mean, n):
    estimate = statistics.mean_interval(values)
    assert estimate.value == pytest.approx(mean, nan_ok=True)
    assert np.isnan([estimate.low, estimate.high]).all()
    assert (estimate.n, estimate.method) == (n, statistics.NO_INTERVAL)


@pytest.mark.parametrize("count", [3, 12])
def test_equal_values_have_an_interval_of_no_width(count):
    estimate = statistics.mean_interval([0.1] * count)
    assert (estimate.low, estimate.high) == pytest.approx((0.1, 0.1), abs=1e-15)


def test_an_interval_depends_on_its_values_alone():
    first = statistics.mean_interval(skewed())
    statistics.mean_interval(np.arange(9.0))
    assert statistics.mean_interval(skewed()) == first


def test_columns_have_the_intervals_of_their_own():
    table = np.column_stack([skewed(), skewed()[::-1] ** 2, np.ones(40)])
    low, high, method = statistics.column_intervals(table)
    for column, ends in zip(table.T, zip(low, high, strict=True), strict=True):
        estimate = statistics.mean_interval(column)
        assert ends == pytest.approx((estimate.low, estimate.high))
        assert method == estimate.method


@pytest.mark.parametrize("values", [[1.0, np.inf], [[1.0, 2.0]]])
def test_infinite_values_and_tables_are_refused(values):
    with pytest.raises(ValueError, match=r"finite|dimension"):
        statistics.mean_interval(values)


def test_infinite_psnr_counts_as_the_ceiling():
    capped = statistics.finite_psnr([np.inf, 20.0, np.nan])
    assert capped == pytest.approx([statistics.PSNR_CEILING_DB, 20.0, np.nan], nan_ok=True)


def seeds_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": [0, 0, 1, 1, 2],
            "seed": [0, 1, 0, 1, 0],
            "psnr_db": [1.0, 3.0, 5.0, np.nan, np.nan],
        }
    )


def test_seeds_are_averaged_within_an_image():
    series = statistics.by_image(seeds_table(), "psnr_db")
    assert series.to_dict() == {0: 2.0, 1: 5.0}


@pytest.mark.parametrize(("ddof", "expected"), [(0, np.sqrt(2 / 3)), (1, 1.0)])
def test_standard_deviation(ddof, expected):
    assert statistics.standard_deviation([1, 2, 3, np.nan], ddof) == pytest.approx(expected)


def test_standard_deviation_of_one_value():
    assert statistics.standard_deviation([2.0], 0) == 0
    assert np.isnan(statistics.standard_deviation([2.0], 1))


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (7_688, 10_000), (10, 10)])
def test_share_interval_is_wilsons(successes, n):
    ours = statistics.share_interval(successes / n, n)
    theirs = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_share_of_nothing_has_no_interval():
    assert statistics.share_interval(float("nan"), 0).method == statistics.NO_INTERVAL


def test_share_difference_is_newcombes():
    # Newcombe (1998), table II, 56/70 - 48/80: 0.2000 with 0.0524 to 0.3339 by method 10.
    first, second = (statistics.share_interval(k / n, n) for k, n in ((56, 70), (48, 80)))
    estimate = statistics.share_difference(first, second)
    ends = (estimate.value, estimate.low, estimate.high)
    assert ends == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert estimate.method == statistics.NEWCOMBE
    nothing = statistics.share_interval(float("nan"), 0)
    assert statistics.share_difference(first, nothing).method == statistics.NO_INTERVAL


def test_mean_difference_is_welchs():
    a, b = skewed(12), 0.4 * skewed(30) + 1
    ours = statistics.mean_difference(np.append(a, np.nan), b)
    theirs = stats.ttest_ind(a, b, equal_var=False)
    interval = theirs.confidence_interval()
    assert (ours.n, ours.method) == (42, statistics.WELCH)
    assert ours.value == pytest.approx(a.mean() - b.mean())
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))


def test_mean_difference_of_too_little():
    assert np.isnan(statistics.mean_difference([], [1.0]).value)
    assert statistics.mean_difference([3.0], [1.0, 2.0]).method == statistics.NO_INTERVAL
    constant = statistics.mean_difference([3.0, 3.0], [1.0, 1.0])
    assert (constant.value, constant.low, constant.high) == (2.0, 2.0, 2.0)


def test_pearson_and_its_interval_are_scipys():
    x, y = skewed(), skewed()[::-1] + 0.3 * skewed()
    ours = statistics.correlation(np.append(x, np.nan), np.append(y, 1.0))
    theirs = stats.pearsonr(x, y)
    interval = theirs.confidence_interval()
    assert ours.n == 40
    assert ours.value == pytest.approx(theirs.statistic)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))


def test_spearman_by_hand():
    # One swap of neighbours among five ranks: r = 1 - 6 * 2 / (5 * 24) = 0.9.
    estimate = statistics.correlation([1, 2, 3, 4, 5], [1, 2, 3, 50, 40], kind="spearman")
    half = 1.959963984540054 * np.sqrt((1 + 0.9**2 / 2) / 2)
    assert estimate.value == pytest.approx(0.9)
    assert estimate.low == pytest.approx(np.tanh(np.arctanh(0.9) - half))
    assert estimate.method == statistics.BONETT_WRIGHT


@pytest.mark.parametrize("x", [[1, 2], [1, 1, 1, 1]])
def test_correlation_of_too_little_is_nan(x):
    assert np.isnan(statistics.correlation(x, range(len(x))).value)


def test_correlation_of_three_pairs_has_no_interval():
    assert np.isnan(statistics.correlation([1, 2, 3], [1, 3, 2]).low)


def test_an_unknown_correlation_is_refused():
    with pytest.raises(ValueError, match="kendall.*pearson, spearman"):
        statistics.correlation([1, 2, 3], [1, 2, 3], kind="kendall")
