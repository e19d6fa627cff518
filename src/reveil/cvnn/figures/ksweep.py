"""Error of reconstruction and accuracy against k, and against the weight of the adversary."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.cvnn.figures.beside import Mark, name_ends
from reveil.cvnn.figures.shown import TRIVIAL, attack_names, trivial
from reveil.cvnn.tables.accuracy import chance_error_pct
from reveil.cvnn.tables.sweeps import SMALLEST_K, k_table
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
# What is varied -> its axis.
SWEEPS = {"k": "k", "weight": "weight of the adversarial term"}
_DODGE = 0.04  # between the attacks at one value, in steps of the axis
_HEIGHT = 3.1  # inches, of a pair of panels


def swept(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each sweep that has two values or more, the recommended among them.

    Args:
        table: Rows of :func:`reveil.cvnn.tables.sweeps.k_table`.

    Returns:
        By ``k`` and ``weight``, in order of that column; k alone where the weight is not varied.
    """
    recommended = table["sweep"].eq("k") & table["k"].eq(SMALLEST_K)
    found = {"k": table[table["sweep"] == "k"]}
    if (varied := table["sweep"] == "weight").any():
        found["weight"] = table[varied | recommended].dropna(subset=["weight"])
    return {
        name: rows.sort_values(name, kind="stable") for name, rows in found.items() if len(rows)
    }


def accuracies(table: pd.DataFrame, by: str = "k") -> pd.DataFrame:
    """Return the accuracies of each value of a sweep, in %: key, ``by``, mean, low, high.

    Args:
        table: Rows of :func:`reveil.cvnn.tables.sweeps.k_table`, which has the errors; the same
            networks stand in the rows of every attack.
        by: What is varied, ``k`` or ``weight``.
    """
    rows = table.drop_duplicates(by)
    found = [
        pd.DataFrame(
            {
                "key": key,
                by: rows[by],
                "mean": 100 - rows[f"error_{key}_mean_pct"],
                "low": 100 - rows[f"error_{key}_high_pct"],
                "high": 100 - rows[f"error_{key}_low_pct"],
            }
        )
        for key in KEYS
    ]
    return pd.concat(found).sort_values(["key", by], ignore_index=True)


@styled
def draw(
    images: pd.DataFrame,
    models: pd.DataFrame,
    weights: Sequence[Mapping[str, Hashable]] = (),
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw errors and accuracies over k, and below over the weight of the adversary if it varies.

    (Xiang et al. 2020 give no k and weight the term by 1; Knijff et al. 2021 took k = 8 alone.)

    Args:
        images: Attacked images of one protocol, dataset and model.
        models: Rows of models.csv.
        weights: Of each recipe, as :func:`reveil.cvnn.tables.sweeps.k_table` takes them.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = k_table(images, models, weights)
    attacks, sweeps = attack_names(table), swept(table)
    figure = Figure(figsize=(PAGE_WIDTH, 0.5 + _HEIGHT * len(sweeps)))
    panels = figure.subplots(len(sweeps), 2, squeeze=False)
    references = [
        Mark(trivial(images, column), name.replace(" of ", "\nof "), GREY)
        for column, name in TRIVIAL.items()
    ]
    chance = 100 - chance_error_pct(dataset)
    named = []
    for (sweep, rows), (left, right) in zip(sweeps.items(), panels, strict=True):
        values = sorted(rows[sweep].unique())
        _errors(left, rows, sweep, values, attacks)
        for mark in references:
            left.axhline(mark.value, color=mark.colour, ls=mark.dash, lw=1, zorder=0.8)
        left.set(ylabel="RMSE (up: hides more)", ylim=(0, None))
        right.axhline(chance, color=GREY, ls=":", lw=1, zorder=0.8)
        right.set(ylabel="Test accuracy, % (up: better)", ylim=(0, 100))
        ends = [Mark(chance, "chance", GREY), *_accuracies(right, rows, sweep, values)]
        for axes in (left, right):
            axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
            axes.set_xlabel(SWEEPS[sweep])
            axes.grid(axis="y")
        named += [(left, references), (right, ends)]
    handles = [
        Line2D([], [], label=label, **_style(order)) for order, label in enumerate(attacks.values())
    ]
    n, seeds = int(table["n_images"].max()), int(table["n_seeds"].max())
    set_title(
        figure,
        "More false features per true one"
        + ", and more weight of the adversary" * ("weight" in sweeps),
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(n, 'image')} ({int(table['n_test'].max()):,} for the accuracy), "
        f"{counted(seeds, 'seed')}, whiskers 95 %",
    )
    legend_below(figure, handles, 3)
    for axes, marks in named:
        name_ends(axes, marks)
    return figure


def _errors(
    axes: Axes, rows: pd.DataFrame, sweep: str, values: list[float], attacks: Mapping[str, str]
) -> None:
    for order, attack in enumerate(attacks):
        shown = rows[rows["attack"] == attack]
        offset = _DODGE * (order - (len(attacks) - 1) / 2)
        ends = [shown[f"rmse_{end}"] for end in ("mean", "low", "high")]
        _line(axes, *ends, np.searchsorted(values, shown[sweep]) + offset, _style(order))


def _accuracies(axes: Axes, rows: pd.DataFrame, sweep: str, values: list[float]) -> list[Mark]:
    """Draw a line a key; return its name at its end."""
    accuracy, marks = accuracies(rows, sweep), []
    for key, (label, marker, colour) in KEYS.items():
        shown = accuracy[accuracy["key"] == key].dropna(subset=["mean"])
        if len(shown):
            style = {"color": colour, "marker": marker, "ms": 4}
            x = np.searchsorted(values, shown[sweep])
            _line(axes, shown["mean"], shown["low"], shown["high"], x, style)
            marks.append(Mark(shown["mean"].iloc[-1], label, colour))
    return marks


def _style(order: int) -> dict[str, object]:
    return dot_style(order) | {"ms": 4}


def _line(
    axes: Axes,
    mean: pd.Series,
    low: pd.Series,
    high: pd.Series,
    x: np.ndarray,
    style: Mapping[str, object],
) -> None:
    axes.errorbar(x, mean, yerr=whiskers(mean, low, high), elinewidth=1, **style)
