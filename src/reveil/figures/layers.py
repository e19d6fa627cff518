"""How well the gradient of single layers is matched in the course of an attack."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil import policies
from reveil.errors import ReveilError
from reveil.figures.style import (
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

LAYERS = {"shallow": "Shallow", "deep": "Deep"}


def data(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the mean cosine of every policy, tensor and iteration over images.

    Args:
        layers: Rows of :func:`reveil.layer_rows.layer_rows` of one protocol, dataset and model.
            Seeds are averaged within an image; images without a whole trace are left out.

    Returns:
        Columns role, layer, tensor, iteration, mean, low, high (95 %, within the -1 to 1 of a
        cosine; NaN for a single image) and n, shallow tensors first.

    Raises:
        ReveilError: no rows.
    """
    if layers.empty:
        raise ReveilError("layers: there are no rows, so there is nothing to draw")
    roles = layers["policy"].map(policies.role)
    parts = []
    for (layer, tensor, role), rows in layers.assign(role=roles).groupby(
        ["layer", "tensor", "role"], sort=False
    ):
        table = rows.pivot_table(
            index="image", columns="iteration", values="cosine", aggfunc="mean", dropna=False
        ).dropna()
        if table.empty:
            continue
        values = table.to_numpy(dtype=np.float64)
        low, high, _ = column_intervals(values)
        ends = {"mean": values.mean(axis=0), "low": low.clip(-1), "high": high.clip(max=1)}
        named = {"role": role, "layer": layer, "tensor": tensor}
        parts.append(pd.DataFrame({**named, "iteration": table.columns, **ends, "n": len(values)}))
    columns = ["role", "layer", "tensor", "iteration", "mean", "low", "high", "n"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    place = table["layer"].map(list(LAYERS).index)
    return table.loc[place.sort_values(kind="stable").index].reset_index(drop=True)


@styled
def draw(layers: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw the cosine of both gradients per iteration, a panel a tensor, one line a policy.

    (Drabent et al. 2022, Figure 5, follows one image.) Arguments as for :func:`data`.
    """
    table = data(layers)
    names = sorted(table["role"].unique(), key=lambda name: policy_order(name, dataset, model))
    shown = [list(table.loc[table["layer"] == layer, "tensor"].unique()) for layer in LAYERS]
    columns = max(1, *map(len, shown))
    used = [(layer, tensors) for layer, tensors in zip(LAYERS, shown, strict=True) if tensors]
    figure = Figure(figsize=(PAGE_WIDTH, 1.0 + 2.2 * max(len(used), 1)))
    grid = figure.subplots(max(len(used), 1), columns, sharex=True, sharey=True, squeeze=False)
    if not used:
        empty_note(grid[0, 0], "no attack succeeded")
    for row, (layer, tensors) in zip(grid, used, strict=False):
        for axes, tensor in zip(row, tensors, strict=False):
            axes.set_title(f"{LAYERS[layer]}: {tensor.removesuffix('.weight')}")
            _panel(axes, table[table["tensor"] == tensor], names)
        for axes in row[len(tensors) :]:
            axes.remove()
        row[0].set_ylabel("Cosine of the gradients")
    for axes in grid[-1]:
        axes.set_xlabel("Iteration of the attack")
    handles = [
        Line2D([], [], label=policy_label(name, dataset, model), **series_style(place))
        for place, name in enumerate(names)
    ]
    images = int(table["n"].max()) if len(table) else 0
    band = ", bands 95 %" if images > 1 else ""
    set_title(
        figure,
        "How well single layers are matched",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(images, 'image')}, {counted(layers['seed'].nunique(), 'seed')}{band}",
    )
    if handles:
        legend_below(figure, handles, 4)
    return figure


def _panel(axes: Axes, table: pd.DataFrame, names: list[str]) -> None:
    for place, name in enumerate(names):
        curve = table[table["role"] == name].sort_values("iteration")
        style = series_style(place)
        axes.plot(curve["iteration"], curve["mean"], lw=1.1, **style)
        axes.fill_between(
            curve["iteration"], curve["low"], curve["high"], color=style["color"], alpha=0.15, lw=0
        )
    axes.grid(axis="y")
