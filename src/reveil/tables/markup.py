"""Rendering of the tables for readers: numbers with their intervals, in Markdown and HTML."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from reveil.captions import LPIPS_ABSENT
from reveil.power import seeds_statement
from reveil.tables.cells import (
    MEANS,
    SETTINGS,
    TEXT,
    attack_cells,
    estimate_cells,
    leak_cells,
    pair_cells,
    search_cells,
)

_STYLE = (
    "<style>table.reveil{border-collapse:collapse;font:14px/1.4 sans-serif}"
    "table.reveil th,table.reveil td{padding:4px 8px;border-bottom:1px solid #ccc;text-align:right;"
    "white-space:nowrap}table.reveil th{border-bottom:2px solid #333;white-space:normal;"
    "vertical-align:bottom}table.reveil td.text,table.reveil th.text{text-align:left}"
    "table.reveil caption{caption-side:bottom;text-align:left;padding-top:8px;max-width:60em}"
    "div.reveil{overflow-x:auto}</style>"
)
# Columns of an attack table that say the same as another wherever nothing sets them apart.
_ALIKE = {
    "psnr_original_mean_db": "psnr_mean_db",
    "psnr_content_mean_db": "psnr_mean_db",
    "psnr_unshifted_mean_db": "psnr_mean_db",
    "psnr_unshifted_original_mean_db": "psnr_unshifted_mean_db",
    "gain_content_mean_db": "gain_mean_db",
    "reid_used_share": "reid_share",
}
_SEARCH = ["protocol", "dataset", "model", "seed"]
_REGRESSION = [*_SEARCH[:3], "policy", "recipe", "attack", "defence"]


@dataclass(frozen=True)
class Form:
    """How the tables of another study are shown; those of this package are known by their columns.

    Attributes:
        cells: The cells of a row, by head.
        note: The sentences under the table.
        text: Heads of columns of words.
    """

    cells: Callable[[Mapping[str, Any]], dict[str, str]]
    note: Callable[[pd.DataFrame], str]
    text: frozenset[str]


def to_markdown(table: pd.DataFrame, *notes: str, form: Form | None = None) -> str:
    """Return a table as Markdown, with a line under it that counts failures.

    Args:
        table: The table.
        *notes: Sentences that follow in that line.
        form: How it is shown, if it is not one of this package.
    """
    shown = readable(table, form)
    lines = [shown.columns, ["---"] * shown.shape[1], *shown.itertuples(index=False)]
    rows = ("| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in lines)
    return "\n".join(rows) + f"\n\n{_markdown(note(table, *notes, form=form))}\n"


def _markdown_cell(cell: object) -> str:
    return _markdown(cell).replace("|", r"\|")


def _markdown(text: object) -> str:
    """Return a text of one line that is no markup: Markdown hands HTML on as it is."""
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\<", " ".join(str(text).splitlines()))


def to_html(table: pd.DataFrame, *notes: str, form: Form | None = None) -> str:
    """Return a table as a fragment of HTML that needs nothing else.

    The fragment brings its style and is pure ASCII, so that it reads the same in a report and
    opened as a file. The arguments are those of :func:`to_markdown`.
    """
    shown = readable(table, form)
    words = TEXT if form is None else form.text
    classes = ["text" if head in words else "number" for head in shown.columns]
    head = _html_row("th", shown.columns, classes)
    body = "".join(_html_row("td", cells, classes) for cells in shown.itertuples(index=False))
    markup = (
        f'{_STYLE}<div class="reveil"><table class="reveil"><caption>'
        f"{escape(note(table, *notes, form=form))}"
        f"</caption><thead>{head}</thead><tbody>{body}</tbody></table></div>\n"
    )
    return markup.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _html_row(tag: str, cells: Any, classes: list[str]) -> str:
    pairs = zip(cells, classes, strict=True)
    inner = (f'<{tag} class="{kind}">{escape(str(cell))}</{tag}>' for cell, kind in pairs)
    return f"<tr>{''.join(inner)}</tr>"


def note(table: pd.DataFrame, *notes: str, form: Form | None = None) -> str:
    """Return the line under a table: what its intervals are, and how many failures it left out."""
    if form is not None:
        return " ".join([form.note(table), *notes])
    unmeasured = "lpips_mean" in table and bool(table["lpips_mean"].isna().all())
    told = [LPIPS_ABSENT] * (unmeasured and LPIPS_ABSENT not in notes)
    return " ".join([_note(table), *told, *notes])


def _note(table: pd.DataFrame) -> str:
    if "quantity" in table:
        return "Values with 95 % intervals; n counts what the interval is over."
    if "first_label" in table:
        return (
            "Pairs whose accuracies do not differ by their 95 % interval (Newcombe). Differences: "
            "the first less the second, gains image by image; a lower gain protects better."
        )
    if "term" in table:
        return _regressions(table)
    # A search repeats its count on every policy that it selected.
    counted = table.drop_duplicates(_SEARCH) if "n_candidates" in table else table
    failed = int(counted["n_failed"].sum()) if "n_failed" in counted else 0
    failures = f"Failed and left out: {failed}."
    if "psnr_mean_db" not in table:
        return f"Means with 95 % intervals over images. {failures}"
    exact = int(table["n_exact"].sum())
    capped = f" Exact reconstructions, counted as 100 dB: {exact}." if exact else ""
    seeds = seeds_statement(int(table["n_seeds"].max()))
    return (
        "Means with 95 % intervals over images, each image averaged over seeds. Floor: the best of "
        "a random start, one mean colour and a black image; gain: PSNR above it. "
        f"{_left_out(table)}{_differences(table)}{failures}{capped} {seeds}"
    )


def _regressions(table: pd.DataFrame) -> str:
    fitted = table.groupby(_REGRESSION)["estimate"].count() > 0
    return (
        "Change of the gain over the best floor with one standard deviation (SD) of a property of "
        "the image, the others held fixed, with robust (HC3) 95 % intervals; class: share of the "
        "variance left that the classes explain. n counts images, each averaged over seeds, and "
        "classes those with an intercept of their own, 0 for one that all share. Settings without "
        f"a regression, as their notes tell: {int((~fitted).sum())} of {len(fitted)}."
    )


def _left_out(table: pd.DataFrame) -> str:
    """Return which columns of an attack table are not printed, as they repeat another."""
    heads = MEANS | {
        "gain_content_mean_db": "Gain on content",
        "reid_used_share": "Re-identified as what the victim used",
    }
    named = [heads[name].removesuffix(", dB") for name in _alike(table)]
    return f"Left out, equal to another column: {'; '.join(named)}. " if named else ""


def _differences(table: pd.DataFrame) -> str:
    """Return what the differences of an attack table are to, and how small they could be found."""
    compared = table[table["difference_n"] > 0]
    if compared.empty:
        return ""
    told = f"Difference: to the row of {'; '.join(compared['baseline'].unique())}, image by image"
    least = compared["gain_difference_detectable_db"]
    if least.isna().all():
        return f"{told}. "
    ends = list(dict.fromkeys(f"{end:.2f}" for end in (least.min(), least.max())))
    return f"{told}; smallest of gain found with 80 % power: {' to '.join(ends)} dB. "


def readable(table: pd.DataFrame, form: Form | None = None) -> pd.DataFrame:
    """Return a table with readable heads and cells, all of them text."""
    if table.empty:
        return pd.DataFrame({"Rows": ["none"]})
    records = table.to_dict("records")
    if form is not None:
        return _filled([form.cells(row) for row in records])
    if "psnr_mean_db" in table:
        varied = [c for c in SETTINGS if c in table and table[c].nunique() > 1]
        records = table.drop(columns=_silent(table)).to_dict("records")
        return _filled([attack_cells(row, varied) for row in records])
    if "quantity" in table:
        return pd.DataFrame([estimate_cells(row) for row in records])
    if "first_label" in table:
        return pd.DataFrame([pair_cells(row) for row in records])
    if "term" in table:
        return pd.DataFrame([leak_cells(row) for row in records])
    return _filled([search_cells(row) for row in records])


def _filled(cells: list[dict[str, str]]) -> pd.DataFrame:
    """Return rows of cells without the columns that are empty in all of them."""
    shown = pd.DataFrame(cells)
    return shown.loc[:, ~shown.isin(["", "-"]).all()]


def _alike(table: pd.DataFrame) -> list[str]:
    """Return the columns of an attack table that are another one in every row."""
    return [
        name
        for name, other in _ALIKE.items()
        if name in table and table[name].notna().any()
        if table[name].astype(float).round(6).equals(table[other].astype(float).round(6))
    ]


def _silent(table: pd.DataFrame) -> list[str]:
    """Return the columns of an attack table that tell nothing: repeated, or all labels right."""
    known = "label_correct_share" in table and not (table["label_correct_share"] < 1).any()
    return [*_alike(table), *["label_correct_share"] * known]
