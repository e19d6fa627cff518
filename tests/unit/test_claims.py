"""The claims: they fit their schema, and every number they cite was published."""

import copy
import csv
from itertools import product
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reveil import config as settings
from reveil.verdicts.criteria import JUDGED_PROTOCOLS, read_claims
from reveil.verdicts.units import resolved

ROOT = Path(__file__).resolve().parents[2]
IDS = [
    *(f"ats-claim-{n}" for n in range(1, 8)),
    *("ats-ext-01", "ats-ext-02", "ats-w-claim-1", "ats-w-claim-2"),
    *(f"ats-w-insight-{n}" for n in range(1, 4)),
    *("cvnn-claim-1", "cvnn-claim-2"),
    *(f"cvnn-k-{name}" for name in ("linear", "swap", "two", "angle")),
    *("unir-claim-1", "unir-claim-2"),
    *(f"unir-g-{name}" for name in ("reproducible", "improves", "models")),
]
SCHEMAS = {"ats": "images", "cvnn": "cvnn_images", "unir": "unir_images"}


@pytest.fixture(scope="module")
def claims() -> list[dict]:
    return yaml.safe_load((ROOT / "config" / "claims.yaml").read_text())["claims"]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "claims.schema.yaml").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def published() -> list[dict[str, str]]:
    with (ROOT / "config" / "published.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_claims_fit_the_schema(claims, validator):
    errors = [
        f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors({"claims": claims})
    ]
    assert errors == []


def test_every_claim_of_the_reports_is_there_once(claims):
    assert [claim["id"] for claim in claims] == IDS


def test_cited_numbers_are_published(claims, published):
    for claim in claims:
        for source in claim["sources"]:
            for number in source["numbers"]:
                keys = {key: text for key, text in number.items() if key != "value"}
                rows = [
                    row
                    for row in published
                    if row["study"] == claim["study"]
                    and row["source"] == source["source"]
                    and all(row[key] == text for key, text in keys.items())
                ]
                values = [float(row["value"]) for row in rows]
                assert values == [number["value"]], (claim["id"], number)


def test_the_deciding_experiment_is_published(claims, published):
    experiments = {row["experiment"] for row in published}
    presets = {path.stem for path in (ROOT / "config" / "experiments").glob("*.yaml")}
    for claim in claims:
        known = experiments if claim["study"] == "ats" else presets
        assert claim["experiment"] in known, claim["id"]


def test_tests_of_a_claim_have_names_of_their_own(claims):
    for claim in claims:
        names = [test["name"] for test in claim["tests"]]
        assert len(names) == len(set(names)), claim["id"]


def test_protection_is_decided_on_the_gain_over_the_floor(claims):
    ats = [claim for claim in claims if claim["study"] == "ats"]
    deciding = [t for claim in ats for t in claim["tests"] if t["role"] == "decides"]
    assert not [t["name"] for t in deciding if t["table"] == "images" and t["column"] != "gain_db"]


def test_columns_are_those_of_the_tidy_tables(claims):
    for claim in claims:
        name = f"{SCHEMAS[claim['study']]}.schema.yaml"
        rows = yaml.safe_load((ROOT / "workflow" / "schemas" / name).read_text())
        columns = set(rows["properties"])
        for test in (t for t in claim["tests"] if t["table"] == "images"):
            used = {test["column"], *test.get("select", {}), *test.get("reference", {})}
            used |= {test["with"]} if "with" in test else set()
            assert used <= columns, (claim["id"], test["name"])


@pytest.mark.parametrize(
    "break_it",
    [
        lambda claim: claim["tests"][0].pop("margin"),
        lambda claim: claim["tests"][2].pop("reference"),
        lambda claim: claim.update(note="more"),
        lambda claim: [test.update(role="reported") for test in claim["tests"]],
        lambda claim: claim["sources"][0].update(conclusion="maybe"),
    ],
)
def test_the_schema_refuses(claims, validator, break_it):
    broken = copy.deepcopy(claims[0])
    break_it(broken)
    assert not validator.is_valid({"claims": [broken]})


def test_claims_of_unir_select_presets(claims):
    presets = {
        "policy": "operators",
        "recipe": "recipes",
        "attack": "reconstructions",
    }
    known = {
        column: {path.stem for path in (ROOT / "config" / folder).glob("*.yaml")} | {"network"}
        for column, folder in presets.items()
    }
    known["recipe"] |= {"none"}
    chosen = {
        (column, name)
        for claim in claims
        if claim["study"] == "unir"
        for test in claim["tests"]
        for rows in (test["select"], test["reference"])
        for column, names in rows.items()
        for name in ([names] if isinstance(names, str) else names)
        if column in presets
    }
    assert len(chosen) > 10
    assert {(c, n) for c, n in chosen if n not in known[c]} == set()


def attacked_cells(claim) -> set[tuple[str, str, str, str, str]]:
    """Return (dataset, model, policy, recipe, attack) of what config.yaml attacks for a claim."""
    config = settings.read_yaml(ROOT / "config.yaml")
    cells = [
        (c.page.dataset, c.page.model, c.policy, c.recipe, c.attack)
        for c in settings.cells(config, ROOT, claim.experiment, 0)
        if c.protocol in JUDGED_PROTOCOLS[claim.study] and c.attack
    ]
    section = config["studies"][claim.study]
    if claim.study == "unir":
        of_items = settings.study_cells(config, ROOT)
        cells += [(c.page.dataset, c.page.model, c.policy, c.recipe, c.attack) for c in of_items]
    else:
        lists = (section[key] for key in ("datasets", "models", "policies"))
        for (dataset, model, policy), attack in product(product(*lists), section["attacks"]):
            named = {"dataset": dataset, "model": model, "protocol": "fixed"}
            cells.append((dataset, model, resolved(policy, named), "", attack))
    return {cell for cell in cells if cell[4]}


@pytest.mark.parametrize(
    "claim", read_claims([ROOT / "config/claims.yaml"], ROOT), ids=lambda claim: claim.id
)
def test_a_whole_run_reaches_the_scope_of_every_claim(claim):
    """Each dataset, model, policy and attack that a criterion names is attacked by config.yaml."""
    cells = attacked_cells(claim)
    tests = [t for t in claim.tests if t.role != "reported" and t.table == "images"]
    for test in tests:
        found = {"dataset": set(), "model": set(), "policy": set(), "attack": set()}
        for dataset, model, policy, recipe, attack in cells:
            place = {"dataset": dataset, "model": model, "protocol": "fixed"}
            names = {
                str(name)
                for name in test.select.get("policy", (policy,))
                if policy in (str(name), resolved(name, place))
            }
            within = dataset in claim.scope.datasets and model in claim.scope.models
            wanted = attack in test.select.get("attack", (attack,))
            trained = recipe in ("", *test.select.get("recipe", (recipe,)))
            if within and names and wanted and trained:
                found["dataset"].add(dataset)
                found["model"].add(model)
                found["policy"] |= names
                found["attack"].add(attack)
        assert found["dataset"] >= set(claim.scope.datasets), test.name
        assert found["model"] >= set(claim.scope.models), test.name
        for column in ("policy", "attack"):
            assert found[column] >= set(map(str, test.select.get(column, ()))), test.name
