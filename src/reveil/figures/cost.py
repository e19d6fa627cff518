"""What training, search and attacks cost, by how much of each there is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reveil.errors import ReveilError
from reveil.figures.style import (
    BLACK,
    GREY,
    PAGE_WIDTH,
    empty_note,
    series_style,
    set_title,
    styled,
)
from reveil.tables.labels import SOURCE_TITLES

ITERATIONS = 4800
_COLUMNS = ("stage", "of", "quantity", "value", "low", "high", "n")


@dataclass(frozen=True)
class Stage:
    """One panel.

    Attributes:
        quantity: the seconds of one unit, as the table calls it.
        label: what there is more and more of.
        seconds: how many of the table's units are one of these.
        most: of them, at the right end.
        mark: how many the papers take.
    """

    quantity: str
    label: str
    seconds: float
    most: int
    mark: int


STAGES = {
    "training": Stage("seconds_per_epoch", "Epochs", 1, 1000, 200),
    "search": Stage("seconds_per_candidate", "Candidates", 1, 10_000, 1500),
    "attack": Stage(
        "seconds_per_image_iteration",
        f"Images, {ITERATIONS:,} iterations each",
        ITERATIONS,
        1000,
        100,
    ),
}
_SOURCE_LINES = {"drabent2022": (0, (5, 1.5)), "warmerdam2022": (0, (1, 1))}


def data(costs: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> pd.DataFrame:
    """Return the seconds of one unit of each panel: stage, of, value, low, high, n, and sources.

    Args:
        costs: Rows of :func:`reveil.tables.cost_table`.
        protocol: Name of the protocol, whose search is shown.
        dataset: Name of the dataset.
        model: Name of the model.

    Raises:
        ReveilError: nothing was measured.
    """
    here = costs[(costs["dataset"] == dataset) & (costs["model"] == model)]
    wanted = here["stage"].map({name: stage.quantity for name, stage in STAGES.items()})
    mine = here[(here["quantity"] == wanted)]
    mine = mine[(mine["stage"] != "search") | (mine["of"] == protocol)]
    if mine.empty:
        raise ReveilError(f"costs: nothing was measured of {dataset}, {model}, protocol {protocol}")
    sources = list(_SOURCE_LINES)
    numbers = mine[sources].apply(pd.to_numeric, errors="coerce")
    table = pd.concat([mine[list(_COLUMNS)], numbers], axis=1)
    unit = table["stage"].map({name: stage.seconds for name, stage in STAGES.items()})
    scaled = table[["value", "low", "high", *sources]].mul(unit, axis=0)
    return table.assign(**scaled).reset_index(drop=True)


@styled
def draw(costs: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw the hours over epochs, candidates and attacked images, beside the papers' timings.

    Straight lines through what one unit costs; theirs are of a GTX 1080 (Drabent et al. 2022) and
    a GTX 1080 Ti (Warmerdam et al. 2022). Arguments as for :func:`data`.
    """
    table = data(costs, protocol=protocol, dataset=dataset, model=model)
    figure = Figure(figsize=(PAGE_WIDTH, 3.6))
    grid = figure.subplots(1, len(STAGES), sharey=True)
    for axes, (name, stage) in zip(grid, STAGES.items(), strict=True):
        _panel(axes, table[table["stage"] == name], stage)
    grid[0].set_ylabel("Hours")
    # The interval of a few jobs can reach below zero, which a logarithmic axis would follow.
    if (least := table["value"].min()) > 0:
        grid[0].set_ylim(bottom=least / 3600 / 10)
    set_title(
        figure,
        "What it costs",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n="bands 95 % over the jobs measured",
    )
    return figure


def _panel(axes: Axes, table: pd.DataFrame, stage: Stage) -> None:
    units = np.geomspace(1, stage.most, 20)
    for place, (_, row) in enumerate(table.iterrows()):
        style = series_style(place)
        axes.plot(
            units, units * row["value"] / 3600, label=f"{row['of']} (n = {row['n']})", **style
        )
        if pd.notna(row["low"]):
            low, high = (units * max(row[end], 1e-9) / 3600 for end in ("low", "high"))
            axes.fill_between(units, low, high, color=style["color"], alpha=0.18, lw=0)
    for source, dashes in _SOURCE_LINES.items():
        for seconds in table[source].dropna().head(1):
            axes.plot(
                units, units * seconds / 3600, color=GREY, ls=dashes, label=SOURCE_TITLES[source]
            )
    axes.axvline(stage.mark, color=BLACK, lw=0.7, ls=":", zorder=0.5)
    axes.set(xscale="log", yscale="log", xlabel=stage.label, xlim=(1, stage.most))
    axes.grid()
    if table.empty:
        empty_note(axes, "not measured")
        return
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=6.5, borderaxespad=0.2)
