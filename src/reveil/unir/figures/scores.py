"""How good samples are, against how much was missing when their generators learned."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil import datasets
from reveil.errors import ReveilError
from reveil.figures.dots import dot_style
from reveil.figures.style import (
    BLACK,
    GREY,
    PAGE_WIDTH,
    counted,
    empty_note,
    legend_below,
    set_title,
    styled,
    whiskers,
)
from reveil.statistics import mean_interval
from reveil.tables.labels import model_title
from reveil.unir.labels import method_label, method_order, plain_recipe
from reveil.unir.tables.labels import SOURCE_TITLES
from reveil.unir.tables.scores import SCORE

# Method in published.csv -> recipe here.
PUBLISHED = {
    "AmbientGAN": "ambientgan",
    "ignore": "ignore",
    "unmeasure-blur": "unmeasure-blur",
    "unmeasure-inpaint-tv": "unmeasure-tv",
    "unmeasure-biharmonic": "unmeasure-biharmonic",
}
_REPRODUCTION = " [Culley et al. reproduction]"
# Source -> its marker, hollow, and its name.
SOURCES = {
    "ambientgan": ("o", f"{SOURCE_TITLES['ambientgan']}, read off a figure"),
    "culley": ("s", SOURCE_TITLES["culley"]),
}

_OURS = {"marker": "D", "ms": 3.5}
_THEIRS = {"mfc": "white", "ms": 4.5, "ls": ":", "lw": 0.8}
_DODGE = 0.04  # between two recipes at one share, in steps of the axis
_NOTHING = pd.DataFrame({name: [] for name in ("source", "recipe", "share", "value")})


def data(samples: pd.DataFrame, shares: Mapping[str, float]) -> pd.DataFrame:
    """Return the scores by recipe and share: recipe, share, mean, low, high, n (samples), seeds.

    Args:
        samples: Rows of samples.csv of one protocol, dataset and model.
        shares: Of what each operator leaves out; rows of other operators are left out.

    Returns:
        With one seed its own interval, over samples; with several that of the mean over seeds.

    Raises:
        ReveilError: there is no such row.
    """
    rows = samples[samples["policy"].isin(list(shares))]
    if rows.empty:
        raise ReveilError(f"samples: there is no score of {', '.join(shares)}")
    ends = [SCORE, f"{SCORE}_low", f"{SCORE}_high"]
    rows = rows.assign(
        share=rows["policy"].map(shares),
        recipe=rows["recipe"].map(plain_recipe),
        **{name: pd.to_numeric(rows[name], errors="coerce") for name in ends},
    )
    found = []
    for (recipe, share), group in rows.groupby(["recipe", "share"]):
        if len(group) == 1:
            mean, low, high = group.iloc[0][ends]
        else:
            estimate = mean_interval(group[SCORE])
            mean, low, high = estimate.value, estimate.low, estimate.high
        told = {"mean": mean, "low": low, "high": high, "n": int(group["n_samples"].max())}
        found.append({"recipe": recipe, "share": share, **told, "seeds": len(group)})
    return pd.DataFrame(found)


def printed(published: pd.DataFrame) -> pd.DataFrame:
    """Return the published scores: source (``ambientgan`` or ``culley``), recipe, share, value.

    Args:
        published: Rows of config/published.csv, of any study.
    """
    rows = published[(published["experiment"] == "unir-exp10") & (published["metric"] == SCORE)]
    again = rows["method"].str.endswith(_REPRODUCTION)
    method = rows["method"].str.removesuffix(_REPRODUCTION)
    share = rows["operator"].str.extract(re.compile(r"p=([\d.]+)"), expand=False).astype(float)
    table = pd.DataFrame(
        {
            "source": np.where(again, "culley", "ambientgan"),
            "recipe": method.map(PUBLISHED),
            "share": share,
            "value": rows["value"].astype(float),
        }
    )
    return table.dropna().reset_index(drop=True)


@styled
def draw(
    samples: pd.DataFrame,
    shares: Mapping[str, float],
    published: pd.DataFrame | None = None,
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw the inception-type score against what is missing, one line a recipe, published beside.

    (Bora et al. 2018, on MNIST.) Published scores rest on MNIST and on other classifiers: their
    order and slope compare with ours, their values do not.

    Args:
        samples: Rows of samples.csv of one protocol, dataset and model.
        shares: Of what each operator leaves out.
        published: Scores of :func:`printed`, drawn as hollow markers.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    table = data(samples, shares)
    theirs = published if published is not None else _NOTHING
    recipes = sorted({*table["recipe"], *theirs["recipe"]}, key=method_order)
    ticks = sorted({*table["share"], *theirs["share"]})
    classes = datasets.get(dataset).classes
    figure = Figure(figsize=(PAGE_WIDTH, 4.0))
    panels = figure.subplots(1, 1 + len(theirs[:1]), sharey=True, squeeze=False)[0]
    for order, recipe in enumerate(recipes):
        shift = _DODGE * (order - (len(recipes) - 1) / 2)
        colour = dot_style(order)["color"]
        rows = table[table["recipe"] == recipe].dropna(subset=["mean"])
        x = np.searchsorted(ticks, rows["share"]) + shift
        ends = whiskers(rows["mean"], rows["low"], rows["high"])
        panels[0].errorbar(x, rows["mean"], yerr=ends, color=colour, elinewidth=1, **_OURS)
        for source, (marker, _) in SOURCES.items():
            rows = theirs[(theirs["recipe"] == recipe) & (theirs["source"] == source)]
            if len(rows):
                x = np.searchsorted(ticks, rows["share"]) + shift
                panels[1].plot(x, rows["value"], marker, color=colour, **_THEIRS)
    headings = "Here", "Published: MNIST, other classifiers"
    for axes, heading in zip(panels, headings, strict=False):
        for level in (1, classes):
            axes.axhline(level, color=GREY, lw=1, ls=":", zorder=0.8)
        axes.set_xticks(range(len(ticks)), [f"{share:g}" for share in ticks])
        axes.set_xlabel("Share p of values missing (not to scale)")
        axes.grid(axis="y")
        if len(panels) > 1:
            axes.set_title(heading)
    panels[0].set_ylabel("Inception-type score (up: better)")
    panels[0].set_ylim(0.5, classes + 0.5)
    if not table["mean"].notna().any():
        empty_note(panels[0], "no score is available")
    seeds, n = int(table["seeds"].max()), int(table["n"].max())
    networks = samples.loc[samples["policy"].isin(list(shares)), "feature_network"].dropna()
    told = ", ".join(model_title(name) for name in networks.unique())
    set_title(
        figure,
        "Samples of generators that learned from measurements",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{n:,} samples, {counted(seeds, 'seed')}, whiskers 95 %"
        + ", over seeds" * (seeds > 1)
        + f"; by {told}" * bool(told),
    )
    legend_below(figure, _handles(recipes, published is not None, classes), 3)
    return figure


def _handles(recipes: list[str], published: bool, classes: int) -> list[Line2D]:
    handles = [
        Line2D([], [], color=dot_style(order)["color"], label=method_label(name), **_OURS)
        for order, name in enumerate(recipes)
    ]
    if published:
        handles += [
            Line2D([], [], marker=marker, label=label, color=BLACK, **_THEIRS)
            for marker, label in SOURCES.values()
        ]
    label = f"lowest and highest possible, 1 and {classes}"
    return [*handles, Line2D([], [], color=GREY, ls=":", lw=1, label=label)]
