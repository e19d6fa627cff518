"""Criteria on policies of a kind: of which every member has one of some transformations."""

import copy

import pytest
import yaml

from reveil.config import read_yaml
from reveil.errors import ReveilError
from reveil.library import LIBRARY
from reveil.verdicts.criteria import read_claims
from reveil.verdicts.decide import Verdict
from reveil.verdicts.judge import judge
from reveil.verdicts.units import Groups, cells
from tests.unit.test_verdicts import MINE, ROOT, attacked

TRANSLATIONS = ["translateX", "translateY"]
# 3: translateX, 18: contrast, 19: sharpness, 45: solarize, 15: brightness, 43: translateY
NAMES = ("3-1-7", "19-15-45", "43-18-18+3-1-7", "19-15-45+3-1-7", "found-1", "none", "crop-flip")


@pytest.fixture
def claim(tmp_path):
    content = copy.deepcopy(MINE)
    content["tests"][0]["transformations"] = TRANSLATIONS
    content["tests"][0]["select"]["policy"] = list(NAMES)
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [content]}))
    return read_claims([path], ROOT)[0]


def test_kinds_are_those_of_the_library():
    test = read_yaml(ROOT / "workflow/schemas/claims.schema.yaml")["$defs"]["test"]
    kinds = test["properties"]["transformations"]["items"]["enum"]
    assert set(kinds) == {operation.name for operation in LIBRARY}


def test_policies_count_whose_members_all_have_one(claim):
    rows = attacked().query("policy == '3-1-7'")
    for name, kept in zip(NAMES, (1, 0, 1, 0, 0, 0, 0), strict=True):
        groups = Groups("images", rows.assign(policy=name))
        assert len(cells(claim.tests[0], groups)) == kept, name


def test_a_policy_of_another_kind_contradicts_nothing(claim):
    table = attacked(difference=1.0)
    there = judge(claim, {"images": table}.get)
    assert there.verdict is Verdict.CONTRADICTED
    assert [number.cell.named["policy"] for number in there.numbers] == ["3-1-7"]
    other = table.replace({"policy": {"3-1-7": "19-15-45"}})
    found = judge(claim, {"images": other}.get)
    assert (found.verdict, found.demonstration) == (Verdict.NOT_RUN, "no data")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("transformations", ["translatex"], "translateX"),
        ("table", "correlation", "images, models"),
    ],
)
def test_a_kind_is_one_of_the_library_and_of_a_table_with_policies(tmp_path, key, value, said):
    content = copy.deepcopy(MINE)
    content["tests"][0] |= {"transformations": TRANSLATIONS, key: value}
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [content]}))
    with pytest.raises(ReveilError, match=said):
        read_claims([path], ROOT)
