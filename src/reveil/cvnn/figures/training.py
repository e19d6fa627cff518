"""How private networks and their critics train."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reveil.cvnn.figures.shown import policy_names
from reveil.cvnn.tables.accuracy import chance_error_pct
from reveil.errors import ReveilError
from reveil.figures.style import (
    GREY,
    PAGE_WIDTH,
    counted,
    empty_note,
    legend_below,
    series_style,
    set_title,
    styled,
)


@dataclass(frozen=True)
class Panel:
    """One of the four panels.

    Attributes:
        heading: over it.
        columns: of the table, each with the dash of its lines.
    """

    heading: str
    columns: dict[str, str]


CRITIC = Panel("Critic: E D(a), dashed E D(a')", {"critic_real": "-", "critic_fake": "--"})
GRADIENT = Panel("Adversarial gradient at the encoder", {"adversarial_gradient_norm": "-"})
ACCURACY = Panel(
    "Test accuracy, %: right key, dashed a wrong key",
    {"test_accuracy_pct": "-", "wrong_key_accuracy_pct": "--"},
)
CLIPPED = Panel("Critic weights at the clip value, share", {"clipped_share": "-"})
LOSS = Panel("Training loss, dashed test loss", {"train_loss": "-", "test_loss": "--"})
_COLUMNS = [name for panel in (CRITIC, GRADIENT, ACCURACY, CLIPPED, LOSS) for name in panel.columns]


def data(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of every curve: one row per policy and epoch, and the seeds' n.

    Args:
        histories: Rows of histories.csv of one dataset, model and recipe.

    Returns:
        Epochs are counted from 1.
    """
    if histories.empty:
        raise ReveilError("histories: the tidy table has no rows, so there is nothing to draw")
    table = histories.assign(epoch=histories["epoch"] - histories["epoch"].min() + 1)
    table[_COLUMNS] = table[_COLUMNS].astype(float)
    groups = table.groupby(["policy", "epoch"], sort=False)
    return groups[_COLUMNS].mean().assign(n=groups["seed"].nunique()).reset_index()


def panels(table: pd.DataFrame) -> tuple[Panel, ...]:
    """Return the four panels; where no critic is clipped, losses take the place of the last."""
    last = CLIPPED if table["clipped_share"].notna().any() else LOSS
    return CRITIC, GRADIENT, ACCURACY, last


@styled
def draw(histories: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw what the critic tells, what reaches the encoder of it, and both accuracies.

    (Knijff et al. 2021, section 3.1.2, on clipped weights.) A gradient of exactly 0, the defect of
    two published codes, is a line at the bottom. One colour a policy, mean over seeds.

    Args:
        histories: Rows of histories.csv of one dataset, model and recipe.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = data(histories)
    names = policy_names(table)
    figure = Figure(figsize=(PAGE_WIDTH, 5.0))
    grid = figure.subplots(2, 2, sharex=True)
    for axes, panel in zip(grid.flat, panels(table), strict=True):
        for order, policy in enumerate(names):
            _lines(axes, table[table["policy"] == policy], panel, series_style(order)["color"])
        if not table[list(panel.columns)].notna().any(axis=None):
            empty_note(axes, "nothing was measured")
        axes.set_title(panel.heading)
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _gradient_scale(grid.flat[1], table["adversarial_gradient_norm"])
    chance = 100 - chance_error_pct(dataset)
    grid.flat[2].axhline(chance, color=GREY, lw=1, ls=":", zorder=0.8)
    grid.flat[2].set_ylim(0, 100)
    for axes in grid[1]:
        axes.set_xlabel("Epoch")
    epochs, seeds = int(table["epoch"].max()), int(table["n"].max())
    set_title(
        figure,
        "How networks and their critics train",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(epochs, 'epoch')}, {counted(seeds, 'seed')}",
    )
    handles = [
        Line2D([], [], color=series_style(order)["color"], label=label)
        for order, label in enumerate(names.values())
    ]
    handles.append(Line2D([], [], color=GREY, lw=1, ls=":", label=f"chance {chance:.3g} %"))
    legend_below(figure, handles, 4)
    return figure


def _lines(axes: Axes, table: pd.DataFrame, panel: Panel, colour: str) -> None:
    table = table.sort_values("epoch")
    marker = "o" if len(table) < 4 else ""
    for column, dash in panel.columns.items():
        if table[column].notna().any():
            filled = colour if dash == "-" else "white"
            axes.plot(
                table["epoch"],
                table[column],
                color=colour,
                ls=dash,
                marker=marker,
                mfc=filled,
                ms=4,
            )


def _gradient_scale(axes: Axes, norms: pd.Series) -> None:
    """Make the axis logarithmic, with 0 at its bottom where a norm is 0."""
    positive = norms[norms > 0]
    if positive.empty:
        axes.set_ylim(-0.05, 1)
        return
    if (norms == 0).any():
        smallest = 10 ** np.floor(np.log10(positive.min()))
        axes.set_yscale("symlog", linthresh=smallest)
        # Room below 0, so that its line is not under the axis.
        axes.set_ylim(-smallest / 5, 10 ** np.ceil(np.log10(positive.max())))
    elif positive.max() > 10 * positive.min():
        axes.set_yscale("log")
    else:
        # Room for the marker of a training of few epochs.
        axes.set_ylim(0, 1.1 * positive.max())
