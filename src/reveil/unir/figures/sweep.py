"""Errors of reconstructions as one thing grows: what is missing, lambda, data, what is assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.cvnn.figures.beside import Mark, draw_references
from reveil.errors import ReveilError, not_allowed
from reveil.figures.dots import dot_style
from reveil.figures.pages import sample
from reveil.figures.style import (
    BLACK,
    PAGE_WIDTH,
    empty_note,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.unir.figures.shown import (
    UPRIGHT,
    means,
    measured,
    method_names,
    operator_names,
    steep,
    untrained,
)
from reveil.unir.labels import NETWORK, weights_label

Value = float | str
_DODGE = 0.03  # between two series at one value, in steps of the axis


@dataclass(frozen=True)
class Sweep:
    """One thing that grows.

    Attributes:
        title: of the figure.
        label: of its axis.
        by: ``policy`` or ``recipe``, whose presets differ in it.
        measures: a panel each.
        log: whether its axis is logarithmic; otherwise values stand at equal distances.
        special: a value, and what it is called on the axis.
    """

    title: str
    label: str
    by: str
    measures: tuple[str, ...]
    log: bool = False
    special: tuple[Value, str] | None = None


SWEEPS = {
    "rate": Sweep(
        "More of each image missing (dashed: nothing is trained)",
        "Share p missing (not to scale)",
        "policy",
        ("mse_pm1", "psnr_db", "ssim"),
    ),
    "weight": Sweep(
        "The weight of the likelihood term",
        "Weight lambda of the likelihood",
        "recipe",
        ("mse_pm1", "residual"),
        special=(0.0, "0\nconditional\nAmbientGAN"),
    ),
    "size": Sweep(
        "More measurements to learn from",
        "Measurements, one an image",
        "recipe",
        ("mse_pm1", "psnr_db"),
        log=True,
    ),
    "assumed": Sweep(
        "Training that simulates another operator than the true one",
        "Operator that training simulates",
        "recipe",
        ("mse_pm1", "psnr_db"),
    ),
}


def data(images: pd.DataFrame, sweep: str, values: Mapping[str, Value]) -> pd.DataFrame:
    """Return the means with their intervals: series, value, measure, mean, low, high, n, failed.

    Args:
        images: Reconstructed images of one protocol, dataset and model, those of methods that
            train nothing beside them.
        sweep: One of ``SWEEPS``.
        values: Of each policy or recipe of the sweep; rows of others are left out. Words stand
            after numbers.

    Returns:
        ``series`` is the method where operators differ, else the operator (and, where several
        were used, the weights); in order of values.

    Raises:
        ReveilError: no image of the sweep, or two recipes of one value.
        ValueError: an unknown ``sweep``.
    """
    return _means(_swept(images, sweep, values), sweep)


def _swept(images: pd.DataFrame, sweep: str, values: Mapping[str, Value]) -> pd.DataFrame:
    if sweep not in SWEEPS:
        raise ValueError(not_allowed("sweep", sweep, SWEEPS))
    kind = SWEEPS[sweep]
    table = measured(images, kind.measures)
    table = table[table[kind.by].isin(list(values))]
    if table.empty:
        raise ReveilError(f"{kind.by}: no image has one of {', '.join(values)}")
    table = table.assign(value=table[kind.by].map(values).astype(object))
    table["series"] = table["method"] if kind.by == "policy" else _operators(table)
    for (_, value), rows in table.groupby(["series", "value"], sort=False):
        if len(found := rows[kind.by].unique()) > 1:
            raise ReveilError(
                f"{kind.by}: {' and '.join(found)} have the same value {value}; allowed: one each"
            )
    return table


def _operators(table: pd.DataFrame) -> pd.Series:
    trained = table["attack"].eq(NETWORK)
    return table["policy"].where(trained, table["policy"] + " " + table["attack"])


def _means(table: pd.DataFrame, sweep: str) -> pd.DataFrame:
    found = means(table, ["series", "value"], list(SWEEPS[sweep].measures))
    return found.sort_values("value", kind="stable", key=_sortable, ignore_index=True)


def _sortable(values: pd.Series) -> pd.Series:
    """Return what numbers and words are sorted by: numbers first."""
    if values.name != "value":
        return values
    order = {value: place for place, value in enumerate(_ordered(values))}
    return values.map(order)


def _ordered(values: pd.Series) -> list[Value]:
    found = values.unique()
    words = sorted(value for value in found if isinstance(value, str))
    return [*sorted(value for value in found if not isinstance(value, str)), *words]


@styled
def draw(
    images: pd.DataFrame,
    sweep: str,
    values: Mapping[str, Value],
    *,
    protocol: str,
    dataset: str,
    model: str,
    true: Value | None = None,
) -> Figure:
    """Draw each measure over what grows, one line a method or operator; dashed: nothing trained.

    Arguments as for :func:`data`.

    Args:
        images: Reconstructed images.
        sweep: One of ``SWEEPS``.
        values: Of each policy or recipe of the sweep.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
        true: The value of the operator that made the measurements, which a line marks.
    """
    kind, table = SWEEPS.get(sweep), _swept(images, sweep, values)
    found = _means(table, sweep)
    ticks = _ordered(found["value"])
    places = np.array(ticks, dtype=float) if kind.log else np.arange(len(ticks), dtype=float)
    names = _names(table, kind)
    figure = Figure(figsize=(PAGE_WIDTH, 3.3 + 0.14 * (len(names) // 3)))
    styles = {
        name: dot_style(order)
        | {"ms": 3.5, "lw": 1.2, "ls": "--" if _dashed(name, table, kind) else "-"}
        for order, name in enumerate(names)
    }
    for axes, measure in zip(figure.subplots(1, len(kind.measures)), kind.measures, strict=True):
        shown = found[found["measure"] == measure]
        for order, name in enumerate(names):
            rows = shown[shown["series"] == name].dropna(subset=["mean"])
            x = places[[ticks.index(value) for value in rows["value"]]]
            shift = 0 if kind.log else _DODGE * (order - (len(names) - 1) / 2)
            ends = whiskers(rows["mean"], rows["low"], rows["high"])
            axes.errorbar(x + shift, rows["mean"], yerr=ends, elinewidth=0.9, **styles[name])
        _axis(axes, kind, measure, ticks, places)
        if not shown["mean"].notna().any():
            empty_note(axes, "nothing was measured")
        elif measure in ("mse_pm1", "residual"):
            _scale(axes, shown)
    set_title(
        figure,
        kind.title,
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(table, found),
    )
    handles = [Line2D([], [], label=label, **styles[name]) for name, label in names.items()]
    legend_below(figure, handles, 4)
    if true is not None and true in ticks:
        for axes in figure.axes:
            draw_references(axes, [Mark(places[ticks.index(true)], "the true one", BLACK, ":")])
    return figure


def _names(table: pd.DataFrame, kind: Sweep) -> dict[str, str]:
    if kind.by == "policy":
        return method_names(table)
    labels = {}
    for policy, label in operator_names(table).items():
        for name in sorted(table.loc[table["policy"] == policy, "series"].unique(), key=len):
            _, _, attack = name.partition(" ")
            labels[name] = f"{label}, {weights_label(attack)}" if attack else label
    return labels


def _dashed(name: str, table: pd.DataFrame, kind: Sweep) -> bool:
    return kind.by == "policy" and untrained(name, table)


def _axis(
    axes: Axes, kind: Sweep, measure: str, ticks: Sequence[Value], places: np.ndarray
) -> None:
    if kind.log:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(places, [_tick(value, kind) for value in ticks])
    axes.set_xlabel(kind.label)
    axes.set_ylabel(UPRIGHT[measure])
    axes.grid(axis="y")
    axes.margins(x=0.08)


def _tick(value: Value, kind: Sweep) -> str:
    if kind.special and value == kind.special[0]:
        return kind.special[1]
    if isinstance(value, str):
        return value.replace(" ", "\n")
    return f"{value:,.0f}" if kind.log else f"{value:g}"


def _scale(axes: Axes, shown: pd.DataFrame) -> None:
    if steep(shown["mean"]):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
