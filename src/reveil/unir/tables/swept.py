"""What a sweep of the study is: which rows are of it, where they stand, and beside what."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reveil.unir.labels import method_order, operator_order
from reveil.unir.operators.settings import OperatorSettings
from reveil.unir.tables import forms
from reveil.unir.tables.measures import CELL, SUBJECT
from reveil.unir.tables.settings import is_plain

Row = dict[str, Hashable]


@dataclass(frozen=True)
class Place:
    """What a row is of.

    Attributes:
        named: what names it.
        settings: its resolved recipe; None of a method without a network.
        changes: what that does otherwise than the plain ``unir``; None where nothing is known.
        operator: what made its measurements.
        assumed: what its training simulates, under the name of ``operator``; that itself of a
            method without a network.
    """

    named: Row
    settings: Mapping[str, Any] | None
    changes: Mapping[str, Any] | None
    operator: OperatorSettings
    assumed: OperatorSettings

    @property
    def variant(self) -> str:
        """The variant of the training; empty of a method without a network."""
        return "" if self.settings is None else self.settings["reconstruction"]["variant"]

    @property
    def changed(self) -> str:
        """What the recipe does otherwise than the plain ``unir``, for readers."""
        return ", ".join(f"{key} = {value}" for key, value in (self.changes or {}).items())

    def changes_only(self, *keys: str) -> bool:
        """Return whether the recipe differs from the plain ``unir`` in these keys alone."""
        return self.settings is not None and set(self.changes or {}) <= set(keys)


@dataclass(frozen=True)
class Sweep:
    """One setting that is varied.

    Attributes:
        title: what its rows are.
        values: the columns that say where a row stands; None of a row that is not of the sweep.
        choose: what a row is compared with, of other rows that agree with it in ``same``.
        same: columns besides those of ``CELL``.
        order: columns that rows of one protocol, dataset and network are in the order of.
        columns: what is shown of ``values``.
        note: sentences under the table.
    """

    title: str
    values: Callable[[Place], Row | None]
    choose: Callable[[Row, Sequence[Row]], Row | None]
    same: tuple[str, ...]
    order: tuple[str, ...]
    columns: tuple[forms.Column, ...]
    note: str

    def compared(self, row: Row, rows: Sequence[Row]) -> Row | None:
        """Return the row that one is compared with, if there is one."""
        keys = (*CELL, *self.same)
        others = [
            other
            for other in rows
            if other is not row and all(other[key] == row[key] for key in keys)
        ]
        return self.choose(row, others)

    def position(self, row: Row) -> tuple[Hashable, ...]:
        """Return the sort key of a row."""
        subject = (str(row[name]) for name in SUBJECT)
        return (*subject, *(_sortable(name, row[name]) for name in self.order))


def only(fits: Callable[[Row], bool]) -> Callable[[Row, Sequence[Row]], Row | None]:
    """Return a choice of the one row that fits, of several the plain ``unir``; none for itself."""

    def choose(row: Row, others: Sequence[Row]) -> Row | None:
        found = [other for other in others if fits(other)]
        if len(found) > 1:
            found = [other for other in found if plain(other)]
        return found[0] if len(found) == 1 and not fits(row) else None

    return choose


def plain(row: Row) -> bool:
    """Return whether a row is of the plain ``unir`` of its protocol."""
    return is_plain(str(row["recipe"]), str(row["protocol"]))


def _sortable(name: str, value: Any) -> Hashable:
    if name in ("method", "policy"):
        return (method_order if name == "method" else operator_order)(str(value))
    return -1.0 if pd.isna(value) else value
