"""What random policies are worth against none, and policies of the best single transformations."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from reveil.errors import ReveilError
from reveil.library import LIBRARY, function_name
from reveil.lists import TOP_TEN
from reveil.statistics import (
    NO_INTERVAL,
    Estimate,
    correlation,
    mean_difference,
    mean_interval,
    share_interval,
)
from reveil.tables.estimates import estimate_row
from reveil.tables.published import published_columns, published_row
from reveil.tables.search import OK, SUBJECT, single_table

EXPERIMENT_2, EXPERIMENT_3 = "ats-w-insight2", "ats-w-insight3"
RANDOM, PAIRS, TRIPLES, TEN_TRIPLES = "random", "two-of-top10", "triples-of-top5", "top10-triples"
NONE, OTHER = "none", "other"
# How the papers' table calls these sets of policies.
_THEIRS = {
    RANDOM: "random policies (mean)",
    PAIRS: "random policies with >=2 of the top-10 transformations (mean)",
    TRIPLES: "three of the top-5 transformations (mean)",
}


def top_operations(singles: pd.DataFrame, count: int = 10) -> tuple[int, ...]:
    """Return the transformations with the lowest S_pri alone, best first, one a function.

    Functional duplicates tie, so that of each function the lowest index stands for all. Take them
    from other images than those that score policies, or a comparison feeds itself.

    Args:
        singles: Scores per index in ``candidate`` of one protocol, dataset and model.
        count: How many.
    """
    scored = singles[(singles["status"] == OK) & (singles["candidate"] >= 0)]
    means = scored.groupby("candidate")["s_pri"].mean()
    table = pd.DataFrame({"s_pri": means, "function": [_FUNCTIONS[i] for i in means.index]})
    table = table.drop_duplicates("function").sort_values("s_pri", kind="stable")
    return tuple(int(index) for index in table.index[:count])


def grouped_scores(
    scores: pd.DataFrame,
    best: Sequence[int] = TOP_TEN,
    *,
    singles: pd.DataFrame | None = None,
    alike: bool = True,
) -> pd.DataFrame:
    """Return the scores with the ``group`` of each policy, and what share of random ones it beats.

    Groups: ``two-of-top10``, random policies that hold two different ones of ``best``, and
    ``random``, all other random ones; ``triples-of-top5``, three of the first five, and
    ``top10-triples``, three of all ten; ``none``, and ``other``. Rows without S_pri are left out.

    Args:
        scores: Scores of policies by protocol, dataset, model and seed. Rows whose ``group`` is
            missing or begins with ``random`` are random policies.
        best: Single transformations, best first; those of Warmerdam et al. 2022, Figure 6, by
            default.
        singles: Scores of single transformations, to take the row of the policy none from; not
            needed where ``scores`` has it.
        alike: Whether an operation that does the same as one of ``best`` counts as it; Warmerdam
            et al. 2022 compare indices.

    Returns:
        The rows with ``group`` and ``policies_beaten_share``: of the random policies, both groups,
        of the same protocol, dataset, model and seed, the share with a higher S_pri; empty for
        these themselves.
    """
    if singles is not None:
        scores = pd.concat([scores, singles[singles["policy"] == NONE]], ignore_index=True)
    drawn = pd.Series(True, index=scores.index)
    if "group" in scores:
        drawn = scores["group"].isna() | scores["group"].astype(str).str.startswith(RANDOM)
    table = scores.assign(
        group=[
            _group(policy, random, best, alike)
            for policy, random in zip(scores["policy"], drawn, strict=True)
        ]
    )
    table = table[(table["status"] == OK) & table["s_pri"].notna()]
    # A policy may stand in two lists; a random one that was drawn twice counts twice.
    again = table.duplicated([*SUBJECT, "seed", "policy", "group"])
    table = table[~again | table["group"].isin((RANDOM, PAIRS))].reset_index(drop=True)
    table["policies_beaten_share"] = np.nan
    for _, rows in table.groupby([*SUBJECT, "seed"]):
        random = rows["group"].isin((RANDOM, PAIRS))
        field = np.sort(rows.loc[random, "s_pri"].to_numpy())
        if len(field):
            mine = rows.loc[~random, "s_pri"]
            beaten = (len(field) - np.searchsorted(field, mine, side="right")) / len(field)
            table.loc[mine.index, "policies_beaten_share"] = beaten
    return table


def random_table(grouped: pd.DataFrame, published: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Compare random policies with none, on S_pri and S_acc (Warmerdam et al. 2022, insight 2).

    A policy counts with its mean over seeds of a yes or no against the None of the same seed; n
    counts policies.

    Args:
        grouped: Rows of :func:`grouped_scores`, with the policy ``none``.
        published: The papers' numbers.
        seed: Seed of the bootstrap.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by protocol, dataset and model.

    Raises:
        ReveilError: no row of the policy none, or no random policy.
    """
    rows = []
    for key, part in grouped.groupby(SUBJECT, sort=True):
        named = dict(zip(SUBJECT, map(str, key), strict=True))
        drawn = _against_none(part, named)
        theirs = {
            policy: _published(published, EXPERIMENT_2, "s_pri", named, policy)
            for policy in (NONE, _THEIRS[RANDOM])
        }
        none = part.loc[part["group"] == NONE, "s_pri"]
        score = Estimate(none.mean(), np.nan, np.nan, len(none), NO_INTERVAL)
        mean = mean_interval(drawn["s_pri"], seed=seed)
        title = "S_pri of random policies"
        found = [
            estimate_row("s_pri_none", "S_pri of None", score, theirs[NONE]),
            estimate_row("s_pri_random", title, mean, theirs[_THEIRS[RANDOM]]),
        ]
        shares = {
            "higher_s_pri": "Share with a higher S_pri than None",
            "lower_s_acc": "Share with a lower S_acc than None",
            "worse_on_both": "Share worse than None on both",
        }
        for column, title in shares.items():
            estimate = share_interval(float(drawn[column].mean()), len(drawn))
            found.append(estimate_row(f"{column}_share", title, estimate))
        rows += [named | row for row in found]
    return pd.DataFrame(rows)


