"""How long attackers have to train: validation loss against epoch, until patience ends."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reveil.cvnn.figures.beside import Mark, name_ends
from reveil.cvnn.figures.shown import attack_names, policy_names
from reveil.errors import ReveilError
from reveil.figures.style import (
    BLACK,
    PAGE_WIDTH,
    counted,
    empty_note,
    legend_below,
    series_style,
    set_title,
    styled,
)

LONG = 100  # epochs from which the axis is logarithmic
BOUND = "max_epochs"  # what stopped a run that patience did not
STEEP = 10  # ratio of the highest to the lowest loss from which the other is
_PANEL = ["attack", "part"]
_RUN = [*_PANEL, "policy", "seed"]


def data(attackers: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of every curve: attack, part, policy, epoch, loss, n (seeds).

    Args:
        attackers: Rows of attackers.csv of one protocol, dataset and model. An attacker of several
            modules, such as a critic and a decoder, has a curve for each ``part``.

    Returns:
        Epochs are counted from 1. A curve ends where the first of its seeds does: beyond that its
        mean would be one of other attackers.
    """
    table = _prepared(attackers)
    curve = [*_PANEL, "policy"]
    seeds = table.groupby(curve)["seed"].nunique().rename("seeds").reset_index()
    groups = table.groupby([*curve, "epoch"], sort=False)["validation_loss"]
    mean = groups.agg(loss="mean", n="size").reset_index().merge(seeds, on=curve)
    return mean[mean["n"] == mean["seeds"]].drop(columns="seeds").reset_index(drop=True)


def stops(attackers: pd.DataFrame) -> pd.DataFrame:
    """Return where each attacker ended: attack, part, policy, seed, and what follows.

    Args:
        attackers: As for :func:`data`.

    Returns:
        ``best``, the epoch whose weights attack, with its ``loss``; ``last``, the epoch at which
        patience ended, with its loss ``end``; ``bound``, whether it was not patience that ended
        the run but the bound on its epochs.
    """
    table = _prepared(attackers).sort_values("epoch", kind="stable")
    last = table.groupby(_RUN, sort=False).tail(1)
    best = table[table["best"].astype(int) == 1].groupby(_RUN, sort=False).tail(1)
    last = last.assign(bound=last["stopped"] == BOUND)
    last = last[[*_RUN, "epoch", "validation_loss", "bound"]]
    best = best[[*_RUN, "epoch", "validation_loss"]]
    return last.rename(columns={"epoch": "last", "validation_loss": "end"}).merge(
        best.rename(columns={"epoch": "best", "validation_loss": "loss"}), on=_RUN, how="left"
    )


def _prepared(attackers: pd.DataFrame) -> pd.DataFrame:
    if attackers.empty:
        raise ReveilError("attackers: the tidy table has no rows, so there is nothing to draw")
    told = {
        name: attackers.get(name, pd.Series("", attackers.index)) for name in ("part", "stopped")
    }
    table = attackers.assign(
        **{name: column.astype(object).fillna("") for name, column in told.items()}
    )
    first = table.groupby(_RUN)["epoch"].transform("min")
    return table.assign(epoch=table["epoch"] - first + 1).reset_index(drop=True)


@styled
def draw(attackers: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw the validation loss of the attackers on each policy, a panel an attack.

    (Knijff et al. 2021, Figure 3, whose attackers trained for a fixed time.) Thin lines are seeds,
    dots the epoch whose weights attack, bars the one at which patience ended.

    Args:
        attackers: Rows of attackers.csv of one protocol, dataset and model.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    attackers = _prepared(attackers)
    table, ends = data(attackers), stops(attackers)
    shown, names = _panels(attackers), policy_names(attackers)
    figure = Figure(figsize=(PAGE_WIDTH, 0.9 + 2.3 * len(shown)))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (panel, label) in zip(panels, shown.items(), strict=True):
        chosen = [_of(part, panel) for part in (attackers, table, ends)]
        for order, policy in enumerate(names):
            _policy(axes, [part[part["policy"] == policy] for part in chosen], series_style(order))
        _scales(axes, attackers["epoch"].max(), chosen[0]["validation_loss"])
        axes.set_title(label)
        axes.set_ylabel("Validation loss")
        axes.grid(axis="y")
    panels[-1].set_xlabel("Epoch of the attacker")
    seeds = attackers["seed"].nunique()
    set_title(
        figure,
        "How attackers learn, and when they stop",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"up to {counted(int(attackers['epoch'].max()), 'epoch')}, {counted(seeds, 'seed')}",
    )
    marks = [
        Line2D([], [], marker="o", ls="", color=BLACK, ms=4, label="weights that attack"),
        Line2D([], [], marker="|", ls="", color=BLACK, ms=9, mew=1.6, label="patience ended"),
    ]
    if ends["bound"].any():
        label = "bound on epochs reached"
        marks.append(Line2D([], [], marker="x", ls="", color=BLACK, ms=6, mew=1.6, label=label))
    legend_below(figure, marks, 3)
    for axes, panel in zip(panels, shown, strict=True):
        _names(axes, _of(ends, panel), names)
    return figure


def _panels(attackers: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return attack and part of every panel with its title; a single part goes unnamed."""
    found = {}
    for attack, label in attack_names(attackers).items():
        parts = attackers.loc[attackers["attack"] == attack, "part"].unique()
        for part in parts:
            found[attack, part] = f"{label}: {part}" if len(parts) > 1 else label
    return found


def _of(table: pd.DataFrame, panel: tuple[str, str]) -> pd.DataFrame:
    return table[(table["attack"] == panel[0]) & (table["part"] == panel[1])]


def _policy(axes: Axes, parts: list[pd.DataFrame], style: dict[str, object]) -> None:
    """Draw the seeds, the mean and the ends of one policy's attackers."""
    runs, mean, ends = parts
    if runs["seed"].nunique() > 1:
        for _, run in runs.groupby("seed"):
            axes.plot(run["epoch"], run["validation_loss"], **style | {"lw": 0.5, "alpha": 0.6})
    axes.plot(mean["epoch"], mean["loss"], **style)
    flat = {"ls": "", "color": style["color"], "zorder": 3}
    axes.plot(ends["best"], ends["loss"], "o", ms=4, **flat)
    for marker, size, stopped in (("|", 9, ends[~ends["bound"]]), ("x", 6, ends[ends["bound"]])):
        axes.plot(stopped["last"], stopped["end"], marker, ms=size, mew=1.6, **flat)


def _scales(axes: Axes, epochs: int, losses: pd.Series) -> None:
    finite = losses[np.isfinite(losses)]
    if finite.empty:
        empty_note(axes, "no attacker has a loss")
        return
    if epochs > LONG:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if finite.min() > 0 and finite.max() > STEEP * finite.min():
        axes.set_yscale("log")
    axes.margins(x=0.03)


def _names(axes: Axes, ends: pd.DataFrame, names: dict[str, str]) -> None:
    """Write each policy beside the axes at the height at which its attackers ended."""
    heights = ends.groupby("policy")["end"].mean()
    name_ends(
        axes,
        [
            Mark(heights[policy], label, series_style(order)["color"])
            for order, (policy, label) in enumerate(names.items())
            if policy in heights
        ],
    )
