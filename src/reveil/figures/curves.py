"""Training curves: accuracy and loss per epoch, of each policy's model."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reveil import policies
from reveil.figures.style import (
    GREY,
    PAGE_WIDTH,
    counted,
    legend_below,
    series_style,
    set_title,
    styled,
)
from reveil.tables.labels import policy_label, policy_order

PANELS = {
    ("accuracy_pct", "train"): "Training accuracy, % (augmented images)",
    ("accuracy_pct", "test"): "Test accuracy, % (clean images)",
    ("loss", "train"): "Training loss",
    ("loss", "test"): "Test loss",
}
_VALUES = [f"{split}_{measure}" for measure, split in PANELS]


def data(history: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of every curve: one row per policy and epoch, and the seeds' n.

    Args:
        history: One row per policy, seed and epoch, with the columns of ``history.csv``.

    Returns:
        Policies found by a search go by their role; epochs are counted from 1.
    """
    history = _prepared(history)
    groups = history.groupby(["policy", "epoch"], sort=False)
    return groups[_VALUES].mean().assign(n=groups["seed"].nunique()).reset_index()


def _prepared(history: pd.DataFrame) -> pd.DataFrame:
    first = history["epoch"].min()
    return history.assign(
        policy=history["policy"].map(policies.role), epoch=history["epoch"] - first + 1
    ).reset_index(drop=True)


def learning_rate_drops(history: pd.DataFrame) -> list[int]:
    """Return the epochs, from 1, at whose start any training lowered its learning rate."""
    history = _prepared(history)
    rates = history.sort_values("epoch").groupby(["policy", "seed"], sort=False)["lr"]
    dropped = rates.diff() < 0
    return sorted(int(epoch) for epoch in history.loc[dropped[dropped].index, "epoch"].unique())


@styled
def draw(history: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw accuracy over loss, training beside test, one colour a policy, thin lines the seeds.

    (Drabent et al. 2022, Figure 4, compares None with one policy.)
    """
    means, drops = data(history), learning_rate_drops(history)
    history = _prepared(history)
    names = sorted(history["policy"].unique(), key=lambda name: policy_order(name, dataset, model))
    seeds = history["seed"].nunique()
    epochs = int(history["epoch"].max())
    figure = Figure(figsize=(PAGE_WIDTH, 4.8))
    grid = figure.subplots(2, 2, sharex=True, sharey="row")
    handles = {}
    for axes, ((measure, split), heading) in zip(grid.flat, PANELS.items(), strict=True):
        column = f"{split}_{measure}"
        for drop in drops:
            axes.axvline(drop - 0.5, color=GREY, lw=0.8, ls=":", zorder=0.5)
        for position, policy in enumerate(names):
            style = series_style(position)
            if seeds > 1:
                for _, run in history[history["policy"] == policy].groupby("seed"):
                    axes.plot(run["epoch"], run[column], lw=0.5, alpha=0.5, **style)
            mean = means[means["policy"] == policy].sort_values("epoch")
            (line,) = axes.plot(
                mean["epoch"],
                mean[column],
                marker="o" if epochs < 4 else "",
                ms=4,
                label=policy_label(policy, dataset, model),
                **style,
            )
            handles[policy] = line
        axes.set_title(heading)
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.tick_params(labelleft=True)
    for axes in grid[1]:
        axes.set_xlabel("Epoch (dotted: learning rate lowered)" if drops else "Epoch")
    set_title(
        figure,
        "Training with each policy",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(epochs, 'epoch')}, {counted(seeds, 'seed')}",
    )
    legend_below(figure, list(handles.values()), 4)
    return figure
