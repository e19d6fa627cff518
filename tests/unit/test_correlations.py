"""Correlations over policies, against hand values, residual regressions and known truths."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil import correlations, power
from reveil.statistics import BOOTSTRAP, FISHER, NO_INTERVAL


def normal(n: int, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, n))


def related(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x and y that share a control, and something beside it."""
    control, a, b = normal(n, 3, seed)
    return a + control, b + 0.5 * a + 2 * control, control


def test_the_partial_correlation_is_that_of_the_residuals():
    x, y, control = related()
    design = np.column_stack([np.ones_like(control), control])
    left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    estimate = correlations.partial_correlation(x, y, control)
    assert estimate.value == pytest.approx(np.corrcoef(*left)[0, 1])


def test_the_partial_correlation_by_hand():
    # r_xy = 4 / 5, and a control that correlates with neither.
    x, y, control = [1, 2, 3, 4], [1, 3, 2, 4], [1, -1, -1, 1]
    assert correlations.partial_correlation(x, y, control).value == pytest.approx(0.8)
    # With control = z of r_xz = r_yz = 1/2 and r_xy = 1/2: (1/2 - 1/4) / (3/4) = 1/3.
    basis = np.linalg.qr(np.column_stack([np.ones(8), normal(8, 3).T]))[0][:, 1:]
    mixed = basis @ np.linalg.cholesky(np.full((3, 3), 0.5) + 0.5 * np.eye(3)).T
    assert correlations.partial_correlation(*mixed.T).value == pytest.approx(1 / 3)


def test_the_interval_of_a_partial_correlation_loses_a_degree_of_freedom():
    x, y, control = related(24)
    estimate = correlations.partial_correlation(x, y, control)
    half = 1.959963984540054 / np.sqrt(20)
    ends = np.tanh(np.arctanh(estimate.value) + np.array([-half, half]))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(ends))
    assert (estimate.n, estimate.method) == (24, FISHER)


def test_a_control_that_explains_everything_leaves_nothing():
    x, y, _ = related()
    assert np.isnan(correlations.partial_correlation(x, y, 3 * x + 1).value)
    assert np.isnan(correlations.partial_correlation(x, np.ones_like(x), y).value)


def test_rows_with_gaps_are_left_out_and_few_have_no_interval():
    x, y, control = related(5)
    gap = np.append(x, np.nan), np.append(y, 1.0), np.append(control, 2.0)
    assert correlations.partial_correlation(*gap).n == 5
    few = correlations.partial_correlation(x[:4], y[:4], control[:4])
    assert not np.isnan(few.value)
    assert few.method == NO_INTERVAL


