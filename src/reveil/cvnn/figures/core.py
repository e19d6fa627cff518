"""The fair comparison of the encoder's end, the adversary and the swap, all else equal."""

import re
import textwrap
from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.cvnn.figures.shown import TRIVIAL, attack_names, measured, trivial
from reveil.errors import ReveilError
from reveil.figures.style import (
    BLUE,
    GREY,
    PAGE_WIDTH,
    VERMILLION,
    counted,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.statistics import Estimate, by_image, mean_interval

# What the eight cells differ in: of each factor the two levels, as in a policy's name, and their
# labels, first the one that the other is compared with.
FACTORS: Mapping[str, Mapping[str, str]] = {
    "end": {"relu": "ReLU end", "linear": "linear end"},
    "adversary": {"off": "no WGAN", "wgan": "WGAN"},
    "swap": {"keep": "no swap", "swap": "swap"},
}
_CELL = re.compile(r"core-(?P<end>relu|linear)-(?P<adversary>off|wgan)-(?P<swap>keep|swap)")
_MEASURE = "rmse"


def cells(images: pd.DataFrame) -> pd.DataFrame:
    """Return the eight cells of every attack: attack, end, adversary, swap, mean, low, high, n.

    Args:
        images: Attacked images of one protocol, dataset and model; other policies are left out.

    Raises:
        ReveilError: no image of any cell.
    """
    found = []
    for (attack, *levels), group in _by_cell(images):
        estimate = mean_interval(by_image(group, _MEASURE))
        named = dict(zip(FACTORS, levels, strict=True))
        ends = {"mean": estimate.value, "low": estimate.low, "high": estimate.high}
        found.append({"attack": attack, **named, **ends, "n": estimate.n})
    return pd.DataFrame(found)


def effect(images: pd.DataFrame, attack: str, factor: str) -> Estimate:
    """Estimate what a factor adds to the error, over images, all else equal.

    Each image counts with the mean of its differences over the pairs of cells that differ in the
    factor alone.

    Args:
        images: As for :func:`cells`.
        attack: Name of the attack.
        factor: One of ``FACTORS``.
    """
    errors = {
        tuple(levels): by_image(group, _MEASURE)
        for (name, *levels), group in _by_cell(images)
        if name == attack
    }
    place = list(FACTORS).index(factor)
    low, high = FACTORS[factor]
    differences = [
        errors[tuple(high if i == place else level for i, level in enumerate(levels))] - first
        for levels, first in errors.items()
        if levels[place] == low
        and tuple(high if i == place else level for i, level in enumerate(levels)) in errors
    ]
    if not differences:
        return mean_interval(np.array([]))
    # An image that lacks one of the pairs would weigh the others differently.
    return mean_interval(pd.concat(differences, axis=1).dropna().mean(axis=1))


def _by_cell(images: pd.DataFrame):
    named = measured(images, [_MEASURE])
    levels = named["policy"].str.extract(_CELL)
    cells_ = named.assign(**{name: levels[name] for name in FACTORS}).dropna(subset=list(FACTORS))
    if cells_.empty:
        raise ReveilError(
            "policy: none of the images belongs to the comparison of eight; allowed: "
            "core-{relu|linear}-{off|wgan}-{keep|swap}"
        )
    return cells_.groupby(["attack", *FACTORS], sort=False)


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw a panel a factor and attack: four pairs of dots whose other two factors are equal.

    Above each panel stands what the factor adds to the error on average, with its interval.

    Args:
        images: As for :func:`cells`.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = cells(images)
    attacks = attack_names(table)
    figure = Figure(figsize=(PAGE_WIDTH, 1.0 + 1.85 * len(attacks)))
    grid = figure.subplots(len(attacks), len(FACTORS), squeeze=False, sharex=True)
    for row, (attack, label) in zip(grid, attacks.items(), strict=True):
        shown = table[table["attack"] == attack]
        for axes, factor in zip(row, FACTORS, strict=True):
            _pairs(axes, shown, factor)
            added = effect(images, attack, factor)
            heading = " to ".join(FACTORS[factor].values())
            axes.set_title(f"{heading[0].upper()}{heading[1:]}\n{_told(added)}", fontsize=7)
        row[0].set_ylabel(textwrap.fill(label, 20), fontweight="bold")
    for axes in grid[-1]:
        axes.set_xlabel("RMSE (right: hides more)")
    seeds = images["seed"].nunique()
    set_title(
        figure,
        "What the encoder's end, the adversary and the swap add to the error, all else equal",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(int(table['n'].max()), 'image')}, {counted(seeds, 'seed')}, whiskers 95 %",
    )
    handles = [
        Line2D([], [], marker="o", ls="", mfc="white", color=BLUE, label="first of the two"),
        Line2D([], [], marker="o", ls="", color=VERMILLION, label="second of the two"),
    ]
    blend = trivial(images, "rmse_blend")
    if np.isfinite(blend):
        label = f"{TRIVIAL['rmse_blend']} {blend:.3f}"
        handles.append(Line2D([], [], color=GREY, ls="--", lw=1, label=label))
        for axes in grid.flat:
            axes.axvline(blend, color=GREY, ls="--", lw=1, zorder=0.8)
    legend_below(figure, handles, 3)
    return figure


def _pairs(axes: Axes, table: pd.DataFrame, factor: str) -> None:
    """Draw one line a combination of the other two factors, from one level to the other."""
    others = [name for name in FACTORS if name != factor]
    combinations = list(product(*(FACTORS[name] for name in others)))
    low, high = FACTORS[factor]
    looks = {low: {"mfc": "white", "color": BLUE}, high: {"color": VERMILLION}}
    for place, levels in enumerate(combinations):
        here = table
        for name, level in zip(others, levels, strict=True):
            here = here[here[name] == level]
        ends = here.set_index(factor).reindex([low, high])
        axes.plot(ends["mean"], [place, place], color=GREY, lw=1.2, zorder=1)
        for level, look in looks.items():
            end = ends.loc[level]
            error = whiskers(end["mean"], end["low"], end["high"])
            axes.errorbar(end["mean"], place, xerr=error, fmt="o", ms=5, elinewidth=1, **look)
    names = [
        "\n".join(FACTORS[name][level] for name, level in zip(others, levels, strict=True))
        for levels in combinations
    ]
    axes.set_yticks(range(len(names)), names, fontsize=6.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _told(added: Estimate) -> str:
    if np.isnan(added.value):
        return "no pair"
    return f"{added.value:+.3f} [{added.low:.3f}, {added.high:.3f}]"
