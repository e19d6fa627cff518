"""The rows of docs/deviations.md about unir name switches that exist, and leave out no key."""

import pytest

from reveil import datasets
from reveil.config.schema import DEFINITIONS, section
from reveil.errors import ReveilError
from reveil.unir import names
from tests.markdown import deviations, schema, switches, wrong_switch

HEADER = [
    *("topic", "paper says", "report says", "codes do", "here (`fixed-unir`)", "switch", "effect"),
]
KINDS = {"operator": "operators", "reconstruction": "reconstructions", "recipe": "recipes",
         "protocol": "protocols"}  # fmt: skip


def known_dataset(name: str) -> str | None:
    try:
        datasets.get(name)
    except ReveilError as error:
        return str(error)
    return None


def model_problem(named: str) -> str | None:
    return None if names.is_reconstructor(named) else "no generator"


OWN = {"model": model_problem, "dataset": known_dataset}
ROWS = deviations(HEADER)


def told(kind: str) -> set[str]:
    """Return the keys of a kind that some row names."""
    return {name.split(":")[0] for row in ROWS for k, name in switches(row) if k == kind}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["topic"])
def test_every_switch_of_a_deviation_exists(row):
    wrong = {switch: wrong_switch(*switch, KINDS, OWN) for switch in switches(row)}
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
    assert wrong_switch(kind, named, KINDS, OWN)


def test_topics_are_told_once():
    topics = [row["topic"] for row in ROWS]
    assert len(topics) >= 50
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize(
    ("kind", "left_out"),
    # What an operator is, and what a plug-in takes, are no deviations.
    [("operator", {"kind", "base", "parameters"}), ("reconstruction", {"base", "parameters"})],
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
    said = [named for row in ROWS for kind, named in switches(row) if kind == "recipe"]
    for key in ("d_input", "lik_detach", "lik_share_noise", "reduction"):
        assert [name for name in said if name.startswith(f"reconstruction.{key}: ")], key
