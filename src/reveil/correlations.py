"""Correlations over policies: bootstrapped, with a third variable held fixed, free of noise.

The unit is the policy. Fisher's interval (:func:`reveil.statistics.correlation`) holds for two
normal variables; the bootstrap over policies here asks for neither normality nor a straight line.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reveil.statistics import BOOTSTRAP, FISHER, NO_INTERVAL, RESAMPLES, Estimate

Floats = NDArray[np.float64]
# Values that one part of the resamples may hold: 32 MB.
_PART = 4_000_000
# A bootstrap of fewer policies draws too many resamples of one or two of them.
SMALLEST_BOOTSTRAP = 8


@dataclass(frozen=True)
class Reliability:
    """How much of the variance of a measured score is of the policies, not of the measuring.

    Attributes:
        mean: Reliability of a policy's mean over its repeats: 1 - noise / total variance of the
            means; NaN where it cannot be told.
        single: The same of one repeat, the intraclass correlation ICC(1).
        noise_std: Standard deviation of one repeat around its policy's mean.
        n: Number of policies.
        repeats: Mean number of repeats.
    """

    mean: float
    single: float
    noise_std: float
    n: int
    repeats: float


def partial_correlation(
    x: ArrayLike, y: ArrayLike, control: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Estimate the linear correlation of x and y with ``control`` held fixed (Fisher 1924).

    (r_xy - r_xc r_yc) / sqrt((1 - r_xc**2) (1 - r_yc**2)), which is the correlation of the
    residuals of x and y on the control; Fisher's z with variance 1 / (n - 3 - 1).

    Args:
        x: Shape (n,).
        y: Shape (n,).
        control: Shape (n,). Rows with a NaN in any of the three are left out.
        level: Coverage, between 0 and 1.

    Returns:
        NaN where a variable is constant, or x or y a linear function of the control; no interval
        with fewer than five rows.
    """
    rows = _complete(x, y, control)
    n = len(rows)
    r = float(_partial(rows)) if n >= 4 else float("nan")
    if np.isnan(r) or n < 5:
        return Estimate(r, np.nan, np.nan, n, NO_INTERVAL)
    half = float(special.ndtri((1 + level) / 2)) / np.sqrt(n - 4)
    centre = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return Estimate(r, float(np.tanh(centre - half)), float(np.tanh(centre + half)), n, FISHER)


