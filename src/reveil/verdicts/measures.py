"""The statistics of the criteria: a number with its interval from the rows of a cell."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from reveil import correlations
from reveil.crossed import mean_over_images, of_all_seeds
from reveil.library import LIBRARY, function_name
from reveil.pairing import paired
from reveil.statistics import (
    BOOTSTRAP,
    NO_INTERVAL,
    RESAMPLES,
    Estimate,
    mean_difference,
    mean_interval,
    share_interval,
)
from reveil.verdicts.criteria import Test
from reveil.verdicts.units import IMAGE, POLICY, SEED, Cell, by_unit, unit_of, values_of

NONE = "none"
NOTHING = Estimate(np.nan, np.nan, np.nan, 0, NO_INTERVAL)
Others = Callable[[dict[str, str]], pd.DataFrame]


class Rows(NamedTuple):
    """What a statistic is made from.

    Attributes:
        test: The test.
        cell: Its cell.
        reference: Rows compared with; empty if there are none.
        baseline: Rows that lost nothing, for ``recovered``.
        all: The whole table of the test.
    """

    test: Test
    cell: Cell
    reference: pd.DataFrame
    baseline: pd.DataFrame
    all: pd.DataFrame

    @property
    def unit(self) -> str:
        """What n counts."""
        return unit_of(self.test)

    def values(self) -> pd.Series:
        """The measure by unit."""
        return by_unit(self.cell.rows, self.test.column, self.unit)

    def theirs(self, rows: pd.DataFrame) -> pd.Series:
        """The measure of other rows by unit."""
        if rows.empty:
            return pd.Series(dtype=float)
        return by_unit(rows, self.test.column, self.unit)


def estimate(rows: Rows, level: float, resamples: int = RESAMPLES) -> Estimate:
    """Return the statistic of a cell with its interval; n is 0 where there is none.

    Args:
        rows: The rows.
        level: Coverage of the two-sided interval, between 0 and 1.
        resamples: Of a bootstrap.
    """
    return _STATISTICS[rows.test.statistic](rows, level, resamples)


def _mean(rows: Rows, level: float, resamples: int) -> Estimate:
    column = rows.test.column
    found = rows.cell.rows.assign(**{column: values_of(rows.cell.rows, column)})
    return _mean_over(found, column, rows, level, resamples)


def _column_difference(rows: Rows, level: float, resamples: int) -> Estimate:
    own, test = rows.cell.rows, rows.test
    away = values_of(own, test.column) - values_of(own, test.more["with"])
    return _mean_over(own.assign(away=away), "away", rows, level, resamples)


def _paired_difference(rows: Rows, level: float, resamples: int) -> Estimate:
    """Return the mean of the differences, each of one image under one seed that both sides have."""
    ours, theirs, column = rows.cell.rows, rows.reference, rows.test.column
    if theirs.empty:
        return NOTHING
    sides = (side.assign(**{column: values_of(side, column)}) for side in (ours, theirs))
    both = paired(*sides, (column, column))
    return _mean_over(both.assign(away=both["own"] - both["other"]), "away", rows, level, resamples)


def _mean_over(
    values: pd.DataFrame, column: str, rows: Rows, level: float, resamples: int
) -> Estimate:
    """Return the mean over units; over images and trainings where there are several of both."""
    if rows.unit == IMAGE:
        return mean_over_images(values, column, level=level, resamples=resamples)
    means = values.dropna(subset=[column]).groupby(rows.unit)[column].mean()
    return mean_interval(means, level=level, resamples=resamples)


def _mean_of_pairs(a: pd.Series, b: pd.Series, level: float, resamples: int) -> Estimate:
    both = pd.concat([a, b], axis=1, join="inner").to_numpy(dtype=np.float64)
    return mean_interval(both[:, 0] - both[:, 1], level=level, resamples=resamples)


def _seed_difference(rows: Rows, level: float, resamples: int) -> Estimate:
    ours, theirs = _of_seeds(rows)
    return _mean_of_pairs(ours, theirs, level, resamples)


def _seed_ratio(rows: Rows, level: float, resamples: int) -> Estimate:
    """Return the geometric mean of the seeds' ratios."""
    ours, theirs = _of_seeds(rows)
    found = _mean_of_pairs(np.log(ours), np.log(theirs), level, resamples)
    ends = (float(np.exp(end)) for end in (found.value, found.low, found.high))
    return Estimate(*ends, found.n, found.method)


def _of_seeds(rows: Rows) -> tuple[pd.Series, pd.Series]:
    column = rows.test.column
    ours = by_unit(rows.cell.rows, column, SEED)
    if rows.reference.empty:
        return ours, pd.Series(dtype=float)
    return ours, by_unit(rows.reference, column, SEED)


def _difference(rows: Rows, level: float, _: int) -> Estimate:
    return mean_difference(rows.values(), rows.theirs(rows.reference), level=level)


