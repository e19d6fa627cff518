"""The tables of the study ``cvnn``: data frames of numbers, and their rendering for readers."""

from typing import Any

import pandas as pd

from reveil import tables
from reveil.cvnn.tables import (
    angles,
    checks,
    classification,
    core,
    cost,
    inference,
    inversion,
    sweeps,
    two_image,
    units,
)
from reveil.cvnn.tables.angles import angle_table
from reveil.cvnn.tables.checks import adversary_table, equivariance_table
from reveil.cvnn.tables.classification import classification_table
from reveil.cvnn.tables.core import core_table
from reveil.cvnn.tables.cost import runtime_table, share_table
from reveil.cvnn.tables.inference import inference_table, tasks_of
from reveil.cvnn.tables.inversion import inversion_table
from reveil.cvnn.tables.labels import protocol_note
from reveil.cvnn.tables.sweeps import k_table, stop_table
from reveil.cvnn.tables.two_image import two_image_table
from reveil.cvnn.tables.units import unit_table
from reveil.errors import ReveilError
from reveil.tables.markup import Form

__all__ = [
    "adversary_table",
    "angle_table",
    "classification_table",
    "core_table",
    "equivariance_table",
    "form_of",
    "inference_table",
    "inversion_table",
    "k_table",
    "runtime_table",
    "share_table",
    "stop_table",
    "tasks_of",
    "to_html",
    "to_markdown",
    "two_image_table",
    "unit_table",
    "write",
]

# A column that no other table of this study has.
_FORMS = {
    "published_rmse": units.FORM,
    "unprotected_rmse_mean": inversion.FORM,
    "additional_difference_mean_pct": classification.FORM,
    "angle_error_half_mean_rad": angles.FORM,
    "majority_error_mean_pct": inference.FORM,
    "minutes_mean": cost.RUNTIME,
    "total_multiply_adds": cost.SHARE,
    "equivariance_error_max": checks.EQUIVARIANCE,
    "critic_distance_mean": checks.ADVERSARY,
    "factor": core.FORM,
    "recommended_difference_mean": sweeps.K,
    "budget": sweeps.STOP,
    "blend_beaten_mean_pct": two_image.FORM,
}


def form_of(table: pd.DataFrame) -> Form:
    """Return how a table of this study is shown.

    Raises:
        ReveilError: it is none.
    """
    for column, form in _FORMS.items():
        if column in table:
            return form
    raise ReveilError(f"a table of {', '.join(table.columns)} is none of the study cvnn")


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