def bootstrap_correlation(
    x: ArrayLike,
    y: ArrayLike,
    control: ArrayLike | None = None,
    *,
    kind: str = "pearson",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Estimate a correlation with a bias-corrected, accelerated bootstrap over the rows.

    Args:
        x: Shape (n,).
        y: Shape (n,).
        control: Shape (n,), held fixed where given; ``"pearson"`` only. Rows with a NaN are left
            out.
        kind: ``"pearson"`` or ``"spearman"``, the same of ranks, which ties share.
        level: Coverage, between 0 and 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Raises:
        ValueError: an unknown ``kind``, or a rank correlation with a control.
    """
    if kind not in ("pearson", "spearman") or (kind == "spearman" and control is not None):
        allowed = "pearson" if control is not None else "pearson, spearman"
        raise ValueError(f"kind: {kind!r} is not allowed; allowed: {allowed}")
    if control is not None:
        return bootstrap(_complete(x, y, control), _partial, level, resamples, seed)
    measure = _spearman if kind == "spearman" else _pearson
    return bootstrap(_complete(x, y), measure, level, resamples, seed)


def reliability(repeats: pd.DataFrame, column: str = "s_pri") -> Reliability:
    """Estimate the reliability of a score from repeated measurements, by one-way ANOVA.

    Args:
        repeats: One row per policy and repeat, with columns ``policy`` and ``column``. What the
            repeats vary, draws of the policy or images, is the noise it speaks of.
        column: The score; rows without one are left out.
    """
    sums = _repeat_sums(repeats, column)
    n = len(sums)
    freedom = sums["freedom"].sum()
    if n < 2 or freedom == 0:
        return Reliability(np.nan, np.nan, np.nan, n, float(sums["count"].mean()) if n else np.nan)
    noise = sums["squares"].sum() / freedom
    total = sums["mean"].var(ddof=1)
    between = total - noise * sums["inverse"].mean()
    share = _reliability(sums[["squares", "freedom", "inverse", "mean"]].to_numpy())
    single = between / (between + noise) if between + noise > 0 else np.nan
    mean_count = float(sums["count"].mean())
    return Reliability(float(share), float(single), float(np.sqrt(noise)), n, mean_count)


def attenuated(
    repeats: pd.DataFrame,
    y: pd.Series,
    column: str = "s_pri",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """Estimate a linear correlation corrected for the noise of a score (Spearman 1904).

    r / sqrt(reliability), r between the policies' mean scores and y. The bootstrap draws policies
    with their repeats and does both anew. The result is not cut off at 1, which it passes where
    chance makes the reliability too low; where the measured noise reaches the whole variance there
    is none. The noise of y is left in.

    Args:
        repeats: As in :func:`reliability`.
        y: The other variable, indexed by policy.
        column: The score.
        level: Coverage, between 0 and 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Returns:
        The corrected correlation, and the reliability of the mean score over the same policies.
    """
    sums = _repeat_sums(repeats, column)
    rows = sums.join(y.rename("y").astype(float), how="inner").dropna()
    values = rows[["squares", "freedom", "inverse", "mean", "y"]].to_numpy(dtype=np.float64)
    corrected = bootstrap(values, _corrected, level, resamples, seed)
    return corrected, bootstrap(values, _reliability, level, resamples, seed)


def bootstrap(
    rows: Floats,
    statistic: Callable[[Floats], Floats],
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Estimate any statistic of rows by the BCa bootstrap (Efron 1987, section 6).

    Resamples for which the statistic does not exist are left out.

    Args:
        rows: (n, k), finite.
        statistic: Takes (..., n, k) and returns (...), not finite where it does not exist.
        level: Coverage, between 0 and 1.
        resamples: Number of resamples.
        seed: Seed of the resamples.
    """
    n = len(rows)
    value = float(statistic(rows)) if n else float("nan")
    if not np.isfinite(value) or n < SMALLEST_BOOTSTRAP:
        return Estimate(value, np.nan, np.nan, n, NO_INTERVAL)
    draws = np.random.default_rng([seed, n]).integers(n, size=(resamples, n))
    size = max(1, _PART // rows.size)
    parts = [statistic(rows[draws[start : start + size]]) for start in range(0, resamples, size)]
    drawn = np.concatenate(parts)
    drawn = drawn[np.isfinite(drawn)]
    jackknife = np.array([float(statistic(np.delete(rows, i, axis=0))) for i in range(n)])
    if not np.isfinite(jackknife).all() or len(drawn) < resamples / 2:
        return Estimate(value, np.nan, np.nan, n, NO_INTERVAL)
    if np.ptp(drawn) == 0:
        return Estimate(value, value, value, n, BOOTSTRAP)
    away = jackknife.mean() - jackknife
    spread = float((away**2).sum())
    acceleration = float((away**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    bias = special.ndtri(((drawn < value).mean() + (drawn <= value).mean()) / 2)
    tails = special.ndtri([(1 - level) / 2, (1 + level) / 2]) + bias
    low, high = np.quantile(drawn, special.ndtr(bias + tails / (1 - acceleration * tails)))
    return Estimate(value, float(low), float(high), n, BOOTSTRAP)


def _complete(*columns: ArrayLike) -> Floats:
    rows = np.column_stack(columns).astype(np.float64)
    return rows[np.isfinite(rows).all(axis=1)]


def _correlate(x: Floats, y: Floats) -> Floats:
    """Return Pearson's r along the last axis; NaN where a side is constant."""
    a, b = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    squares = (a * a).sum(axis=-1) * (b * b).sum(axis=-1)
    constant = (np.ptp(x, axis=-1) == 0) | (np.ptp(y, axis=-1) == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(constant, np.nan, (a * b).sum(axis=-1) / np.sqrt(squares))


def _pearson(rows: Floats) -> Floats:
    return _correlate(rows[..., 0], rows[..., 1])


def _spearman(rows: Floats) -> Floats:
    from scipy import stats  # slow to load, and few tables need it

    return _pearson(stats.rankdata(rows, axis=-2))


def _partial(rows: Floats) -> Floats:
    x, y, control = rows[..., 0], rows[..., 1], rows[..., 2]
    r, with_x, with_y = _correlate(x, y), _correlate(x, control), _correlate(y, control)
    left = (1 - with_x**2) * (1 - with_y**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 1e-12, (r - with_x * with_y) / np.sqrt(left), np.nan)


def _repeat_sums(repeats: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return, per policy: mean, count, squares and freedom within it, and 1 / count."""
    groups = repeats.dropna(subset=[column]).groupby("policy")[column]
    sums = pd.DataFrame({"mean": groups.mean(), "count": groups.count()})
    sums["squares"] = groups.var(ddof=0) * sums["count"]
    sums["freedom"] = sums["count"] - 1
    sums["inverse"] = 1 / sums["count"]
    return sums


def _reliability(rows: Floats) -> Floats:
    """Return 1 - noise variance / total variance of the means, columns as in ``_corrected``."""
    squares, freedom, inverse, means = (rows[..., k] for k in range(4))
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = squares.sum(axis=-1) / freedom.sum(axis=-1) * inverse.mean(axis=-1)
        share = 1 - noise / means.var(axis=-1, ddof=1)
    return np.where(np.isfinite(share), share, np.nan)


def _corrected(rows: Floats) -> Floats:
    r, share = _correlate(rows[..., 3], rows[..., 4]), _reliability(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(share > 0, r / np.sqrt(share), np.nan)
