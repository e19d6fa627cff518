"""Errors of guessed angles on the circle: right, a quarter turn off, or anywhere."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from reveil.cvnn.figures.shown import attack_names, means, measured, policy_names
from reveil.figures.pages import sample
from reveil.figures.style import (
    BLACK,
    BLUE,
    ORANGE,
    PAGE_WIDTH,
    legend_below,
    set_title,
    styled,
)

# A bin is 0.196 rad wide, centred, so that four of them are what the tables count as a quarter
# turn: errors within 0.1 rad of one.
BINS = 32
COLUMNS = 4
_QUARTERS = np.arange(0, BINS, BINS // 4)


def errors(images: pd.DataFrame) -> pd.DataFrame:
    """Return the images with a guessed angle, and ``turn``, guess less angle in [-pi, pi).

    Args:
        images: Attacked images of one protocol, dataset and model.

    Raises:
        ReveilError: no attack guesses an angle.
    """
    guessed = measured(images, ["theta_guess_rad"]).dropna(subset=["theta_guess_rad", "theta_rad"])
    turn = (guessed["theta_guess_rad"] - guessed["theta_rad"] + np.pi) % (2 * np.pi) - np.pi
    return guessed.assign(turn=turn)


def shares(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of errors in each of ``BINS`` bins, the first centred on no error.

    Args:
        turns: Errors in rad, any number of turns.
    """
    width = 2 * np.pi / BINS
    places = np.floor(np.asarray(turns) / width + 0.5).astype(int) % BINS
    return np.bincount(places, minlength=BINS) / max(len(places), 1)


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return the mean circular error by policy and attack: policy, attack, mean, low, high, n.

    Args:
        images: As for :func:`errors`; attacks that guess no angle are left out.
    """
    guessing = errors(images)["attack"].unique()
    return means(images[images["attack"].isin(guessing)], ["policy", "attack"], ["angle_error_rad"])


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw one circle a policy and attack; the area of a bar is its share of the errors.

    (Xiang et al. 2020, average angle errors; values near pi / 4 have three readings, which a mean
    cannot tell apart and the circle can.)

    Args:
        images: Attacked images of one protocol, dataset and model.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    guessed, table = errors(images), data(images)
    policies, attacks = policy_names(guessed), attack_names(guessed)
    groups = {
        (policy, attack): rows
        for policy in policies
        for attack in attacks
        if len(rows := guessed[(guessed["policy"] == policy) & (guessed["attack"] == attack)])
    }
    counted = {key: shares(rows["turn"].to_numpy(dtype=float)) for key, rows in groups.items()}
    widest = np.sqrt(max(shares_.max() for shares_ in counted.values()))
    columns = min(COLUMNS, max(2, len(groups)))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(PAGE_WIDTH, 0.9 + 2.25 * rows))
    figure.get_layout_engine().set(wspace=0.1)
    grid = figure.subplots(rows, columns, squeeze=False, subplot_kw={"projection": "polar"})
    for axes, (policy, attack) in zip(grid.flat, groups, strict=False):
        _circle(axes, counted[policy, attack], widest)
        here = table[(table["policy"] == policy) & (table["attack"] == attack)].iloc[0]
        told = f"mean {here['mean']:.2f} [{here['low']:.2f}, {here['high']:.2f}] rad"
        near = _near(groups[policy, attack])
        heading = "\n".join(textwrap.fill(name, 25) for name in (policies[policy], attacks[attack]))
        axes.set_title(heading, loc="center", pad=8, fontsize=7.5)
        axes.set_xlabel(f"{told}\n{near}", fontsize=7)
    for axes in grid.flat[len(groups) :]:
        axes.remove()
    set_title(
        figure,
        "Where guessed angles lie, from the secret one (top)",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table).replace("whiskers", "intervals"),
    )
    handles = [
        Patch(color=ORANGE, label="within 0.1 rad of a quarter turn"),
        Patch(color=BLUE, label="elsewhere"),
        Line2D([], [], color=BLACK, ls="--", lw=1, label="chance (mean 1.57 rad)"),
    ]
    legend_below(figure, handles, 3)
    return figure


def _circle(axes: PolarAxes, counted: NDArray[np.float64], widest: float) -> None:
    """Draw the bars of one circle, no error at the top and positive errors to the left."""
    centres = 2 * np.pi * np.arange(BINS) / BINS
    colours = np.where(np.isin(np.arange(BINS), _QUARTERS), ORANGE, BLUE)
    axes.bar(centres, np.sqrt(counted), width=2 * np.pi / BINS, color=list(colours), lw=0)
    circle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(circle, np.full_like(circle, np.sqrt(1 / BINS)), color=BLACK, ls="--", lw=1)
    axes.set_theta_zero_location("N")
    axes.set_xticks(np.arange(4) * np.pi / 2, ["0", "π/2", "π", "-π/2"], fontsize=7)
    axes.tick_params(axis="x", pad=-2)
    axes.set_yticks([])
    axes.set_ylim(0, 1.05 * widest)
    axes.spines["polar"].set_linewidth(0.5)


def _near(rows: pd.DataFrame) -> str:
    """Return the shares of errors near no, a quarter, half and three quarters of a turn."""
    counts = rows["quarter_turns"].value_counts()
    parts = [f"{100 * counts.get(turns, 0) / len(rows):.0f}" for turns in range(4)]
    return f"at 0, π/2, π, -π/2: {', '.join(parts)} %"
