"""Searched policies among random ones, and among those that the accuracy filter lets pass."""

import pandas as pd
from matplotlib.figure import Figure

from reveil.figures.dots import Panel, draw_dots
from reveil.figures.pages import means, sample
from reveil.figures.style import BLACK, legend_below, set_title, styled
from reveil.library import IDENTITY, LIBRARY, function_name
from reveil.tables.labels import policy_label, policy_roles

GROUPS = {
    "none": "no policy",
    "identity": "changes nothing",
    "searched": "searched",
    "passing": "random, accurate enough",
    "random": "random",
}
PANELS = (
    Panel("gain_db", "Gain over the best floor, dB", zero=True),
    Panel("psnr_db", "PSNR, dB (higher: more is revealed)"),
)
_IDENTITIES = {str(one.index) for one in LIBRARY if function_name(one) == IDENTITY}


def group_of(role: str, dataset: str, model: str) -> str:
    """Return the group, one of ``GROUPS``, of a policy or of its role."""
    if role in ("none", "crop-flip"):
        return "none"
    if role in _IDENTITIES:
        return "identity"
    published = policy_roles(dataset, model).get(role, "")
    if role.startswith("found-") or published.startswith("published-"):
        return "searched"
    return "passing" if role.startswith("passing-") else "random"


def data(images: pd.DataFrame, *, dataset: str, model: str) -> pd.DataFrame:
    """Return the means of every policy: columns row, series (its group), measure, mean, low, high.

    Args:
        images: Attacked images of one protocol, dataset and model.
        dataset: Name of the dataset, which decides what was published for it.
        model: Name of the model, likewise.

    Returns:
        Group by group in their order, within each the lowest gain first.
    """
    table = means(images, ["role"], [panel.measure for panel in PANELS])
    table["series"] = [group_of(role, dataset, model) for role in table["role"]]
    table = table.rename(columns={"role": "row"})
    gains = table[table["measure"] == "gain_db"].set_index("row")["mean"]
    order = [list(GROUPS).index(name) for name in table["series"]]
    table = table.assign(order=order, gain=table["row"].map(gains))
    table = table.sort_values(["order", "gain", "row"], kind="stable", ignore_index=True)
    return table.drop(columns=["order", "gain"])


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw one line a policy, group by group; dashed, what is reached without a policy.

    The reports compare with one random policy alone. Arguments as for :func:`data`.
    """
    table = data(images, dataset=dataset, model=model)
    rows = {name: policy_label(name, dataset, model) for name in table["row"].unique()}
    # One dot a row, so that a group's colour needs no place of its own.
    figure, handles = draw_dots(table, PANELS, rows, GROUPS, row_height=0.2, spread=0)
    for axes, panel in zip(figure.axes, PANELS, strict=True):
        for mean in table.loc[
            (table["measure"] == panel.measure) & (table["series"] == "none"), "mean"
        ]:
            axes.axvline(mean, color=BLACK, lw=0.8, ls="--", zorder=0.8)
    set_title(
        figure,
        "Searched policies among random ones",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, handles, 5)
    return figure
