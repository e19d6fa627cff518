"""A printed table in its three forms, with what has to stand under it."""

from typing import Any

import pandas as pd

from reveil.captions import lpips_note, synthetic_note
from reveil.files import write_csv, write_text
from reveil.tables.markup import Form, to_html, to_markdown


def write(
    table: pd.DataFrame,
    output: Any,
    images: pd.DataFrame | None = None,
    *notes: str,
    form: Form | None = None,
) -> None:
    """Write a table as CSV, Markdown and HTML.

    Args:
        table: one of this package, or of another study with its form.
        output: its paths, as attributes ``csv``, ``markdown`` and ``html``.
        images: the tidy table that it was made of, if it was.
        *notes: sentences for the line under it, after those that the data calls for.
        form: how a table of another study is shown.
    """
    told = [synthetic_note(table), *notes]
    told += [lpips_note(images)] if images is not None and "lpips_mean" in table else []
    told = [note for note in told if note]
    write_csv(output.csv, table)
    write_text(output.markdown, to_markdown(table, *told, form=form))
    write_text(output.html, to_html(table, *told, form=form))
