"""S_pri of random policies against what attackers reconstruct under them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import special

from reveil.errors import ReveilError
from reveil.figures.style import BLACK, GREY, PAGE_WIDTH, counted, set_title, styled, whiskers
from reveil.tables.correlation import PLAIN, TRAINED
from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES

MEASURES = {"psnr_db": "PSNR, dB", "gain_db": "Gain over the best floor, dB"}
VICTIMS = {PLAIN: "Model trained without a policy", TRAINED: "Model trained with each policy"}
_COLOURS = "viridis"
_COLUMNS = [
    *("s_pri", "s_pri_low", "s_pri_high", "psnr_db", "psnr_low_db", "psnr_high_db"),
    *("gain_db", "floor_db"),
]


def data(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per victim and policy, seeds averaged, intervals with them.

    Args:
        scores: Rows of :func:`reveil.tables.policy_scores` of one protocol, dataset and model.

    Raises:
        ReveilError: no policies, or several attacks.
    """
    if scores.empty:
        raise ReveilError("correlation: there are no policies to draw")
    if (count := scores["attack"].nunique()) > 1:
        raise ReveilError(f"attack: {count} of them in one figure; allowed: one")
    kept = scores.reindex(columns=[*scores.columns, *(set(_COLUMNS) - set(scores.columns))])
    return kept.groupby(["victim", "policy"], sort=True)[_COLUMNS].mean().reset_index()


@styled
def draw(
    scores: pd.DataFrame, estimates: pd.DataFrame, *, protocol: str, dataset: str, model: str
) -> Figure:
    """Draw a point a policy, PSNR beside gain, one row of panels a kind of victim.

    Whiskers are 95 % intervals over images; the line is that of least squares, its band the 95 %
    interval of the line. (Drabent et al. 2022, Figure 2; Warmerdam et al. 2022, Figure 2.)

    Args:
        scores: Rows of :func:`reveil.tables.policy_scores` of one protocol, dataset and model.
        estimates: Rows of :func:`reveil.tables.correlation_table` of the same.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
    """
    points = data(scores)
    victims = [name for name in VICTIMS if (points["victim"] == name).any()]
    figure = Figure(figsize=(PAGE_WIDTH, 0.9 + 3.1 * len(victims)))
    grid = figure.subplots(len(victims), len(MEASURES), sharex=True, squeeze=False)
    floors = points["floor_db"]
    shades = ScalarMappable(Normalize(floors.min(), floors.max()), _COLOURS)
    for row, victim in zip(grid, victims, strict=True):
        shown = points[points["victim"] == victim]
        mine = estimates[estimates["victim"] == victim]
        for axes, (measure, label) in zip(row, MEASURES.items(), strict=True):
            _scatter(axes, shown, measure, shades)
            _line(axes, shown["s_pri"].to_numpy(), shown[measure].to_numpy())
            axes.set_title(f"{VICTIMS[victim]}\n{_notes(mine, measure)}", fontweight="normal")
            axes.set_ylabel(label)
            axes.grid()
    for axes in grid[-1]:
        axes.set_xlabel("$S_{pri}$ (lower: more private)")
    figure.colorbar(
        shades, ax=grid, label="Mean of the best floor, dB", fraction=0.03, pad=0.02, aspect=30
    )
    images = int(scores["n_images"].max())
    parts = [f"{points['policy'].nunique()} policies", counted(images, "image")]
    parts += [counted(scores["seed"].nunique(), "seed")]
    set_title(
        figure,
        "Privacy score against reconstruction, policy by policy",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=", ".join(parts) + ", whiskers and bands 95 %",
    )
    return figure


def _scatter(axes: Axes, points: pd.DataFrame, measure: str, shades: ScalarMappable) -> None:
    x, y = points["s_pri"], points[measure]
    errors = {"xerr": whiskers(x, points["s_pri_low"], points["s_pri_high"])}
    if measure == "psnr_db":
        errors["yerr"] = whiskers(y, points["psnr_low_db"], points["psnr_high_db"])
    axes.errorbar(x, y, fmt="none", ecolor=GREY, elinewidth=0.5, alpha=0.45, zorder=1, **errors)
    colours = shades.to_rgba(points["floor_db"].to_numpy())
    axes.scatter(x, y, s=14, c=colours, linewidths=0.3, edgecolors=BLACK, zorder=3)
    if measure == "gain_db":
        axes.axhline(0, color=BLACK, lw=1, zorder=2)


def regression(
    x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least-squares line through (x, y) at ``at`` and half the width of its interval.

    Student's t with n - 2 degrees of freedom; NaN with fewer than three points or one x alone.
    """
    if len(x) < 3 or np.ptp(x) == 0:
        return np.full(len(at), np.nan), np.full(len(at), np.nan)
    from scipy import stats  # slow to load, and only this figure needs it

    fit = stats.linregress(x, y)
    residuals = y - fit.intercept - fit.slope * x
    variance = (residuals**2).sum() / (len(x) - 2)
    distance = (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    half = special.stdtrit(len(x) - 2, (1 + level) / 2) * np.sqrt(
        variance * (1 / len(x) + distance)
    )
    return fit.intercept + fit.slope * at, half


def _line(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    at = np.linspace(x.min(), x.max(), 50) if len(x) else x
    middle, half = regression(x, y, at)
    if not np.isfinite(middle).any():
        return
    # The band of a line through few points would set the scale.
    limits = axes.get_ylim()
    axes.plot(at, middle, color=BLACK, lw=1.4, zorder=2)
    axes.fill_between(at, middle - half, middle + half, color=BLACK, alpha=0.12, lw=0, zorder=1.5)
    axes.set_ylim(limits)


def _notes(estimates: pd.DataFrame, measure: str) -> str:
    """Return the correlations of a panel in words: ours, without the floor, and the published.

    As many lines for every measure, so that panels side by side stay level.
    """
    lines = [_coefficient("r", estimates, f"pearson_{measure}")]
    if measure != "psnr_db":
        return "\n".join([*lines, "", ""])
    lines.append(_coefficient("r given the floor", estimates, "partial_psnr_db"))
    theirs = estimates[estimates["quantity"] == "pearson_psnr_db"].head(1)
    published = [
        f"{float(row[source]):.3f} {title.split()[0]} et al."
        for _, row in theirs.iterrows()
        for source, title in SOURCE_TITLES.items()
        if str(row[source]) not in (NOT_AVAILABLE, "nan")
    ]
    return "\n".join([*lines, f"published: {', '.join(published)}" if published else ""])


def _coefficient(name: str, estimates: pd.DataFrame, quantity: str) -> str:
    rows = estimates[estimates["quantity"] == quantity]
    if rows.empty or pd.isna(rows["value"].iloc[0]):
        return ""
    row = rows.iloc[0]
    ends = "" if pd.isna(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{name} = {row['value']:.2f}{ends}"
