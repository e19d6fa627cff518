"""The verdicts of the run of every target: none, as it is far below any scope, but numbers."""

import json
from pathlib import Path

import pandas as pd
import pytest

from reveil import rows
from reveil.digest import file_digest
from reveil.verdicts.criteria import read_claims
from tests.workflow import ROOT, Clone

CLAIMS = read_claims([ROOT / "config" / "claims.yaml"], ROOT)


@pytest.fixture(scope="module")
def results(tiny: Clone) -> Path:
    return tiny.path / "results" / "tiny"


@pytest.fixture(scope="module")
def verdicts(results: Path) -> pd.DataFrame:
    return rows.read(results / "verdicts.csv").set_index("claim")


def test_every_claim_is_judged_and_none_decided(verdicts: pd.DataFrame) -> None:
    assert list(verdicts.index) == [claim.id for claim in CLAIMS]
    assert set(verdicts["verdict"]) == {"not run"}
    assert verdicts["reason"].str.startswith(("outside of the scope", "not run")).all()
    assert verdicts["criterion_standing"].str.contains("registered 20").all()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_judged_by_the_tables_of_its_experiment(claim, results: Path) -> None:
    known = json.loads((results / claim.study / "verdicts.json").read_text())["tables"]
    own = {Path(path).name for path in known if f"/experiments/{claim.experiment}/" in path}
    called = {"scores": {"grouped.csv", "scores.csv"}}
    for table in {test.table for test in claim.tests}:
        assert own & called.get(table, {f"{table}.csv"}), (claim.id, table, sorted(known))


def test_what_was_run_demonstrates(verdicts: pd.DataFrame) -> None:
    shown = verdicts[verdicts["demonstration"] != "no data"]
    assert shown["demonstration"].isin(["supports", "contradicts", "undecided"]).all()
    assert shown["demonstration_of"].notna().all() and shown["n"].notna().all()
    # The stand-ins of a small run have no published policies of another dataset.
    assert len(shown) >= 20, verdicts["demonstration"].to_dict()


def test_numbers_are_kept_with_their_cells(results: Path) -> None:
    table = rows.read(results / "verdict-tests.csv")
    assert (table["in_scope"] == 0).all()
    assert table["outside"].notna().all()
    found = table[table["n"] > 0]
    assert found[["value", "unit", "interval"]].notna().all().all()


def test_provenance_tells_the_criteria_and_the_tables(results: Path, tiny: Clone) -> None:
    for study in ("ats", "cvnn", "unir"):
        facts = json.loads((results / study / "verdicts.json").read_text())
        [(path, digest)] = facts["claims"].items()
        assert path == "config/claims.yaml" and digest == file_digest(ROOT / path)
        for name, digest in facts["tables"].items():
            assert file_digest(tiny.path / name) == digest
        assert facts["made_by"]["commits"] and facts["made_by"]["machines"]


def test_readers_get_a_table_in_two_forms(results: Path) -> None:
    html = (results / "verdicts.html").read_text()
    markdown = (results / "verdicts.md").read_text()
    for claim in CLAIMS:
        assert claim.id in html and claim.id in markdown
