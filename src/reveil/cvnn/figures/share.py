"""Where the arithmetic of a private network is done: on the device, and in the cloud."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reveil.errors import ReveilError
from reveil.figures.style import (
    BLUE,
    GREEN,
    ORANGE,
    PAGE_WIDTH,
    SKY,
    legend_below,
    styled,
    write_title,
)
from reveil.tables.labels import dataset_title, model_title

# In the order in which an image passes them; the cloud's is the only part not on the device.
PARTS = {
    "device": ("encoder (device)", BLUE, "white"),
    "generator": ("generator (device)", SKY, "black"),
    "cloud": ("processing (cloud)", ORANGE, "black"),
    "decoder": ("decoder (device)", GREEN, "white"),
}
_NARROW = 0.07  # a share whose number has no room in its bar


def data(table: pd.DataFrame) -> pd.DataFrame:
    """Return each network's shares: name, total (multiply-adds an image), and a column a part.

    Args:
        table: A row a network, as :func:`reveil.cvnn.tables.cost.share_table` makes it.

    Raises:
        ReveilError: there is no row.
    """
    if table.empty:
        raise ReveilError("table: there are no networks, so there is nothing to draw")
    names = [
        f"{model_title(model)}, {label}"
        for model, label in table[["model", "label"]].itertuples(index=False)
    ]
    shares = {name: table[f"{name}_share_pct"].to_numpy(dtype=float) / 100 for name in PARTS}
    return pd.DataFrame({"name": names, "total": table["total_multiply_adds"].to_numpy(), **shares})


@styled
def draw(table: pd.DataFrame, *, dataset: str) -> Figure:
    """Draw a bar a network, from the image to the answer, and its total at its end.

    (Knijff et al. 2021, discussion: "approximately only one third" in the cloud.)

    Args:
        table: As for :func:`data`, of one dataset.
        dataset: Name of the dataset, whose images are the input.
    """
    bars = data(table)
    figure = Figure(figsize=(PAGE_WIDTH, 1.3 + 0.28 * max(len(bars), 2)))
    axes = figure.subplots()
    left = np.zeros(len(bars))
    for name, (_, colour, ink) in PARTS.items():
        parts = bars[name].to_numpy()
        axes.barh(bars.index, parts, left=left, color=colour, height=0.7)
        for place, (start, share) in enumerate(zip(left, parts, strict=True)):
            if share >= _NARROW:
                middle = start + share / 2
                told = f"{100 * share:.0f} %"
                axes.text(middle, place, told, ha="center", va="center", size=7, color=ink)
        left += parts
    for place, total in enumerate(bars["total"]):
        axes.text(1.01, place, _amount(total), va="center", size=7)
    axes.set_yticks(bars.index, bars["name"])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{share:.0f}" for share in np.linspace(0, 100, 6)])
    axes.set_xlabel("Share of the multiply-adds of one image, % (at the end: all of them)")
    axes.tick_params(axis="y", length=0)
    write_title(figure, "Who computes what", f"{dataset_title(dataset)}; counted, not timed")
    legend_below(figure, [Patch(color=colour, label=name) for name, colour, _ in PARTS.values()], 4)
    return figure


def _amount(count: float) -> str:
    """Return 41,200,000 as ``41 M`` and 1,260,000,000 as ``1.26 G``."""
    return f"{count / 1e9:.3g} G" if count >= 1e9 else f"{count / 1e6:.3g} M"
