"""Texts that are markup to a browser: shown as what they are, in every kind of table."""

import re

import pandas as pd
import pytest

from reveil.tables.markup import Form, to_html, to_markdown

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><h1>x",
    '"><svg onload=alert(1)>',
    "<!-- x -->",
    "a\n| injected | row |",
    "&lt;script&gt;",
]


def table() -> pd.DataFrame:
    return pd.DataFrame({"Policy": ATTACKS})


FORM = Form(
    cells=lambda row: {"Policy": row["Policy"], "<b>Head</b>": "p <0.05"},
    note=lambda table: f"Policies: {table['Policy'].iloc[0]}",
    text=frozenset({"Policy"}),
)


def test_html_has_no_tag_but_its_own() -> None:
    page = to_html(table(), ATTACKS[1], form=FORM)
    tags = set(re.findall(r"<\s*/?\s*([A-Za-z!?][\w-]*)", page))
    assert tags == {"style", "div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&amp;lt;script&amp;gt;" in page
    assert page.isascii()


@pytest.mark.parametrize("text", ATTACKS)
def test_markdown_hands_no_tag_on(text: str) -> None:
    page = to_markdown(pd.DataFrame({"Policy": [text]}), text, form=FORM)
    assert not re.search(r"(?<!\\)<[A-Za-z/!?]", page)
    # A head, a rule, a row, an empty line and the note.
    assert len(page.splitlines()) == 5
    assert "p <0.05" in page
