"""Random policies in the plane of the two scores, against no policy."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from reveil.errors import ReveilError
from reveil.figures.style import (
    BLACK,
    BLUE,
    COLUMN_WIDTH,
    GREY,
    ORANGE,
    SKY,
    VERMILLION,
    counted,
    legend_below,
    set_title,
    styled,
)
from reveil.tables.insights import NONE, PAIRS, RANDOM

# How far left of None the axis reaches at most, in distances from it to the best policy, so that
# broken policies, which have scores of minus many thousands, do not push the rest together.
_REACH = 8.0
# Worse on (S_pri, S_acc): the four corners, by what they are called.
CORNERS = {
    (True, True): ("worse on both", VERMILLION),
    (True, False): ("less private, more accurate", ORANGE),
    (False, True): ("more private, less accurate", SKY),
    (False, False): ("better on both", BLUE),
}


@dataclass(frozen=True)
class Plane:
    """What the figure shows.

    Attributes:
        points: Random policies, one row a seed and candidate: seed, policy, x (S_acc), y (S_pri),
            corner (a title of ``CORNERS``), clipped (x set to the edge of the axis).
        none: S_acc and S_pri without policy, one row a seed: seed, x, y.
        shares: Title of a corner -> share of the policies in it.
    """

    points: pd.DataFrame
    none: pd.DataFrame
    shares: dict[str, float]


def data(grouped: pd.DataFrame) -> Plane:
    """Return the plane of random policies, each compared with None of the same seed.

    Args:
        grouped: Rows of :func:`reveil.tables.grouped_scores` of one protocol, dataset and model.

    Raises:
        ReveilError: no random policy, or no row of the policy none for its seed.
    """
    rows = grouped[["seed", "policy", "s_acc", "s_pri", "group"]]
    rows = rows.rename(columns={"s_acc": "x", "s_pri": "y"}).dropna(subset=["x", "y"])
    none = rows[rows["group"] == NONE].drop_duplicates("seed")
    points = rows[rows["group"].isin((RANDOM, PAIRS)) & rows["seed"].isin(none["seed"])]
    if points.empty:
        what = "random policy" if len(none) else "policy none"
        raise ReveilError(f"scores: there is no {what} with both scores, so nothing to compare")
    reference = none.set_index("seed").loc[points["seed"]]
    worse = zip(
        points["y"].to_numpy() > reference["y"].to_numpy(),
        points["x"].to_numpy() < reference["x"].to_numpy(),
        strict=True,
    )
    points = points.assign(corner=[CORNERS[bool(a), bool(b)][0] for a, b in worse])
    shares = points["corner"].value_counts(normalize=True)
    best = max(points["x"].max(), none["x"].max())
    left = none["x"].min()
    edge = left - _REACH * max(best - left, 0.02 * abs(left))
    points["clipped"] = points["x"] < edge
    points["x"] = points["x"].clip(lower=edge)
    titles = [title for title, _ in CORNERS.values()]
    return Plane(
        points.reset_index(drop=True),
        none[["seed", "x", "y"]].reset_index(drop=True),
        {title: float(shares.get(title, 0.0)) for title in titles},
    )


@styled
def draw(grouped: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw a point a random policy, its colour the corner of None that it lies in.

    (Warmerdam et al. 2022, Figure 6.) Arguments as for :func:`data`.
    """
    plane = data(grouped)
    points = plane.points
    figure = Figure(figsize=(COLUMN_WIDTH, 4.4))
    axes = figure.subplots()
    handles = []
    for title, colour in CORNERS.values():
        shown = points[points["corner"] == title]
        inside, beyond = shown[~shown["clipped"]], shown[shown["clipped"]]
        style = {"ls": "", "ms": 3.5, "color": colour, "alpha": 0.6, "mew": 0}
        label = f"{title}: {100 * plane.shares[title]:.0f} %"
        handles += axes.plot(inside["x"], inside["y"], "o", label=label, **style)
        if len(beyond):
            axes.plot(beyond["x"], beyond["y"], "<", clip_on=False, **style)
    for _, row in plane.none.iterrows():
        axes.axvline(row["x"], color=BLACK, lw=0.9, ls="--", zorder=0.8)
        axes.axhline(row["y"], color=BLACK, lw=0.9, ls="--", zorder=0.8)
    handles += axes.plot(
        plane.none["x"], plane.none["y"], "+", color=BLACK, ms=11, mew=2, label="None", zorder=4
    )
    axes.set(xlabel="$S_{acc}$ (higher: more accurate)", ylabel="$S_{pri}$ (lower: more private)")
    axes.grid(color=GREY, alpha=0.2)
    axes.margins(x=0.05, y=0.07)
    count = int(points["clipped"].sum())
    if count:
        axes.set_xlim(left=points["x"].min())
    n = [f"{len(points)} policies", counted(points["seed"].nunique(), "seed")]
    n += [f"{count} beyond the left edge (triangles)"] * bool(count)
    set_title(
        figure,
        "Random policies against none, on both scores",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=", ".join(n),
    )
    legend_below(figure, handles, 2)
    return figure
