"""Policies and defences of the gradient: what they cost the attacker and the model."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reveil.errors import ReveilError
from reveil.figures.candidates import name_points
from reveil.figures.style import (
    BLACK,
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

KINDS = {
    "policy": ("policy", "o", BLUE),
    "defence": ("defence of the gradient", "s", VERMILLION),
    "none": ("neither", "D", BLACK),
}
_UNDEFENDED = ("none", "crop-flip")


def data(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a gain and an accuracy: name, kind, x (accuracy, %), y (gain, dB).

    With the ends of their intervals (x_low, x_high, y_low, y_high) and ``pareto``.

    Args:
        table: The attack table by policy and defence of one protocol, dataset, model and attack,
            with :func:`reveil.tables.pareto_front`.

    Raises:
        ReveilError: no row has both.
    """
    known = table.dropna(subset=["accuracy_clean_pct", "gain_mean_db"]).reset_index(drop=True)
    if known.empty:
        raise ReveilError("table: no row has a clean accuracy and a gain, so nothing to draw")
    undefended, plain = known["defence"] == "none", known["policy"].isin(_UNDEFENDED)
    kinds = np.select([undefended & plain, undefended], ["none", "policy"], "defence")
    names = [
        label if defence == "none" else defence if bare else f"{label}, {defence}"
        for label, defence, bare in zip(known["label"], known["defence"], plain, strict=True)
    ]
    return pd.DataFrame(
        {
            "name": names,
            "kind": kinds,
            "x": known["accuracy_clean_pct"],
            "x_low": known["accuracy_clean_low_pct"],
            "x_high": known["accuracy_clean_high_pct"],
            "y": known["gain_mean_db"],
            "y_low": known["gain_low_db"],
            "y_high": known["gain_high_db"],
            "pareto": known["pareto"].astype(str) == "True",
        }
    )


@styled
def draw(table: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw the gain over the accuracy of every row, and the front that no row beats.

    To the right and down is better. (Drabent et al. 2022, Table 2, compares means of PSNR.)
    Arguments as for :func:`data`.
    """
    points = data(table)
    figure = Figure(figsize=(PAGE_WIDTH, 4.6))
    axes = figure.subplots()
    handles = []
    for kind, (label, marker, colour) in KINDS.items():
        shown = points[points["kind"] == kind]
        if shown.empty:
            continue
        axes.errorbar(
            shown["x"],
            shown["y"],
            xerr=whiskers(shown["x"], shown["x_low"], shown["x_high"]),
            yerr=whiskers(shown["y"], shown["y_low"], shown["y_high"]),
            fmt="none",
            ecolor=colour,
            elinewidth=0.8,
            alpha=0.6,
        )
        handles += axes.plot(
            shown["x"], shown["y"], marker, ls="", ms=6, color=colour, label=label, zorder=3
        )
    front = points[points["pareto"]].sort_values(["x", "y"])
    if len(front):
        handles += axes.plot(
            front["x"],
            front["y"],
            color=GREY,
            lw=1.2,
            drawstyle="steps-post",
            zorder=1,
            label="no row is more accurate and leaks less",
        )
    axes.axhline(0, color=BLACK, lw=1, zorder=0.8)
    axes.set(
        xlabel="Clean test accuracy, % (right: better)",
        ylabel="Gain over the best floor, dB (down: better)",
    )
    axes.grid()
    axes.margins(x=0.12, y=0.12)
    name_points(axes, points)
    images, seeds = int(table["n_images"].max()), int(table["n_seeds"].max())
    set_title(
        figure,
        "Policies and defences of the gradient",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(images, 'image')}, {counted(seeds, 'seed')}, whiskers 95 %",
    )
    legend_below(figure, handles, 4)
    return figure
