"""Single transformations, and policies that are made of the best of them."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reveil.errors import ReveilError
from reveil.figures import singles as bars
from reveil.figures.style import (
    BLACK,
    BLUE,
    GREY,
    PAGE_WIDTH,
    counted,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.statistics import mean_interval
from reveil.tables.insights import (
    NONE,
    PAIRS,
    RANDOM,
    TEN_TRIPLES,
    TRIPLES,
    single_ranking,
)

GROUPS = {
    RANDOM: "random, fewer than\ntwo of the ten best",
    PAIRS: "random, two or more\nof the ten best",
    TEN_TRIPLES: "three of the ten best",
    TRIPLES: "three of the five best",
}


def data(grouped: pd.DataFrame) -> pd.DataFrame:
    """Return the mean S_pri of every group over its policies: group, mean, low, high, n.

    Args:
        grouped: Rows of :func:`reveil.tables.grouped_scores` of one protocol, dataset and model;
            a policy counts with its mean over seeds.

    Raises:
        ReveilError: no policy of any group.
    """
    means = grouped.groupby(["group", "policy"])["s_pri"].mean()
    rows = []
    for group in GROUPS:
        if group in means.index.get_level_values(0):
            found = mean_interval(means[group])
            rows.append([group, found.value, found.low, found.high, found.n])
    if not rows:
        raise ReveilError(f"scores: there is no policy of the groups {', '.join(GROUPS)}")
    return pd.DataFrame(rows, columns=["group", "mean", "low", "high", "n"])


@styled
def draw(
    singles: pd.DataFrame,
    grouped: pd.DataFrame,
    published: pd.DataFrame,
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw the single transformations over the groups of policies made of them.

    (Warmerdam et al. 2022, Figure 5, whose scores are marked, and Figure 6.)

    Args:
        singles: Scores of the single transformations of one protocol, dataset and model.
        grouped: As for :func:`data`.
        published: The papers' numbers.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    means = data(grouped)
    ranking = single_ranking(singles, published)
    family = bars.data(singles)[["index", "family"]]
    figure = Figure(figsize=(PAGE_WIDTH, 6.6))
    top, bottom = figure.subplots(2, 1, height_ratios=[1.9, 1])
    handles = bars.draw_bars(top, ranking.merge(family, on="index", how="left"), singles)
    _groups(bottom, grouped, means)
    n = [
        counted(int(singles["s_pri_n"].max()), "image"),
        counted(singles["seed"].nunique(), "seed"),
    ]
    set_title(
        figure,
        "Single transformations, and policies made of the best of them",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{', '.join(n)}, whiskers 95 %",
    )
    legend_below(figure, handles, 4)
    return figure


def _groups(axes: Axes, grouped: pd.DataFrame, means: pd.DataFrame) -> None:
    scores = grouped.groupby(["group", "policy"])["s_pri"].mean()
    for position, group in enumerate(means["group"]):
        values = scores[group].to_numpy()
        # A low-discrepancy sequence spreads the points evenly and the same way on every run.
        offsets = [0.35 * ((0.618034 * i) % 1 - 0.5) for i in range(len(values))]
        spots = [position + offset for offset in offsets]
        axes.plot(values, spots, ".", ms=3, mew=0, color=GREY, alpha=0.5)
    axes.errorbar(
        means["mean"],
        range(len(means)),
        xerr=whiskers(means["mean"], means["low"], means["high"]),
        fmt="D",
        color=BLUE,
        mec=BLACK,
        mew=0.6,
        ms=5,
        ecolor=BLACK,
        elinewidth=1.2,
        capsize=2.5,
        zorder=3,
    )
    for score in scores.get(NONE, pd.Series(dtype=float)):
        axes.axvline(score, color=BLACK, lw=1, ls="--")
    labels = [
        f"{GROUPS[group]}, n = {n}" for group, n in zip(means["group"], means["n"], strict=True)
    ]
    axes.set_yticks(range(len(means)), labels)
    axes.set(
        ylim=(len(means) - 0.5, -0.5),
        xlabel="$S_{pri}$ of policies (points; mean and interval; dashed: None)",
    )
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
