"""The candidates of a search in the plane of the two scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from reveil.figures.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    PAGE_WIDTH,
    VERMILLION,
    counted,
    legend_below,
    set_title,
    styled,
)
from reveil.tables.labels import policy_roles
from reveil.tables.search import OK

# How far below the threshold the axis reaches, in distances from it to the best candidate: with
# the threshold of Gao et al. 2021, -85, and their best near -63, down to about -150, where
# Warmerdam et al. 2022 draw the line between poor and corrupted.
_REACH = 3.0
_CLEAR = 8  # pixels kept free around a named point


@dataclass(frozen=True)
class Plane:
    """What the figure shows.

    Attributes:
        points: The candidates with both scores: policy, x (accuracy score), y (S_pri), passes,
            selected, role (what the papers call the policy, or empty), clipped (x set to the
            edge of the axis).
        threshold: The filter, in the units of x.
        none: The same two scores without policy, or None.
        failed: Number of candidates whose scoring failed.
    """

    points: pd.DataFrame
    threshold: float
    none: tuple[float, float] | None
    failed: int


def data(
    scores: pd.DataFrame,
    *,
    dataset: str,
    model: str,
    final: int,
    threshold: float,
    per_image: bool = False,
    none: tuple[float, float] | None = None,
) -> Plane:
    """Return the plane of the scores of one search, extreme accuracy scores at its edge.

    Args:
        scores: All candidates of one protocol, dataset, model and seed, with passes and rank.
        dataset: Name of the dataset.
        model: Name of the model.
        final: Number of policies the search selects.
        threshold: The filter on S_acc; on S_acc / N if ``per_image``, N being ``s_acc_rows``.
        per_image: Whether x is S_acc / N, the images in its matrix, and not S_acc.
        none: S_acc (or S_acc / N) and S_pri without policy.
    """
    table = scores.reset_index(drop=True)
    x = table["s_acc"] / table["s_acc_rows"] if per_image else table["s_acc"]
    points = pd.DataFrame({"policy": table["policy"], "x": x, "y": table["s_pri"]})
    points["passes"] = table["passes"].fillna(False).astype(bool)
    points["selected"] = points["passes"] & (table["rank"] <= final)
    points["role"] = points["policy"].map(policy_roles(dataset, model)).fillna("")
    valid = (table["status"] == OK) & points["y"].notna() & points["x"].notna()
    points = points[valid].reset_index(drop=True)
    best = points["x"].max() if len(points) else threshold
    edge = threshold - _REACH * max(best - threshold, 0.1 * abs(threshold))
    points["clipped"] = points["x"] < edge
    # The axis ends just below what is left, so that no empty stretch pushes the rest together.
    lowest = min(points["x"][~points["clipped"]].min(), threshold)
    points["x"] = points["x"].clip(lower=lowest - 0.12 * max(best - lowest, 1e-9))
    return Plane(points, threshold, none, int((~valid).sum()))


@styled
def draw(
    scores: pd.DataFrame,
    *,
    protocol: str,
    dataset: str,
    model: str,
    final: int,
    threshold: float,
    per_image: bool = False,
    none: tuple[float, float] | None = None,
) -> Figure:
    """Draw the candidates of one search; arguments as for :func:`data`.

    To the right of the threshold a candidate passes; of those the lowest are selected.
    (Warmerdam et al. 2022, Figure 6, draws this plane for random policies.)
    """
    plane = data(
        scores,
        dataset=dataset,
        model=model,
        final=final,
        threshold=threshold,
        per_image=per_image,
        none=none,
    )
    points = plane.points
    figure = Figure(figsize=(PAGE_WIDTH, 4.4))
    axes = figure.subplots()
    rejected = points[~points["passes"] & ~points["clipped"]]
    handles = []
    if len(rejected):
        handles.append(_scatter(axes, rejected, "rejected", "x", color=GREY, ms=4))
    handles += [
        _scatter(
            axes,
            points[points["passes"] & ~points["selected"]],
            "passes",
            "o",
            color=BLUE,
            ms=4,
            alpha=0.5,
            mew=0,
        )
    ]
    clipped = points[points["clipped"]]
    if len(clipped):
        handles.append(
            _scatter(axes, clipped, "beyond the left edge", "<", color=GREY, ms=5, clip_on=False)
        )
    handles.append(
        axes.axvline(threshold, color=BLACK, lw=1, ls="--", label=f"threshold {threshold:g}")
    )
    if none is not None:
        handles += axes.plot(*none, "+", color=BLACK, ms=11, mew=2, ls="", label="None")
    published = points[points["role"] != ""]
    if len(published):
        handles.append(
            _scatter(
                axes, published, "named in the papers", "s", color=ORANGE, ms=9, mfc="none", mew=1.5
            )
        )
    handles.append(
        _scatter(
            axes,
            points[points["selected"]],
            "selected",
            "D",
            color=VERMILLION,
            ms=7,
            mec=BLACK,
            mew=0.6,
        )
    )
    unit = "$S_{acc}$ per image" if per_image else "$S_{acc}$"
    axes.set(xlabel=f"{unit} (higher: more accurate)", ylabel="$S_{pri}$ (lower: more private)")
    axes.grid()
    axes.margins(x=0.06, y=0.09)
    if len(clipped):
        axes.set_xlim(left=clipped["x"].iloc[0])
    named = points[points["selected"] | (points["role"] != "")]
    name_points(axes, named.assign(name=named["policy"]))
    parts = [counted(len(scores), "candidate"), f"{int(points['passes'].sum())} pass"]
    parts += [f"{len(clipped)} beyond the left edge"] * bool(len(clipped))
    parts += [f"{plane.failed} failed"] * bool(plane.failed)
    set_title(
        figure,
        "Candidates in the plane of the two scores",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=", ".join(parts),
    )
    legend_below(figure, handles, 4)
    return figure


def _scatter(axes: Axes, points: pd.DataFrame, label: str, marker: str, **style) -> Line2D:
    (line,) = axes.plot(points["x"], points["y"], marker, ls="", label=label, **style)
    return line


def name_points(axes: Axes, points: pd.DataFrame) -> None:
    """Write the names of points beside them, clear of each other and of the other named points.

    Args:
        axes: Their axes, with the final limits.
        points: Columns x, y and name.
    """
    axes.figure.draw_without_rendering()
    spots = axes.transData.transform(points[["x", "y"]].to_numpy(dtype=np.float64))
    taken = [Bbox.from_bounds(x - _CLEAR, y - _CLEAR, 2 * _CLEAR, 2 * _CLEAR) for x, y in spots]
    for spot, name in zip(spots, points["name"], strict=True):
        text = axes.annotate(
            name,
            xy=axes.transData.inverted().transform(spot),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7.5,
            arrowprops={"arrowstyle": "-", "lw": 0.6, "color": GREY, "shrinkA": 0, "shrinkB": 4},
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )
        extent = text.get_window_extent()
        width, height = extent.width + 4, extent.height + 4
        box = _free_place(spot, width, height, taken, axes.bbox)
        taken.append(box)
        scale = 72 / axes.figure.dpi
        text.set_position(
            ((box.x0 + width / 2 - spot[0]) * scale, (box.y0 + height / 2 - spot[1]) * scale)
        )


def _free_place(
    spot: NDArray[np.float64], width: float, height: float, taken: list[Bbox], inside: Bbox
) -> Bbox:
    """Return the first place around ``spot``, nearest ring first, that nothing else covers.

    All lengths are in pixels. Below comes first: the selected candidates are the lowest ones.
    """
    directions = ((0, -1), (1, 0), (-1, 0), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
    for ring in range(1, 8):
        for right, up in directions:
            x = spot[0] + right * (width / 2 + _CLEAR * ring)
            y = spot[1] + up * (height / 2 + _CLEAR * ring)
            box = Bbox.from_bounds(x - width / 2, y - height / 2, width, height)
            within = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0
            if within and not any(box.overlaps(other) for other in taken):
                return box
    return Bbox.from_bounds(*spot, width, height)
