"""Every experiment of the reports is planned wherever docs/experiments.md says so."""

import re

import pytest

from reveil.config import read_yaml
from tests.workflow import ROOT, Clone

# Experiments of each study, and those that a configuration leaves out.
STUDIES = {"ats": 26, "cvnn": 25, "unir": 17}
LEFT_OUT = {
    ("ats", "fashion"): {"ats_ext01", "ats_ext02"},
    ("cvnn", "fashion"): {f"cvnn_ext{number:02}" for number in (1, 2, 3, 5, 6, 7, 11)},
    # It has the authors' networks, too.
    ("cvnn", "fashion-cvnn"): {f"cvnn_ext{number:02}" for number in (5, 6, 7, 11)},
    ("unir", "fashion"): {"unir_exp16"},
    ("unir", "fashion-unir"): {"unir_exp16"},
}
PLACES = [(study, place) for study in STUDIES for place in range(4)]


def documented(study: str) -> tuple[tuple[str, ...], dict[str, tuple[bool, ...]]]:
    """Return the configurations of a study, and where each of its targets can be done."""
    text = (ROOT / "docs/experiments.md").read_text()
    heading, table = re.search(
        rf"^\| target \|((?:(?!\n).)*tiny) \|\n[| -]+\n((?:\| `{study}_.*\n)+)", text, re.MULTILINE
    ).groups()
    names = tuple(name.strip() for name in heading.split("|"))
    rows = re.findall(rf"^\| `({study}_\w+)` \|(.*)\|$", table, flags=re.MULTILINE)
    return names, {
        name: tuple(cell.strip() == "plans" for cell in cells.split("|")) for name, cells in rows
    }


@pytest.mark.parametrize(("study", "place"), PLACES, ids=[f"{s}-{p}" for s, p in PLACES])
def test_targets_plan_where_the_page_says_so(fresh: Clone, study: str, place: int) -> None:
    names, table = documented(study)
    assert len(names) == 4
    assert len(table) == STUDIES[study]
    wanted = [name for name, plans in table.items() if plans[place]]
    assert set(table) - set(wanted) == LEFT_OUT.get((study, names[place]), set())
    file = names[place] if names[place].endswith(".yaml") else f"config/{names[place]}.yaml"
    planned = Clone(fresh.path, (file,)).plan(*wanted)
    assert set(wanted) <= set(planned)


@pytest.mark.parametrize("study", STUDIES)
def test_fashion_asks_for_all_that_it_can_carry(study: str) -> None:
    asked = read_yaml(ROOT / "config/fashion.yaml")["studies"][study]["experiments"]["targets"]
    carried = set(documented(study)[1]) - LEFT_OUT[study, "fashion"]
    assert {name.replace("-", "_") for name in asked} == carried


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ats_ext01", "tiny-imagenet-200"),
        ("ats_ext02", "tiny-imagenet-200"),
        ("cvnn_ext06", "cub-200"),
        ("cvnn_ext07", "celeba"),
        ("unir_exp16", "celeba-64"),
    ],
    ids=["ats_ext01", "ats_ext02", "cvnn_ext06", "cvnn_ext07", "unir_exp16"],
)
def test_an_experiment_without_its_data_is_refused_with_the_reason(
    fresh: Clone, name: str, data: str
) -> None:
    done = Clone(fresh.path, ("config/fashion.yaml",)).run(name, "--dry-run", check=False)
    assert done.returncode
    assert data in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