def _recovered(rows: Rows, level: float, resamples: int) -> Estimate:
    """Return (ours - reference) / (baseline - reference), all three of the same image and seed.

    Images are resampled with all three; of several trainings the interval is that of the linear
    part of the ratio. Where the policy took nothing from the attack there is nothing to win back:
    unless the interval of the loss lies above zero the share has none, as the resamples in which it
    exists would not be a fair choice of all.
    """
    if rows.reference.empty or rows.baseline.empty:
        return NOTHING
    table = of_all_seeds(_three_sides(rows))
    if table.empty:
        return NOTHING
    table = table.assign(lost=table["baseline"] - table["reference"])
    share = float(_recovered_share(table[["own", "reference", "baseline"]].to_numpy()))
    if not _mean_over(table, "lost", rows, level, resamples).low > 0:
        return Estimate(share, np.nan, np.nan, table[IMAGE].nunique(), NO_INTERVAL)
    if table[SEED].nunique() > 1:
        away = table["own"] - table["reference"] - share * table["lost"]
        linear = table.assign(share=share + away / table["lost"].mean())
        return _mean_over(linear, "share", rows, level, resamples)
    images = table.groupby(IMAGE)[["own", "reference", "baseline"]].mean().to_numpy()
    return correlations.bootstrap(images, _recovered_share, level, resamples)


def _three_sides(rows: Rows) -> pd.DataFrame:
    """Return columns image, seed, own, reference and baseline."""
    column = rows.test.column
    ours, reference, baseline = (
        side.assign(**{column: values_of(side, column)})
        for side in (rows.cell.rows, rows.reference, rows.baseline)
    )
    first, second = (paired(ours, side, (column, column)) for side in (reference, baseline))
    first = first.rename(columns={"other": "reference"})
    second = second.rename(columns={"other": "baseline"}).drop(columns="own")
    return first.merge(second, on=[IMAGE, SEED])


def _recovered_share(table: np.ndarray) -> np.ndarray:
    ours, reference, baseline = (table[..., k].mean(axis=-1) for k in range(3))
    lost = baseline - reference
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lost > 0, (ours - reference) / lost, np.nan)


def _correlation(kind: str) -> Callable[[Rows, float, int], Estimate]:
    def found(rows: Rows, level: float, resamples: int) -> Estimate:
        test = rows.test
        control = test.more.get("control")
        columns = [test.column, test.more["with"], *([control] if control else [])]
        table = pd.DataFrame({name: by_unit(rows.cell.rows, name, POLICY) for name in columns})
        return correlations.bootstrap_correlation(
            table[columns[1]],
            table[columns[0]],
            table[control] if control else None,
            kind=kind,
            level=level,
            resamples=resamples,
        )

    return found


def _share(rows: Rows, level: float, _: int) -> Estimate:
    """Return the share of policies that fulfil all comparisons with None of the same seed."""
    table = rows.all
    for key in ("protocol", "dataset", "model"):
        table = table[table[key].astype(str) == rows.cell.named[key]]
    none = table[table["policy"] == NONE]
    fulfils = pd.Series(1.0, index=rows.cell.rows.index)
    for column, comparison in rows.test.more["where"].items():
        against = rows.cell.rows[SEED].map(none.groupby(SEED)[column].mean())
        value = rows.cell.rows[column]
        meets = value > against if comparison == "above_none" else value < against
        fulfils *= meets.where(against.notna() & value.notna()).astype(float)
    by_policy = fulfils.groupby(rows.cell.rows[POLICY]).mean().dropna()
    if by_policy.empty:
        return NOTHING
    return share_interval(float(by_policy.mean()), len(by_policy), level=level)


def _overlap(rows: Rows, level: float, resamples: int) -> Estimate:
    """Return how many functions among the lowest scores are those of the list.

    The interval redraws seeds and, within each, every score from its mean and standard error over
    images, without regard to what scores share of their images: it is rather too wide than too
    narrow. Redrawn noise comes on top of that in the scores and mixes their order, so that counts
    fall to chance; the observed count is always within. Operations that are the same function
    count once.
    """
    table = rows.cell.rows
    table = table[table["candidate"] >= 0]
    table = table.assign(function=[function_name(LIBRARY[int(i)]) for i in table["candidate"]])
    column, top = rows.test.column, rows.test.more["top"]
    scores = table.pivot_table(index="function", columns=SEED, values=column).dropna()
    if scores.empty or len(scores) < top:
        return NOTHING
    listed = scores.index.isin({function_name(LIBRARY[i]) for i in rows.test.more["list"]})
    spread = table.assign(error=table[f"{column}_std"] / np.sqrt(table[f"{column}_n"]))
    errors = spread.pivot_table(index="function", columns=SEED, values="error")
    errors = errors.reindex_like(scores).fillna(0.0).to_numpy()
    values = scores.to_numpy()
    n = values.shape[1]
    generator = np.random.default_rng([0, n])
    seeds = generator.integers(n, size=(resamples, n))
    noise = generator.standard_normal((len(values), resamples, n)) * errors[:, seeds]
    drawn = (values[:, seeds] + noise).mean(axis=-1)
    counts = listed[np.argsort(drawn, axis=0, kind="stable")[:top]].sum(axis=0)
    ours = int(listed[np.argsort(values.mean(axis=1), kind="stable")[:top]].sum())
    ends = np.quantile(counts, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    low, high = min(ours, *ends), max(ours, *ends)
    return Estimate(float(ours), float(low), float(high), n, BOOTSTRAP)


_STATISTICS: dict[str, Callable[[Rows, float, int], Estimate]] = {
    "mean": _mean,
    "paired_difference": _paired_difference,
    "column_difference": _column_difference,
    "seed_difference": _seed_difference,
    "seed_ratio": _seed_ratio,
    "difference": _difference,
    "recovered": _recovered,
    "pearson": _correlation("pearson"),
    "spearman": _correlation("spearman"),
    "partial": _correlation("pearson"),
    "share": _share,
    "overlap": _overlap,
}
STATISTICS = tuple(_STATISTICS)
