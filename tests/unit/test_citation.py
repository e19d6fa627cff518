"""The files by which others find and cite this repository keep to their formats."""

import json
import subprocess
import sys

import yaml

from reveil import __version__
from tests.workflow import ROOT

# First author and year of every paper that is reproduced, or that a protocol is of.
CITED = {
    *(("Gao", 2021), ("Drabent", 2022), ("Taboada Warmerdam", 2022)),
    *(("Xiang", 2020), ("Knijff", 2021)),
    *(("Pajot", 2019), ("Guo", 2020), ("Bora", 2018)),
}
DEPLOYMENTS = {"conda", "apptainer", "apptainer+conda"}


def citation() -> dict:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def check(file: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", "vendor.citation-file-format", file]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_citation_file_is_valid(tmp_path) -> None:
    assert check("CITATION.cff").returncode == 0
    broken = citation() | {"cff-version": "one"}
    (tmp_path / "CITATION.cff").write_text(json.dumps(broken))
    assert check(str(tmp_path / "CITATION.cff")).returncode == 1


def test_the_citation_is_of_this_version_and_of_every_paper() -> None:
    said = citation()
    assert said["cff-version"] == "1.2.0" and said["version"] == __version__
    assert said["license"] == "MIT"
    papers = [(paper["authors"][0]["family-names"], paper["year"]) for paper in said["references"]]
    assert set(papers) == CITED and len(papers) == len(CITED)


def test_every_protocol_of_a_paper_has_its_paper() -> None:
    years = {(name.split()[-1].lower(), year) for name, year in CITED}
    for path in (ROOT / "config/protocols").glob("*.yaml"):
        name = path.stem.split("-")[0]
        if name in ("default", "fixed"):
            continue
        author, year = name.rstrip("0123456789"), int(name[-4:])
        # The protocols of the original papers, in the year of the conference or of the code.
        known = {"orig": "gao"}.get(author, author)
        assert any(known == who and abs(year - when) <= 2 for who, when in years), name


def test_the_catalog_file_has_the_keys_of_its_format() -> None:
    said = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert set(said) == {"usage"}
    usage = said["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployed = usage["software-stack-deployment"]
    assert set(deployed) == DEPLOYMENTS and deployed["conda"] is True
    assert all(isinstance(value, bool) for value in deployed.values())
    # The catalog's standard: both files that it looks for are there.
    assert (ROOT / "workflow/Snakefile").is_file() and (ROOT / "config/README.md").is_file()
