"""What two runs were made with, side by side, of made-up notes and configurations."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reveil.compare import compare
from reveil.files import write_json, write_yaml
from tests.attacked import attack_rows
from tests.compared import PLACE, note, two
from tests.markdown import markdown_tables


@pytest.fixture
def same(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs with equal tables."""
    return two(tmp_path, attack_rows("none", [20, 22]), attack_rows("none", [20, 22]))


def test_the_keys_that_differ_are_told_first(same: tuple[Path, Path]) -> None:
    said = {"run": "demo", "seeds": [0], "attacks": {"inversed": {"iterations": 160}}}
    write_yaml(same[0] / "config.yaml", said)
    said = {
        "run": "mine",
        "seeds": [0],
        "attacks": {"inversed": {"iterations": 600, "boxed": False}},
    }
    write_yaml(same[1] / "config.yaml", said)
    head, *found = next(markdown_tables(compare(*same)))
    assert head == ["Key", "demo", "mine"]
    assert found == [
        ["`attacks.inversed.boxed`", "-", "False"],
        ["`attacks.inversed.iterations`", "160", "600"],
    ]


def test_equal_configurations_are_told(same: tuple[Path, Path]) -> None:
    for folder in same:
        write_yaml(folder / "config.yaml", {"run": folder.name, "seeds": [0]})
    assert "Nothing. The run's name aside. Not both left notes beside" in compare(*same)


OLDER = "is older than its results, or never was theirs: "


def configured(folder: Path, iterations: int, **said: Any) -> None:
    """Write what record_config writes of a run, with the iterations in a preset."""
    write_yaml(folder / "config.yaml", {"run": folder.name, "seeds": [0], **said})
    presets = {"attacks": {"inversed": {"iterations": iterations}}}
    write_yaml(folder / "in-force.yaml", presets)


def test_without_a_configuration_the_notes_beside_attacks_count(same: tuple[Path, Path]) -> None:
    write_yaml(same[0] / "config.yaml", {"run": "demo"})
    assert "Not known: not both runs keep a config.yaml" in compare(*same)
    for folder, iterations in zip(same, (160, 600), strict=True):
        note(folder, iterations, wall_seconds=iterations)
    text = compare(*same)
    head, *found = next(markdown_tables(text))
    assert head == ["Key", "demo", "mine", "Attacks"]
    assert found == [["`attack.iterations`", "160", "600", "in all of 1"]]
    assert "As noted beside 1 attack that both have. Not both runs keep a config.yaml" in text


def test_equal_notes_alone_are_told(same: tuple[Path, Path]) -> None:
    for folder in same:
        note(folder)
    assert "Nothing, as noted beside 1 attack that both have. Not both runs" in compare(*same)


def test_a_preset_that_differs_is_told_once(same: tuple[Path, Path]) -> None:
    for folder, iterations in zip(same, (160, 600), strict=True):
        configured(folder, iterations)
        note(folder, iterations)
    text = compare(*same)
    assert next(markdown_tables(text))[1:] == [["`attacks.inversed.iterations`", "160", "600"]]
    assert "Of config.yaml and in-force.yaml, the run's name aside." in text
    assert "attack.iterations" not in text
    assert OLDER not in text


def test_a_key_left_to_the_preset_has_the_value_of_the_preset(same: tuple[Path, Path]) -> None:
    configured(same[0], 160)
    configured(same[1], 600, attacks={"inversed": {"iterations": 600}})
    found = next(markdown_tables(compare(*same)))[1:]
    assert found == [["`attacks.inversed.iterations`", "160", "600"]]


def test_a_preset_that_one_run_alone_uses_is_not_told(same: tuple[Path, Path]) -> None:
    for folder in same:
        configured(folder, 160)
    other = {"inversed": {"iterations": 160}, "dlg": {"iterations": 300}}
    write_yaml(same[1] / "in-force.yaml", {"attacks": other})
    assert "Nothing. The run's name aside." in compare(*same)


@pytest.mark.parametrize("alike", [True, False])
def test_a_recipe_that_differs_alike_everywhere_is_told_once(
    same: tuple[Path, Path], alike: bool
) -> None:
    for folder, epochs in zip(same, (3, 8), strict=True):
        write_yaml(folder / "config.yaml", {"run": folder.name})
        pages = {"full for a, b": {"epochs": epochs}, "full for a, c": {"epochs": epochs}}
        pages["full for a, c"]["epochs"] += epochs * (not alike)
        write_yaml(folder / "in-force.yaml", {"recipes": pages})
    found = next(markdown_tables(compare(*same)))[1:]
    each = [
        ["`recipes.full for a, b.epochs`", "3", "8"],
        ["`recipes.full for a, c.epochs`", "6", "16"],
    ]
    assert found == ([["`recipes.full.epochs`", "3", "8"]] if alike else each)


