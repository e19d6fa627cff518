"""The choice among scored candidates: accurate enough, then most private (Gao et al. 2021)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reveil.aliases import PASSING
from reveil.candidates import effect_of
from reveil.errors import ReveilError, not_allowed
from reveil.library import IDENTITY
from reveil.policies import NONE

VARIANTS = ("cvpr2021", "tpami2023")
# Weights of the mean and of the variance over classes in the journal version's ranking.
TPAMI_WEIGHTS = (0.7, 0.3)


def select(scores: pd.DataFrame, search: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose policies: of those accurate enough, the most private ones.

    Args:
        scores: rows of all blocks.
        search: the protocol's switches of the search; with ``distinct`` a policy that has the
            effect of a better one already ranked is passed over.

    Returns:
        The scores with the columns passes and rank, by candidate, and the ``final`` rows of the
        best ranks. Passing policies are ranked 1, 2, ... by S_pri, ties by candidate number; a
        policy drawn twice is ranked once, and rows without a rank have none.

    Raises:
        ReveilError: fewer than ``final`` distinct policies pass.
    """
    table = scores.sort_values("candidate", kind="stable", ignore_index=True)
    ok = table["status"] == "ok"
    criterion = _criterion(table.where(ok), search["variant"])
    passes = ok & criterion.notna() & _accurate_enough(table, search["s_acc"])
    order = criterion[passes].sort_values(kind="stable").index
    names = table["policy"].map(effect_of) if search["distinct"] else table["policy"]
    ranked = order[~names[order].duplicated().to_numpy()]
    table["passes"] = passes
    table["rank"] = pd.Series(range(1, len(ranked) + 1), index=ranked, dtype="Int64")
    final = search["final"]
    if len(ranked) < final:
        raise ReveilError(_too_few(table, search, len(ranked)))
    chosen = table.loc[ranked[:final]].reset_index(drop=True)
    return table, chosen[["rank", *(c for c in chosen.columns if c != "rank")]]


def passing(scores: pd.DataFrame, count: int = PASSING) -> pd.DataFrame:
    """Return the first ``count`` candidates that are accurate enough, whatever their privacy.

    They are random policies under the filter alone. Candidates that change nothing are passed
    over, and so are those with the effect of an earlier one.

    Args:
        scores: by candidate, as :func:`select` returns them.

    Returns:
        Rows of ``scores``, fewer where fewer pass, with the column number (1, 2, ...) before them.
    """
    table = scores.sort_values("candidate", kind="stable")
    table = table[table["passes"]]
    effects = table["policy"].map(effect_of)
    chosen = table[~effects.duplicated() & ~effects.isin((NONE, IDENTITY))].head(count)
    chosen = chosen.reset_index(drop=True)
    chosen.insert(0, "number", range(1, len(chosen) + 1))
    return chosen


def _criterion(table: pd.DataFrame, variant: str) -> pd.Series:
    """Return what is ranked, lower first: S_pri, or the journal version's mix over classes."""
    if variant not in VARIANTS:
        raise ReveilError(not_allowed("search.variant", variant, VARIANTS))
    if variant == "cvpr2021":
        return table["s_pri"].astype(float)
    mean, variance = TPAMI_WEIGHTS
    return mean * _minmax(table["s_pri_class_mean"]) + variance * _minmax(table["s_pri_class_var"])


def _minmax(values: pd.Series) -> pd.Series:
    values = values.astype(float)
    low, span = values.min(), values.max() - values.min()
    return (values - low) / span if span > 0 else values - low


def _threshold(switches: Mapping[str, Any]) -> float:
    return switches["threshold_per_image" if switches["per_image"] else "threshold"]


def _accurate_enough(table: pd.DataFrame, switches: Mapping[str, Any]) -> pd.Series:
    score = table["s_acc"] / table["s_acc_rows"] if switches["per_image"] else table["s_acc"]
    return score.astype(float) >= _threshold(switches)


def _too_few(table: pd.DataFrame, search: Mapping[str, Any], ranked: int) -> str:
    key = "threshold_per_image" if search["s_acc"]["per_image"] else "threshold"
    failed = int((table["status"] != "ok").sum())
    return (
        f"search.final: {search['final']} policies are wanted, but of {len(table)} candidates "
        f"({failed} failed) only {int(table['passes'].sum())} reach search.s_acc.{key} = "
        f"{_threshold(search['s_acc'])}, {ranked} of them distinct; raise search.candidates, "
        f"lower search.s_acc.{key}, or lower search.final"
    )
