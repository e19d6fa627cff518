"""Published numbers that stand by themselves, with ours beside them where there are any."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from reveil.statistics import NO_INTERVAL, Estimate, mean_interval
from reveil.tables.correlation import PLAIN
from reveil.tables.estimates import NOBODY, estimate_row
from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES, dataset_title, model_title
from reveil.tables.published import TOP_FIVE, published_columns, published_row

SUBJECT = ["protocol", "dataset", "model"]
# Other PSNR of the enhanced attack of Warmerdam et al. 2022: the metric, and the column that it is.
ENHANCED = {
    "psnr_db_untransformed": "warmerdam2022_psnr_unshifted_db",
    "psnr_db_isolated": "warmerdam2022_psnr_aligned_db",
    "psnr_db_isolated_area": "warmerdam2022_psnr_aligned_area_db",
}
_SETTING = [*SUBJECT, "victim", "attack"]
_RANDOM = "100 random policies (mean)"
# Policies of the papers whose scores are known from the raw results of Warmerdam et al. 2022.
_NAMED = ("3-1-7", "43-18-18", "21-13-3", "7-4-15")


def enhanced_columns(table: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return an attack table with the columns ``ENHANCED``, empty where nothing is known.

    Of the raw results of ats-w-insight1: the guess before the learnt move against what the victim
    used; both aligned at their first pixels that are not black; and that on what they share.

    Args:
        table: Rows of :func:`reveil.tables.attack_table` by policy and attack.
        published: The papers' numbers.
    """
    keys = ["dataset", "model", "policy", "attack", "defence"]
    columns: dict[str, list[float]] = {name: [] for name in ENHANCED.values()}
    for _, row in table.iterrows():
        named = {key: str(row[key]) for key in keys}
        for metric, column in ENHANCED.items():
            found = published_row(published, "ats-w-insight1", "warmerdam2022", metric, **named)
            columns[column].append(np.nan if found is None else float(found["value"]))
    return table.assign(**columns)


def mean_psnr(
    scores: pd.DataFrame, published: pd.DataFrame, experiment: str, *, seed: int = 0
) -> pd.DataFrame:
    """Return the mean PSNR over policies, each with its mean over seeds, beside the published.

    Args:
        scores: Rows of :func:`reveil.tables.policy_scores`.
        published: The papers' numbers, which belong to ``plain`` victims.
        experiment: Where to look for them.
        seed: Seed of the bootstrap.

    Returns:
        A row of :mod:`reveil.tables.estimates` by protocol, dataset, model, victim and attack.
    """
    rows = []
    for key, part in scores.groupby(_SETTING, sort=True):
        named: dict[str, Hashable] = dict(zip(_SETTING, key, strict=True))
        theirs: Mapping[str, float | str] = NOBODY
        if named["victim"] == PLAIN:
            keys = {name: str(named[name]) for name in ("dataset", "model")}
            theirs = published_columns(published, experiment, "psnr_db", policy=_RANDOM, **keys)
        mean = mean_interval(part.groupby("policy")["psnr_db"].mean(), seed=seed)
        rows.append(named | estimate_row("psnr_mean_db", "Mean PSNR, dB", mean, theirs))
    return pd.DataFrame(rows)


def named_policies(grouped: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return S_pri and S_acc of the papers' policies beside those of Warmerdam et al. 2022.

    Args:
        grouped: Rows of :func:`reveil.tables.grouped_scores`; ours is the mean over seeds, and n
            counts them.
        published: The papers' numbers.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by protocol, dataset and model, of the scores that
        either has.
    """
    rows = []
    for key, part in grouped.groupby(SUBJECT, sort=True):
        named = dict(zip(SUBJECT, map(str, key), strict=True))
        place = {name: named[name] for name in ("dataset", "model")}
        for policy in _NAMED:
            own = part[part["policy"] == policy].drop_duplicates("seed")
            for score, title in (("s_pri", "S_pri"), ("s_acc", "S_acc")):
                theirs = published_columns(
                    published, "ats-w-insight2", score, policy=policy, **place
                )
                if len(own) or set(theirs.values()) != {NOT_AVAILABLE}:
                    mine = Estimate(own[score].mean(), np.nan, np.nan, len(own), NO_INTERVAL)
                    name = f"{score}_{policy.replace('-', '_')}"
                    rows.append(named | estimate_row(name, f"{title} of {policy}", mine, theirs))
    return pd.DataFrame(rows)


def overlap_note(
    ranking: pd.DataFrame, published: pd.DataFrame, experiments: str | Sequence[str]
) -> str:
    """Return how many of the five of Gao et al. 2021 are among our five lowest, as a caption.

    They are of CIFAR-100 and compared with whatever dataset, as Drabent et al. 2022 do. Functional
    duplicates count once.

    Args:
        ranking: Rows of :func:`reveil.tables.single_table`.
        published: The papers' numbers.
        experiments: Experiments in which Drabent et al. 2022 say how many of their five are.
    """
    told = []
    for (protocol, dataset, model), part in ranking.groupby(SUBJECT, sort=False):
        lowest = part.loc[part["rank_distinct"] <= 5, "index"]
        common = lowest.isin(TOP_FIVE["cifar100"]["original"]).sum()
        metric, place = "top5_overlap_with_original", {"dataset": dataset, "model": model}
        theirs = published_row(published, experiments, "drabent2022", metric, **place)
        source = SOURCE_TITLES["drabent2022"]
        beside = "" if theirs is None else f"; {source}: {theirs['value']:.0f}"
        where = f"{protocol}, {dataset_title(dataset)}, {model_title(model)}"
        told.append(f"{common} ({where}{beside})")
    source = SOURCE_TITLES["original"]
    return f"Of the five of {source} for CIFAR-100, among our five lowest: {', '.join(told)}."