def best_table(grouped: pd.DataFrame, published: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Compare policies of the best single transformations with random ones (insight 3).

    Policies are averaged over seeds first; n counts policies. The difference is that of the means
    of random policies with two of the ten best and of those with fewer, which share none.

    Args:
        grouped: Rows of :func:`grouped_scores`.
        published: The papers' numbers.
        seed: Seed of the bootstrap.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by protocol, dataset and model.
    """
    rows = []
    for key, part in grouped.groupby(SUBJECT, sort=True):
        named = dict(zip(SUBJECT, map(str, key), strict=True))
        means = part.groupby(["group", "policy"])[["s_pri", "policies_beaten_share"]].mean()
        groups = {name: rows.droplevel(0) for name, rows in means.groupby(level=0)}
        empty = means.iloc[:0].droplevel(0)
        pairs, others = (groups.get(name, empty)["s_pri"] for name in (PAIRS, RANDOM))
        found = [
            estimate_row(
                "s_pri_pairs",
                "S_pri of random policies with two of the ten best",
                mean_interval(pairs, seed=seed),
                _published(published, EXPERIMENT_2, "s_pri", named, _THEIRS[PAIRS]),
            ),
            estimate_row("s_pri_others", "S_pri of the others", mean_interval(others, seed=seed)),
            estimate_row("s_pri_difference", "Difference", mean_difference(pairs, others)),
        ]
        for group, words in ((TRIPLES, "three of the five best"), (TEN_TRIPLES, "the ten best")):
            beaten = groups.get(group, empty)["policies_beaten_share"]
            theirs = {}
            if group == TRIPLES:
                theirs = _published(
                    published, EXPERIMENT_3, "pct_of_policies_beaten", named, _THEIRS[TRIPLES], 0.01
                )
            title = f"Share of random policies beaten by {words}, mean"
            name = f"beaten_share_{group.replace('-', '_')}"
            found.append(estimate_row(name, title, mean_interval(beaten, seed=seed), theirs))
        rows += [named | row for row in found]
    return pd.DataFrame(rows)


def single_ranking(singles: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`reveil.tables.search.single_table` beside the 50 scores of Warmerdam et al.

    Columns ``warmerdam2022_s_pri``, ``warmerdam2022_s_pri_std`` (over images) and
    ``warmerdam2022_rank`` are empty for datasets and models for which nothing was published.
    """
    table = single_table(singles)
    source = "warmerdam2022"
    found = [
        published_row(
            published, EXPERIMENT_3, source, "s_pri",
            dataset=str(row["dataset"]), model=str(row["model"]), policy=str(row["index"]),
        )
        for _, row in table.iterrows()
    ]  # fmt: skip
    for column, name in (("value", "s_pri"), ("std", "s_pri_std")):
        table[f"{source}_{name}"] = [np.nan if row is None else row[column] for row in found]
    scores = table.groupby(SUBJECT)[f"{source}_s_pri"]
    table[f"{source}_rank"] = scores.rank(method="min")
    return table


def ranking_agreement(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return how far our scores of single transformations agree with those of Warmerdam et al.

    Args:
        ranking: Rows of :func:`single_ranking`.

    Returns:
        Rows of :mod:`reveil.tables.estimates`: the rank correlation over the 50, and how many of
        our ten lowest are among theirs; none where they have no scores.
    """
    rows = []
    for key, part in ranking.dropna(subset=["warmerdam2022_s_pri"]).groupby(SUBJECT, sort=True):
        named = dict(zip(SUBJECT, key, strict=True))
        pair = part["s_pri"], part["warmerdam2022_s_pri"]
        both = int(((part["rank"] <= 10) & (part["warmerdam2022_rank"] <= 10)).sum())
        common = Estimate(both, np.nan, np.nan, 10, NO_INTERVAL)
        for row in (
            estimate_row(
                "spearman_warmerdam2022",
                "Spearman's rank correlation with the S_pri of Warmerdam et al. 2022",
                correlation(*pair, kind="spearman"),
            ),
            estimate_row("top_ten_common", "Of our ten lowest, among their ten lowest", common),
        ):
            rows.append(named | row)
    return pd.DataFrame(rows)


_FUNCTIONS = {operation.index: function_name(operation) for operation in LIBRARY}


def _group(policy: str, random: bool, best: Sequence[int], alike: bool) -> str:
    if policy == "none":
        return NONE
    slots = [int(slot) for slot in policy.split("-")] if policy.replace("-", "").isdigit() else []
    names = _FUNCTIONS if alike else {index: index for index in _FUNCTIONS}
    ranks = {names[index]: rank for rank, index in reversed(list(enumerate(best)))}
    held = {ranks[names[slot]] for slot in slots if slot in names and names[slot] in ranks}
    if random:
        return PAIRS if len(held) >= 2 else RANDOM
    if len(slots) != 3 or len(held) != 3:
        return OTHER
    return TRIPLES if max(held) < 5 else TEN_TRIPLES


def _against_none(part: pd.DataFrame, named: dict[str, str]) -> pd.DataFrame:
    """Return one row a random policy: its S_pri, and how it compares with None, over the seeds."""
    none = part[part["group"] == NONE].drop_duplicates("seed").set_index("seed")
    drawn = part[part["group"].isin((RANDOM, PAIRS)) & part["seed"].isin(none.index)]
    if drawn.empty:
        what = "random policy beside it" if len(none) else "policy none"
        raise ReveilError(
            f"scores: {', '.join(named.values())} has no {what}, so there is nothing to compare"
        )
    reference = none.loc[drawn["seed"]]
    higher = drawn["s_pri"].to_numpy() > reference["s_pri"].to_numpy()
    lower = drawn["s_acc"].to_numpy() < reference["s_acc"].to_numpy()
    table = drawn.assign(higher_s_pri=higher, lower_s_acc=lower, worse_on_both=higher & lower)
    # A policy that was drawn twice counts twice, so candidates are told apart by their number.
    unit = [column for column in ("candidate", "policy") if column in table]
    measures = ["s_pri", "higher_s_pri", "lower_s_acc", "worse_on_both"]
    return table.groupby(unit)[measures].mean().reset_index()


def _published(
    published: pd.DataFrame,
    experiment: str,
    metric: str,
    named: dict[str, str],
    policy: str,
    factor: float = 1.0,
) -> dict[str, float | str]:
    keys: dict[str, Hashable] = {key: named[key] for key in ("dataset", "model")}
    found = published_columns(published, experiment, metric, policy=policy, **keys)
    return {s: v if isinstance(v, str) else factor * v for s, v in found.items()}
