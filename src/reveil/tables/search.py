"""The tables of the search: the 50 single transformations, and what the search selected."""

from collections.abc import Hashable, Sequence

import pandas as pd

from reveil.library import LIBRARY, Operation, function_name, operation_label
from reveil.tables.labels import policy_label
from reveil.tables.published import TOP_FIVE_SOURCES, top_five

OK = "ok"
SUBJECT = ["protocol", "dataset", "model"]
_SCORES = ["s_pri", "s_pri_low", "s_pri_high", "s_pri_n", "s_acc"]


def single_table(singles: pd.DataFrame, library: Sequence[Operation] | None = None) -> pd.DataFrame:
    """Rank the single transformations by S_pri, the lowest (most private) first.

    With several seeds a score is the mean over them, and its interval the mean of their intervals:
    these are over the same images. Functional duplicates, scored once, tie, and ``rank_distinct``
    ranks the functions by the mean over their entries.

    Args:
        singles: Scores per index in ``candidate``, with -1 for no transformation, and per seed.
        library: The operations, for their names and levels; reveil's own by default.

    Returns:
        One row per protocol, dataset, model and index, ordered by rank within each; columns
        ``top_five_original`` and ``top_five_drabent2022`` mark what the papers name for the
        dataset, and are empty where a paper names none. Where scoring failed the scores and ranks
        are NaN.
    """
    library = library or LIBRARY
    functions = {operation.index: function_name(operation) for operation in library}
    names = {operation.index: operation_label(operation) for operation in library}
    parts = []
    for keys, rows in _scored(singles).groupby(SUBJECT, sort=True):
        means = rows.groupby("candidate")[_SCORES].mean()
        per_candidate = rows.groupby("candidate")
        means["s_pri_seed_std"] = per_candidate["s_pri"].std(ddof=1)
        means["n_seeds"] = per_candidate["seed"].nunique()
        means["n_failed"] = (rows["status"] != OK).groupby(rows["candidate"]).sum()
        none = means["s_pri"].get(-1, float("nan"))
        part = means.drop(index=-1, errors="ignore").reset_index(names="index")
        part.insert(1, "operation", part["index"].map(names))
        part.insert(2, "function", part["index"].map(functions))
        part.insert(3, "same_as", [_duplicates(index, functions) for index in part["index"]])
        part["s_pri_none"] = none
        part["s_pri_difference"] = part["s_pri"] - none
        part["rank"] = part["s_pri"].rank(method="min")
        part["rank_distinct"] = (
            part.groupby("function")["s_pri"].transform("mean").rank(method="dense")
        )
        named = top_five(str(keys[1]))
        for source in TOP_FIVE_SOURCES:
            marks = part["index"].isin(named[source]) if source in named else float("nan")
            part[f"top_five_{source}"] = marks
        parts.append(_with_subject(part.sort_values(["rank", "index"]), keys))
    return pd.concat(parts, ignore_index=True)


def search_table(
    scores: pd.DataFrame, final: int, library: Sequence[Operation] | None = None
) -> pd.DataFrame:
    """List what each search selected, with the size of the field it was selected from.

    Args:
        scores: Scores of all candidates of one or more searches, with ``passes`` (the filter on
            S_acc) and ``rank`` (by S_pri among those that pass).
        final: Number of policies a search selects.
        library: The operations, for a spelled-out policy; reveil's own by default.

    Returns:
        One row per protocol, dataset, model, seed and rank; ``label`` names the policy as the
        papers' table does, where it is in it.
    """
    library = library or LIBRARY
    parts = []
    for keys, rows in _scored(scores).groupby([*SUBJECT, "seed"], sort=True):
        passing = rows["passes"].fillna(False).astype(bool)
        chosen = rows[passing & (rows["rank"] <= final)].sort_values("rank")
        part = chosen[["rank", "policy", *_SCORES]].reset_index(drop=True)
        part["rank"] = part["rank"].astype(int)
        part.insert(2, "operations", [_spelled(name, library) for name in part["policy"]])
        labels = [policy_label(name, str(keys[1]), str(keys[2])) for name in part["policy"]]
        part.insert(3, "label", labels)
        part["label"] = part["label"].where(part["label"] != part["policy"], "")
        part["n_candidates"] = len(rows)
        part["n_failed"] = int((rows["status"] != OK).sum())
        part["n_passing"] = int(passing.sum())
        parts.append(_with_subject(part, keys[:3]).assign(seed=keys[3]))
    return pd.concat(parts, ignore_index=True)


def _scored(scores: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which failed rows have no scores."""
    scores = scores.copy()
    scores[_SCORES] = scores[_SCORES].astype(float).where(scores["status"] == OK)
    return scores


def _with_subject(part: pd.DataFrame, keys: Sequence[Hashable]) -> pd.DataFrame:
    for position, (column, value) in enumerate(zip(SUBJECT, keys, strict=True)):
        part.insert(position, column, value)
    return part


def _duplicates(index: int, functions: dict[int, str]) -> str:
    same = [other for other, function in functions.items() if function == functions[index]]
    return ", ".join(str(other) for other in same if other != index)


def _spelled(policy: str, library: Sequence[Operation]) -> str:
    if policy == "none":
        return "no operation"
    names = {operation.index: operation_label(operation) for operation in library}
    return ", ".join(names[int(index)] for index in policy.split("-"))
