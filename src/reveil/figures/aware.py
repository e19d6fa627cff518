"""Attackers who know of the policy beside those who do not."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.figures.dots import Panel, draw_dots, offset_of
from reveil.figures.pages import means, sample
from reveil.figures.style import BLACK, legend_below, set_title, styled
from reveil.tables.labels import policy_label, policy_order

ATTACKS = {
    "inversed": "knows nothing",
    "inversed-translation": "looks for the move",
    "inversed-translation-published": "looks for the move, as published",
    "inversed-aware": "knows the policy",
}
PANELS = (
    Panel("psnr_db", "PSNR to what the victim used, dB"),
    Panel("psnr_original_db", "PSNR to the original, dB"),
    Panel("gain_db", "Gain over the best floor, dB", zero=True),
)
PUBLISHED = "warmerdam2022_psnr_db"


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return the means of every policy and attack: columns row, series, measure, mean, low, high.

    Args:
        images: Attacked images of one protocol, dataset and model.
    """
    table = means(images, ["role", "attack"], [panel.measure for panel in PANELS])
    return table.rename(columns={"role": "row", "attack": "series"})


@styled
def draw(
    images: pd.DataFrame,
    published: pd.DataFrame | None = None,
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw each policy's attacks side by side, against what was used, the original and the floor.

    (Warmerdam et al. 2022, Table 2, has the first of the three alone, for two attacks.)

    Args:
        images: Attacked images of one protocol, dataset and model.
        published: Rows of the printed table, for the PSNR of Warmerdam et al. 2022.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = data(images)
    names = sorted(table["row"].unique(), key=lambda name: policy_order(name, dataset, model))
    rows = {name: policy_label(name, dataset, model).replace(" (", "\n(") for name in names}
    known = [name for name in ATTACKS if (table["series"] == name).any()]
    others = [name for name in table["series"].unique() if name not in ATTACKS]
    series = {name: ATTACKS.get(name, name) for name in [*known, *others]}
    figure, handles = draw_dots(table, PANELS, rows, series, row_height=0.6)
    if published is not None:
        handles += _published(figure, published, list(rows), list(series))
    set_title(
        figure,
        "What attackers reach who know of the policy",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, handles, 3)
    return figure


def _published(
    figure: Figure, published: pd.DataFrame, rows: list[str], series: list[str]
) -> list[Line2D]:
    """Mark the published PSNR of each policy and attack in the first panel."""
    table = published.assign(value=pd.to_numeric(published[PUBLISHED], errors="coerce"))
    table = table[table["policy"].isin(rows) & table["attack"].isin(series)].dropna(
        subset=["value"]
    )
    if table.empty:
        return []
    spots = [
        rows.index(row) + offset_of(series.index(name), len(series))
        for row, name in zip(table["policy"], table["attack"], strict=True)
    ]
    return figure.axes[0].plot(
        table["value"],
        spots,
        "|",
        color=BLACK,
        ms=9,
        mew=1.5,
        zorder=4,
        label="Warmerdam et al. 2022",
    )
