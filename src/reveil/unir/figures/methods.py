"""What each method reaches on each operator, beside the measurement as it is and regression."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil.cvnn.figures.beside import Mark, draw_references
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
from reveil.unir.figures.shown import AXES, means, measured, method_names, operator_names

MEASURES = ("psnr_db", "psnr_db_dc")
# Group of methods -> its colour and name.
GROUPS = {
    "unsupervised": (BLUE, "learned from measurements"),
    "supervised": (VERMILLION, "learned from clean images"),
    "untrained": (BLACK, "nothing trained"),
}
# Method -> what its line is called.
REFERENCES = {"keep": "as it is", "regress": "regression"}
COLUMNS = 2


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return the means: policy, method, group, measure, mean, low, high, n, failed.

    Args:
        images: Reconstructed images of one protocol, dataset and model, and those of methods that
            train nothing.
    """
    table = measured(images, MEASURES)
    return means(table, ["policy", "method", "group"], list(MEASURES))


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw a panel an operator and a row a method: PSNR, hollow after observed values are kept.

    Two lines are the measurement as it is and regression on clean images, the two ends that a
    method without clean images is expected between. Methods that do not apply are not run.

    Args:
        images: Reconstructed images of one protocol, dataset and model, and those of methods that
            train nothing.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = data(images)
    methods, operators = method_names(table), operator_names(table)
    columns = min(COLUMNS, len(operators))
    rows = -(-len(operators) // columns)
    figure = Figure(figsize=(PAGE_WIDTH, 1.1 + rows * (0.75 + 0.19 * max(len(methods), 3))))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    marks = {}
    for axes, (policy, label) in zip(panels.flat, operators.items(), strict=False):
        here = table[table["policy"] == policy]
        marks[axes] = _references(here)
        _panel(axes, here, list(methods))
        axes.set_title(label, pad=14)
        axes.set_xlabel(AXES["psnr_db"])
        axes.set_yticks(range(len(methods)), list(methods.values()), fontsize=7)
    for axes in panels.flat[len(operators) :]:
        axes.remove()
    set_title(
        figure,
        "How close each method comes to the images",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, _handles(table), 3)
    for axes, references in marks.items():
        draw_references(axes, references)
    return figure


def _references(table: pd.DataFrame) -> list[Mark]:
    plain = table[table["measure"] == "psnr_db"].set_index("method")["mean"]
    colours = {"keep": BLACK, "regress": VERMILLION}
    return [
        Mark(float(plain[name]), f"{label} {plain[name]:.1f}", colours[name])
        for name, label in REFERENCES.items()
        if name in plain
    ]


def _panel(axes: Axes, table: pd.DataFrame, methods: list[str]) -> None:
    for (measure, group), rows in table.groupby(["measure", "group"]):
        rows = rows.dropna(subset=["mean"])
        kept = measure == "psnr_db_dc"
        colour = GROUPS[group][0]
        axes.errorbar(
            rows["mean"],
            [methods.index(name) + (0.16 if kept else -0.16) for name in rows["method"]],
            xerr=whiskers(rows["mean"], rows["low"], rows["high"]),
            fmt="o",
            ms=3.6,
            mew=0.9,
            color=colour,
            mfc="white" if kept else colour,
            elinewidth=0.9,
        )
    there = set(table.loc[table["mean"].notna(), "method"])
    for place, name in enumerate(methods):
        if name not in there:
            told = "failed" if name in set(table["method"]) else "not run"
            box = {"fc": "white", "ec": "none", "pad": 0.5}
            where = {"transform": axes.get_yaxis_transform(), "va": "center"}
            axes.text(0.02, place, told, fontsize=6.5, color=GREY, bbox=box, **where)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.margins(x=0.08)
    for line in range(1, len(methods)):
        axes.axhline(line - 0.5, color=GREY, lw=0.3, alpha=0.4, zorder=0.5)


def _handles(table: pd.DataFrame) -> list[Line2D]:
    present = [group for group in GROUPS if (table["group"] == group).any()]
    handles = [
        Line2D([], [], marker="o", ls="", ms=3.6, color=GROUPS[group][0], label=GROUPS[group][1])
        for group in present
    ]
    if table.loc[table["measure"] == "psnr_db_dc", "mean"].notna().any():
        label = "hollow: observed values kept"
        look = {"marker": "o", "ls": "", "ms": 3.6, "mfc": "white", "color": BLACK}
        handles.append(Line2D([], [], label=label, **look))
    return handles
