"""Reconstruction errors of every policy and attack beside what an attacker reaches for nothing."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reveil.cvnn.figures.beside import Mark, draw_references
from reveil.cvnn.figures.shown import (
    TRIVIAL,
    attack_names,
    means,
    policy_names,
    trivial,
    unprotected,
)
from reveil.figures.dots import Panel, draw_dots
from reveil.figures.pages import sample
from reveil.figures.style import BLACK, GREY, legend_below, set_title, styled

PANELS = (
    Panel("rmse", "RMSE to the image (right: hides more)"),
    Panel("rmse_either", "RMSE to the nearer image"),
)


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return the means of every policy and attack: policy, attack, measure, mean, low, high, n.

    Args:
        images: Attacked images of one protocol, dataset and model.
    """
    # Where nothing is mixed there is one image to be near to.
    alone = images["rmse_either"].astype(float).fillna(images["rmse"].astype(float))
    either = images["rmse_either"].where(images["partner"].notna(), alone)
    measures = [panel.measure for panel in PANELS]
    return means(images.assign(rmse_either=either), ["policy", "attack"], measures)


def references(images: pd.DataFrame, table: pd.DataFrame, measure: str) -> list[Mark]:
    """Return the trivial predictors and the strongest attack on the unprotected network.

    Args:
        images: As for :func:`data`.
        table: Its result.
        measure: One of the two; a single colour is compared with the image alone.
    """
    columns = TRIVIAL if measure == "rmse" else {"rmse_blend": TRIVIAL["rmse_blend"]}
    marks = [(trivial(images, column), name, GREY) for column, name in columns.items()]
    marks.append((unprotected(table, measure), "unprotected, strongest", BLACK))
    return [Mark(value, f"{name} {value:.3f}", colour) for value, name, colour in marks]


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw each policy's attacks side by side: the error to the image, and to either of the two.

    (Xiang et al. 2020 as quoted, and Knijff et al. 2021, Table 3, in the units of the former.)
    Dashed lines are trivial predictors, and what the unprotected network gives away.

    Args:
        images: Attacked images of one protocol, dataset and model.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = data(images)
    rows, series = policy_names(table), attack_names(table)
    dots = table.rename(columns={"policy": "row", "attack": "series"})
    height = 0.22 + 0.09 * len(series)
    figure, handles = draw_dots(dots, PANELS, rows, series, row_height=height, spread=0.75)
    marks = [references(images, table, panel.measure) for panel in PANELS]
    right = np.nanmax([table["high"].max(), table["mean"].max(), *(m.value for m in marks[0])])
    for axes in figure.axes:
        axes.set_xlim(0, 1.05 * right)
    set_title(
        figure,
        "How far reconstructions are from the images",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, handles, 3)
    for axes, named in zip(figure.axes, marks, strict=True):
        draw_references(axes, named)
    return figure
