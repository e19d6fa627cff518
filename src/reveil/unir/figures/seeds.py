"""Trainings that differ in one switch, each with its seeds: how far chance alone moves them."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.figures.dots import Panel, dot_style, draw_dots, offset_of
from reveil.figures.pages import sample
from reveil.figures.style import BLACK, legend_below, set_title, styled
from reveil.unir.figures.shown import (
    AXES,
    means,
    measured,
    method_names,
    operator_names,
)

MEASURES = ("psnr_db", "residual")
_BELOW = 0.3  # of a row, from a mean down to its seeds
PANELS = tuple(Panel(name, AXES[name]) for name in MEASURES)


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return the means by method and operator: method, policy, measure, mean, low, high, n, failed.

    Args:
        images: Reconstructed images of one protocol, dataset and model.
    """
    return means(measured(images, MEASURES), ["method", "policy"], list(MEASURES))


def by_seed(images: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over images of each training: method, policy, seed and the measures.

    Args:
        images: As for :func:`data`.
    """
    groups = measured(images, MEASURES).groupby(["method", "policy", "seed"])
    return groups[list(MEASURES)].mean().reset_index()


@styled
def draw(
    images: pd.DataFrame,
    *,
    protocol: str,
    dataset: str,
    model: str,
    title: str = "GAN losses and what is to make training stable",
) -> Figure:
    """Draw a row a method: the mean over images with its interval, and each seed's mean.

    Whiskers speak of other images; how far the seeds lie apart speaks of other trainings.

    Args:
        images: Reconstructed images of one protocol, dataset and model.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
        title: What the methods differ in.
    """
    table, single = data(images), by_seed(images)
    rows, series = method_names(table), operator_names(table)
    dots = table.rename(columns={"method": "row", "policy": "series"})
    height = 0.22 + 0.09 * len(series)
    figure, handles = draw_dots(dots, PANELS, rows, series, row_height=height)
    if several := single["seed"].nunique() > 1:
        for axes, measure in zip(figure.axes, MEASURES, strict=True):
            for place, policy in enumerate(series):
                here = single[single["policy"] == policy].dropna(subset=[measure])
                y = [list(rows).index(name) for name in here["method"]]
                below = offset_of(place, len(series)) + _BELOW / len(series)
                axes.plot(
                    here[measure],
                    [value + below for value in y],
                    "o",
                    ms=3,
                    mew=0.7,
                    mfc="none",
                    color=dot_style(place)["color"],
                )
    set_title(
        figure,
        title,
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    if several:
        look = {"marker": "o", "ls": "", "ms": 3, "mew": 0.7, "mfc": "none", "color": BLACK}
        handles.append(Line2D([], [], label="one seed", **look))
    legend_below(figure, handles, 3)
    return figure
