"""Names written beside what they name: at the ends of lines, and over reference lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

from reveil.figures.style import BLACK

_SIZE = 7.0  # points
_LINE = 1.25  # of the size, between two lines of text


@dataclass(frozen=True)
class Mark:
    """A value on an axis with its name.

    Attributes:
        value: on the axis, in its units.
        text: the name.
        colour: of line and name.
        dash: of the line.
    """

    value: float
    text: str
    colour: str = BLACK
    dash: object = "--"


def spread(places: ArrayLike, distance: float) -> NDArray[np.float64]:
    """Return places that keep their order, lie ``distance`` apart and move as little as they can.

    Moving least, in the sum of squares, is an isotonic regression of what is left once the least
    distances are taken away.

    Args:
        places: Shape (n,), in any order.
        distance: Least distance of two.
    """
    from scipy.optimize import isotonic_regression  # slow to load, and few figures need it

    places = np.asarray(places, dtype=np.float64)
    order = np.argsort(places, kind="stable")
    steps = distance * np.arange(len(places))
    moved = np.empty_like(places)
    moved[order] = isotonic_regression(places[order] - steps).x + steps
    return moved


def name_ends(axes: Axes, marks: Sequence[Mark]) -> list[Text]:
    """Write names to the right of the axes, at their values, clear of each other.

    Args:
        axes: Their axes, with the final limits; a mark with a value of NaN is left out.
        marks: Values on the vertical axis.
    """
    marks = [mark for mark in marks if np.isfinite(mark.value)]
    if not marks:
        return []
    axes.figure.draw_without_rendering()
    points = axes.transData.transform([(axes.get_xlim()[1], mark.value) for mark in marks])[:, 1]
    points *= 72 / axes.figure.dpi
    moves = spread(points, _SIZE * _LINE) - points
    return [
        axes.annotate(
            mark.text,
            xy=(1, mark.value),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, move),
            textcoords="offset points",
            va="center",
            fontsize=_SIZE,
            color=mark.colour,
            annotation_clip=False,
        )
        for mark, move in zip(marks, moves, strict=True)
    ]


def draw_references(axes: Axes, marks: Sequence[Mark]) -> None:
    """Draw vertical lines at reference values and write their names above the axes.

    Names that would cover each other stand on lines of their own.

    Args:
        axes: Their axes, with the final limits; a mark with a value of NaN is left out.
        marks: Values on the horizontal axis.
    """
    marks = sorted((m for m in marks if np.isfinite(m.value)), key=lambda mark: mark.value)
    for mark in marks:
        axes.axvline(mark.value, color=mark.colour, ls=mark.dash, lw=1, zorder=0.8)
    axes.figure.draw_without_rendering()
    ends: list[float] = []  # of the last name on each line, in pixels
    for mark in marks:
        text = axes.annotate(
            mark.text,
            xy=(mark.value, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=_SIZE,
            color=mark.colour,
            annotation_clip=False,
        )
        extent = text.get_window_extent()
        free = (level for level, end in enumerate(ends) if end < extent.x0)
        level = next(free, len(ends))
        ends[level : level + 1] = [extent.x1 + _SIZE]
        text.set_position((0, 3 + level * _SIZE * _LINE))
