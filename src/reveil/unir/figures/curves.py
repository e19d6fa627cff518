"""How the game of generator and discriminator goes: losses and what D says, against steps."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from reveil.errors import ReveilError
from reveil.figures.style import (
    BLACK,
    GREY,
    PAGE_WIDTH,
    counted,
    legend_below,
    series_style,
    set_title,
    styled,
)
from reveil.unir.figures.shown import STEEP
from reveil.unir.labels import (
    method_label,
    method_order,
    operator_label,
    operator_order,
    plain_recipe,
)
from reveil.unir.tables.labels import SOURCE_TITLES
from reveil.unir.tables.published import LOG, LOGGED_SHARE, PRINTED

# Of D at its wits' end: -log(1/2) for real and for fake (section 8.3).
BLIND = 2 * math.log(2)
_PRINTED_LINE = r"epoch (?P<epoch>\d+) of \d+.*iteration (?P<iteration>\d+) of (?P<batches>\d+)"
_SUBJECT = ["policy", "recipe"]


@dataclass(frozen=True)
class Panel:
    """One of the four panels.

    Attributes:
        heading: over it.
        label: of its axis.
        columns: of the history, each with the dash of its lines.
        level: what D gives that cannot tell.
        share: whether its values are means of probabilities.
    """

    heading: str
    label: str
    columns: dict[str, str]
    level: float | None = None
    share: bool = False


PANELS = (
    Panel("Loss of D", "loss", {"loss_d": "-"}, BLIND),
    Panel("Loss of G, all terms", "loss", {"loss_g": "-"}),
    Panel("D(y), on what is real", "mean of sigmoid D", {"d_real": "-"}, 0.5, True),
    Panel(
        "D(ŷ), before G's step; dashed: at it",
        "mean of sigmoid D",
        {"d_fake_before": "-", "d_fake_at": "--"},
        0.5,
        True,
    ),
)
_COLUMNS = [name for panel in PANELS for name in panel.columns]


def data(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of every curve: policy, recipe, step, the values, n (seeds).

    Args:
        histories: Rows of histories.csv of one dataset and model.

    Returns:
        Rows in order of policies, recipes and steps. A curve ends where the first of its seeds
        does: beyond that its mean would be one of other trainings.

    Raises:
        ReveilError: there is no row.
    """
    if histories.empty:
        raise ReveilError("histories: the tidy table has no rows, so there is nothing to draw")
    table = histories.copy()
    table[_COLUMNS] = table[_COLUMNS].astype(float)
    seeds = table.groupby(_SUBJECT)["seed"].nunique().rename("seeds").reset_index()
    groups = table.groupby([*_SUBJECT, "step"])
    mean = groups[_COLUMNS].mean().assign(n=groups["seed"].nunique()).reset_index()
    mean = mean.merge(seeds, on=_SUBJECT)
    return mean[mean["n"] == mean["seeds"]].drop(columns="seeds").reset_index(drop=True)


