"""Intervals for the numbers of the tables: means, paired differences, shares and correlations.

The unit of sampling is the image. An image measured under several seeds counts once, with its mean
over the seeds, so that an interval speaks of other images and not of repetitions of these.

Every interval is a function of the values alone: the bootstrap draws its resamples from a fixed
seed and the number of images, so no row of a table depends on the rows beside it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

BOOTSTRAP = "bca-bootstrap"
STUDENT = "student-t"
WILSON = "wilson"
NEWCOMBE = "newcombe"
WELCH = "welch-t"
FISHER = "fisher-z"
BONETT_WRIGHT = "bonett-wright"
NO_INTERVAL = "none"

RESAMPLES = 9_999
# Below this number the bootstrap is too narrow by construction: it cannot leave the range of the
# few values it has seen.
SMALLEST_BOOTSTRAP = 8
# An exact reconstruction has an infinite PSNR, which would erase the mean of the other images.
PSNR_CEILING_DB = 100.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: The estimate; NaN if there is nothing to estimate from.
        low: Lower end of the interval; NaN if ``method`` is ``"none"``.
        high: Upper end of the interval.
        n: Number of units, usually images, behind it.
        method: How the interval was made: ``"bca-bootstrap"``, ``"student-t"``, ``"wilson"``,
            ``"newcombe"``, ``"welch-t"``, ``"fisher-z"``, ``"bonett-wright"`` or ``"none"``.
    """

    value: float
    low: float
    high: float
    n: int
    method: str


def finite_psnr(psnr_db: ArrayLike) -> Floats:
    """Return PSNR values in dB with those above ``PSNR_CEILING_DB``, infinity included, set to it.

    The PSNR of two equal images is infinite (Gao et al. 2021 use peak 1 and no ceiling). Averages
    and figures count such an image as ``PSNR_CEILING_DB``, far above what any attack on
    float32 gradients reaches without being exact. NaN stays NaN.
    """
    return np.minimum(np.asarray(psnr_db, dtype=np.float64), PSNR_CEILING_DB)


def mean_interval(
    values: ArrayLike, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Estimate a mean from values of independent units; NaN entries are left out.

    From ``SMALLEST_BOOTSTRAP`` values on the interval is the bias-corrected and accelerated
    bootstrap (Efron 1987); with fewer it is Student's t, and with fewer than two there is none.

    Args:
        values: Shape (n,), finite or NaN. Cap infinite PSNR with :func:`finite_psnr` first.
        level: Coverage, between 0 and 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Raises:
        ValueError: an infinite value, or ``values`` not of one dimension.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"values must have one dimension, not {array.ndim}")
    kept = array[~np.isnan(array)]
    if kept.size == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, NO_INTERVAL)
    low, high, method = column_intervals(kept[:, None], level=level, resamples=resamples, seed=seed)
    return Estimate(float(kept.mean()), float(low[0]), float(high[0]), kept.size, method)


def column_intervals(
    values: ArrayLike, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Floats, Floats, str]:
    """Return the ends of the intervals of the column means of (n, k) values, and their method.

    All columns share the resampled rows, as the points of a curve measured on the same images do.
    The method follows n as in :func:`mean_interval`.

    Raises:
        ValueError: NaN or infinite values.
    """
    table = np.asarray(values, dtype=np.float64)
    if not np.isfinite(table).all():
        raise ValueError("values must be finite: drop NaN and cap infinite ones first")
    count, columns = table.shape
    if count < 2:
        return np.full(columns, np.nan), np.full(columns, np.nan), NO_INTERVAL
    if count < SMALLEST_BOOTSTRAP:
        error = table.std(axis=0, ddof=1) / np.sqrt(count)
        half = special.stdtrit(count - 1, (1 + level) / 2) * error
        return table.mean(axis=0) - half, table.mean(axis=0) + half, STUDENT
    low, high = _bca(table, level, resamples, seed)
    return low, high, BOOTSTRAP


@lru_cache(maxsize=8)
def _resample_weights(count: int, resamples: int, seed: int) -> Floats:
    """Return (resamples, count) shares with which each unit enters each resampled mean."""
    draws = np.random.default_rng([seed, count]).multinomial(
        count, np.full(count, 1 / count), size=resamples
    )
    weights = draws / count
    weights.setflags(write=False)
    return weights


