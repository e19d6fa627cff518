"""The privacy scores of the 50 single transformations."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reveil.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAGE_WIDTH,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    counted,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.library import IDENTITY
from reveil.tables.labels import SOURCE_TITLES
from reveil.tables.search import OK, single_table

_FAMILIES = {
    "translateX": "shift",
    "translateY": "shift",
    "shearX": "shear, rotate",
    "shearY": "shear, rotate",
    "rotate": "shear, rotate",
    "color": "color, sharpness",
    "sharpness": "color, sharpness",
    "brightness": "brightness, contrast",
    "contrast": "brightness, contrast",
    "equalize": "equalize",
    "autocontrast": "autocontrast",
    "invert": "invert, solarize",
    "solarize": "invert, solarize",
    "posterize": "posterize",
    IDENTITY: "identity",
}
_COLOURS = {
    "shift": VERMILLION,
    "shear, rotate": PURPLE,
    "brightness, contrast": BLUE,
    "color, sharpness": SKY,
    "equalize": GREEN,
    "autocontrast": YELLOW,
    "invert, solarize": ORANGE,
    "posterize": GREY,
    "identity": BLACK,
}
_MARKS = {"original": ("v", "black"), "drabent2022": ("o", "none")}
PUBLISHED = "warmerdam2022_s_pri"


def data(singles: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`reveil.tables.single_table` with the family of each transformation.

    Rows whose scoring failed come last in their order.
    """
    table = single_table(singles)
    table["family"] = table["function"].str.split().str[0].map(_FAMILIES)
    return table


@styled
def draw(
    singles: pd.DataFrame,
    *,
    protocol: str,
    dataset: str,
    model: str,
    order: str = "score",
) -> Figure:
    """Draw one bar a transformation: its S_pri, the interval over images, and who named it.

    Args:
        singles: Scores of one protocol, dataset and model, with ``candidate`` -1 for no policy.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
        order: ``score`` (lowest first) or ``index``.

    Raises:
        ValueError: an unknown ``order``.
    """
    if order not in ("score", "index"):
        raise ValueError(f"order: {order!r} is not allowed; allowed: score, index")
    table = data(singles)
    if order == "index":
        table = table.sort_values("index", ignore_index=True)
    figure = Figure(figsize=(PAGE_WIDTH, 4.2))
    handles = draw_bars(figure.subplots(), table, singles)
    images = counted(int(np.nanmax(table["s_pri_n"].fillna(0), initial=0)), "image")
    seeds = counted(int(table["n_seeds"].max()), "seed")
    set_title(
        figure,
        "Privacy score of each single transformation",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{images}, {seeds}, whiskers 95 %",
    )
    legend_below(figure, handles, 4)
    return figure


def draw_bars(axes: Axes, table: pd.DataFrame, singles: pd.DataFrame) -> list[Patch | Line2D]:
    """Draw the bars and marks of all transformations, and return the legend's handles.

    Args:
        axes: Empty axes.
        table: Rows of :func:`data`, in the order of the bars; with ``warmerdam2022_s_pri`` also
            those published scores.
        singles: The scores they are made of, for that of no policy.
    """
    position = np.arange(len(table))
    scores = table["s_pri"].to_numpy()
    axes.bar(position, scores, width=0.74, color=table["family"].map(_COLOURS), lw=0)
    errors = whiskers(scores, table["s_pri_low"], table["s_pri_high"])
    axes.errorbar(position, scores, yerr=errors, fmt="none", ecolor="#444444", elinewidth=0.8)
    failed = np.where(table["s_pri"].isna(), "failed: ", "")
    axes.set_xticks(position, failed + table["operation"] + " (" + table["index"].astype(str) + ")")
    axes.tick_params(axis="x", rotation=90, labelsize=6.5, length=0, pad=2)
    axes.set(xlim=(-0.8, len(table) - 0.2), ylabel=r"$S_{pri}$ (lower: more private)")
    axes.grid(axis="y")
    theirs = _mark_scores(axes, table)
    marks = _mark_published(axes, table)
    none = _none_line(axes, singles)
    patches = [
        Patch(color=_COLOURS[name], label=name) for name in _COLOURS if name in set(table["family"])
    ]
    return [*patches, *none, *theirs, *marks]


def _mark_scores(axes: Axes, table: pd.DataFrame) -> list[Line2D]:
    """Mark the published score of each transformation on its bar, where there is one."""
    if PUBLISHED not in table or table[PUBLISHED].isna().all():
        return []
    return axes.plot(
        range(len(table)),
        table[PUBLISHED],
        "_",
        color=BLACK,
        ms=6,
        mew=1.4,
        label=f"$S_{{pri}}$ of {SOURCE_TITLES['warmerdam2022']}",
    )


def _mark_published(axes: Axes, table: pd.DataFrame) -> list[Line2D]:
    """Put a row of marks a source above all bars, so that none hides an interval.

    A source that names none for the dataset has no row.
    """
    marks = {name: mark for name, mark in _MARKS.items() if table[f"top_five_{name}"].notna().any()}
    drawn = [name for name in ("s_pri", "s_pri_high", PUBLISHED) if name in table]
    tops = table[drawn].max(axis=1).to_numpy()
    bottoms = table[["s_pri", "s_pri_low"]].min(axis=1).to_numpy()
    top = float(np.nanmax(tops, initial=0.0))
    bottom = float(np.nanmin(bottoms, initial=0.0))
    step = 0.055 * ((top - bottom) or 1.0)
    handles = []
    for row, (source, (marker, face)) in enumerate(marks.items()):
        chosen = np.flatnonzero(table[f"top_five_{source}"].eq(True))
        (line,) = axes.plot(
            chosen,
            np.full(len(chosen), top + (row + 0.8) * step),
            marker,
            ms=5,
            mfc=face,
            mec="black",
            clip_on=False,
            label=f"top five of {SOURCE_TITLES[source]}",
        )
        handles.append(line)
    axes.set_ylim(bottom - (step if bottom < 0 else 0), top + (len(marks) + 0.5) * step)
    return handles


def _none_line(axes: Axes, singles: pd.DataFrame) -> list[Line2D]:
    """Draw the score without policy as a line with its band."""
    rows = singles[(singles["candidate"] == -1) & (singles["status"] == OK)]
    if rows.empty:
        return []
    mean, low, high = (rows[name].mean() for name in ("s_pri", "s_pri_low", "s_pri_high"))
    axes.axhspan(low, high, color=GREY, alpha=0.25, lw=0, zorder=0.5)
    line = axes.axhline(mean, color=BLACK, lw=1, ls="--", label=f"None: {mean:.3f}, band 95 %")
    return [line]