def test_notes_that_contradict_the_configuration_are_told(same: tuple[Path, Path]) -> None:
    for folder, iterations in zip(same, (160, 600), strict=True):
        configured(folder, 160)
        note(folder, iterations)
    text = compare(*same)
    told = "`attacks.inversed.iterations` is 160 there and 600 beside an attack. "
    assert f"config.yaml of mine {OLDER}{told}" in text
    assert text.count(OLDER) == 1
    assert "Nothing." not in text
    found = next(markdown_tables(text))[1:]
    assert found == [["`attack.iterations`", "160", "600", "in all of 1"]]
    assert "As noted beside 1 attack that both have, beyond that." in text


def test_a_configuration_without_presets_may_be_contradicted(same: tuple[Path, Path]) -> None:
    said = {"protocols": {"fixed": {"judge": {"psnr_reference": "transformed"}}}}
    for folder in same:
        write_yaml(folder / "config.yaml", {"run": folder.name, **said})
        note(folder)
    key = "protocols.fixed.judge.psnr_reference"
    told = f"{OLDER}`{key}` is transformed there and original beside an attack."
    assert compare(*same).count(told) == 2


def test_a_recipe_of_a_dataset_is_no_contradiction(same: tuple[Path, Path]) -> None:
    special = {"epochs": 3, "datasets": {"cifar100": {"epochs": 8}}}
    for folder in same:
        write_yaml(folder / "config.yaml", {"run": folder.name, "recipes": {"full": special}})
        note(folder, recipe={"epochs": 8})
    text = compare(*same)
    assert OLDER not in text
    assert "Nothing. The run's name aside. Nor as noted beside 1 attack that both have." in text


def test_of_how_many_attacks_a_difference_is_is_told(tmp_path: Path) -> None:
    table = pd.concat(
        [attack_rows("none", [20]).assign(attack=name) for name in ("inversed", "dlg")]
    )
    runs = two(tmp_path, table, table)
    for folder, iterations in zip(runs, (160, 600), strict=True):
        note(folder, iterations, scene={"batch": iterations})
        note(folder, 300, "dlg", scene={"batch": iterations})
    assert next(markdown_tables(compare(*runs)))[1:] == [
        ["`attack.iterations`", "160", "600", "in 1 of 2 attacks: inversed"],
        ["`scene.batch`", "160", "600", "in all of 2"],
    ]
    note(runs[1], 400, "dlg", scene={"batch": 600})
    assert next(markdown_tables(compare(*runs)))[1:-1] == [
        ["`attack.iterations`", "160", "600", "in 1 of 2 attacks: inversed"],
        ["`attack.iterations`", "300", "400", "in 1 of 2 attacks: dlg"],
    ]


def test_attacks_without_a_name_in_common_are_told_in_full(tmp_path: Path) -> None:
    names = [(attack, seed) for attack in ("inversed", "dlg") for seed in (0, 1)]
    rows = [attack_rows("none", [20], seed=seed).assign(attack=name) for name, seed in names]
    runs = two(tmp_path, pd.concat(rows), pd.concat(rows))
    for folder, away in zip(runs, (0, 1), strict=True):
        for attack, seed in names:
            odd = away * ((attack, seed) == ("dlg", 1))
            place = folder / PLACE.replace("seed0", f"seed{seed}") / attack / "none/0-1.json"
            write_json(place, {"scene": {"batch": 1 + odd}})
    ((*_, where),) = next(markdown_tables(compare(*runs)))[1:]
    assert where == "in 1 of 4 attacks: dlg seed 1"


def test_commits_are_told_where_they_differ_or_may(same: tuple[Path, Path]) -> None:
    commits = ["3baa5fae17a3e767b6d2612fc4456fac7ba08918", "9e84b91" * 5]
    for folder in same:
        note(folder, commit=commits[0], dirty=False)
    assert "Commits" not in compare(*same)
    note(same[1], commit=commits[0], dirty=True)
    assert ": demo 3baa5fae17a3; mine 3baa5fae17a3, modified.\n" in compare(*same)
    for path in same[1].glob(f"{PLACE}/*/*/*.json"):
        path.unlink()
    made = {"commit": commits[1], "wildcards": {"block": "00000-00001"}}
    drawn = {"commit": commits[0], "wildcards": {}}
    write_json(same[1] / "provenance.json", {"jobs": {"attack": made, "table": drawn}})
    assert ": demo 3baa5fae17a3; mine 9e84b919e84b.\n" in compare(*same)


def test_policies_of_one_name_that_differ_are_told(tmp_path: Path) -> None:
    name = "found-fixed-s0-1"
    table = pd.concat([attack_rows(name, [20]), attack_rows("none", [20])])
    runs = two(tmp_path, table, table)
    for folder, member in zip(runs, (3, 4), strict=True):
        policies = folder / "policies/cifar100/resnet20-4"
        write_json(policies / f"{name}.json", {"members": [[member]]})
        write_json(policies / "none.json", {"members": [[]]})
    told = "Policies of one name that are not the same in both: "
    assert f"{told}{name} of cifar100, resnet20-4.\n" in compare(*runs)