@pytest.mark.parametrize(
    ("kind", "measure"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)]
)
def test_the_bootstrap_over_policies_is_scipys(kind, measure):
    x, y, _ = related(40)
    ours = correlations.bootstrap_correlation(x, y, kind=kind)
    theirs = stats.bootstrap(
        (x, y), lambda a, b: measure(a, b).statistic, paired=True, vectorized=False, method="BCa",
        n_resamples=2_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = theirs.high - theirs.low
    assert (ours.n, ours.method) == (40, BOOTSTRAP)
    assert ours.value == pytest.approx(measure(x, y).statistic)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_the_bootstrap_holds_a_control_fixed():
    x, y, control = related(50)
    ours = correlations.bootstrap_correlation(x, y, control)
    fisher = correlations.partial_correlation(x, y, control)
    assert ours.value == pytest.approx(fisher.value)
    # The variables are normal, for which Fisher's interval is right.
    assert (ours.low, ours.high) == pytest.approx((fisher.low, fisher.high), abs=0.1)


def test_ranks_share_ties_in_every_resample():
    x = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    y = [2, 1, 2, 3, 3, 3, 5, 4, 4, 5]
    estimate = correlations.bootstrap_correlation(x, y, kind="spearman", resamples=200)
    assert estimate.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert estimate.low < estimate.value < estimate.high <= 1


def test_the_bootstrap_does_not_depend_on_the_size_of_its_parts(monkeypatch):
    x, y, _ = related(20)
    whole = correlations.bootstrap_correlation(x, y, resamples=500)
    monkeypatch.setattr(correlations, "_PART", 40 * 7)
    assert correlations.bootstrap_correlation(x, y, resamples=500) == whole


def test_bootstraps_of_too_little():
    assert correlations.bootstrap_correlation([1, 2, 3], [1, 3, 2]).method == NO_INTERVAL
    assert np.isnan(correlations.bootstrap_correlation(np.ones(20), np.arange(20)).value)
    line = correlations.bootstrap_correlation(np.arange(20), np.arange(20))
    assert (line.value, line.low) == pytest.approx((1, 1))


def test_bad_kinds_are_refused():
    with pytest.raises(ValueError, match="kendall.*pearson, spearman"):
        correlations.bootstrap_correlation([1, 2], [1, 2], kind="kendall")
    with pytest.raises(ValueError, match="'spearman'.*pearson"):
        correlations.bootstrap_correlation([1, 2], [1, 2], [1, 2], kind="spearman")


def repeated(true: np.ndarray, noise: float, repeats: int, seed: int = 7) -> pd.DataFrame:
    """Return ``repeats`` measurements of every true score."""
    drawn = np.random.default_rng(seed).normal(scale=noise, size=(len(true), repeats))
    values = (true[:, None] + drawn).ravel()
    named = np.repeat([f"p{i}" for i in range(len(true))], repeats)
    repeat = np.tile(range(repeats), len(true))
    return pd.DataFrame({"policy": named, "repeat": repeat, "s_pri": values})


def test_reliability_by_hand():
    # Means 1, 3, 5: variance 4. Within each the two repeats lie 1 to each side: noise variance 2,
    # of a mean of two 1. Between variance 4 - 1 = 3; ICC(1) = 3 / (3 + 2).
    table = pd.DataFrame(
        {"policy": ["a", "a", "b", "b", "c", "c"], "s_pri": [0.0, 2.0, 2.0, 4.0, 4.0, 6.0]}
    )
    found = correlations.reliability(table)
    assert (found.mean, found.single) == pytest.approx((3 / 4, 3 / 5))
    assert found.noise_std == pytest.approx(np.sqrt(2))
    assert (found.n, found.repeats) == (3, 2)


def test_reliability_is_the_intraclass_correlation_of_an_anova():
    table = repeated(normal(30, 1)[0], 0.7, 4)
    groups = table["s_pri"].to_numpy().reshape(30, 4)
    between = 4 * groups.mean(axis=1).var(ddof=1)
    within = groups.var(axis=1, ddof=1).mean()
    found = correlations.reliability(table)
    assert found.single == pytest.approx((between - within) / (between + 3 * within))
    assert found.mean == pytest.approx((between - within) / between)


def test_reliability_without_repeats_is_unknown():
    found = correlations.reliability(repeated(np.arange(5.0), 0.1, 1))
    assert np.isnan(found.mean) and np.isnan(found.noise_std)
    assert found.n == 5


def test_unequal_repeats_count_each_as_it_is():
    # Means 1, 4, 7: variance 9. Squares within 2, 0 and 2 over 1, 0 and 2 degrees of freedom: noise
    # variance 4 / 3, of the means (1/2 + 1 + 1/3) / 3 = 11/18 of it.
    table = pd.DataFrame({"policy": list("aabccc"), "s_pri": [0.0, 2.0, 4.0, 6.0, 8.0, 7.0]})
    found = correlations.reliability(table)
    assert (found.repeats, found.noise_std) == pytest.approx((2, np.sqrt(4 / 3)))
    assert found.mean == pytest.approx(1 - 4 / 3 * 11 / 18 / 9)


def test_the_correction_recovers_the_correlation_that_noise_hides():
    n, truth = 2_000, 0.6
    x, other = normal(n, 2, seed=5)
    y = pd.Series(truth * x + np.sqrt(1 - truth**2) * other, index=[f"p{i}" for i in range(n)])
    table = repeated(x, 1.5, 3)
    observed = np.corrcoef(table.groupby("policy", sort=False)["s_pri"].mean(), y)[0, 1]
    corrected, share = correlations.attenuated(table, y, resamples=500)
    # The mean of three has a noise variance of 2.25 / 3, so a reliability of 1 / 1.75.
    assert share.value == pytest.approx(1 / 1.75, abs=0.03)
    assert share.low < 1 / 1.75 < share.high
    assert observed < 0.5
    assert corrected.value == pytest.approx(observed / np.sqrt(share.value))
    assert corrected.low < truth < corrected.high
    assert corrected.value == pytest.approx(truth, abs=0.06)


def test_without_noise_there_is_nothing_to_correct():
    x, y, _ = related(30)
    target = pd.Series(y, index=[f"p{i}" for i in range(30)])
    corrected, share = correlations.attenuated(repeated(x, 0.0, 2), target, resamples=300)
    assert share.value == pytest.approx(1)
    assert corrected.value == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_noise_of_the_whole_variance_leaves_no_correction():
    table = pd.DataFrame({"policy": list("aabbcc"), "s_pri": [0.0, 9.0, 1.0, 8.0, 2.0, 8.0]})
    corrected, share = correlations.attenuated(table, pd.Series([1.0, 2.0, 3.0], list("abc")))
    assert share.value < 0
    assert np.isnan(corrected.value)


# Cohen (1988), table 3.4.1, and R's pwr.r.test: n for 80 % power at 5 %, two-sided.
@pytest.mark.parametrize(("r", "exact"), [(0.1, 781.7516), (0.3, 84.07364), (0.5, 28.24841)])
def test_power_reaches_80_percent_at_the_known_n(r, exact):
    n = round(exact)
    at = power.correlation_power(r, n)
    slope = power.correlation_power(r, n + 1) - at
    assert at + (exact - n) * slope == pytest.approx(0.8, abs=1e-4)
    assert power.pairs_needed(r) == int(np.ceil(exact))
    assert power.detectable_correlation(n) == pytest.approx(r, abs=2e-3)


def test_power_without_an_effect_is_the_level():
    assert power.correlation_power(0.0, 100) == pytest.approx(0.05, abs=2e-3)
    assert power.correlation_power(-0.3, 84) == power.correlation_power(0.3, 84)


def test_power_agrees_with_simulation():
    truth, n, runs = 0.5, 28, 4_000
    x, other = np.random.default_rng(2).normal(size=(2, runs, n))
    y = truth * x + np.sqrt(1 - truth**2) * other
    found = stats.pearsonr(x, y, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(power.correlation_power(truth, n), abs=0.02)


def test_a_difference_of_half_a_deviation_needs_34_images():
    # Cohen (1988): d = 0.5 paired, 80 % power at 5 % two-sided, n = 33.37.
    assert power.detectable_difference(2.0, 34) == pytest.approx(2 * 0.495, abs=0.01)
    assert power.detectable_difference(2.0, 34) > power.detectable_difference(2.0, 100)


@pytest.mark.parametrize("n", [5, 20, 100])
def test_detectable_differences_agree_with_the_noncentral_t(n):
    shift = power.detectable_difference(1.0, n) * np.sqrt(n)
    critical = stats.t.isf(0.025, n - 1)
    found = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    assert found == pytest.approx(0.8, abs=1e-4)


def test_two_images_find_only_the_very_large():
    # With one degree of freedom the critical t is 12.706.
    assert power.detectable_difference(1.0, 2) > 12.706 * 0.8 / np.sqrt(2)


def test_too_little_for_any_power():
    assert np.isnan(power.detectable_correlation(3))
    assert np.isnan(power.detectable_difference(1.0, 1))
    for r, n in ((1.0, 10), (0.3, 3)):
        with pytest.raises(ValueError, match="not allowed"):
            power.correlation_power(r, n)
    with pytest.raises(ValueError, match="no number"):
        power.pairs_needed(0)


def test_statements_for_captions():
    text = power.correlation_statement(100, 0.697)
    assert "correlation of 0.28 with 80 % power" in text
    assert "published 0.697 with 99.9 %" in text
    assert "too few" in power.correlation_statement(3)
    assert "34 images find a mean difference of 0.99 dB" in power.difference_statement(2.0, 34)
    assert "too few" in power.difference_statement(2.0, 1)
    assert power.seeds_statement(1).startswith("One seed")
    assert power.seeds_statement(3).startswith("3 seeds")
