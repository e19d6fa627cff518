"""The table of verdicts for readers: Markdown, and HTML that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from reveil.tables.labels import SOURCES as TITLES
from reveil.verdicts.decide import Verdict
from reveil.verdicts.words import edited, ours, text

STUDIES = {
    "ats": "Transformation search (ats)",
    "cvnn": "Complex-valued networks (cvnn)",
    "unir": "Reconstruction from measurements (unir)",
}
# The original is another paper in each study, and of a claim of one's own none at all.
_SOURCE_TITLES = {
    **{name: title for named in TITLES.values() for name, title in named.items()},
    "guo2020": "Guo et al. 2020",
    "original": "original",
}
_CONCLUSION = "_conclusion"
HEADS = ("Claim", "Verdict", "What decides it", "Ours", "Demonstration", "Sources")
NOTE = (
    "A verdict is that of a criterion written down before our numbers, or it stands beside the "
    "claim when it was edited: supported or contradicted if the whole interval lies on one side of "
    "the margin, undecided if it is too wide, not run if less was run than the criterion asks for. "
    "What smaller runs say then stands under Demonstration, and proves nothing. The number is the "
    "one that the verdict hangs on, the least favourable to the claim. Intervals of one seed speak "
    "of other images and not of other trainings; of several seeds they speak of both. To support a "
    "claim every cell has to support it, which needs no correction for multiple comparisons; a "
    "single cell contradicts it, so that a star marks claims that intervals corrected for all of "
    "their cells (Bonferroni) do not contradict."
)
_WIDTHS = "<colgroup>" + "".join(f'<col style="width:{w}%">' for w in (28, 11, 21, 13, 15, 12))
_STYLE = (
    "<style>:root{color-scheme:light dark}"
    ".verdicts{font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}"
    ".verdicts table{border-collapse:collapse;width:100%}"
    ".verdicts caption{text-align:left;padding:.3rem 0 .8rem;max-width:60em;opacity:.85}"
    ".verdicts th,.verdicts td{text-align:left;vertical-align:top;padding:.5rem .7rem;"
    "border-bottom:1px solid color-mix(in srgb,currentColor 22%,transparent)}"
    ".verdicts thead th{border-bottom-width:2px}.verdicts tbody th{font-weight:600}"
    ".verdicts .id{font:12px ui-monospace,monospace;opacity:.75}"
    ".verdicts .v{display:inline-block;padding:.1em .55em;border-radius:1em;white-space:nowrap;"
    "font-weight:600;border:1px solid currentColor}"
    ".verdicts .supported{color:light-dark(#14632f,#7fd99a)}"
    ".verdicts .contradicted{color:light-dark(#9c1c1c,#ff9c92)}"
    ".verdicts .undecided{color:light-dark(#7a4b00,#f0c060)}"
    ".verdicts .not-run{color:light-dark(#555,#b5b5b5)}"
    ".verdicts td{font-variant-numeric:tabular-nums}"
    ".verdicts details summary{cursor:pointer}.verdicts small{opacity:.8}"
    # On a telephone a claim is a card, each of its cells under the name of its column.
    "@media(max-width:52rem){.verdicts :is(table,caption,tbody,tr,td,tbody th){display:block}"
    ".verdicts thead,.verdicts td:empty{display:none}"
    ".verdicts td{border:0;padding:.2rem 0}.verdicts tbody th{padding:.8rem 0 .4rem}"
    ".verdicts tr{padding:.6rem 0;"
    "border-bottom:1px solid color-mix(in srgb,currentColor 22%,transparent)}"
    ".verdicts td:not(:first-child)::before{content:attr(data-head);display:block;"
    "font-size:12px;opacity:.75}}</style>"
)


def to_markdown(table: pd.DataFrame, *, links: str = "") -> str:
    """Return the table of verdicts as Markdown.

    Args:
        table: Rows of :func:`reveil.verdicts.frames.verdict_table`, read or made.
        links: What goes before a link to the criteria; without it there are none.
    """
    lines = []
    for study, part in table.groupby("study", sort=False):
        lines += [f"**{STUDIES.get(str(study), study)}**", ""]
        lines += ["| " + " | ".join(HEADS) + " |", "| " + " | ".join(["---"] * len(HEADS)) + " |"]
        for row in part.to_dict("records"):
            cells = [claim(row, links), _verdict(row), _decides(row), ours(row)]
            cells += [_demonstration(row), sources(row)]
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join([*lines, NOTE, ""])


def to_html(table: pd.DataFrame) -> str:
    """Return the table of verdicts as a fragment of HTML of its own style, in pure ASCII."""
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = []
    for study, part in table.groupby("study", sort=False):
        name = escape(STUDIES.get(str(study), str(study)))
        body.append(f'<tr><th colspan="{len(HEADS)}" scope="rowgroup">{name}</th></tr>')
        body += [_html_row(row) for row in part.to_dict("records")]
    markup = (
        f'{_STYLE}<div class="verdicts"><table><caption>{escape(NOTE)}</caption>{_WIDTHS}'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>\n"
    )
    return markup.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _html_row(row: Mapping[str, Any]) -> str:
    verdict = str(row["verdict"])
    reason = _why(text(row["reason"]), verdict)
    told = escape(text(row["demonstration_of"]))
    shown = escape(text(row["demonstration"]))
    criterion = escape(text(row["criterion"]))
    cells = [
        f'{escape(text(row["statement"]))} <span class="id">{escape(row["claim"])}</span>'
        f"<details><summary>{escape(f'criterion {edited(row)}'.strip())}</summary>"
        f"<small>{criterion} "
        f"({escape(text(row['criterion_standing']))})</small></details>",
        f'<span class="v {verdict.replace(" ", "-")}">{escape(verdict)}{_star(row)}</span>{reason}',
        escape(_decides(row)),
        escape(ours(row)).replace(", n = ", "<br>n = "),
        f"{shown}{f'<br><small>{told}</small>' if told else ''}",
        "<br>".join(map(escape, _sources(row))),
    ]
    heads = zip(HEADS, cells, strict=True)
    row = "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in heads)
    return f"<tr>{row}</tr>"


def _why(reason: str, verdict: str) -> str:
    """Return the reason of a verdict: open, unless it is all that was not run."""
    if not reason:
        return ""
    said = f"<small>{escape(reason)}</small>"
    if verdict == Verdict.NOT_RUN:
        return f"<details><summary>why</summary>{said}</details>"
    return f"<br>{said}"


def sources(row: Mapping[str, Any]) -> str:
    """Return the conclusion of each source: ``original: claimed; Drabent et al. 2022: mixed``."""
    return "; ".join(_sources(row))


def _sources(row: Mapping[str, Any]) -> list[str]:
    said = {
        key.removesuffix(_CONCLUSION): text(value)
        for key, value in row.items()
        if key.endswith(_CONCLUSION)
    }
    return [f"{_SOURCE_TITLES.get(name, name)}: {told}" for name, told in said.items() if told]


def claim(row: Mapping[str, Any], links: str = "") -> str:
    """Return a claim in Markdown: what it says, its name, and the standing of an edited criterion.

    Args:
        row: of the table of verdicts.
        links: see :func:`to_markdown`.
    """
    name = f"[`{row['claim']}`]({links})" if links else f"`{row['claim']}`"
    told = f"{row['statement']} {name}"
    standing = edited(row)
    return f"{told} (criterion {standing})" if standing else told


def _verdict(row: Mapping[str, Any]) -> str:
    reason = "" if row["verdict"] == Verdict.NOT_RUN else text(row["reason"])
    return f"**{row['verdict']}**{_star(row)}" + (f", {reason}" if reason else "")


def _star(row: Mapping[str, Any]) -> str:
    contradicted = row["verdict"] == Verdict.CONTRADICTED
    return "*" if contradicted and row["verdict_adjusted"] != row["verdict"] else ""


def _decides(row: Mapping[str, Any]) -> str:
    if not text(row["statistic"]):
        return ""
    return f"{row['test']}: {row['statistic']} ({row['cell']})"


def _demonstration(row: Mapping[str, Any]) -> str:
    told = text(row["demonstration_of"])
    return text(row["demonstration"]) + (f" ({told})" if told else "")


def summary(table: pd.DataFrame) -> str:
    """Return how many claims came out each way: ``2 supported, 1 contradicted, 23 not run``."""
    counts = table["verdict"].value_counts()
    order: Sequence[Verdict] = list(Verdict)
    return ", ".join(f"{counts[str(v)]} {v}" for v in order if str(v) in counts)
