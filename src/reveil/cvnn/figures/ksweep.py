"""Error of reconstruction and accuracy against k, the number of features that look alike."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil import datasets
from reveil.cvnn.figures.beside import Mark, name_ends
from reveil.cvnn.figures.shown import TRIVIAL, attack_names, means, trivial, unprotected
from reveil.errors import ReveilError
from reveil.figures.dots import dot_style
from reveil.figures.pages import sample
from reveil.figures.style import (
    BLACK,
    BLUE,
    GREY,
    PAGE_WIDTH,
    VERMILLION,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.statistics import share_interval

KEYS = {
    "accuracy_clean_pct": ("right key", "o", BLUE),
    "accuracy_random_pct": ("random key", "s", VERMILLION),
}
_DODGE = 0.04  # between the attacks at one k, in powers of 2


def data(images: pd.DataFrame, ks: Mapping[str, int]) -> pd.DataFrame:
    """Return the mean error of every attack and k: attack, k, mean, low, high, n.

    Args:
        images: Attacked images of one protocol, dataset and model.
        ks: k of each policy of the sweep; others are left out.

    Raises:
        ReveilError: no image of any policy of the sweep.
    """
    table = means(images[images["policy"].isin(ks)], ["attack", "policy"], ["rmse"])
    table["k"] = table["policy"].map(ks)
    return table.sort_values("k", kind="stable", ignore_index=True)


def accuracies(models: pd.DataFrame, ks: Mapping[str, int]) -> pd.DataFrame:
    """Return the accuracy with each kind of key and k, in %: key, k, mean, low, high, n, seeds.

    Args:
        models: Rows of models.csv of one dataset, model and recipe.
        ks: As for :func:`data`.

    Returns:
        Means over seeds; their intervals, Wilson's, are over the test images of one network.
    """
    found = []
    for policy, group in models[models["policy"].isin(ks)].groupby("policy", sort=False):
        for key in KEYS:
            values = group[key].astype(float).dropna()
            if values.empty:
                continue
            estimate = share_interval(values.mean() / 100, int(group["n_test"].min()))
            parts = {"mean": estimate.value, "low": estimate.low, "high": estimate.high}
            found.append(
                {"key": key, "k": ks[policy], "n": estimate.n, "seeds": len(values)}
                | {name: 100 * value for name, value in parts.items()}
            )
    if not found:
        raise ReveilError(f"models: there is none of the policies {', '.join(ks)}")
    return pd.DataFrame(found).sort_values(["key", "k"], kind="stable", ignore_index=True)


@styled
def draw(
    images: pd.DataFrame,
    models: pd.DataFrame,
    ks: Mapping[str, int],
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw the error of each attack and both accuracies over k, beside trivial predictors.

    (Xiang et al. 2020 give no k; Knijff et al. 2021 took 8, and no other.)

    Args:
        images: Attacked images of one protocol, dataset and model.
        models: Rows of models.csv of that dataset and model.
        ks: k of each policy of the sweep.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table, accuracy = data(images, ks), accuracies(models, ks)
    attacks = attack_names(table)
    figure = Figure(figsize=(PAGE_WIDTH, 3.6))
    left, right = figure.subplots(1, 2)
    handles = []
    for order, (attack, label) in enumerate(attacks.items()):
        style = dot_style(order) | {"ms": 4}
        shown = table[table["attack"] == attack]
        _line(left, shown, _DODGE * (order - (len(attacks) - 1) / 2), style)
        handles.append(Line2D([], [], label=label, **style))
    marks = [(trivial(images, column), name, GREY) for column, name in TRIVIAL.items()]
    every = means(images, ["policy", "attack"], ["rmse"])
    marks.append((unprotected(every, "rmse"), "unprotected,\nstrongest attack", BLACK))
    references = [
        Mark(value, name.replace(" of ", "\nof "), colour) for value, name, colour in marks
    ]
    for mark in references:
        left.axhline(mark.value, color=mark.colour, ls=mark.dash, lw=1, zorder=0.8)
    left.set(ylabel="RMSE (up: hides more)", ylim=(0, None))
    ends = []
    for key, (label, marker, colour) in KEYS.items():
        shown = accuracy[accuracy["key"] == key]
        if len(shown):
            _line(right, shown, 0.0, {"color": colour, "marker": marker, "ms": 4})
            ends.append(Mark(shown["mean"].iloc[-1], label, colour))
    chance = 100 / datasets.get(dataset).classes
    right.axhline(chance, color=GREY, ls=":", lw=1, zorder=0.8)
    ends.append(Mark(chance, "chance", GREY))
    right.set(ylabel="Test accuracy, % (up: better)", ylim=(0, 100))
    for axes in (left, right):
        axes.set_xticks(np.log2(sorted(set(ks.values()))), sorted(set(ks.values())))
        axes.set_xlabel("k")
        axes.grid(axis="y")
    set_title(
        figure,
        "More false features per true one",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{sample(images, table)}; {int(accuracy['n'].min()):,} test images",
    )
    legend_below(figure, handles, 3)
    name_ends(left, references)
    name_ends(right, ends)
    return figure


def _line(axes: Axes, table: pd.DataFrame, offset: float, style: dict[str, object]) -> None:
    x = np.log2(table["k"].to_numpy(dtype=float)) + offset
    errors = whiskers(table["mean"], table["low"], table["high"])
    axes.errorbar(x, table["mean"], yerr=errors, elinewidth=1, **style)
