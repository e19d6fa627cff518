"""GradSim along the interpolation from noise to the image, with and without policy."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reveil import policies
from reveil.figures.style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    counted,
    empty_note,
    legend_below,
    series_style,
    set_title,
    styled,
)
from reveil.statistics import column_intervals
from reveil.tables.labels import policy_label, policy_order

MEASURES = {
    "gradsim": "GradSim (mean over tensors)",
    "gradsim_global": "GradSim (whole gradient)",
}


def data(interpolation: pd.DataFrame, measure: str = "gradsim") -> pd.DataFrame:
    """Return the curve of each policy with its 95 % interval over images.

    Args:
        interpolation: One row per policy, seed, image and point; seeds are averaged within an
            image, and images with a missing or infinite point are left out.
        measure: ``gradsim`` or ``gradsim_global``.

    Returns:
        Columns policy (its role if a search found it), point (0 the random start, 1 the image),
        mean, low, high, n, and s_pri, the trapezoid under the mean curve (Gao et al. 2021).
    """
    parts = []
    roles = interpolation["policy"].map(policies.role)
    for policy, rows in interpolation.groupby(roles, sort=False):
        table = rows.pivot_table(index="image", columns="point", values=measure, aggfunc="mean")
        table = table.replace([np.inf, -np.inf], np.nan).dropna()
        if table.empty:
            continue
        values = table.to_numpy(dtype=np.float64)
        low, high, _ = column_intervals(values)
        points = table.columns.to_numpy(dtype=np.float64)
        mean = values.mean(axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "policy": policy,
                    "point": points,
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "n": len(values),
                    "s_pri": np.trapezoid(mean, points),
                }
            )
        )
    columns = ["policy", "point", "mean", "low", "high", "n", "s_pri"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


@styled
def draw(
    interpolation: pd.DataFrame,
    *,
    protocol: str,
    dataset: str,
    model: str,
    measure: str = "gradsim",
) -> Figure:
    """Draw the curves of all policies of one protocol, dataset and model.

    The area under a curve is the policy's S_pri: the lower the curve, the less the gradient tells
    on the way to the image (Gao et al. 2021; Drabent et al. 2022, Figure 1).
    """
    curves = data(interpolation, measure)
    names = sorted(curves["policy"].unique(), key=lambda name: policy_order(name, dataset, model))
    wide = len(names) > 4
    figure = Figure(figsize=(PAGE_WIDTH, 4.4) if wide else (COLUMN_WIDTH, 3.6))
    axes = figure.subplots()
    handles = []
    for position, policy in enumerate(names):
        curve = curves[curves["policy"] == policy]
        style = series_style(position)
        label = f"{policy_label(policy, dataset, model)}: area {curve['s_pri'].iloc[0]:.3f}"
        (line,) = axes.plot(curve["point"], curve["mean"], label=label, **style)
        axes.fill_between(
            curve["point"], curve["low"], curve["high"], color=style["color"], alpha=0.18, lw=0
        )
        handles.append(line)
    axes.set(
        xlabel="Position between random start (0) and victim image (1)",
        ylabel=MEASURES[measure],
        xlim=(0, 1),
    )
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="y")
    n = counted(int(curves["n"].max()) if len(curves) else 0, "image")
    set_title(
        figure,
        "Gradient similarity along the interpolation",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{n}, bands 95 %",
    )
    if handles:
        legend_below(figure, handles, 3 if wide else 1)
    else:
        empty_note(axes, "no complete curve")
    return figure
