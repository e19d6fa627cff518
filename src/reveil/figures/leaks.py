"""Which images leak: what goes with a high gain of the attacker."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil import leaks, policies
from reveil.figures.dots import dot_style, offset_of
from reveil.figures.pages import means, sample
from reveil.figures.style import (
    BLACK,
    PAGE_WIDTH,
    empty_note,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.tables.labels import policy_label, policy_order
from reveil.tables.measures import prepared

PROPERTIES = {
    "contrast": "Contrast",
    "edge_density": "Edges, per pixel",
    "victim_loss": "Loss of the victim",
    "victim_confidence": "Confidence in its class",
    "gradient_norm": "Norm of the gradient",
}
_LOGARITHMIC = ("gradient_norm", "victim_loss")


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return one row per policy and image: role, image, gain_db and the properties.

    Args:
        images: Attacked images of one protocol, dataset, model and attack.
    """
    table = prepared(images)
    columns = ["gain_db", *PROPERTIES]
    return table.groupby(["role", "image"], sort=False)[columns].mean().reset_index()


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw the coefficients of the regression, then the gain over every property.

    A coefficient is the change of the gain in dB with one standard deviation of the property, all
    others and the class held fixed (:func:`reveil.leaks.leaks`). Arguments as for :func:`data`.
    """
    fitted = leaks.leaks(images)
    points = data(images)
    names = sorted(points["role"].unique(), key=lambda name: policy_order(name, dataset, model))
    figure = Figure(figsize=(PAGE_WIDTH, 6.6))
    grid = figure.subplots(3, 2)
    _coefficients(grid[0, 0], fitted, names)
    for axes, (name, title) in zip(list(grid.flat)[1:], PROPERTIES.items(), strict=True):
        for place, role in enumerate(names):
            shown = points[points["role"] == role]
            _cloud(axes, shown[name], shown["gain_db"], place)
        # Over less than a decade the labels of a logarithmic axis would crowd.
        if name in _LOGARITHMIC and points[name].max() > 10 * points[name].min() > 0:
            axes.set_xscale("log")
        axes.axhline(0, color=BLACK, lw=0.8, zorder=0.8)
        axes.set(xlabel=title, ylabel="Gain, dB")
        axes.grid()
    handles = [
        Line2D([], [], ls="", ms=5, label=policy_label(name, dataset, model), **dot_style(place))
        for place, name in enumerate(names)
    ]
    table = means(images, ["role"], ["gain_db"])
    set_title(
        figure,
        "Which images leak",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, handles, 4)
    return figure


def _coefficients(axes: Axes, fitted: pd.DataFrame, names: list[str]) -> None:
    terms = list(PROPERTIES)
    # The share of the classes is in another unit.
    fitted = fitted[fitted["term"].isin(terms)]
    fitted = fitted.assign(policy=fitted["policy"].map(policies.role))
    for place, name in enumerate(names):
        shown = fitted[fitted["policy"] == name].dropna(subset=["estimate"])
        y = np.array([terms.index(term) for term in shown["term"]], dtype=float)
        style = dot_style(place)
        axes.errorbar(
            shown["estimate"],
            y + offset_of(place, len(names)),
            xerr=whiskers(shown["estimate"], shown["low"], shown["high"]),
            fmt=style["marker"],
            color=style["color"],
            ms=4,
            elinewidth=1,
        )
    if fitted["estimate"].isna().all():
        empty_note(axes, "too few images for a regression")
    axes.axvline(0, color=BLACK, lw=0.8)
    axes.set_yticks(range(len(terms)), list(PROPERTIES.values()))
    axes.set(ylim=(len(terms) - 0.5, -0.5), xlabel="Gain, dB per standard deviation")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def _cloud(axes: Axes, x: pd.Series, y: pd.Series, place: int) -> None:
    style = dot_style(place)
    axes.plot(x, y, ls="", ms=3, mew=0, alpha=0.6, marker=style["marker"], color=style["color"])
