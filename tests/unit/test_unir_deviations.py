"""The rows of docs/deviations.md about unir name switches that exist, and leave out no key."""

import re
from functools import cache
from typing import Any

import pytest
import yaml

from reveil import config, datasets
from reveil.config.schema import DEFINITIONS, problems, section
from reveil.errors import ReveilError
from reveil.unir import names
from tests.unit.test_docs import markdown_tables, missing_key
from tests.workflow import ROOT

HEADER = [
    *("topic", "paper says", "report says", "codes do", "here (`fixed-unir`)", "switch", "effect"),
]
KINDS = {"operator": "operators", "reconstruction": "reconstructions", "recipe": "recipes",
         "protocol": "protocols"}  # fmt: skip


def deviations() -> list[dict[str, str]]:
    tables = markdown_tables((ROOT / "docs/deviations.md").read_text())
    found = [table for table in tables if table[0] == HEADER]
    return [dict(zip(HEADER, row, strict=True)) for table in found for row in table[1:]]


@cache
def schema() -> dict[str, Any]:
    return config.load_schema(ROOT)


def known_dataset(name: str) -> str | None:
    try:
        datasets.get(name)
    except ReveilError as error:
        return str(error)
    return None


def wrong_switch(kind: str, named: str) -> str | None:
    """Return what is wrong with a switch, or None."""
    if kind == "model":
        return None if names.is_reconstructor(named) else "no generator"
    if kind == "dataset":
        return known_dataset(named)
    if kind == "preset":
        return None if (ROOT / f"config/{named}.yaml").is_file() else "no such file"
    key, _, value = named.partition(": ")
    below = schema() if kind == "config" else section(schema(), DEFINITIONS[KINDS[kind]])
    if missing_key(key, below):
        return f"no key {missing_key(key, below)!r}"
    nested = yaml.safe_load(value) if value else None
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return ("; ".join(map(str, problems(nested, below))) or None) if value else None


def switches(row: dict[str, str]) -> list[tuple[str, str]]:
    if row["switch"] == "none":
        return []
    return [re.fullmatch(r"(\w+) `([^`]+)`", part).groups() for part in row["switch"].split("; ")]


def told(kind: str) -> set[str]:
    """Return the keys of a kind that some row names."""
    return {name.split(":")[0] for row in deviations() for k, name in switches(row) if k == kind}


@pytest.mark.parametrize("row", deviations(), ids=lambda row: row["topic"])
def test_every_switch_of_a_deviation_exists(row):
    wrong = {switch: wrong_switch(*switch) for switch in switches(row)}
    assert {switch: message for switch, message in wrong.items() if message} == {}
    assert all(row.values())


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("operator", "count: some"),
        ("operator", "rescaled"),
        ("reconstruction", "weights: best"),
        ("recipe", "reconstruction.d_inputs"),
        ("recipe", "reconstruction.lik_detach: all"),
        ("protocol", "reconstruction.test_corruption: never"),
        ("model", "resnet20-4"),
        ("dataset", "celeba-63"),
        ("preset", "recipes/unir-weight-2"),
        ("config", "seed"),
    ],
)
def test_a_switch_that_does_not_exist_is_noticed(kind, named):
    assert wrong_switch(kind, named)


def test_topics_are_told_once():
    topics = [row["topic"] for row in deviations()]
    assert len(topics) >= 50
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize(
    ("kind", "left_out"),
    # What an operator is, and what a log says, are no deviations.
    [("operator", {"kind", "base"}), ("reconstruction", {"base"})],
)
def test_every_key_of_a_preset_has_a_row(kind, left_out):
    keys = set(section(schema(), DEFINITIONS[KINDS[kind]])["properties"])
    assert keys - told(kind) <= left_out


def test_every_key_of_a_training_has_a_row():
    recipe = section(schema(), DEFINITIONS["recipes"])["properties"]["reconstruction"]
    keys = {f"reconstruction.{key}" for key in recipe["properties"]}
    assert keys - told("recipe") == {"reconstruction.log_every"}


def test_every_key_of_a_protocol_that_is_the_studys_has_a_row():
    protocol = section(schema(), DEFINITIONS["protocols"])["properties"]["reconstruction"]
    keys = {f"reconstruction.{key}" for key in protocol["properties"]}
    assert keys <= told("protocol")


def test_the_four_ambiguities_have_a_switch_with_its_other_value():
    said = [named for row in deviations() for kind, named in switches(row) if kind == "recipe"]
    for key in ("d_input", "lik_detach", "lik_share_noise", "reduction"):
        assert [name for name in said if name.startswith(f"reconstruction.{key}: ")], key
