"""Every work that pages, docstrings and comments name is on the page of references."""

import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.markdown import markdown_tables
from tests.workflow import ROOT

PAGE = (ROOT / "docs/references.md").read_text()
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PLACES = ("docs", "src", "config", "benchmarks", "workflow")
ENDINGS = (".md", ".py", ".yaml")
# A name, perhaps others, perhaps a venue, and a year: "Gao et al. (CVPR 2021)", "Nocedal 1980".
WORK = re.compile(
    r"\b([A-Z][^\W\d_]+(?:\s+et\s+al\.?|(?:\s+and|\s+&|,)\s+[A-Z][^\W\d_]+)*),?\s+"
    r"\(?(?:(?:CVPR|ICLR|ReScience C)\s+)?((?:18|19|20)\d\d)\b(?![-/])"
)
# What stands before a year and is no author.
OTHER = {"CVPR", "ICLR", "ICCV", "ECCV", "ICML", "NeurIPS", "GPU", "RTX", "Southampton"}


def plain(words: str) -> str:
    """Return words in small letters without accents."""
    parts = unicodedata.normalize("NFKD", words)
    return "".join(c for c in parts if not unicodedata.combining(c)).lower()


@cache
def listed() -> list[str]:
    """Return the names of the works of the page."""
    tables = [t for t in markdown_tables(PAGE) if t[0] == ["work", "what it is", "here"]]
    return [plain(row[0]) for table in tables for row in table[1:]]


def missing(text: str) -> set[tuple[str, str]]:
    """Return (authors, year) of each work that a text names and the page does not list."""
    # Citations run on over the lines of comments.
    found = set(WORK.findall(re.sub(r"\n\s*#?\s*", " ", text)))
    return {(who, year) for who, year in found if not known(who, year)}


def known(who: str, year: str) -> bool:
    """Tell whether the page lists a work of any of these authors and this year."""
    authors = set(re.findall(r"[A-Z][^\W\d_]+", who)) - OTHER
    rows = [name for name in listed() if year in name]
    return not authors or any(plain(author) in name for author in authors for name in rows)


def texts() -> list[Path]:
    return [
        path
        for place in PLACES
        for path in sorted((ROOT / place).rglob("*"))
        if path.suffix in ENDINGS and path != ROOT / "docs/references.md"
    ]


def test_every_work_that_is_named_is_listed() -> None:
    found = {path.relative_to(ROOT).as_posix(): missing(path.read_text()) for path in texts()}
    assert len(found) > 300
    assert {path: works for path, works in found.items() if works} == {}


@pytest.mark.parametrize(
    "text",
    [
        *("as Zhu et al. 2020 do", "(Nobody 1999)", "Some and Other (2001), chapter 4"),
        *("Gao et al. (CVPR 2022)", "# of Some et\n    # al. 2001", "Zhang et al. 2017"),
    ],
)
def test_a_work_that_is_not_listed_is_noticed(text: str) -> None:
    assert missing(text)


def test_a_work_is_known_by_any_of_its_names() -> None:
    assert (
        missing("(DLG, Zhu et al. 2019), Astrom et al. 2016, Wright (2000), in CVPR 2021") == set()
    )


def test_every_row_is_complete_and_named_once() -> None:
    assert len(listed()) > 40 and len(set(listed())) == len(listed())
    for table in markdown_tables(PAGE):
        assert [row for row in table if not all(row)] == []


def test_the_references_of_the_citation_file_are_on_the_page_with_their_links() -> None:
    for work in CITATION["references"]:
        author = plain(work["authors"][0]["family-names"].split()[-1])
        assert any(author in name and str(work["year"]) in name for name in listed()), author
        for key in ("doi", "url", "repository-code"):
            assert work.get(key, "") in PAGE, (author, key)


def test_the_entry_for_reveil_is_that_of_the_citation_file() -> None:
    entry = dict(re.findall(r"^  (\w+) += \{+(.*?)\}+,?$", PAGE, flags=re.MULTILINE))
    (author,) = CITATION["authors"]
    assert entry == {
        "author": author["name"],
        "title": CITATION["title"],
        "version": CITATION["version"],
        "license": CITATION["license"],
    }
