"""What the attacker gains as one thing grows: trained steps, gradients of one image, batches."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.errors import not_allowed
from reveil.figures.dots import MARKERS
from reveil.figures.pages import means, sample
from reveil.figures.style import (
    BLACK,
    PAGE_WIDTH,
    empty_note,
    legend_below,
    series_style,
    set_title,
    styled,
    whiskers,
)
from reveil.tables.labels import policy_label, policy_order

MEASURES = {
    "gain_db": "Gain over the best floor (line), dB",
    "psnr_db": "PSNR, dB (higher: more is revealed)",
}
_DODGE = 0.05  # between the policies at one value, in powers of the base


@dataclass(frozen=True)
class Kind:
    """One thing that grows.

    Attributes:
        title: of the figure.
        label: of its axis.
        base: of the logarithm that its axis is drawn on.
        value: its value for every row of images.csv; infinite for models trained to the end.
    """

    title: str
    label: str
    base: float
    value: Callable[[pd.DataFrame], pd.Series]


def _numbers(column: pd.Series, pattern: str, otherwise: float) -> pd.Series:
    found = column.astype(str).str.extract(re.compile(pattern), expand=False)
    return found.astype(float).fillna(otherwise)


KINDS = {
    "early": Kind(
        "Attacks on models that were trained for a few steps",
        "Training steps of the attacked model",
        10,
        lambda images: _numbers(images["recipe"], r"-after-(\d+)", np.inf),
    ),
    "draws": Kind(
        "Several gradients of the same image, averaged",
        "Gradients of the same image",
        2,
        lambda images: _numbers(images["protocol"], r"-draws-(\d+)$", 1),
    ),
    "batches": Kind(
        "Several images behind one gradient",
        "Images behind the gradient",
        2,
        lambda images: images["batch"].astype(float),
    ),
}


def data(images: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the means with their intervals: columns role, value, measure, mean, low, high, n.

    Args:
        images: Attacked images of one protocol and its variants, dataset, model and attack.
        kind: One of ``KINDS``.

    Raises:
        ReveilError: no images.
        ValueError: an unknown ``kind``.
    """
    if kind not in KINDS:
        raise ValueError(not_allowed("kind", kind, KINDS))
    valued = images.assign(value=KINDS[kind].value(images))
    table = means(valued, ["role", "value"], list(MEASURES))
    return table.sort_values("value", kind="stable", ignore_index=True)


@styled
def draw(images: pd.DataFrame, kind: str, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw gain and PSNR over what grows, one line a policy; 0 is the floor.

    Models early in training, after Balunovic et al. 2022; several gradients of one image, after a
    remark of Warmerdam et al. 2022. Arguments as for :func:`data`.
    """
    table = data(images, kind)
    base = KINDS[kind].base
    values = sorted(table["value"].unique())
    places = dict(zip(values, _places(values, base), strict=True))
    names = sorted(table["role"].unique(), key=lambda name: policy_order(name, dataset, model))
    figure = Figure(figsize=(PAGE_WIDTH, 3.4))
    panels = figure.subplots(1, len(MEASURES))
    handles: list[Line2D] = []
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        shown = table[table["measure"] == measure]
        handles = [
            _line(
                axes,
                shown[shown["role"] == name].dropna(subset=["mean"]),
                places,
                order - (len(names) - 1) / 2,
                order,
                policy_label(name, dataset, model),
            )
            for order, name in enumerate(names)
        ]
        if measure == "gain_db":
            axes.axhline(0, color=BLACK, lw=1, zorder=1)
        if not shown["mean"].notna().any():
            empty_note(axes, "no attack succeeded")
        axes.set(ylabel=label, xlabel=KINDS[kind].label)
        axes.set_xticks(list(places.values()), [_name(value) for value in values])
        axes.grid(axis="y")
        axes.margins(x=0.1, y=0.12)
    set_title(
        figure,
        KINDS[kind].title,
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, handles, 4)
    return figure


def _places(values: list[float], base: float) -> list[float]:
    """Return where the values lie on a logarithmic axis; the end of training one power later."""
    finite = [np.log(max(value, 1)) / np.log(base) for value in values if np.isfinite(value)]
    last = max(finite, default=-1.0) + 1
    return [*finite, *[last] * (len(values) - len(finite))]


def _name(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "all"


def _line(
    axes: Axes,
    table: pd.DataFrame,
    places: dict[float, float],
    offset: float,
    order: int,
    label: str,
) -> Line2D:
    x = np.array([places[value] for value in table["value"]]) + _DODGE * offset
    errors = whiskers(table["mean"], table["low"], table["high"])
    style = series_style(order) | {"marker": MARKERS[order % len(MARKERS)], "ms": 4}
    axes.errorbar(x, table["mean"], yerr=errors, elinewidth=1, **style)
    # The handle of an error bar carries its whiskers, which a legend has no need of.
    return Line2D([], [], label=label, **style)
