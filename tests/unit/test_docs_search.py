"""The page on the search and the glossary say what the code does."""

import json
import re
from typing import Any

import pytest
import torch

from reveil import config, cosines, lists, scores, selection
from reveil.aliases import PASSING
from reveil.library import IDENTITY, LIBRARY, function_name
from reveil.verdicts import criteria
from tests.markdown import markdown_tables, wrong_switch
from tests.unit.test_docs import KINDS, PROTOCOLS, differing, flat, papers_config, protocol
from tests.workflow import ROOT

PAGE = (ROOT / "docs/reference/search.md").read_text()
GLOSSARY = (ROOT / "docs/glossary.md").read_text()
WORDS = " ".join(PAGE.split())
# Datasets of the columns of search models: the last two are one protocol's.
MODELS = ["fixed", "orig2021", "drabent2022", "warmerdam2022", "warmerdam2022"]
DATA = ["cifar100", "cifar100", "cifar100", "cifar100", "fashion-mnist"]


def table(first: str) -> list[list[str]]:
    """Return the rows of the table whose first head is this."""
    (found,) = (t for t in markdown_tables(PAGE) if t[0][0] == first)
    return found[1:]


def spelled(value: Any) -> str:
    """Return a value of a preset as tables have it."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def told(rows: list[list[str]]) -> dict[str, list[str]]:
    """Return {key: values} of a table of presets, "the same" spelled out."""
    return {
        row[0].strip("`"): [row[1] if cell == "the same" else cell for cell in row[1:]]
        for row in rows
    }


# --- sources ------------------------------------------------------------------------------------


def test_what_sources_do_otherwise_is_told_in_full() -> None:
    switches = [flat(protocol(name)) for name in MODELS[:4]]
    assert set(MODELS) == set(PROTOCOLS)
    keys = {
        key
        for key in differing([protocol(name) for name in MODELS[:4]])
        if key.startswith("search.")
    }
    values = told(table("key"))
    assert set(values) == keys | {"recipes.tiny"}
    for key, cells in values.items():
        assert cells == [spelled(one[key]) for one in switches], key


def test_the_recipes_of_search_models_are_told_in_full() -> None:
    recipes = [
        config.resolve_recipe(
            papers_config(), ROOT, protocol(name)["recipes"]["tiny"], data, "resnet20-4"
        )
        for name, data in zip(MODELS, DATA, strict=True)
    ]
    values = told(table("the search model's recipe"))
    # A fraction that all share is told beside its rule.
    assert set(values) == differing(recipes) | {"subset.fraction"}
    for key, cells in values.items():
        assert cells == [spelled(flat(one)[key]) for one in recipes], key


def test_keys_and_values_of_fixed_are_those_of_the_protocol() -> None:
    search = flat(protocol("fixed")["search"])
    short = set(re.findall(r"`((?:search\.)?(?:s_pri|s_acc)\.\w+)(?:: \w+)?`", PAGE))
    assert len(short) > 10
    for key in short:
        assert not wrong_switch("protocol", f"search.{key.removeprefix('search.')}", KINDS, {}), key
    said = dict(re.findall(r"`([\w.]+)` \((-?[\d,.]+)[),]", WORDS))
    assert {"candidates", "slots", "slot_max", "s_pri.points", "final"} <= set(said)
    blocks = {"studies.ats.candidate_block"}
    for key in set(said) - blocks:
        assert float(said[key].replace(",", "")) == search[key], key


# --- formulas -----------------------------------------------------------------------------------


def test_the_integrals_of_the_example_are_those_of_the_code() -> None:
    rows = table("GradSim at 0, 1/2 and 1")
    assert len(rows) == 2
    for curve, *cells in rows:
        values = torch.tensor([float(part) for part in curve.split(",")], dtype=torch.float64)
        for cell, rule in zip(cells, ("trapezoid", "left"), strict=True):
            assert f"{scores.integrate(values, rule):.2f}" == cell


def correlated(r: float) -> torch.Tensor:
    """Return two rows whose correlation is r."""
    drawn = torch.randn(2, 400, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one, other = torch.linalg.qr((drawn - drawn.mean(1, keepdim=True)).T)[0].T
    return torch.stack([one, r * one + (1 - r * r) ** 0.5 * other])


def test_the_accuracy_scores_of_the_example_are_those_of_the_code() -> None:
    rows = table("two rows that correlate by")
    assert [row[0] for row in rows] == ["0", "0.5", "0.9", "0.99", "1"]
    for r, cell in rows:
        found = scores.correlation_scores(correlated(float(r)), torch.tensor([2]))
        assert float(found) == pytest.approx(float(cell), abs=0.006)


def test_a_repeated_and_a_constant_row_cost_what_is_said() -> None:
    rows = torch.cat([correlated(0.0), torch.ones(1, 400, dtype=torch.float64)])
    two, constant = (float(scores.correlation_scores(rows[:n], torch.tensor([n]))) for n in (2, 3))
    repeated = float(scores.correlation_scores(rows[[0, 1, 0]], torch.tensor([3])))
    assert two == pytest.approx(-2, abs=1e-4)
    assert two - constant == pytest.approx(1e5, rel=0.001)
    assert two - repeated == pytest.approx(1e5, rel=0.001)


def test_constants_are_those_of_the_code() -> None:
    assert {float(said) for said in re.findall(r"x_\w\)\|, (\S+?)\)", PAGE)} == {cosines.COSINE_EPS}
    eps = {float(said) for said in re.findall(r"sigma_i \+ (\S+?)\)", PAGE)}
    assert eps == {scores.EIGENVALUE_EPS}
    weights = re.search(r"by ([\d.]+) m \+ ([\d.]+) v", WORDS)
    assert tuple(map(float, weights.groups())) == selection.TPAMI_WEIGHTS
    assert {row[0].strip("`") for row in table("`s_acc.inits`")} == set(scores.INITS)
    assert f"`passing-1` to `passing-{PASSING}`" in PAGE
    functions = [function_name(op) for op in LIBRARY]
    assert f"{50 - len(set(functions))} of the 50 transformations repeat another" in WORDS
    idle = [str(op.index) for op in LIBRARY if function_name(op) == IDENTITY]
    assert f"{' and '.join(idle)} change nothing" in WORDS


def test_a_point_counts_as_the_formula_says() -> None:
    products = [torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])]
    norms = [torch.tensor([9.0, 1.0]), torch.tensor([16.0, 16.0])]
    ends = [torch.tensor([1.0, 1.0]), torch.tensor([1.0, 1.0])]
    each, whole = cosines.cosines(products, norms, ends)
    assert each.tolist() == pytest.approx([(1 + 0) / 2, (0 + 1) / 2])
    assert whole.tolist() == pytest.approx([3 / (5 * 2**0.5), 4 / ((17 * 2) ** 0.5)])


# --- files and costs ----------------------------------------------------------------------------


def test_every_file_of_a_search_is_told() -> None:
    rules = "".join(
        (ROOT / f"workflow/rules/{name}.smk").read_text() for name in ("search", "lists")
    )
    made = set(re.findall(r'/ats/search/\{protocol\}/.*?/seed\{seed\}/(\S+?\.csv)"', rules))
    said = {name for row in table("file") for name in re.findall(r"`(\S+)`", row[0])}
    assert said == made


def test_the_seconds_of_a_candidate_are_those_of_the_benchmark() -> None:
    found = json.loads((ROOT / "benchmarks/results/scores-cpu2.json").read_text())["rows"]
    pri, acc = (sorted(found[name]["seconds"])[1] for name in ("s_pri", "s_acc"))
    networks = protocol("fixed")["search"]["s_acc"]["init_count"]
    candidate = pri + networks * acc
    hours = candidate * protocol("fixed")["search"]["candidates"] / 3600
    assert f"S_pri takes {pri:.0f} s and S_acc {acc:.0f} s a network" in WORDS
    assert f"{candidate:.0f} s a candidate under `fixed`, {hours:.0f} hours for 1,500" in WORDS


# --- words --------------------------------------------------------------------------------------


def terms() -> dict[str, list[str]]:
    """Return {word: [meaning, links]} of the glossary."""
    (found,) = (t for t in markdown_tables(GLOSSARY) if t[0] == ["word", "meaning", "more"])
    return {word: rest for word, *rest in found[1:]}


def test_words_are_in_order_and_each_leads_on() -> None:
    found = terms()
    order = [re.sub(r"[^a-z]", "", word.lower()) for word in found]
    assert order == sorted(order)
    assert [word for word, (_, more) in found.items() if "](" not in more] == []


def test_words_in_italics_have_rows() -> None:
    italic = {
        word
        for meaning, _ in terms().values()
        for word in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", meaning)
    }
    known = {word.lower() for named in terms() for word in named.split(", ")}
    known |= {f"{word}s" for word in known} | {"searched 1"}
    assert len(italic) > 10
    assert {word for word in italic if word.lower() not in known} == set()


def test_the_roles_of_a_test_are_all_told() -> None:
    roles = (criteria.DECIDES, criteria.PREMISE, criteria.REPORTED)
    assert [role for role in roles if f"`{role}`" not in terms()["role of a test"][0]] == []


def test_the_protocols_whose_numbers_decide_are_told() -> None:
    judged = [name for names in criteria.JUDGED_PROTOCOLS.values() for name in names]
    assert [name for name in judged if f"`{name}`" not in terms()["protocol"][0]] == []


def test_the_lists_of_policies_are_told_where_the_search_sends_readers() -> None:
    guide = (ROOT / "docs/guides/experiments.md").read_text()
    named = [name.replace("dra-100", "dra-N") for name in lists.LISTS]
    assert [name for name in named if f"`{name}`" not in guide] == []
