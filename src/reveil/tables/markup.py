"""Rendering of the tables for readers: numbers with their intervals, in Markdown and HTML."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES, dataset_title, model_title

_HEADS = {
    "protocol": "Protocol",
    "dataset": "Dataset",
    "model": "Model",
    "seed": "Seed",
    "rank": "Rank",
    "rank_distinct": "Rank among distinct",
    "index": "Index",
    "operation": "Transformation",
    "operations": "Operations",
    "same_as": "Same function as",
    "policy": "Policy",
    "label": "Known as",
    "s_pri": "S_pri [95 %]",
    "s_pri_n": "Images",
    "s_pri_difference": "S_pri minus None",
    "s_acc": "S_acc",
    "n_seeds": "Seeds",
    "n_failed": "Failed",
    "n_candidates": "Candidates",
    "n_passing": "Passing the filter",
    "top_five_original": "Top five of Gao et al. 2021",
    "top_five_drabent2022": "Top five of Drabent et al. 2022",
}
_STYLE = (
    "<style>table.reveil{border-collapse:collapse;font:14px/1.4 sans-serif}"
    "table.reveil th,table.reveil td{padding:4px 8px;border-bottom:1px solid #ccc;text-align:right;"
    "white-space:nowrap}table.reveil th{border-bottom:2px solid #333;white-space:normal;"
    "vertical-align:bottom}table.reveil td.text,table.reveil th.text{text-align:left}"
    "table.reveil caption{caption-side:bottom;text-align:left;padding-top:8px;max-width:60em}"
    "div.reveil{overflow-x:auto}</style>"
)
_SEARCH = ["protocol", "dataset", "model", "seed"]
_TEXT_COLUMNS = frozenset(
    _HEADS[name]
    for name in ("protocol", "dataset", "model", "policy", "operation", "operations", "same_as")
)


def to_markdown(table: pd.DataFrame) -> str:
    """Return a table of this package as Markdown, with a line under it that counts failures."""
    shown = readable(table)
    lines = [shown.columns, ["---"] * shown.shape[1], *shown.itertuples(index=False)]
    rows = (
        "| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines
    )
    return "\n".join(rows) + f"\n\n{note(table)}\n"


def to_html(table: pd.DataFrame) -> str:
    """Return a table of this package as a fragment of HTML that needs nothing else.

    The fragment brings its style and is pure ASCII, so that it reads the same in a report and
    opened as a file.
    """
    shown = readable(table)
    classes = ["text" if head in _TEXT_COLUMNS else "number" for head in shown.columns]
    head = _html_row("th", shown.columns, classes)
    body = "".join(_html_row("td", cells, classes) for cells in shown.itertuples(index=False))
    markup = (
        f'{_STYLE}<div class="reveil"><table class="reveil"><caption>{escape(note(table))}'
        f"</caption><thead>{head}</thead><tbody>{body}</tbody></table></div>\n"
    )
    return markup.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _html_row(tag: str, cells: Any, classes: list[str]) -> str:
    pairs = zip(cells, classes, strict=True)
    inner = (f'<{tag} class="{kind}">{escape(str(cell))}</{tag}>' for cell, kind in pairs)
    return f"<tr>{''.join(inner)}</tr>"


def note(table: pd.DataFrame) -> str:
    """Return the line under a table: what its intervals are, and how many failures it left out."""
    # A search repeats its count on every policy that it selected.
    counted = table.drop_duplicates(_SEARCH) if "n_candidates" in table else table
    failed = int(counted["n_failed"].sum()) if len(table) else 0
    failures = f"Failed and left out: {failed}."
    if "psnr_mean_db" not in table:
        return f"Means with 95 % intervals over images. {failures}"
    exact = int(table["n_exact"].sum())
    capped = f" Exact reconstructions, counted as 100 dB: {exact}." if exact else ""
    return (
        "Means with 95 % intervals over images, each image averaged over seeds. Floor: the best of "
        "a random start, one mean colour and a black image; gain: PSNR above it. Difference: to "
        f"the baseline, image by image. {failures}{capped}"
    )


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of this package with readable heads and cells, all of them text."""
    if table.empty:
        return pd.DataFrame({"Rows": ["none"]})
    records = table.to_dict("records")
    if "psnr_mean_db" in table:
        return pd.DataFrame([_policy_cells(row) for row in records])
    return pd.DataFrame([_search_cells(row) for row in records])


