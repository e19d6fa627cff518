"""The tables of cost: minutes of training, and who computes how much of a forward pass."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.classification import network_groups
from reveil.cvnn.tables.measures import labels, position
from reveil.cvnn.tables.published import MINUTES, value_columns
from reveil.errors import ReveilError
from reveil.statistics import mean_interval
from reveil.tables.measures import interval_columns

PARTS = ("device", "generator", "cloud", "decoder")
# The processing module on one real map, which a complex map costs twice and more.
REAL = "processing"
_SHARED = ("dataset", "model", "policy")


def runtime_table(
    models: pd.DataFrame, published: pd.DataFrame, *, hardware: str, experiment: str = "cvnn-exp01"
) -> pd.DataFrame:
    """Return the minutes of training: one row per dataset, model, policy and recipe.

    Args:
        models: Rows of models.csv.
        published: The papers' numbers, which name no protection and stand beside the recommended
            one and the papers' own.
        hardware: What the networks were trained on, for the column of that name.
        experiment: Where to look for the published minutes.

    Returns:
        Means over trainings, one a seed, with their intervals; also the seconds of an epoch.
    """
    rows = []
    for named, networks in network_groups(models):
        minutes = mean_interval(networks["train_seconds"] / 60)
        seconds = mean_interval(networks["train_seconds"] / networks["epochs"])
        row = named | {"hardware": hardware, "epochs": networks["epochs"].iloc[0]}
        row |= interval_columns("minutes", minutes) | {"interval": minutes.method}
        row |= interval_columns("epoch_seconds", seconds) | {"n_models": minutes.n}
        keys = {name: str(named[name]) for name in ("dataset", "model")}
        theirs = value_columns(published, experiment, MINUTES, policy=str(named["policy"]), **keys)
        rows.append(row | theirs)
    return pd.DataFrame(rows)


def share_table(costs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return who computes how much of one image's forward pass.

    Args:
        costs: One mapping per dataset, model and policy with these three names and the
            multiply-adds of :func:`reveil.cvnn.multiply_adds.multiply_adds`: ``device`` (the
            encoder without its generator), ``generator``, ``cloud``, ``decoder`` and
            ``processing``.

    Returns:
        The multiply-adds, their sum and the share of each part in percent; and of a real network
        without generator the share of the cloud, the one that Knijff et al. 2021 say is about a
        third. Counted from the layers, so that there is no interval and n is the one network.

    Raises:
        ReveilError: a part or a name is missing, or a part is negative.
    """
    rows = []
    for cost in costs:
        missing = [name for name in (*_SHARED, *PARTS, REAL) if name not in cost]
        if missing:
            raise ReveilError(f"costs: {', '.join(missing)} missing in {dict(cost)}")
        if odd := [part for part in (*PARTS, REAL) if cost[part] < 0]:
            raise ReveilError(f"{odd[0]}: {cost[odd[0]]!r} is not allowed; allowed: 0 and above")
        named: dict[str, Hashable] = {name: cost[name] for name in _SHARED}
        total = sum(cost[part] for part in PARTS)
        row = (
            named | labels(named) | {f"{part}_multiply_adds": cost[part] for part in (*PARTS, REAL)}
        )
        row["total_multiply_adds"] = total
        row |= {f"{part}_share_pct": 100 * cost[part] / total for part in PARTS}
        real = cost["device"] + cost[REAL] + cost["decoder"]
        rows.append(row | {"real_cloud_share_pct": 100 * cost[REAL] / real})
    rows.sort(key=lambda row: position({name: row[name] for name in _SHARED}))
    return pd.DataFrame(rows)


def _millions(head: str, name: str) -> forms.Column:
    return forms.Column(f"{head}, M", name, lambda row: f"{row[name] / 1e6:.1f}")


RUNTIME = forms.form(
    (
        *forms.SUBJECT[1:],
        forms.POLICY,
        forms.words("Recipe", "recipe"),
        forms.words("Hardware", "hardware"),
        forms.value("Epochs", "epochs"),
        forms.interval("Minutes", "minutes", 1),
        forms.interval("Seconds an epoch", "epoch_seconds", 2),
        forms.value("Trainings", "n_models"),
        *forms.published("minutes"),
    ),
    "Means over trainings, one a seed, with 95 % intervals over them. Published: one run each on "
    "an RTX 2060 Super, epochs and dataset not stated.",
)
SHARE = forms.form(
    (
        *forms.SUBJECT[1:],
        forms.POLICY,
        *(_millions(part.capitalize(), f"{part}_multiply_adds") for part in PARTS),
        _millions("Together", "total_multiply_adds"),
        *(forms.value(f"{part.capitalize()}, %", f"{part}_share_pct", 1) for part in PARTS),
        forms.value("Cloud of the real network, %", "real_cloud_share_pct", 1),
    ),
    "Multiply-adds of one forward pass, in millions, counted from the layers. Device: the encoder "
    "without the generator that ends it; the decoder runs on the device, too. A rotated map costs "
    "the cloud at least twice a real one; where two images travel in it, each causes half of that. "
    "Cloud of the real network: its share without generator and with real maps, which Knijff et "
    "al. 2021 say is approximately one third.",
)
