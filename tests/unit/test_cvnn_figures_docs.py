"""Captions of the study's figures and tables, and its rows of docs/deviations.md."""

import pytest

from reveil.config.schema import DEFINITIONS, section
from reveil.cvnn import names
from tests import captions
from tests.markdown import deviations, schema, switches, wrong_switch
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
SOURCES = r"Xiang et al\. 2020|Knijff et al\. 2021|[Oo]urs"
HEADER = ["topic", "paper says", "report says", "codes do", "here (`fixed-cvnn`)", "switch"]
KINDS = {"protection": "protections", "attack": "feature_attacks", "recipe": "recipes",
         "protocol": "protocols"}  # fmt: skip


@pytest.mark.parametrize("item", ITEMS)
def test_captions_say_where_to_look_the_source_and_what_is_synthetic(item):
    captions.check("cvnn", item, "cifar10", SOURCES)


def test_every_caption_is_one_of_the_study():
    found = {path.stem for path in (ROOT / "workflow/report").glob("cvnn_*.rst")}
    assert found == set(ITEMS)


def test_illustrations_name_their_seed():
    for item in ("cvnn_figure_grid", "cvnn_figure_exp05", "cvnn_figure_exp06"):
        assert "one seed, 7" in captions.rendered("cvnn", item, "cifar10")


def model_problem(named: str) -> str | None:
    return None if names.is_private(named) else "no private network"


OWN = {"model": model_problem}
ROWS = deviations([*HEADER, "effect"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["topic"])
def test_every_switch_of_a_deviation_exists(row):
    wrong = {switch: wrong_switch(*switch, KINDS, OWN) for switch in switches(row)}
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
    assert wrong_switch(kind, named, KINDS, OWN)


def test_topics_are_told_once():
    topics = [row["topic"] for row in ROWS]
    assert len(topics) >= 50
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize(("kind", "definition"), [("protection", "protections"),
                                                   ("attack", "feature_attacks")])  # fmt: skip
def test_every_key_of_a_preset_has_a_row(kind, definition):
    keys = set(section(schema(), DEFINITIONS[definition])["properties"]) - {"base"}
    named = {name.split(":")[0] for row in ROWS for k, name in switches(row) if k == kind}
    # What a protection or an attack is, whose attack another builds on, the arithmetic of the
    # computer and what a plug-in takes are no deviations.
    assert keys - named <= {"kind", "method", "inner", "precision", "parameters"}