def _policy_cells(row: Mapping[str, Any]) -> dict[str, str]:
    cells = {
        "Protocol": str(row["protocol"]),
        "Dataset": dataset_title(row["dataset"]),
        "Model": model_title(row["model"]),
        "Policy": str(row["label"]),
        "PSNR, dB [95 %]": _interval(row, "psnr", "_db"),
        "SD": _number(row["psnr_std_db"]),
        "Images": f"{row['n_images']:.0f}",
        "Seeds": f"{row['n_seeds']:.0f}",
        "Failed": f"{row['n_failed']:.0f}",
        "Floor, dB": _number(row["floor_db"]),
        "Gain, dB [95 %]": _interval(row, "gain", "_db", sign="+"),
        "Gain > 0": _number(100 * row["gain_positive_share"], 0, " %"),
        "Worst (max) PSNR, dB": _number(row["psnr_max_db"]),
        "SSIM [95 %]": _interval(row, "ssim", digits=3),
        "Difference, dB [95 %]": _interval(row, "difference", "_db", sign="+"),
        "Clean accuracy, % [95 %]": _accuracy(row, "clean"),
        "Transformed accuracy, % [95 %]": _accuracy(row, "transformed"),
        "Test images": f"{row['n_test']:.0f}",
    }
    return cells | {title: _paper(row, source) for source, title in SOURCE_TITLES.items()}


def _search_cells(row: Mapping[str, Any]) -> dict[str, str]:
    special = {
        "dataset": lambda: dataset_title(row["dataset"]),
        "model": lambda: model_title(row["model"]),
        "s_pri": lambda: _bracketed(row["s_pri"], row["s_pri_low"], row["s_pri_high"], 3),
        "s_pri_difference": lambda: _number(row["s_pri_difference"], 3, sign="+"),
        "s_acc": lambda: _number(row["s_acc"], 1),
    }
    return {
        head: special[name]() if name in special else _plain(row[name])
        for name, head in _HEADS.items()
        if name in row
    }


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    # NumPy's booleans are not Python's; both are told by their name.
    if type(value).__name__.startswith("bool"):
        return "yes" if value else ""
    return _number(value, 0)


def _number(value: float, digits: int = 2, unit: str = "", *, sign: str = "") -> str:
    return "-" if pd.isna(value) else f"{value:{sign}.{digits}f}{unit}"


def _bracketed(mean: float, low: float, high: float, digits: int, sign: str = "") -> str:
    text = _number(mean, digits, sign=sign)
    if pd.isna(low) or pd.isna(high):
        return text
    return f"{text} [{_number(low, digits, sign=sign)}, {_number(high, digits, sign=sign)}]"


def _interval(
    row: Mapping[str, Any], name: str, unit: str = "", *, digits: int = 2, sign: str = ""
) -> str:
    ends = (row[f"{name}_{end}{unit}"] for end in ("mean", "low", "high"))
    return _bracketed(*ends, digits, sign)


def _accuracy(row: Mapping[str, Any], measure: str) -> str:
    names = (f"accuracy_{measure}_{end}" for end in ("pct", "low_pct", "high_pct"))
    return _bracketed(*(row[name] for name in names), 1)


def _paper(row: Mapping[str, Any], source: str) -> str:
    psnr, accuracy = row[f"{source}_psnr_db"], row[f"{source}_accuracy_pct"]
    if psnr == accuracy == NOT_AVAILABLE:
        return NOT_AVAILABLE
    parts = ((psnr, " dB"), (accuracy, " %"))
    # A column with text in it reads back from CSV as text, numbers included.
    return ", ".join(
        NOT_AVAILABLE if value == NOT_AVAILABLE else f"{float(value):.2f}{unit}"
        for value, unit in parts
    )
