"""Captions of the study's figures and tables, and its rows of docs/deviations.md."""

import re
from functools import cache
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined, Template

from reveil import config
from reveil.config.schema import DEFINITIONS, problems, section
from reveil.cvnn import names
from tests.unit.test_docs import markdown_tables, missing_key
from tests.workflow import ROOT

TABLES = (
    [f"exp{n:02}" for n in (1, 2, 3, 4, 8, 9, 10, 11)]
    + [f"ext{n:02}" for n in range(1, 14)]
    + ["core", "protection"]
)
FIGURES = [
    "exp05",
    "exp06",
    "exp07",
    "exp10",
    "exp11",
    "ext03",
    "ext08",
    "core",
    "grid",
    "errors",
    "curves",
]
ITEMS = [f"cvnn_table_{name}" for name in TABLES] + [f"cvnn_figure_{name}" for name in FIGURES]
HEADER = ["topic", "paper says", "report says", "codes do", "here (`fixed-cvnn`)", "switch"]
KINDS = {"protection": "protections", "attack": "feature_attacks", "recipe": "recipes",
         "protocol": "protocols"}  # fmt: skip


def rendered(item: str, dataset: str) -> str:
    caption = (ROOT / f"workflow/report/{item}.rst").read_text()
    study = {"datasets": [dataset], "experiments": {"datasets": [dataset]}}
    snakemake = {
        "config": {"run": "paper", "seeds": [0, 1], "studies": {"cvnn": study}},
        "params": {"seed": 7, "pages": [{"dataset": dataset, "protocol": "fixed-cvnn"}]},
    }
    return " ".join(
        Template(caption, undefined=StrictUndefined).render(snakemake=snakemake).split()
    )


@pytest.mark.parametrize("item", ITEMS)
def test_captions_say_where_to_look_the_source_and_what_is_synthetic(item):
    caption = rendered(item, "cifar10-synthetic")
    assert caption.endswith('Run "paper", seeds 0, 1.')
    assert "Synthetic: cifar10-synthetic" in caption
    assert "Synthetic" not in rendered(item, "cifar10")
    assert re.search(r"\bLook\b", caption)
    assert re.search(r"Xiang et al\. 2020|Knijff et al\. 2021|[Oo]urs", caption)
    sampled = re.search(r"\bn\b.*interval|interval.*\bn\b|no interval", caption)
    assert sampled or "an illustration" in caption


def test_every_caption_is_one_of_the_study():
    found = {path.stem for path in (ROOT / "workflow/report").glob("cvnn_*.rst")}
    assert found == set(ITEMS)


def test_illustrations_name_their_seed():
    for item in ("cvnn_figure_grid", "cvnn_figure_exp05", "cvnn_figure_exp06"):
        assert "one seed, 7" in rendered(item, "cifar10")


def deviations() -> list[dict[str, str]]:
    tables = markdown_tables((ROOT / "docs/deviations.md").read_text())
    found = [table for table in tables if table[0] == [*HEADER, "effect"]]
    return [dict(zip(table[0], row, strict=True)) for table in found for row in table[1:]]


@cache
def schema() -> dict[str, Any]:
    return config.load_schema(ROOT)


def wrong_switch(kind: str, named: str) -> str | None:
    """Return what is wrong with a switch, or None."""
    if kind == "model":
        return None if names.is_private(named) else "no private network"
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


@pytest.mark.parametrize("row", deviations(), ids=lambda row: row["topic"])
def test_every_switch_of_a_deviation_exists(row):
    wrong = {switch: wrong_switch(*switch) for switch in switches(row)}
    assert {switch: message for switch, message in wrong.items() if message} == {}
    assert all(row.values())


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("protection", "swap: always"),
        ("protection", "swaps"),
        ("attack", "decoder: resnet"),
        ("recipe", "adversary.loops"),
        ("recipe", "adversary.loop: sometimes"),
        ("protocol", "features.attacker_images: none"),
        ("model", "resnet22-alpha"),
        ("preset", "protections/rotations"),
        ("config", "seed"),
    ],
)
def test_a_switch_that_does_not_exist_is_noticed(kind, named):
    assert wrong_switch(kind, named)


def test_topics_are_told_once():
    topics = [row["topic"] for row in deviations()]
    assert len(topics) >= 50
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize(("kind", "definition"), [("protection", "protections"),
                                                   ("attack", "feature_attacks")])  # fmt: skip
def test_every_key_of_a_preset_has_a_row(kind, definition):
    keys = set(section(schema(), DEFINITIONS[definition])["properties"]) - {"base"}
    named = {name.split(":")[0] for row in deviations() for k, name in switches(row) if k == kind}
    # What a protection or an attack is, whose attack another builds on, and the arithmetic of the
    # computer are no deviations.
    assert keys - named <= {"kind", "method", "inner", "precision"}
