"""The tables of the study ``unir``: data frames of numbers, and their rendering for readers."""

from typing import Any

import pandas as pd

from reveil import tables
from reveil.errors import ReveilError
from reveil.tables.markup import Form
from reveil.unir.tables import losses, methods, scores
from reveil.unir.tables.labels import protocol_note
from reveil.unir.tables.losses import loss_table
from reveil.unir.tables.methods import methods_table
from reveil.unir.tables.scores import score_table
from reveil.unir.tables.sweeps import FORMS, sweep_table

__all__ = [
    "form_of",
    "loss_table",
    "methods_table",
    "score_table",
    "sweep_table",
    "to_html",
    "to_markdown",
    "write",
]

# A column that no other table of this study has.
_FORMS = {
    "learns_from": methods.FORM,
    "guo2020_loss_d_printed": losses.FORM,
    "inception_score_mean": scores.FORM,
}


def form_of(table: pd.DataFrame) -> Form:
    """Return how a table of this study is shown.

    Raises:
        ReveilError: it is none.
    """
    for column, form in _FORMS.items():
        if column in table:
            return form
    if "sweep" in table and table["sweep"].nunique() == 1 and table["sweep"].iloc[0] in FORMS:
        return FORMS[table["sweep"].iloc[0]]
    raise ReveilError(f"a table of {', '.join(table.columns)} is none of the study unir")


def to_markdown(table: pd.DataFrame, *notes: str) -> str:
    """Return a table of this study as Markdown, with the line under it."""
    return tables.to_markdown(table, *_notes(table), *notes, form=form_of(table))


def to_html(table: pd.DataFrame, *notes: str) -> str:
    """Return a table of this study as a fragment of HTML that needs nothing else."""
    return tables.to_html(table, *_notes(table), *notes, form=form_of(table))


def write(table: pd.DataFrame, output: Any, *notes: str) -> None:
    """Write a table of this study as CSV, Markdown and HTML.

    Args:
        table: one of this study.
        output: its paths, as attributes ``csv``, ``markdown`` and ``html``.
        *notes: sentences for the line under it, after those that the data calls for.
    """
    tables.write(table, output, None, *_notes(table), *notes, form=form_of(table))


def _notes(table: pd.DataFrame) -> list[str]:
    told = protocol_note(table["protocol"].dropna()) if "protocol" in table else ""
    return [told] * bool(told)
