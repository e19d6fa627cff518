"""Columns of a table of numbers as the cells that a reader sees.

A form is a list of columns, each a head and how its cell is made of a row; columns that a table
lacks, or that are empty in all of its rows, are not shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reveil.cvnn.tables.labels import SOURCE_TITLES
from reveil.power import seeds_statement
from reveil.tables.cells import bracketed, number
from reveil.tables.labels import NOT_AVAILABLE, dataset_title, model_title
from reveil.tables.markup import Form


@dataclass(frozen=True)
class Column:
    """One column for readers.

    Attributes:
        head: its head, with the unit.
        needs: column of the table without which it is left out.
        cell: its text, of a row.
        words: whether it holds words, which are aligned left.
    """

    head: str
    needs: str
    cell: Callable[[Mapping[str, Any]], str]
    words: bool = False


def words(head: str, name: str) -> Column:
    """Return a column of text; an empty cell reads back from CSV as NaN."""
    return Column(head, name, lambda row: row[name] if isinstance(row[name], str) else "", True)


def value(head: str, name: str, digits: int | None = 0, *, sign: str = "") -> Column:
    """Return a column of numbers without an interval, such as counts."""
    return Column(head, name, lambda row: number(row[name], digits, sign=sign))


def interval(
    head: str, name: str, digits: int | None = 3, *, unit: str = "", sign: str = ""
) -> Column:
    """Return a column of ``{name}_{mean,low,high}{unit}``."""
    names = [f"{name}_{end}{unit}" for end in ("mean", "low", "high")]
    return Column(
        f"{head} [95 %]", names[0], lambda row: bracketed(*(row[n] for n in names), digits, sign)
    )


def spread(head: str, name: str, digits: int = 0) -> Column:
    """Return a column of ``{name}_{mean,min,max}`` over seeds; the ends only where they differ."""

    def cell(row: Mapping[str, Any]) -> str:
        mean, low, high = (row[f"{name}_{end}"] for end in ("mean", "min", "max"))
        text = number(mean, digits)
        return (
            text
            if pd.isna(low) or low == high
            else f"{text} ({low:.{digits}f} to {high:.{digits}f})"
        )

    return Column(head, f"{name}_mean", cell)


SUBJECT = (
    words("Protocol", "protocol"),
    Column("Dataset", "dataset", lambda row: dataset_title(row["dataset"]), True),
    Column("Model", "model", lambda row: model_title(row["model"]), True),
)
POLICY = words("Protection", "label")
ATTACK = words("Attack", "attack_label")
COUNTED = (value("Images", "n_images"), value("Seeds", "n_seeds"), value("Failed", "n_failed"))
ERRORS = (
    interval("Error with the right key, %", "error_right", 1, unit="_pct"),
    interval("Error with a random key, %", "error_random", 1, unit="_pct"),
    interval("Error with a wrong key, %", "error_wrong", 1, unit="_pct"),
)

UNPROTECTED = interval("RMSE unprotected", "rmse_unprotected")
# What the RMSE of an attack is read beside.
REFERENCES = (
    interval("RMSE of the mean colour", "rmse_mean_colour"),
    interval("RMSE of the blend", "rmse_blend"),
    UNPROTECTED,
)
REFERENCED = (
    "Mean colour: a guess of nothing; blend: the mean of the two mixed images; unprotected: the "
    "same attack on the network as it is."
)


def published(unit: str) -> tuple[Column, ...]:
    """Return a column per source of values in one unit, ``{source}``."""
    return tuple(
        Column(f"{title}, {unit}", source, lambda row, source=source: theirs(row[source]))
        for source, title in SOURCE_TITLES.items()
    )


def published_errors() -> tuple[Column, ...]:
    """Return a column per source of reconstruction errors: as printed, and in the other unit."""
    return tuple(
        Column(title, f"{source}_printed", lambda row, source=source: _both_units(row, source))
        for source, title in SOURCE_TITLES.items()
    )


def theirs(cell: float | str) -> str:
    """Return a published number as text; a column with text in it reads back from CSV as text."""
    return NOT_AVAILABLE if cell == NOT_AVAILABLE else number(float(cell), None)


def _both_units(row: Mapping[str, Any], source: str) -> str:
    if row[f"{source}_printed"] == NOT_AVAILABLE:
        return NOT_AVAILABLE
    printed, rmse, mse = (float(row[f"{source}_{n}"]) for n in ("printed", "rmse", "mse_pm1"))
    return f"{printed:.4f} ({row[f'{source}_unit']}): RMSE {rmse:.4f}, MSE {mse:.4f}"


def form(columns: tuple[Column, ...], note: str) -> Form:
    """Return the form of a table.

    Args:
        columns: What is shown, from the left.
        note: Sentences under the table; those that count failures and seeds follow by themselves.
    """

    def cells(row: Mapping[str, Any]) -> dict[str, str]:
        return {column.head: column.cell(row) for column in columns if column.needs in row}

    def told(table: pd.DataFrame) -> str:
        sentences = [note]
        if "n_failed" in table:
            sentences.append(f"Failed and left out: {int(table['n_failed'].sum())}.")
        if "n_seeds" in table and len(table):
            sentences.append(seeds_statement(int(table["n_seeds"].max())))
        return " ".join(sentences)

    return Form(cells, told, frozenset(column.head for column in columns if column.words))
