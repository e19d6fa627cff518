"""Rows of dots with intervals, panel by panel: what several figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.figures.style import BLACK, GREY, PAGE_WIDTH, SERIES_COLOURS, empty_note, whiskers

MARKERS = ("o", "s", "D", "^", "v", "P", "X")
SPREAD = 0.6  # of the distance of two rows, for the dots of one row


@dataclass(frozen=True)
class Panel:
    """One column of the figure.

    Attributes:
        measure: the value of ``measure`` in the table.
        label: of the axis.
        zero: whether a line marks 0, the floor.
    """

    measure: str
    label: str
    zero: bool = False


def dot_style(position: int) -> dict[str, str]:
    """Return colour and marker of the series at ``position``; 49 of them are distinct."""
    round_, place = divmod(position, len(SERIES_COLOURS))
    return {"color": SERIES_COLOURS[place], "marker": MARKERS[(place + round_) % len(MARKERS)]}


def draw_dots(
    table: pd.DataFrame,
    panels: Sequence[Panel],
    rows: Mapping[str, str],
    series: Mapping[str, str],
    *,
    row_height: float = 0.4,
    spread: float = SPREAD,
) -> tuple[Figure, list[Line2D]]:
    """Draw the panels side by side, a line of dots a row, and return the legend's handles.

    Args:
        table: Columns row, series, measure, mean, low, high; pairs without a row stay empty.
        panels: From left to right.
        rows: Rows from the top, and their labels.
        series: Series from the top within each row, and their labels.
        row_height: In inches.
        spread: Share of it over which the series of one row are spread.
    """
    height = 1.7 + row_height * max(len(rows), 2)
    figure = Figure(figsize=(PAGE_WIDTH, height))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        shown = table[table["measure"] == panel.measure]
        for place, name in enumerate(series):
            offset = offset_of(place, len(series), spread)
            _series(axes, shown[shown["series"] == name], list(rows), place, offset)
        if panel.zero:
            axes.axvline(0, color=BLACK, lw=1, zorder=1)
        if not shown["mean"].notna().any():
            empty_note(axes, "nothing was measured")
        axes.set_xlabel(panel.label)
        axes.grid(axis="x")
        axes.margins(x=0.08)
        axes.tick_params(axis="y", length=0)
        for line in range(1, len(rows)):
            axes.axhline(line - 0.5, color=GREY, lw=0.4, alpha=0.5, zorder=0.5)
    grid[0].set_yticks(range(len(rows)), list(rows.values()))
    grid[0].set_ylim(len(rows) - 0.5, -0.5)
    present = [name for name in series if (table["series"] == name).any()]
    handles = [
        Line2D([], [], ls="", ms=5, label=series[name], **dot_style(list(series).index(name)))
        for name in present
    ]
    return figure, handles


def offset_of(place: int, count: int, spread: float = SPREAD) -> float:
    """Return how far below the middle of a row the series at ``place`` of ``count`` is drawn."""
    return spread * ((place + 0.5) / count - 0.5)


def _series(axes: Axes, table: pd.DataFrame, rows: list[str], place: int, offset: float) -> None:
    table = table.dropna(subset=["mean"])
    positions = np.array([rows.index(row) for row in table["row"]], dtype=float) + offset
    style = dot_style(place)
    axes.errorbar(
        table["mean"],
        positions,
        xerr=whiskers(table["mean"], table["low"], table["high"]),
        fmt=style["marker"],
        color=style["color"],
        ms=4.5,
        elinewidth=1.1,
        capsize=0,
        zorder=3,
    )
