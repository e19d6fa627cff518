"""The look shared by all figures, and how they are written."""

import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from reveil import files
from reveil.tables.labels import dataset_title, model_title

PAGE_WIDTH = 7.2  # inches: the text width of a two-column page
COLUMN_WIDTH = 4.8
# A bold 8-point title in DejaVu Sans, on the safe side.
_TITLE_CHARACTERS_PER_INCH = 14

# Okabe and Ito (2008): told apart under the common colour vision deficiencies.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE, YELLOW = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#F0E442",
)
GREY = "#8A8A8A"
PALE = "#D9D9D9"
# Yellow is left out: a thin line of it vanishes on white.
SERIES_COLOURS = (BLACK, BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
SERIES_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)))

RC: Mapping[str, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.titlesize": 8,
    "figure.titleweight": "bold",
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    # A fixed salt gives the same element ids, and so the same file, on every run.
    "svg.hashsalt": "reveil",
}

Parameters = ParamSpec("Parameters")


def styled(draw: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Make a drawing function work under the shared style, whatever the user's own settings."""

    @wraps(draw)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            return draw(*args, **kwargs)

    return wrapper


def save(figure: Figure, svg: str | os.PathLike[str], png: str | os.PathLike[str]) -> None:
    """Write a figure as SVG and PNG, each whole or not at all, the same bytes for the same figure.

    Args:
        figure: The figure.
        svg: Path of the vector file.
        png: Path of the raster file.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        with files.atomic(svg) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})
        with files.atomic(png) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def set_title(
    figure: Figure, what: str, *, protocol: str, dataset: str, model: str, n: str
) -> None:
    """Put over a figure what it shows, and of what, in lines no wider than the figure.

    Args:
        figure: The figure.
        what: What it shows.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.
        n: What was measured and how often, such as ``100 images, 3 seeds``.
    """
    subject = f"{dataset_title(dataset)}, {model_title(model)}, protocol {protocol}; {n}"
    write_title(figure, what, subject)


def write_title(figure: Figure, *parts: str) -> None:
    """Put parts of a title over a figure, each on lines of its own, no wider than the figure."""
    width = int(figure.get_figwidth() * _TITLE_CHARACTERS_PER_INCH)
    lines = (textwrap.fill(line, width, break_on_hyphens=False) for line in parts)
    figure.suptitle("\n".join(lines), x=0.01, ha="left")


def counted(number: int, noun: str) -> str:
    """Return ``1 image`` or ``2 images``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def series_style(position: int) -> dict[str, Any]:
    """Return colour and dash of the line at ``position`` of a figure; 21 of them are distinct."""
    round_, colour = divmod(position, len(SERIES_COLOURS))
    return {
        "color": SERIES_COLOURS[colour],
        "linestyle": SERIES_DASHES[round_ % len(SERIES_DASHES)],
    }


def whiskers(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Return (2, n) lengths below and above n values, 0 where there is no interval.

    A BCa interval of very skewed values may lie to one side of the mean: then no whisker there.
    """
    middle, below, above = (np.atleast_1d(np.asarray(x, float)) for x in (values, low, high))
    return np.nan_to_num(np.maximum(0, [middle - below, above - middle]))


def legend_below(figure: Figure, handles: Sequence[Any], columns: int) -> None:
    """Put a legend under the axes, where it cannot cover data.

    It has at most ``columns`` columns, and fewer if these would be wider than the figure.
    """
    for count in range(max(1, min(columns, len(handles))), 0, -1):
        legend = figure.legend(handles=handles, loc="outside lower center", ncols=count)
        if count == 1 or legend.get_window_extent().width <= 0.98 * figure.bbox.width:
            return
        legend.remove()


def empty_note(axes: Axes, text: str) -> None:
    """Say in the middle of empty axes why there is nothing to see."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
