"""Policies and defences of the gradient, compared at equal accuracy."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from reveil.pairing import paired_difference
from reveil.statistics import WILSON, Estimate, share_difference
from reveil.tables.attacks import SUBJECT
from reveil.tables.measures import interval_columns, prepared

_UNDEFENDED = ("none", "crop-flip")
_PAGE = (*SUBJECT, "attack")
_COLUMNS = (
    *_PAGE,
    *(f"{side}_{name}" for side in ("first", "second") for name in ("policy", "defence", "label")),
    *("first_accuracy_pct", "second_accuracy_pct"),
    *(f"accuracy_difference_{end}_pct" for end in ("mean", "low", "high")),
    *(f"gain_difference_{end}_db" for end in ("mean", "low", "high")),
    "n_images",
)


def equal_accuracy(table: pd.DataFrame, images: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Compare the gain under policies and under defences whose models are equally accurate.

    Pairs of a policy without defence (not none, not crop-flip) and a defence of the gradient, under
    the same protocol, dataset, model and attack, where the 95 % interval of the difference of the
    clean accuracies holds 0 (:func:`reveil.statistics.share_difference`, over test images, with
    accuracies averaged over seeds). Nothing is interpolated between defences.

    Args:
        table: An attack table by policy and defence, and attack if there are several, with clean
            accuracies.
        images: The tidy table that it was made of.
        seed: Seed of the bootstrap.

    Returns:
        One row a pair: ``first`` the policy, ``second`` the defence, the differences first less
        second, the gain's image by image; the pair of the closest accuracies first. No row where
        none are equal.
    """
    by = [*_PAGE, "policy", "defence"]
    groups = dict(iter(prepared(images).assign(policy=lambda t: t["role"]).groupby(by)))
    rows = []
    for _, page in table.groupby(list(_PAGE), sort=False):
        known = page.dropna(subset=["accuracy_clean_pct"])
        defended = known["defence"] != "none"
        policies = known[~defended & ~known["policy"].isin(_UNDEFENDED)]
        for _, first in policies.iterrows():
            for _, second in known[defended].iterrows():
                apart = share_difference(_accuracy(first), _accuracy(second))
                if apart.low <= 0 <= apart.high:
                    pair = (groups[tuple(side[by])] for side in (first, second))
                    gain = paired_difference(*pair, ("gain_db", "gain_db"), seed=seed)
                    rows.append(_pair(first, second, apart, gain))
    result = pd.DataFrame(rows, columns=list(_COLUMNS))
    order = result["accuracy_difference_mean_pct"].abs().sort_values(kind="stable").index
    page = result.loc[order].groupby(list(_PAGE), sort=False)
    return result.loc[[i for rows in page.groups.values() for i in rows]].reset_index(drop=True)


def pareto_front(table: pd.DataFrame, by: Sequence[str] = _PAGE) -> pd.Series:
    """Return which rows no other beats: none is as accurate and leaks as little, and one is better.

    Accuracy is the mean clean accuracy, higher being better; leakage the mean gain of the attacker,
    lower being better. Ties share the front. A row without either is not on it.

    Args:
        table: An attack table.
        by: Columns within whose values rows compete.
    """
    front = pd.Series(False, index=table.index)
    known = table.dropna(subset=["accuracy_clean_pct", "gain_mean_db"])
    for _, page in known.groupby(list(by)):
        accuracy, gain = (
            page[column].to_numpy() for column in ("accuracy_clean_pct", "gain_mean_db")
        )
        as_good = (accuracy >= accuracy[:, None]) & (gain <= gain[:, None])
        better = (accuracy > accuracy[:, None]) | (gain < gain[:, None])
        front[page.index] = ~(as_good & better).any(axis=1)
    return front


def _accuracy(row: pd.Series) -> Estimate:
    mean, low, high = (row[f"accuracy_clean_{end}"] / 100 for end in ("pct", "low_pct", "high_pct"))
    return Estimate(mean, low, high, int(row["n_test"]), WILSON)


def _pair(
    first: pd.Series, second: pd.Series, apart: Estimate, gain: Estimate
) -> dict[str, Hashable]:
    row: dict[str, Hashable] = {name: first[name] for name in _PAGE}
    for side, of in (("first", first), ("second", second)):
        label = of["label"] if of["defence"] == "none" else f"{of['label']}, {of['defence']}"
        row |= {f"{side}_policy": of["policy"], f"{side}_defence": of["defence"]}
        row |= {f"{side}_label": label, f"{side}_accuracy_pct": of["accuracy_clean_pct"]}
    percent = Estimate(*(100 * np.array([apart.value, apart.low, apart.high])), apart.n, "")
    row |= interval_columns("accuracy_difference", percent, "_pct")
    row |= interval_columns("gain_difference", gain, "_db")
    return row | {"n_images": gain.n}
