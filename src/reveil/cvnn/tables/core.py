"""The fair comparison of encoder end, adversary and swap: eight cells and three main effects."""

import itertools
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import key_columns, networks_behind
from reveil.cvnn.tables.labels import attack_label, attack_order
from reveil.cvnn.tables.measures import (
    SUBJECT,
    counts,
    groups,
    mean,
    prepared,
    references,
    seed_deviation,
    under,
)
from reveil.errors import ReveilError
from reveil.statistics import by_image, mean_interval, standard_deviation
from reveil.tables.measures import interval_columns

# Factor -> its levels, as the names of the presets say them, the added protection second.
FACTORS: Mapping[str, tuple[str, str]] = {
    "end": ("relu", "linear"),
    "adversary": ("off", "wgan"),
    "swap": ("keep", "swap"),
}
_TITLES = {
    "end": "Effect of a linear end for ReLU",
    "adversary": "Effect of the WGAN",
    "swap": "Effect of the swap",
}
MEASURES = ("rmse", "rmse_either")
# Cells that are protections of other experiments, too, and are trained once.
_ELSEWHERE = {
    ("linear", "wgan", "keep"): "rotation",
    ("linear", "wgan", "swap"): "rotation-swap",
    ("relu", "wgan", "keep"): "rotation-relu",
}


def cell_name(levels: Sequence[str]) -> str:
    """Return the protection of a cell, from its levels in the order of ``FACTORS``."""
    return _ELSEWHERE.get(tuple(levels), "-".join(("core", *levels)))


def cell_label(levels: Sequence[str]) -> str:
    """Return what a cell is called for people: its end, and what is added to it."""
    end, adversary, swap = levels
    added = ["WGAN"] * (adversary == "wgan") + ["swap"] * (swap == "swap")
    return ", ".join([{"relu": "ReLU end", "linear": "Linear end"}[end], *added])


CELLS = {cell_name(levels): levels for levels in itertools.product(*FACTORS.values())}


def core_table(
    images: pd.DataFrame, models: pd.DataFrame | None = None, *, seed: int = 0
) -> pd.DataFrame:
    """Return the eight cells and the main effects, for each protocol, dataset, model and attack.

    The effect of a factor is the mean over images of the difference that its second level makes to
    the RMSE of an image, averaged over the four combinations of the other two factors and over
    seeds. Only images measured in all eight cells enter it, and its spread is over the seeds that
    have all of them.

    Args:
        images: The tidy table; of other protections only that of the network as it is is used.
        models: Rows of models.csv, without which cells have no errors of classification.
        seed: Seed of the bootstrap.

    Returns:
        Rows of ``part`` cell, then effect, with ``rmse`` and ``rmse_either``: their means in a
        cell, their differences in an effect. An attack that misses a cell has no effects.

    Raises:
        ReveilError: no protection of the comparison was attacked, or a row would mix two settings.
    """
    every = prepared(images)
    images = every[every["policy"].isin(list(CELLS))]
    if images.empty:
        raise ReveilError(f"images: no row of a cell of the comparison: {', '.join(CELLS)}")
    rows: list[dict[str, Hashable]] = []
    keys = [*SUBJECT, "attack"]
    cells = list(groups(images, ["attack", "policy"]))
    order = {name: place for place, name in enumerate(CELLS)}
    for named, attacked in cells:
        levels = CELLS[str(named["policy"])]
        row = named | dict(zip(FACTORS, levels, strict=True)) | {"part": "cell", "factor": ""}
        row["label"] = cell_label(levels)
        row |= counts(attacked, "rmse")
        for measure in MEASURES:
            row |= interval_columns(measure, mean(attacked, measure, seed))
        row["rmse_seed_std"] = seed_deviation(attacked, "rmse")
        row |= references(attacked, under(every, named), seed)
        if models is not None:
            row |= key_columns(networks_behind(attacked, models))
        rows.append(row)
    for key, attacked in images.groupby(keys, sort=False):
        if attacked["policy"].nunique() == len(CELLS):
            rows += _effects(dict(zip(keys, key, strict=True)), attacked, seed)
    rows.sort(
        key=lambda row: (
            *(str(row[name]) for name in SUBJECT),
            attack_order(str(row["attack"])),
            row["part"] == "effect",
            order.get(str(row.get("policy")), 0),
        )
    )
    return pd.DataFrame(rows)


def _effects(
    named: Mapping[str, Hashable], attacked: pd.DataFrame, seed: int
) -> list[dict[str, Hashable]]:
    rows = []
    for factor in FACTORS:
        row = {**named, "part": "effect", "factor": factor, "label": _TITLES[factor]}
        row["attack_label"] = attack_label(str(named["attack"]))
        for measure in MEASURES:
            added = _added(attacked, factor, measure)
            row |= interval_columns(measure, mean_interval(added, seed=seed))
        per_seed = [_added(part, factor, "rmse").mean() for _, part in attacked.groupby("seed")]
        row |= {
            "n_images": len(_added(attacked, factor, "rmse")),
            "n_seeds": attacked["seed"].nunique(),
            "rmse_seed_std": standard_deviation(per_seed, ddof=1),
        }
        rows.append(row)
    return rows


def _added(attacked: pd.DataFrame, factor: str, measure: str) -> pd.Series:
    """Return by image what a factor adds to a measure; empty where a cell is missing."""
    place = list(FACTORS).index(factor)
    cells = {name: by_image(part, measure) for name, part in attacked.groupby("policy")}
    if len(cells) < len(CELLS):
        return pd.Series(dtype=float)
    table = pd.DataFrame(cells).dropna()
    signs = {name: 1 if CELLS[name][place] == FACTORS[factor][1] else -1 for name in cells}
    # Four cells on either side.
    return sum(signs[name] * table[name] for name in cells) / 4


def _signed(head: str, name: str) -> forms.Column:
    """Return a column whose intervals have a sign where they are differences."""
    plain, signed = forms.interval(head, name), forms.interval(head, name, sign="+")
    return forms.Column(
        plain.head,
        plain.needs,
        lambda row: (signed if row["part"] == "effect" else plain).cell(row),
    )


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.ATTACK,
        forms.words("Protection, or effect", "label"),
        _signed("RMSE, [0, 1]", "rmse"),
        forms.value("SD over seeds", "rmse_seed_std", 4),
        _signed("RMSE to the nearer image", "rmse_either"),
        *forms.REFERENCES,
        *forms.COUNTED,
        *forms.ERRORS,
        forms.value("Test images", "n_test"),
    ),
    "Means over images, each averaged over seeds, with 95 % intervals. Effects: what the second "
    "level of a factor adds to the RMSE of the same image, averaged over the four combinations of "
    "the other two; above 0 it protects. " + forms.REFERENCED,
)
