"""Every experiment of the reports is planned wherever docs/experiments.md says so."""

import re

import pytest

from tests.workflow import ROOT, Clone

PRESETS = ("config.yaml", "config/demo.yaml", "config/fashion.yaml", "config/tiny.yaml")


def documented() -> dict[str, tuple[bool, ...]]:
    """Return where each target can be done, in the order of ``PRESETS``."""
    text = (ROOT / "docs/experiments.md").read_text()
    _, _, table = text.partition("| target | config.yaml | demo | fashion | tiny |")
    rows = re.findall(r"^\| `(ats_\w+)` \|(.*)\|$", table, flags=re.MULTILINE)
    return {
        name: tuple(cell.strip() == "plans" for cell in cells.split("|")) for name, cells in rows
    }


@pytest.mark.parametrize("place", range(len(PRESETS)), ids=PRESETS)
def test_targets_plan_where_the_page_says_so(fresh: Clone, place: int) -> None:
    table = documented()
    assert len(table) == 26
    wanted = [name for name, plans in table.items() if plans[place]]
    assert set(table) - set(wanted) <= {"ats_ext01", "ats_ext02"}
    planned = Clone(fresh.path, (PRESETS[place],)).plan(*wanted)
    assert set(wanted) <= set(planned)


@pytest.mark.parametrize("name", ["ats_ext01", "ats_ext02"])
def test_an_experiment_without_its_data_is_refused_with_the_reason(fresh: Clone, name: str) -> None:
    done = Clone(fresh.path, ("config/fashion.yaml",)).run(name, "--dry-run", check=False)
    assert done.returncode
    assert "tiny-imagenet-200" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
