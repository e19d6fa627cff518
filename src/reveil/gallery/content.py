"""What the page knows, as plain values for JSON: lists by column, so that a row takes few bytes."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reveil.gallery.cells import Cell
from reveil.gallery.shown import Shot, Source, shots
from reveil.gallery.sprites import Tiles
from reveil.gallery.study import PICTURES, Study
from reveil.tables.measures import OK


def content(source: Source, chosen: set[Hashable], tiles: Tiles) -> dict[str, Any]:
    """Return all that the page shows of a study.

    Args:
        source: The study, its cells and archives.
        chosen: Labels of the rows that are shown.
        tiles: To which the pictures are added; ``images`` holds their names, and
            :func:`numbered` puts the numbers of the tiles in their place.
    """
    study = source.study
    drawn = dict(shots(source, dict.fromkeys(chosen)))
    return {
        "id": study.name,
        "title": study.title,
        "about": study.about,
        "captions": {name: study.captions[name] for name in PICTURES if name in study.captions},
        "absent": study.absent,
        "measures": [
            {
                "key": m.key,
                "label": m.label,
                "unit": m.unit,
                "digits": m.digits,
                "meaning": m.meaning,
            }
            for m in study.measures
        ],  # fmt: skip
        "facets": _facets(study, source.cells),
        "cells": [_cell(cell, study, chosen) for cell in source.cells],
        "images": _images(study, source.cells, drawn, tiles),
    }


def _facets(study: Study, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return every facet with its values, in the order of the cells."""
    return [
        {
            "key": key,
            "label": label,
            "values": list(dict.fromkeys(cell.names[key] for cell in cells)),
        }
        for key, label in study.facets.items()
    ]


def _cell(cell: Cell, study: Study, chosen: set[Hashable]) -> dict[str, Any]:
    shown = sum(label in chosen for label in cell.rows.index)
    failed = int((cell.rows["status"] != OK).sum())
    means = {
        name: [plain(estimate.value), plain(estimate.low), plain(estimate.high), estimate.n]
        for name, estimate in cell.means.items()
    }
    return {
        "names": cell.names,
        "seeds": int(cell.rows["seed"].nunique()),
        "rows": len(cell.rows),
        "shown": shown,
        "failed": failed,
        "means": means,
    }


def _images(
    study: Study, cells: Sequence[Cell], drawn: Mapping[Hashable, Shot], tiles: Tiles
) -> dict[str, Any]:
    shown = [
        (number, row)
        for number, cell in enumerate(cells)
        for row in cell.rows[cell.rows.index.isin(list(drawn))].itertuples()
    ]
    rows = [row for _, row in shown]
    taken = [drawn[row.Index] for row in rows]
    return {
        "cell": [number for number, _ in shown],
        "image": [int(row.image) for row in rows],
        "seed": [int(row.seed) for row in rows],
        "class": [int(row.label) for row in rows],
        "failed": {
            str(place): "" if pd.isna(row.reason) else str(row.reason)
            for place, row in enumerate(rows)
            if row.status != OK
        },
        "values": {m.key: [plain(getattr(row, m.key)) for row in rows] for m in study.measures},
        "tiles": {
            name: [
                tiles.add(shot.pictures[name]) if name in shot.pictures else None for shot in taken
            ]
            for name in PICTURES
            if any(name in shot.pictures for shot in taken)
        },  # fmt: skip
        **_curves(taken),
    }


def _curves(taken: Sequence[Shot]) -> dict[str, Any]:
    """Return the curves, and the iterations they are drawn over, which most of them share."""
    axes: dict[tuple[int, ...], int] = {}
    curves = []
    for shot in taken:
        if shot.curve is None:
            curves.append(None)
            continue
        axis = axes.setdefault(tuple(int(i) for i in shot.curve[0]), len(axes))
        curves.append([axis, *(plain(float(f"{cost:.4g}")) for cost in shot.curve[1])])
    return {"axes": [list(axis) for axis in axes], "curves": curves} if axes else {}


def plain(value: Any) -> float | str | None:
    """Return a number for JSON: infinite ones as text, None for one that is not there."""
    if value is None or pd.isna(value):
        return None
    number = float(value)
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    # Ten digits, as the tables have them.
    return float(np.format_float_positional(number, precision=10, fractional=False))


def numbered(studies: Sequence[dict[str, Any]], numbers: Mapping[str, int]) -> None:
    """Replace the names of tiles by their numbers, -1 where there is none."""
    for study in studies:
        pictures = study["images"]["tiles"]
        for name, column in pictures.items():
            pictures[name] = [-1 if tile is None else numbers[tile] for tile in column]
