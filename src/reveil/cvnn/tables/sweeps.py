"""The tables of k and of the weight of the adversary, and of an attacker's budget."""

import math
import re
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import key_columns, networks_behind
from reveil.cvnn.tables.core import cell_name
from reveil.cvnn.tables.labels import attack_order
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
_WEIGHT = re.compile(r".+-weight-.+")
SMALLEST_K = 2
# The recommended protection but for its adversary, which is one of weight 0.
WITHOUT_ADVERSARY = cell_name(("linear", "off", "keep"))
BUDGETS = (1, 3, 10, 30, 100, 300)
# The part of an attacker whose loss is the mean squared error of images on [0, 1].
DECODER = "decoder"
# A network -> the same, or the nearest that is attacked, whose encoder ends in ReLU.
RELU_END = {
    **dict.fromkeys(("rotation", "core-linear-off-keep", "core-linear-off-swap"), "rotation-relu"),
    **dict.fromkeys(("report-linear", "report-swap"), "report-old"),
}
_LONG = "-long"


def k_of(policy: str) -> int | None:
    """Return the k of the recommended protection or of its variant; None of any other."""
    match = _K.fullmatch(policy)
    return None if match is None else int(match[1] or SMALLEST_K)


def sweep_of(policy: str, recipe: str) -> str | None:
    """Return what a network varies, ``k`` or ``weight``; None of any other protection.

    The recommended network, from which both start, is the one of the smallest k.
    """
    if policy == WITHOUT_ADVERSARY or _WEIGHT.fullmatch(recipe):
        return "weight" if policy == WITHOUT_ADVERSARY or k_of(policy) == SMALLEST_K else None
    return None if k_of(policy) is None else "k"


def k_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    weights: Sequence[Mapping[str, Hashable]] = (),
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Return error of attack and of task by k and by the weight of the adversary.

    One row per protocol, dataset, model, attack and k, then one per other weight of the adversarial
    term (recipes ``{name}-weight-{value}``), 0 being the network without adversary. Differences are
    to the recommended network, of k = 2 and the weight of its recipe, image by image.

    Args:
        images: The tidy table; of other protections only that of the network as it is is used.
        models: Rows of models.csv.
        weights: ``dataset``, ``model``, ``recipe`` and ``weight`` of each recipe; without it the
            weights of k are not told.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no protection of the sweep was attacked, a row would mix two settings, or the
            weight of a recipe that varies it is not told.
    """
    every = prepared(images)
    pairs = zip(every["policy"], every["recipe"], strict=True)
    every["sweep"] = [sweep_of(str(policy), str(recipe)) for policy, recipe in pairs]
    images = every[every["sweep"].notna() & every["rmse"].notna()]
    if images.empty:
        raise ReveilError("images: no row of the protections rotation and rotation-k<n>")
    told = {(entry["dataset"], entry["model"], entry["recipe"]): entry for entry in weights}
    rows = []
    for named, attacked in groups(images, ["attack", "policy", "recipe", "sweep"]):
        row = named | {"k": k_of(str(named["policy"])), "weight": _weight(named, told)}
        row |= counts(attacked, "rmse")
        row |= interval_columns("rmse", mean(attacked, "rmse", seed))
        row["rmse_seed_std"] = seed_deviation(attacked, "rmse")
        row |= references(attacked, under(every, named), seed)
        recommended = row["sweep"] == "k" and row["k"] == SMALLEST_K
        same = images["sweep"].eq("k") & (images["policy"].map(k_of) == SMALLEST_K)
        for column in (*SUBJECT, "attack"):
            same &= images[column] == named[column]
        reference = images[same & (not recommended)]
        row |= beside(attacked, reference, ("rmse", "rmse"), "recommended", seed)
        rows.append(row | key_columns(networks_behind(attacked, models)))
    return pd.DataFrame(sorted(rows, key=_place))


def _weight(
    named: Mapping[str, Hashable], told: Mapping[tuple[Hashable, ...], Mapping[str, Hashable]]
) -> float:
    if named["policy"] == WITHOUT_ADVERSARY:
        return 0.0
    recipe = named["recipe"]
    found = told.get((named["dataset"], named["model"], recipe))
    if found is None and named["sweep"] == "weight":
        raise ReveilError(f"weights: recipe {recipe!r} is missing; allowed: one of each recipe")
    return math.nan if found is None else float(str(found["weight"]))


def _place(row: Mapping[str, Hashable]) -> tuple[Hashable, ...]:
    subject = [str(row[name]) for name in SUBJECT]
    sweep = str(row["sweep"])
    return (*subject, attack_order(str(row["attack"])), sweep, row[sweep])


def stop_table(
    attackers: pd.DataFrame, *, budgets: Sequence[int] = BUDGETS, part: str = DECODER
) -> pd.DataFrame:
    """Return what attackers would have reached had they stopped early.

    One row per protocol, dataset, model, policy, attack and budget, and one for the end of
    patience (``budget`` 0). The RMSE is the root of the best validation loss up to there, the mean
    over the seeds with its interval; ``ratio`` divides a seed's by its own at the end of patience.
    A seed whose patience ended sooner counts with what it ended with, so that every budget is of
    all seeds. ``relu_epochs_ratio`` divides the epochs trained by those of the same attack, before
    it was made longer, behind an encoder that ends in ReLU: behind a linear end it should be 3 or
    more (methods 6.1).

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
            row["relu_epochs_ratio"] = last.mean() / _relu_epochs(decoders, named)
            bounded = epochs["stopped"].eq("max_epochs").any()
            rows.append(row | {"stopped_by": "bound" if bounded else "patience"})
    return pd.DataFrame(rows)


def _relu_epochs(decoders: pd.DataFrame, named: Mapping[str, Hashable]) -> float:
    """Return the mean epochs of the attack behind ReLU; NaN where there is none to compare with."""
    attack = str(named["attack"]).removesuffix(_LONG)
    same = decoders["policy"].eq(RELU_END.get(str(named["policy"]), ""))
    same &= decoders["attack"].eq(attack)
    for column in SUBJECT:
        same &= decoders[column] == named[column]
    return float((decoders[same].groupby("seed")["epoch"].max() + 1).mean())


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
        forms.value("Weight", "weight", None),
        forms.interval("RMSE, [0, 1]", "rmse"),
        forms.value("SD over seeds", "rmse_seed_std", 4),
        forms.interval("Difference to the recommended", "recommended_difference", sign="+"),
        *forms.REFERENCES,
        *forms.COUNTED,
        *forms.ERRORS,
        forms.value("Test images", "n_test"),
    ),
    "Means over images, each averaged over seeds, with 95 % intervals; differences paired, image "
    "by image; errors with Wilson's over test images. k: the true features and k - 1 that the "
    "critic sees turned by a false angle; weight: of the adversarial term beside the "
    "cross-entropy, 0 without adversary. The recommended network has k = 2 and the weight of the "
    "rows of k. " + forms.REFERENCED,
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
        forms.value("Ratio to ReLU's epochs", "relu_epochs_ratio", 2),
        forms.words("Stopped by", "stopped_by"),
    ),
    "RMSE: root of the best mean squared error on the attacker's validation images up to an epoch, "
    "mean over seeds, each an attacker of its own, with 95 % intervals over them. A ratio above 1 "
    "is what an early stop would have passed off as privacy. Ratio to ReLU's epochs: to those that "
    "patience gave the attack behind an encoder that ends in ReLU; below 3 an attacker behind a "
    "linear end may have stopped too soon.",
)