def printed(published: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that the report's run printed: step, and the columns of the history.

    Args:
        published: Rows of config/published.csv, of any study.

    Returns:
        The run with lambda 2, in order of steps, counted from 1; the loss of D doubled, since
        they print half of it.
    """
    rows = published[(published["experiment"] == LOG) & published["metric"].isin(list(PRINTED))]
    told = rows["note"].str.extract(_PRINTED_LINE).astype(float)
    step = told["epoch"] * told["batches"] + told["iteration"] + 1
    # The log's other run is told by its last line alone, without the number of batches.
    rows = rows.assign(step=step, column=rows["metric"].map(PRINTED)).dropna(subset=["step"])
    rows = rows.astype({"step": int, "value": float})
    table = rows.pivot(index="step", columns="column", values="value").reset_index()
    table["loss_d"] = table.pop("loss_d_printed") / LOGGED_SHARE
    return table.rename_axis(columns=None)


@styled
def draw(
    histories: pd.DataFrame,
    published: pd.DataFrame | None = None,
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw the losses of D and G and what D says of real and fake, one colour a training.

    (Guo et al. 2020, Figure 3, lower part.) Thin lines are seeds. Loss values compare within one
    kind of GAN loss only; at 2 ln 2 the D of binary cross-entropy has given up.

    Args:
        histories: Rows of histories.csv of one dataset and model.
        published: Lines of :func:`printed`, drawn as markers.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = data(histories)
    names = _names(table)
    figure = Figure(figsize=(PAGE_WIDTH, 5.2))
    for axes, panel in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
        for order, key in enumerate(names):
            runs, mean = (part[_is(part, key)] for part in (histories, table))
            _lines(axes, runs, mean, panel, series_style(order)["color"])
        if published is not None:
            _markers(axes, published, panel)
        _scale(axes, histories, published, panel)
    for axes in figure.axes[2:]:
        axes.set_xlabel("Step of training")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    steps, seeds = int(table["step"].max()), int(histories["seed"].nunique())
    set_title(
        figure,
        "How generators and discriminators train",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{steps:,} step{'s' * (steps != 1)}, {counted(seeds, 'seed')}, each point a mean",
    )
    legend_below(figure, _handles(names, published), 3)
    return figure


def _names(table: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return the trainings and their labels, in the order of the study."""
    pairs = {(policy, recipe) for policy, recipe in table[_SUBJECT].itertuples(index=False)}
    ordered = sorted(pairs, key=lambda pair: (operator_order(pair[0]), method_order(pair[1])))
    several = len({policy for policy, _ in pairs}) > 1
    return {
        (policy, recipe): method_label(plain_recipe(recipe))
        + f", {operator_label(policy)}" * several
        for policy, recipe in ordered
    }


def _is(table: pd.DataFrame, key: tuple[str, str]) -> pd.Series:
    return (table["policy"] == key[0]) & (table["recipe"] == key[1])


def _lines(axes: Axes, runs: pd.DataFrame, mean: pd.DataFrame, panel: Panel, colour: str) -> None:
    """Draw the seeds and the mean of one training; nothing where it has no such value."""
    mean = mean.sort_values("step")
    marker = "o" if len(mean) < 4 else ""
    for column, dash in panel.columns.items():
        if runs["seed"].nunique() > 1 and dash == "-":
            for _, run in runs.groupby("seed"):
                axes.plot(run["step"], run[column].astype(float), color=colour, lw=0.5, alpha=0.5)
        if mean[column].notna().any():
            filled = colour if dash == "-" else "white"
            axes.plot(
                mean["step"],
                mean[column],
                color=colour,
                ls=dash,
                lw=1.4 if dash == "-" else 1,
                marker=marker,
                mfc=filled,
                ms=4,
            )


def _markers(axes: Axes, published: pd.DataFrame, panel: Panel) -> None:
    for column, dash in panel.columns.items():
        if column in published:
            filled = BLACK if dash == "-" else "white"
            axes.plot(
                published["step"], published[column], "D", ms=3, color=BLACK, mfc=filled, mew=0.7
            )


def _scale(axes: Axes, runs: pd.DataFrame, published: pd.DataFrame | None, panel: Panel) -> None:
    parts = [runs] if published is None else [runs, published]
    found = [part[name] for part in parts for name in panel.columns if name in part]
    values = pd.concat(found).astype(float).dropna()
    if panel.level is not None:
        axes.axhline(panel.level, color=GREY, lw=1, ls=":", zorder=0.8)
    if not len(values):
        axes.text(0.5, 0.5, "no discriminator", transform=axes.transAxes, ha="center", color=GREY)
    elif panel.share:
        axes.set_ylim(-0.02, 1.02)
    elif values.min() > 0 and values.max() > STEEP * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        top = max(values.max(), panel.level or 0)
        axes.set_ylim(min(0, np.floor(values.min())), 1.06 * top if top > 0 else None)
    axes.set_title(panel.heading)
    axes.set_ylabel(panel.label)
    axes.grid(axis="y")
    axes.margins(x=0.03)


def _handles(names: dict[tuple[str, str], str], published: pd.DataFrame | None) -> list[Line2D]:
    handles = [
        Line2D([], [], color=series_style(order)["color"], label=label)
        for order, label in enumerate(names.values())
    ]
    text = "D cannot tell: 0.5; 2 ln 2 = 1.386 (BCE)"
    handles.append(Line2D([], [], color=GREY, lw=1, ls=":", label=text))
    if published is not None:
        text = f"{SOURCE_TITLES['guo2020']} (D loss doubled; hollow: at G's step)"
        handles.append(Line2D([], [], marker="D", ms=3, ls="", color=BLACK, label=text))
    return handles
