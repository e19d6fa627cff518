"""The tables of a protection's k and of an attacker's budget."""

import math
import re
from collections.abc import Hashable, Sequence

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import key_columns, networks_behind
from reveil.cvnn.tables.measures import (
    SUBJECT,
    beside,
    counts,
    groups,
    labels,
    mean,
    position,
    prepared,
    references,
    seed_deviation,
    under,
)
from reveil.errors import ReveilError
from reveil.statistics import mean_interval, standard_deviation
from reveil.tables.measures import common_settings, interval_columns

_K = re.compile(r"rotation(?:-k([0-9]+))?")
SMALLEST_K = 2
BUDGETS = (1, 3, 10, 30, 100, 300)
# The part of an attacker whose loss is the mean squared error of images on [0, 1].
DECODER = "decoder"


def k_of(policy: str) -> int | None:
    """Return the k of the recommended protection or of its variant; None of any other."""
    match = _K.fullmatch(policy)
    return None if match is None else int(match[1] or SMALLEST_K)


def k_table(images: pd.DataFrame, models: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return error of attack and of task by k: one row per protocol, dataset, model, attack and k.

    Differences are to k = 2, image by image.

    Args:
        images: The tidy table; of other protections only that of the network as it is is used.
        models: Rows of models.csv.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no protection of the sweep was attacked, or a row would mix two settings.
    """
    every = prepared(images)
    ks = every["policy"].map(k_of)
    images = every[ks.notna() & every["rmse"].notna()]
    if images.empty:
        raise ReveilError("images: no row of the protections rotation and rotation-k<n>")
    rows = []
    for named, attacked in groups(images, ["attack", "policy"]):
        row = named | {"k": k_of(str(named["policy"]))} | counts(attacked, "rmse")
        row |= interval_columns("rmse", mean(attacked, "rmse", seed))
        row["rmse_seed_std"] = seed_deviation(attacked, "rmse")
        row |= references(attacked, under(every, named), seed)
        same = images["policy"].map(k_of).eq(SMALLEST_K) & (row["k"] != SMALLEST_K)
        for column in (*SUBJECT, "attack"):
            same &= images[column] == named[column]
        row |= beside(attacked, images[same], ("rmse", "rmse"), "smallest_k", seed)
        rows.append(row | key_columns(networks_behind(attacked, models)))
    return pd.DataFrame(rows)


def stop_table(
    attackers: pd.DataFrame, *, budgets: Sequence[int] = BUDGETS, part: str = DECODER
) -> pd.DataFrame:
    """Return what attackers would have reached had they stopped early.

    One row per protocol, dataset, model, policy, attack and budget, and one for the end of
    patience (``budget`` 0). The RMSE is the root of the best validation loss up to there, the mean
    over the seeds with its interval; ``ratio`` divides a seed's by its own at the end of patience.
    A seed whose patience ended sooner counts with what it ended with, so that every budget is of
    all seeds.

    Args:
        attackers: Rows of attackers.csv, whose epochs count from 0.
        budgets: Epochs at which to look.
        part: Part of the attackers whose loss is the mean squared error of images on [0, 1]; rows
            of other parts are left out.

    Raises:
        ReveilError: no attacker has this part, or a budget is below 1.
    """
    if odd := [budget for budget in budgets if budget < 1]:
        raise ReveilError(f"budgets: {odd[0]!r} is not allowed; allowed: 1 and above")
    decoders = attackers[attackers["part"] == part]
    if decoders.empty:
        raise ReveilError(f"attackers: no row of the part {part!r}")
    keys = [*SUBJECT, "policy", "attack"]
    rows = []
    found = [
        (dict(zip(keys, key, strict=True)), epochs)
        for key, epochs in decoders.groupby(keys, sort=False)
    ]
    for named, epochs in sorted(found, key=lambda pair: position(pair[0])):
        named = common_settings(epochs, named)
        last = epochs.groupby("seed")["epoch"].max() + 1
        ends = _reached(epochs, math.inf)
        for budget in (*budgets, 0):
            reached = _reached(epochs, budget or math.inf)
            row: dict[str, Hashable] = named | labels(named) | {"budget": budget}
            row |= interval_columns("rmse", mean_interval(reached))
            row["rmse_seed_std"] = standard_deviation(reached, ddof=1)
            row |= interval_columns("ratio", mean_interval(reached / ends))
            row |= {"n_seeds": len(last), "n_trained_on": int((last > (budget or 0)).sum())}
            row |= {"epochs_mean": last.mean(), "epochs_min": last.min(), "epochs_max": last.max()}
            bounded = epochs["stopped"].eq("max_epochs").any()
            rows.append(row | {"stopped_by": "bound" if bounded else "patience"})
    return pd.DataFrame(rows)


def _reached(epochs: pd.DataFrame, budget: float) -> pd.Series:
    """Return the RMSE of the best epoch within a budget, by seed."""
    within = epochs[epochs["epoch"] < budget]
    return within.groupby("seed")["validation_loss"].min() ** 0.5


def _budget(row: dict[str, Hashable]) -> str:
    return "until patience ends" if row["budget"] == 0 else f"{row['budget']:.0f}"


K = forms.form(
    (
        *forms.SUBJECT,
        forms.ATTACK,
        forms.value("k", "k"),
        forms.interval("RMSE, [0, 1]", "rmse"),
        forms.value("SD over seeds", "rmse_seed_std", 4),
        forms.interval("Difference to k = 2", "smallest_k_difference", sign="+"),
        *forms.REFERENCES,
        *forms.COUNTED,
        *forms.ERRORS,
        forms.value("Test images", "n_test"),
    ),
    "Means over images, each averaged over seeds, with 95 % intervals; differences paired, image "
    "by image; errors with Wilson's over test images. k: the true features and k - 1 that the "
    "critic sees turned by a false angle. " + forms.REFERENCED,
)
STOP = forms.form(
    (
        *forms.SUBJECT,
        forms.POLICY,
        forms.ATTACK,
        forms.Column("Epochs", "budget", _budget),
        forms.interval("Validation RMSE, [0, 1]", "rmse", 4),
        forms.value("SD over seeds", "rmse_seed_std", 4),
        forms.interval("Ratio to the end of patience", "ratio", 3),
        forms.value("Seeds", "n_seeds"),
        forms.value("Still training", "n_trained_on"),
        forms.spread("Epochs trained", "epochs"),
        forms.words("Stopped by", "stopped_by"),
    ),
    "RMSE: root of the best mean squared error on the attacker's validation images up to an epoch, "
    "mean over seeds, each an attacker of its own, with 95 % intervals over them. A ratio above 1 "
    "is what an early stop would have passed off as privacy.",
)
