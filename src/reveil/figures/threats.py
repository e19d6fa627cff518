"""What the attacker does not have: the class of the image, the statistics of batch norm."""

import pandas as pd
from matplotlib.figure import Figure

from reveil.figures.dots import Panel, draw_dots
from reveil.figures.pages import means, sample
from reveil.figures.style import legend_below, set_title, styled
from reveil.tables.labels import policy_label, policy_order

LABELS = {
    "inversed": "label known",
    "inversed-idlg": "label read off\nthe gradient",
    "inversed-joint": "label guessed\nwith the image",
}
STATISTICS = "batch statistics\nof the victim"
_VARIANT = "-bn-train"
PANELS = (
    Panel("gain_db", "Gain over the best floor, dB", zero=True),
    Panel("label_correct", "Share of labels that are right"),
)


def data(images: pd.DataFrame) -> pd.DataFrame:
    """Return the means of every setting and policy: columns row, series, measure, mean, low, high.

    Args:
        images: Attacked images of one protocol and its variants, dataset and model.
    """
    labels = images["attack"].map(lambda name: LABELS.get(name, name))
    trained = images["protocol"].astype(str).str.endswith(_VARIANT)
    settings = labels.where(~trained, labels + ",\n" + STATISTICS)
    table = means(images.assign(row=settings), ["row", "role"], [panel.measure for panel in PANELS])
    return table.rename(columns={"role": "series"})


@styled
def draw(images: pd.DataFrame, *, protocol: str, dataset: str, model: str) -> Figure:
    """Draw each setting's gain and labels, one colour a policy; arguments as for :func:`data`."""
    table = data(images)
    names = sorted(table["series"].unique(), key=lambda name: policy_order(name, dataset, model))
    rows = {name: name[0].upper() + name[1:] for name in table["row"].unique()}
    series = {name: policy_label(name, dataset, model) for name in names}
    figure, handles = draw_dots(table, PANELS, rows, series, row_height=0.55)
    figure.axes[1].set_xlim(-0.05, 1.05)
    set_title(
        figure,
        "Labels and batch statistics that the attacker does not have",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=sample(images, table),
    )
    legend_below(figure, handles, 3)
    return figure
