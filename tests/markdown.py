"""Tables of Markdown pages, and the rows of docs/deviations.md with the switches that they name."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from reveil import config
from reveil.config.schema import DEFINITIONS, problems, resolved, section
from tests.workflow import ROOT

DEVIATIONS = ROOT / "docs/deviations.md"


def markdown_tables(text: str) -> Iterator[list[list[str]]]:
    """Yield every table as rows of cells, the header first, without the line under it."""
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
        yield [[cell.strip() for cell in line] for line in lines[:1] + lines[2:]]


def deviations(header: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of the tables of deviations with this header."""
    found = [t for t in markdown_tables(DEVIATIONS.read_text()) if t[0] == list(header)]
    return [dict(zip(header, row, strict=True)) for table in found for row in table[1:]]


def switches(row: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (kind, what stands in backquotes) for every switch that a row names."""
    if row["switch"] == "none":
        return []
    return [re.fullmatch(r"(\w+) `([^`]+)`", part).groups() for part in row["switch"].split("; ")]


@cache
def schema() -> dict[str, Any]:
    return config.load_schema(ROOT)


def missing_key(key: str, below: Mapping[str, Any]) -> str | None:
    """Return the part of a dotted key that the schema does not have, or None."""
    for part in key.split("."):
        below = resolved(below, schema())
        if part not in below.get("properties", {}):
            return part
        below = below["properties"][part]
    return None


def wrong_switch(
    kind: str,
    named: str,
    presets: Mapping[str, str],
    own: Mapping[str, Callable[[str], str | None]],
) -> str | None:
    """Return what is wrong with a switch, or None.

    Args:
        kind: ``preset``, ``config``, or a key of one of the two below.
        named: what it names: a name, a key, or ``key: value``.
        presets: kind -> folder of the presets whose keys it names.
        own: kind -> what is wrong with a name of it.
    """
    if kind in own:
        return own[kind](named)
    if kind == "preset":
        return None if (ROOT / f"config/{named}.yaml").is_file() else "no such file"
    key, _, value = named.partition(": ")
    below = schema() if kind == "config" else section(schema(), DEFINITIONS[presets[kind]])
    if missing := missing_key(key, below):
        return f"no key {missing!r}"
    if not value:
        return None
    nested: Any = yaml.safe_load(value)
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return "; ".join(map(str, problems(nested, below))) or None
