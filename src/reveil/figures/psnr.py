"""PSNR per policy, one point an image, beside what an attacker reaches who does nothing."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil import policies
from reveil.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAGE_WIDTH,
    VERMILLION,
    counted,
    empty_note,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.statistics import Estimate, by_image, finite_psnr, mean_interval
from reveil.tables.labels import policy_label, policy_order
from reveil.tables.policy import OK

_FLOOR_MARKS = {
    "floor_random_db": ("random start", "x", ORANGE),
    "floor_mean_db": ("one mean colour", "s", GREEN),
    "floor_black_db": ("black image", "v", BLACK),
}


@dataclass(frozen=True)
class Row:
    """What the figure shows of one policy.

    Attributes:
        role: The policy, or its role if a search found it.
        points: PSNR in dB per image, averaged over seeds.
        psnr: Its mean.
        gain: Mean of the PSNR above the best floor of each image, in dB.
        floor_db: Mean of the best floor of each image.
        floors: Mean of each floor, by its column.
        failed: Number of attacks that failed.
    """

    role: str
    points: pd.Series
    psnr: Estimate
    gain: Estimate
    floor_db: float
    floors: dict[str, float]
    failed: int


def data(images: pd.DataFrame, dataset: str, model: str) -> list[Row]:
    """Return the rows of the figure in the order of the papers' table.

    Args:
        images: Attacked images of one protocol, dataset and model.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    roles = images["policy"].map(policies.role)
    rows = []
    for role in sorted(roles.unique(), key=lambda name: policy_order(name, dataset, model)):
        attacked = images[roles == role]
        valid = attacked[attacked["status"] == OK].copy()
        capped = ["psnr_db", "floor_db", *_FLOOR_MARKS]
        valid[capped] = finite_psnr(valid[capped])
        valid["gain_db"] = valid["psnr_db"] - valid["floor_db"]
        points = by_image(valid, "psnr_db")
        rows.append(
            Row(
                role=role,
                points=points,
                psnr=mean_interval(points),
                gain=mean_interval(by_image(valid, "gain_db")),
                floor_db=by_image(valid, "floor_db").mean(),
                floors={name: by_image(valid, name).mean() for name in _FLOOR_MARKS},
                failed=len(attacked) - len(valid),
            )
        )
    return rows


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw one line a policy: its images, their mean with interval, its floors, its gain.

    The bar runs from the mean of the best floors to the mean PSNR: to the right if the attack tells
    more than a guess made without the gradient, to the left if it tells less. Methods of Gao et
    al. 2021 and both replications print the PSNR alone.
    """
    rows = data(images, dataset, model)
    figure = Figure(figsize=(PAGE_WIDTH, 1.75 + 0.42 * max(len(rows), 2)))
    axes = figure.subplots()
    for position, row in enumerate(rows):
        _draw_row(axes, position, row)
    if not any(len(row.points) for row in rows):
        empty_note(axes, "no attack succeeded")
    axes.set_yticks(range(len(rows)), [policy_label(row.role, dataset, model) for row in rows])
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel="PSNR, dB (higher: more is revealed)")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    n = counted(max((row.psnr.n for row in rows), default=0), "image")
    seeds = counted(images["seed"].nunique(), "seed")
    failed = sum(row.failed for row in rows)
    set_title(
        figure,
        "PSNR per policy and what no attack at all would reach",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{n}, {seeds}, whiskers 95 %" + (f"; {failed} failed" if failed else ""),
    )
    legend_below(figure, _legend(), 3)
    return figure


def _draw_row(axes: Axes, position: int, row: Row) -> None:
    # A low-discrepancy sequence spreads the points evenly and the same way on every run.
    offsets = 0.17 + 0.2 * ((np.arange(len(row.points)) * 0.618034) % 1)
    size = 4 if len(row.points) > 30 else 6
    axes.plot(row.points, position + offsets, ".", ms=size, mew=0, color=GREY, alpha=0.6)
    gain = row.gain.value
    if np.isnan(row.psnr.value):
        axes.annotate(
            "failed",
            (1.01, position),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=7.5,
            color=GREY,
            annotation_clip=False,
        )
        return
    colour = VERMILLION if gain > 0 else BLUE
    axes.barh(
        position,
        row.psnr.value - row.floor_db,
        left=row.floor_db,
        height=0.2,
        color=colour,
        alpha=0.45,
        lw=0,
    )
    axes.plot(
        [row.floor_db] * 2,
        [position - 0.24, position + 0.14],
        color=BLACK,
        lw=2,
        solid_capstyle="butt",
    )
    for column, (_, marker, color) in _FLOOR_MARKS.items():
        axes.plot(row.floors[column], position - 0.26, marker, ms=4, color=color, mfc="none")
    axes.errorbar(
        row.psnr.value,
        position,
        xerr=whiskers(row.psnr.value, row.psnr.low, row.psnr.high),
        fmt="D",
        ms=5,
        color=colour,
        mec=BLACK,
        mew=0.6,
        ecolor=BLACK,
        elinewidth=1.2,
        capsize=2.5,
        zorder=3,
    )
    interval = "" if np.isnan(row.gain.low) else f"\n[{row.gain.low:+.1f}, {row.gain.high:+.1f}]"
    failed = f"\n{row.failed} failed" if row.failed else ""
    axes.annotate(
        f"{gain:+.1f} dB{interval}{failed}",
        (1.01, position),
        xycoords=axes.get_yaxis_transform(),
        va="center",
        fontsize=7.5,
        annotation_clip=False,
    )


def _legend() -> list[Line2D]:
    mean = Line2D([], [], marker="D", ms=5, ls="", color=VERMILLION, mec=BLACK)
    handles = [
        Line2D([], [], marker=".", ls="", color=GREY, label="one image (mean over seeds)"),
        mean,
        Line2D([], [], marker="|", ms=9, mew=2, ls="", color=BLACK, label="mean of the best floor"),
    ]
    mean.set_label("mean; bar and number: gain over the best floor")
    return handles + [
        Line2D([], [], marker=marker, ms=4, ls="", color=colour, mfc="none", label=f"floor: {text}")
        for text, marker, colour in _FLOOR_MARKS.values()
    ]
