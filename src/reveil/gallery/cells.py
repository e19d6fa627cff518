"""The cells of a study: what is measured under one setting, its means, and which images to show."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from reveil.gallery.study import GAIN, Study
from reveil.statistics import Estimate, by_image, finite_psnr, mean_interval
from reveil.tables.measures import OK


@dataclass(frozen=True)
class Cell:
    """The attacked images of one setting, all seeds together.

    Attributes:
        key: Value of each of the study's keys.
        names: Label of each of its facets.
        rows: Of the tidy table, in its order.
        means: Measure -> its mean over images, each averaged over its seeds first.
        ranking: Labels of ``rows``: those to show first come first.
    """

    key: dict[str, Hashable]
    names: dict[str, str]
    rows: pd.DataFrame
    means: dict[str, Estimate]
    ranking: list[Hashable]


def cells_of(study: Study, rows: pd.DataFrame, positions: Sequence[int]) -> list[Cell]:
    """Return the cells of a study, in the order of its tables.

    Args:
        study: Whose rows they are.
        rows: The tidy table, as ``study.tidy`` returns it.
        positions: Among the attacked images, from 0: those that its grid of pictures shows.
    """
    pages = ["protocol", "dataset", "model"]
    places = {name: list(rows[name].unique()) for name in pages}
    found = []
    for values, group in rows.groupby(list(study.keys), sort=False, dropna=False):
        key = dict(zip(study.keys, values, strict=True))
        found.append(
            Cell(key, study.names(key), group, means(study, group), ranking(group, positions))
        )
    return sorted(
        found,
        key=lambda cell: (
            tuple(places[name].index(cell.key[name]) for name in pages),
            study.order(cell.key),
        ),
    )


def means(study: Study, rows: pd.DataFrame) -> dict[str, Estimate]:
    """Return the mean of each measure of a cell, with its 95 % interval and n, in images.

    As in the tables of the study: failures have no measures, and an infinite PSNR is capped.
    """
    columns = [measure.key for measure in study.measures if measure.key != GAIN]
    columns += [name for name in (study.value, study.floor) if name not in columns]
    measured = rows[["image", *columns]].astype(float)
    measured[columns] = measured[columns].where(rows["status"] == OK)
    decibel = [name for name in columns if name.endswith("_db")]
    measured[decibel] = finite_psnr(measured[decibel])
    measured[GAIN] = study.gain(measured)
    return {m.key: mean_interval(by_image(measured, m.key)) for m in study.measures}


def ranking(rows: pd.DataFrame, positions: Iterable[int]) -> list[Hashable]:
    """Return the labels of a cell's rows, those to show first before the others.

    The image that leaks most, the median one and the one that leaks least; those of the study's
    grid, of the first seed; then all others as they were attacked.
    """
    gains = rows[GAIN].where(rows["status"] == OK).dropna().sort_values(kind="stable")
    order = list(gains.index)
    chosen = [order[-1], order[len(order) // 2], order[0]] if order else []
    first = rows[rows["seed"] == rows["seed"].iloc[0]]
    chosen += [first.index[position] for position in positions if position < len(first)]
    return list(dict.fromkeys([*chosen, *rows.index]))
