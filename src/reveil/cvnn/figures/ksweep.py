"""Error of reconstruction and accuracy against k, the number of features that look alike."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.cvnn.figures.beside import Mark, name_ends
from reveil.cvnn.figures.shown import TRIVIAL, attack_names, trivial
from reveil.cvnn.tables.accuracy import chance_error_pct
from reveil.cvnn.tables.sweeps import k_table
from reveil.figures.dots import dot_style
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

KEYS = {"right": ("right key", "o", BLUE), "wrong": ("wrong key", "s", VERMILLION)}
_DODGE = 0.04  # between the attacks at one k, in powers of 2


def accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracies of each k, in %: key, k, mean, low, high.

    Args:
        table: Rows of :func:`reveil.cvnn.tables.sweeps.k_table`, which has the errors; the same
            networks stand in the rows of every attack.
    """
    rows = table.drop_duplicates("k")
    found = [
        pd.DataFrame(
            {
                "key": key,
                "k": rows["k"],
                "mean": 100 - rows[f"error_{key}_mean_pct"],
                "low": 100 - rows[f"error_{key}_high_pct"],
                "high": 100 - rows[f"error_{key}_low_pct"],
            }
        )
        for key in KEYS
    ]
    return pd.concat(found).sort_values(["key", "k"], ignore_index=True)


@styled
def draw(
    images: pd.DataFrame, models: pd.DataFrame, *, protocol: str, dataset: str, model: str
) -> Figure:
    """Draw the error of each attack and both accuracies over k, beside trivial predictors.

    (Xiang et al. 2020 give no k; Knijff et al. 2021 took 8, and no other.)

    Args:
        images: Attacked images of one protocol, dataset and model.
        models: Rows of models.csv.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = k_table(images, models).sort_values("k", kind="stable")
    attacks, accuracy = attack_names(table), accuracies(table)
    figure = Figure(figsize=(PAGE_WIDTH, 3.6))
    left, right = figure.subplots(1, 2)
    handles = []
    for order, (attack, label) in enumerate(attacks.items()):
        style = dot_style(order) | {"ms": 4}
        shown = table[table["attack"] == attack]
        offset = _DODGE * (order - (len(attacks) - 1) / 2)
        ends = [shown[f"rmse_{end}"] for end in ("mean", "low", "high")]
        _line(left, *ends, shown["k"], style, offset)
        handles.append(Line2D([], [], label=label, **style))
    references = [
        Mark(trivial(images, column), name.replace(" of ", "\nof "), GREY)
        for column, name in TRIVIAL.items()
    ]
    for mark in references:
        left.axhline(mark.value, color=mark.colour, ls=mark.dash, lw=1, zorder=0.8)
    left.set(ylabel="RMSE (up: hides more)", ylim=(0, None))
    chance = 100 - chance_error_pct(dataset)
    right.axhline(chance, color=GREY, ls=":", lw=1, zorder=0.8)
    names = [Mark(chance, "chance", GREY)]
    for key, (label, marker, colour) in KEYS.items():
        shown = accuracy[accuracy["key"] == key].dropna(subset=["mean"])
        if len(shown):
            style = {"color": colour, "marker": marker, "ms": 4}
            _line(right, shown["mean"], shown["low"], shown["high"], shown["k"], style)
            names.append(Mark(shown["mean"].iloc[-1], label, colour))
    right.set(ylabel="Test accuracy, % (up: better)", ylim=(0, 100))
    ks = sorted(table["k"].unique())
    for axes in (left, right):
        axes.set_xticks(np.log2(ks), ks)
        axes.set_xlabel("k")
        axes.grid(axis="y")
    n, seeds = int(table["n_images"].max()), int(table["n_seeds"].max())
    set_title(
        figure,
        "More false features per true one",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(n, 'image')} ({int(table['n_test'].max()):,} for the accuracy), "
        f"{counted(seeds, 'seed')}, whiskers 95 %",
    )
    legend_below(figure, handles, 3)
    name_ends(left, references)
    name_ends(right, names)
    return figure


def _line(
    axes: Axes,
    mean: pd.Series,
    low: pd.Series,
    high: pd.Series,
    k: pd.Series,
    style: dict[str, object],
    offset: float = 0.0,
) -> None:
    x = np.log2(k.to_numpy(dtype=float)) + offset
    axes.errorbar(x, mean, yerr=whiskers(mean, low, high), elinewidth=1, **style)