def _bca(table: Floats, level: float, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """Bias-corrected and accelerated intervals of column means (Efron 1987, section 6)."""
    observed = table.mean(axis=0)
    # Centred first, so that a constant column gives means of exactly zero and no interval of noise.
    deviations = table - observed
    means = _resample_weights(len(table), resamples, seed) @ deviations
    below = ((means < 0).mean(axis=0) + (means <= 0).mean(axis=0)) / 2
    spread = (deviations**2).sum(axis=0)
    constant = np.ptp(table, axis=0) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        # The jackknife mean without unit i differs from the mean by -deviation_i / (n - 1).
        acceleration = (deviations**3).sum(axis=0) / (6 * spread**1.5)
        bias = special.ndtri(below)
        ends = []
        for tail in ((1 - level) / 2, (1 + level) / 2):
            shifted = bias + special.ndtri(tail)
            quantile = special.ndtr(bias + shifted / (1 - acceleration * shifted))
            quantile = np.where(np.isfinite(quantile) & ~constant, quantile, tail)
            pairs = zip(means.T, quantile, strict=True)
            ends.append(np.array([np.quantile(column, q) for column, q in pairs]))
    low, high = (np.where(constant, observed, observed + end) for end in ends)
    return low, high


def by_image(table: pd.DataFrame, column: str) -> pd.Series:
    """Return one value an image: the mean of ``column`` over the seeds that have one.

    Args:
        table: One row per image and seed, with columns ``image`` and ``column``.
        column: The measure; NaN rows are left out, and images without any value with them.
    """
    return table.dropna(subset=[column]).groupby("image")[column].mean()


def standard_deviation(values: ArrayLike, ddof: int) -> float:
    """Return the standard deviation of the non-NaN values; NaN if there are ``ddof`` or fewer.

    Drabent et al. 2022 divide by n (``ddof`` 0), Warmerdam et al. 2022 by n - 1 (``ddof`` 1).
    """
    array = np.asarray(values, dtype=np.float64)
    kept = array[~np.isnan(array)]
    return float(kept.std(ddof=ddof)) if kept.size > ddof else float("nan")


def share_interval(share: float, n: int, *, level: float = 0.95) -> Estimate:
    """Estimate a probability with Wilson's score interval (Wilson 1927).

    Args:
        share: Observed share, 0..1; it may be an average over seeds, so ``share * n`` need not be
            an integer.
        n: Number of units it was observed on. Seeds do not multiply it: they judge the same units.
        level: Coverage, between 0 and 1.
    """
    if n < 1 or np.isnan(share):
        return Estimate(np.nan, np.nan, np.nan, 0, NO_INTERVAL)
    z = float(special.ndtri((1 + level) / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half), n, WILSON)


def share_difference(first: Estimate, second: Estimate) -> Estimate:
    """Estimate the difference of two shares from their Wilson intervals (Newcombe 1998, method 10).

    For shares of different units. On the same units, as the accuracies of two models on one test
    set are, it is too wide where the two agree on most of them.

    Args:
        first: A share with its interval.
        second: The share taken away from it.
    """
    difference = first.value - second.value
    below = np.hypot(first.value - first.low, second.high - second.value)
    above = np.hypot(first.high - first.value, second.value - second.low)
    if np.isnan(below + above):
        return Estimate(difference, np.nan, np.nan, 0, NO_INTERVAL)
    ends = float(difference - below), float(difference + above)
    return Estimate(difference, *ends, min(first.n, second.n), NEWCOMBE)


def mean_difference(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Estimate the difference of the means of two groups of different units (Welch 1947).

    Args:
        first: Values of one group; NaN entries are left out.
        second: Values of the other, whose mean is taken away.
        level: Coverage, between 0 and 1.

    Returns:
        The difference, with n the units of both; no interval with fewer than two in a group.
    """
    groups = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    a, b = (group[~np.isnan(group)] for group in groups)
    n = a.size + b.size
    if not a.size or not b.size:
        return Estimate(np.nan, np.nan, np.nan, n, NO_INTERVAL)
    difference = float(a.mean() - b.mean())
    if min(a.size, b.size) < 2:
        return Estimate(difference, np.nan, np.nan, n, NO_INTERVAL)
    if np.ptp(a) == np.ptp(b) == 0:
        return Estimate(difference, difference, difference, n, WELCH)
    parts = [group.var(ddof=1) / group.size for group in (a, b)]
    error = sum(parts)
    freedom = error**2 / sum(
        part**2 / (group.size - 1) for part, group in zip(parts, (a, b), strict=True)
    )
    half = float(special.stdtrit(freedom, (1 + level) / 2) * np.sqrt(error))
    return Estimate(difference, difference - half, difference + half, n, WELCH)


def correlation(
    x: ArrayLike, y: ArrayLike, *, kind: str = "pearson", level: float = 0.95
) -> Estimate:
    """Estimate the linear or rank correlation of paired values; pairs with a NaN are left out.

    Args:
        x: Shape (n,).
        y: Shape (n,).
        kind: ``"pearson"`` with Fisher's z interval, or ``"spearman"`` with the one of Bonett and
            Wright (2000), whose variance is (1 + r**2 / 2) / (n - 3).
        level: Coverage, between 0 and 1.

    Returns:
        The coefficient; NaN with fewer than three pairs or a constant side, and no interval with
        fewer than four pairs.

    Raises:
        ValueError: an unknown ``kind``.
    """
    from scipy import stats  # slow to load, and few tables need it

    measures = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}
    if kind not in measures:
        raise ValueError(f"kind: {kind!r} is not allowed; allowed: {', '.join(measures)}")
    pairs = np.column_stack([x, y]).astype(np.float64)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    if n < 3 or (np.ptp(pairs, axis=0) == 0).any():
        return Estimate(np.nan, np.nan, np.nan, n, NO_INTERVAL)
    r = float(measures[kind](pairs[:, 0], pairs[:, 1]).statistic)
    if n < 4:
        return Estimate(r, np.nan, np.nan, n, NO_INTERVAL)
    variance = (1 + r * r / 2 if kind == "spearman" else 1.0) / (n - 3)
    half = float(special.ndtri((1 + level) / 2)) * np.sqrt(variance)
    centre = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    method = BONETT_WRIGHT if kind == "spearman" else FISHER
    low, high = float(np.tanh(centre - half)), float(np.tanh(centre + half))
    return Estimate(r, low, high, n, method)
