"""The fair comparison of the encoder's end, the adversary and the swap, all else equal."""

import textwrap
from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.cvnn.figures.shown import TRIVIAL, attack_names, trivial
from reveil.cvnn.tables.core import CELLS, FACTORS, core_table
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

LEVELS: Mapping[str, str] = {
    "relu": "ReLU end",
    "linear": "linear end",
    "off": "no WGAN",
    "wgan": "WGAN",
    "keep": "no swap",
    "swap": "swap",
}
_LOOKS = ({"mfc": "white", "color": BLUE}, {"color": VERMILLION})


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw a panel a factor and attack: four pairs of dots whose other two factors are equal.

    Above each panel stands what the factor adds to the error on average, with its interval, as
    :func:`reveil.cvnn.tables.core.core_table` has it; attacks that find no image are left out.

    Args:
        images: Attacked images of one protocol, dataset and model.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.

    Raises:
        ReveilError: no image of a cell was attacked with success.
    """
    table = core_table(images)
    table = table[table["rmse_mean"].notna()]
    if table.empty:
        raise ReveilError("images: every attack on the cells of the comparison failed")
    attacks = attack_names(table)
    figure = Figure(figsize=(PAGE_WIDTH, 1.0 + 1.85 * len(attacks)))
    grid = figure.subplots(len(attacks), len(FACTORS), squeeze=False, sharex=True)
    for row, (attack, label) in zip(grid, attacks.items(), strict=True):
        shown = table[table["attack"] == attack]
        cells = shown[shown["part"] == "cell"].set_index("policy")
        for axes, factor in zip(row, FACTORS, strict=True):
            _pairs(axes, cells, factor)
            heading = " to ".join(LEVELS[level] for level in FACTORS[factor])
            effect = _effect(shown, factor)
            axes.set_title(f"{heading[0].upper()}{heading[1:]}\n{effect}", fontsize=7)
        row[0].set_ylabel(textwrap.fill(label, 20), fontweight="bold")
    for axes in grid[-1]:
        axes.set_xlabel("RMSE (right: hides more)")
    n, seeds = int(table["n_images"].max()), int(table["n_seeds"].max())
    set_title(
        figure,
        "What the encoder's end, the adversary and the swap add to the error, all else equal",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(n, 'image')}, {counted(seeds, 'seed')}, whiskers 95 %",
    )
    handles = [
        Line2D([], [], marker="o", ls="", label=f"{which} of the two", **look)
        for which, look in zip(("first", "second"), _LOOKS, strict=True)
    ]
    blend = trivial(images[images["policy"].isin(list(CELLS))], "rmse_blend")
    if np.isfinite(blend):
        label = f"{TRIVIAL['rmse_blend']} {blend:.3f}"
        handles.append(Line2D([], [], color=GREY, ls="--", lw=1, label=label))
        for axes in grid.flat:
            axes.axvline(blend, color=GREY, ls="--", lw=1, zorder=0.8)
    legend_below(figure, handles, 3)
    return figure


def _pairs(axes: Axes, cells: pd.DataFrame, factor: str) -> None:
    """Draw one line a combination of the other two factors, from one level to the other."""
    others = [name for name in FACTORS if name != factor]
    combinations = list(product(*(FACTORS[name] for name in others)))
    for place, levels in enumerate(combinations):
        same = (cells[others] == list(levels)).all(axis=1)
        ends = cells[same].set_index(factor).reindex(list(FACTORS[factor]))
        axes.plot(ends["rmse_mean"], [place, place], color=GREY, lw=1.2, zorder=1)
        for level, look in zip(FACTORS[factor], _LOOKS, strict=True):
            end = ends.loc[level]
            error = whiskers(end["rmse_mean"], end["rmse_low"], end["rmse_high"])
            axes.errorbar(end["rmse_mean"], place, xerr=error, fmt="o", ms=5, elinewidth=1, **look)
    names = ["\n".join(LEVELS[level] for level in levels) for levels in combinations]
    axes.set_yticks(range(len(names)), names, fontsize=6.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _effect(table: pd.DataFrame, factor: str) -> str:
    """Return what a factor adds, or that not all eight cells were attacked."""
    effects = table[table["part"] == "effect"]
    if effects.empty:
        return "cells are missing"
    added = effects[effects["factor"] == factor].iloc[0]
    return f"{added['rmse_mean']:+.3f} [{added['rmse_low']:.3f}, {added['rmse_high']:.3f}]"
