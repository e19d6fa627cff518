"""Values of a preset that become frozen settings, on a made-up kind."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass

import pytest

from reveil.errors import ReveilError
from reveil.preset_values import NOT_NEGATIVE, POSITIVE, SWITCH, PresetKind, whole_from
from tests.workflow import ROOT


@dataclass(frozen=True)
class Oven:
    """Of a kind whose name begins with a vowel."""

    name: str
    fuel: str
    shelves: int
    degrees: float


def relations(values):
    return ["degrees: too hot"] if values["fuel"] == "wood" and values["degrees"] > 300 else []


RANGES = {"shelves": whole_from(1), "degrees": NOT_NEGATIVE}
KIND = PresetKind("oven", Oven, {"fuel": ("gas", "wood")}, RANGES, relations)
VALUES = {"degrees": 180.0, "fuel": "gas", "shelves": 2}


def test_values_become_frozen_settings() -> None:
    made = KIND.from_values("mine", VALUES)
    assert made == Oven("mine", "gas", 2, 180.0)
    assert KIND.keys == ("fuel", "shelves", "degrees")
    with pytest.raises(FrozenInstanceError):
        made.shelves = 3


def test_all_mistakes_are_named_at_once_and_relations_only_after_them() -> None:
    wrong = {"fuels": "gas", "fuel": "wod", "degrees": 400}
    with pytest.raises(ReveilError) as caught:
        KIND.from_values("mine", wrong)
    assert str(caught.value) == (
        "oven 'mine': key: 'fuels' is not allowed; allowed: fuel, shelves, degrees; did you mean "
        "'fuel'?; shelves: is missing; fuel: 'wod' is not allowed; allowed: gas, wood; did you "
        "mean 'wood'?"
    )
    with pytest.raises(ReveilError, match="^oven 'mine': degrees: too hot$"):
        KIND.from_values("mine", VALUES | {"fuel": "wood", "degrees": 301})


def test_a_file_brings_back_what_was_written(tmp_path) -> None:
    made = KIND.from_values("mine", VALUES)
    content = KIND.to_json(made)
    assert content == {"name": "mine", "oven": VALUES}
    assert list(content["oven"]) == list(KIND.keys)
    (tmp_path / "oven.json").write_text(json.dumps(content))
    assert KIND.read(tmp_path / "oven.json") == made


@pytest.mark.parametrize("content", [[], {"name": "a"}, {"name": "a", "oven": 1}, {"oven": {}}])
def test_content_of_another_form_is_refused(content) -> None:
    with pytest.raises(ReveilError, match="^not an oven; allowed: a JSON object of name, oven$"):
        KIND.from_json(content)


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        (SWITCH, [True, False], [1, 0, "true", None]),
        (POSITIVE, [1, 0.5], [0, -1, True, "1", None, float("nan"), float("inf")]),
        (NOT_NEGATIVE, [0, 0.0, 2], [-0.1, False, "0", [], float("nan"), float("inf")]),
        (whole_from(2), [2, 3], [1, 2.0, True, "2", None]),
        (whole_from(2).or_auto(), ["auto", 2], ["none", 1, None]),
    ],
    ids=lambda value: getattr(value, "allowed", ""),
)
def test_ranges(allowed, good, bad) -> None:
    assert all(allowed.holds(value) for value in good)
    assert not any(allowed.holds(value) for value in bad)


def test_planning_does_not_import_torch() -> None:
    code = "import sys, reveil.preset_values; sys.exit('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
