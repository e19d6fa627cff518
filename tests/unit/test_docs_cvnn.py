"""The pages about private networks name what there is, and their examples run."""

import re
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

from reveil import config, rows
from reveil.config import feature_attack_checks
from reveil.config.presets import read_yaml
from reveil.cvnn import methods, private, protections, tables, tasks
from reveil.cvnn.attackers import circular, plugged
from reveil.cvnn.attackers.interface import Known
from reveil.cvnn.equivariance import equivariance_error
from reveil.cvnn.key_accuracy import RANDOM_KEY, RIGHT_KEY, WRONG_KEY
from reveil.cvnn.loops import LOOPS
from reveil.cvnn.names import PrivateArchitecture
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import rotate, stack
from reveil.cvnn.training import TrainedPrivate
from reveil.plugins import known as plugins
from reveil.stages import feature_attacking, private_summaries, summaries
from tests import cvnn_tables as made_up
from tests.hidden import Toy, attack, own_data
from tests.markdown import markdown_tables
from tests.plugging import forget, use
from tests.private import network
from tests.workflow import ROOT

REFERENCE = ROOT / "docs/reference"
TABLES = REFERENCE / "tables-cvnn.md"
GUIDE = ROOT / "docs/guides/own-protection.md"
PUBLISHED = rows.read(ROOT / "config/published.csv")
SCHEMA = ROOT / "workflow/schemas/cvnn_images.schema.yaml"
COSTS = {
    "dataset": "cifar10", "model": "resnet20-alpha", "policy": "rotation", "device": 14e6,
    "generator": 10e6, "cloud": 28e6, "decoder": 12e6, "processing": 14e6,
}  # fmt: skip


# --- columns ------------------------------------------------------------------------------------


def names(cell: str) -> list[str]:
    """Return the names in backquotes of a cell, ``a_{x,y}`` spelled out."""
    return [name for told in re.findall(r"`([^`]+)`", cell) for name in spelled_out(told)]


def spelled_out(name: str) -> list[str]:
    """Return the names that one with parts in braces stands for."""
    head, opening, rest = name.partition("{")
    if not opening:
        return [name]
    choices, _, tail = rest.partition("}")
    return [head + choice + end for choice in choices.split(",") for end in spelled_out(tail)]


def documented(page: Path = TABLES) -> dict[str, list[str]]:
    """Return the documented columns by heading; several names may share a row."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for title, part in zip(parts[::2], parts[1::2], strict=True):
        columns = [t for t in markdown_tables(part) if t[0] == ["column", "unit", "meaning"]]
        found[title] = [name for t in columns for row in t[1:] for name in names(row[0])]
    return found


def trained() -> TrainedPrivate:
    rotating = network("resnet20-alpha-w4")
    epoch = dict.fromkeys(made_up.epochs().columns[6:], 0.0)
    measured = [
        {"measure": m, "correct": 1, "n": 2, "accuracy_pct": 50.0}
        for m in (RIGHT_KEY, RANDOM_KEY, WRONG_KEY)
    ]
    return TrainedPrivate(rotating, None, [epoch], measured, 1.0)


def test_columns_of_the_tidy_tables_are_documented_as_they_are_written() -> None:
    keys = dict.fromkeys(("run", "dataset", "model", "policy", "recipe", "seed"), "x")
    schema = yaml.safe_load(SCHEMA.read_text())
    found = documented()
    assert found["images.csv"] == list(schema["properties"])
    assert found["models.csv"] == private_summaries.private_summary(trained(), keys).columns
    assert found["histories.csv"] == summaries.history_table(trained(), keys).columns
    assert found["attackers.csv"] == [
        *feature_attacking.ATTACKER_KEYS,
        *("part", "epoch", "train_loss", "validation_loss", "best", "seconds", "stopped"),
    ]


@cache
def written() -> dict[str, pd.DataFrame]:
    """Return a table of results under each heading."""
    images, models = made_up.study(), made_up.networks()
    two = made_up.attacked(attack="two-image", rmse_second=0.2)
    return {
        "inversion": tables.inversion_table(images, models, PUBLISHED, experiment="cvnn-exp02"),
        "classification": tables.classification_table(models, PUBLISHED, experiment="cvnn-exp04"),
        "angles": tables.angle_table(made_up.angled(), PUBLISHED, experiment="cvnn-ext03"),
        "inference": tables.inference_table(made_up.inferred(), models),
        "runtime": tables.runtime_table(models, PUBLISHED, hardware="two cores"),
        "share": tables.share_table([COSTS]),
        "equivariance": tables.equivariance_table(models),
        "adversary": tables.adversary_table(models, made_up.epochs()),
        "core": tables.core_table(made_up.core(), models),
        "k": tables.k_table(images, models),
        "stop": tables.stop_table(made_up.attacker()),
        "two-image": tables.two_image_table(two),
        "units": tables.unit_table(PUBLISHED),
    }


@pytest.mark.parametrize(("title", "table"), written().items(), ids=written())
def test_columns_of_results_are_documented_as_they_are_written(
    title: str, table: pd.DataFrame
) -> None:
    found = documented()
    common = found["The tables of results"]
    assert set(found[title]) == set(table.columns) - set(common)
    assert len(found[title]) == len(set(found[title]))


def test_every_item_of_the_study_has_a_heading_for_its_columns() -> None:
    (listed,) = (t for t in markdown_tables(TABLES.read_text()) if t[0][0] == "table")
    assert {row[1] for row in listed[1:]} == set(written())
    items = {name for row in listed[1:] for name in names(row[0])}
    scripts = {p.stem for p in (ROOT / "workflow/scripts").glob("cvnn_table_*.py")}
    printed = {script.removeprefix("cvnn_table_") for script in scripts}
    assert items == printed | {"ext06-classification", "ext07-classification"}


# --- keys and presets ---------------------------------------------------------------------------


def table_after(page: str, *header: str) -> dict[str, list[str]]:
    """Return the rows of the table whose header begins so, by the first name of the row."""
    text = (REFERENCE / page).read_text()
    found = [t for t in markdown_tables(text) if tuple(t[0][: len(header)]) == header]
    return {name: row for table in found for row in table[1:] for name in names(row[0])}


def test_every_key_of_a_protection_is_documented_with_its_values() -> None:
    keys = table_after("protections.md", "key", "values")
    assert list(keys) == [f.name for f in fields(protections.Protection) if f.name != "name"]
    for key, choices in protections.CHOICES.items():
        assert names(keys[key][1]) == list(choices), key


@pytest.mark.parametrize(
    ("page", "kind"),
    [("protections.md", "protections"), ("feature-attacks.md", "feature_attacks")],
)
def test_every_preset_is_documented(page: str, kind: str) -> None:
    presets = {p.stem for p in (ROOT / "config" / kind).glob("*.yaml")} - {"default"}
    assert set(table_after(page, "preset")) == presets


def experiments_of(kind: str, name: str) -> set[str]:
    """Return the targets whose rows have a preset."""
    found = set()
    for path in (ROOT / "config/experiments").glob("cvnn-*.yaml"):
        listed = [row.get(kind, []) for row in read_yaml(path)["rows"]]
        if any(name in entries for entries in listed):
            found.add(path.stem.replace("-", "_"))
    return found


def told_experiments(cell: str) -> set[str]:
    """Return the targets that a cell names, ranges spelled out."""
    cell = re.sub(r"`core-[^`]*` in ", "", cell)
    for first, last in re.findall(r"`cvnn_(e\w+\d\d)` to `cvnn_(e\w+\d\d)`", cell):
        between = [f"`cvnn_{first[:3]}{n:02}`" for n in range(int(first[3:]), int(last[3:]) + 1)]
        cell = cell.replace(f"`cvnn_{first}` to `cvnn_{last}`", " ".join(between))
    return set(re.findall(r"`(cvnn_\w+)`", cell))


@pytest.mark.parametrize(
    ("page", "kind"), [("protections.md", "policies"), ("feature-attacks.md", "attacks")]
)
def test_presets_name_the_experiments_that_run_them(page: str, kind: str) -> None:
    for name, row in table_after(page, "preset").items():
        if row[-1] == "nearly all" or "core-" in name or "noisy" in name:
            continue
        assert told_experiments(row[-1]) == experiments_of(kind, name), name


def test_inference_attacks_are_told_with_what_they_build_on() -> None:
    presets = {p.stem for p in (ROOT / "config/feature_attacks").glob("*.yaml")} - {"default"}
    resolved = {name: config.resolve_feature_attack({}, ROOT, name) for name in presets}
    building = {name for name in presets if resolved[name]["method"] in methods.INFERENCE}
    assert len(building) == 6
    for name in building:
        cell = table_after("feature-attacks.md", "preset")[name][2]
        assert cell.split(";")[0] == f"on `{resolved[name]['inner']}`", name


def test_every_method_loop_and_choice_of_own_images_is_documented() -> None:
    assert set(table_after("feature-attacks.md", "`method`")) == set(methods.MODULES)
    assert set(table_after("protections.md", "`adversary.loop`")) == set(LOOPS)
    schema = config.load_schema(ROOT)["$defs"]["protocol"]["properties"]["features"]["properties"]
    told = table_after("feature-attacks.md", "`features.attacker_images`")
    assert set(told) == set(schema["attacker_images"]["enum"])


@pytest.mark.parametrize("name", ["cifar100-coarse", "fashion-mnist-coarse", "celeba-30"])
def test_the_datasets_named_for_inference_hide_something(name: str) -> None:
    assert f"`{name}`" in (REFERENCE / "feature-attacks.md").read_text()
    assert tasks.hidden(name) is not None


# --- the guide's examples -----------------------------------------------------------------------


def block(defines: str) -> str:
    """Return the guide's block of Python that defines a name."""
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    (found,) = (b for b in blocks if re.search(rf"^(class|def) {defines}\b", b, re.MULTILINE))
    return found


def example(defines: str) -> ModuleType:
    """Return the module of the guide's block of Python that defines a name."""
    module = ModuleType(defines)
    exec(compile(block(defines), str(GUIDE), "exec"), module.__dict__)  # noqa: S102
    return module


def known(toy: Toy, **changes: Any) -> Known:
    settings = attack(decoder="plain", width=2, max_epochs=1, batch_size=8, **changes)
    return Known("mean-phase", settings, toy, None, (3, 8, 8), 0, torch.device("cpu"))


def test_the_attack_of_the_guide_learns_and_guesses() -> None:
    toy = Toy()
    attacker = example("MeanPhase").make(known(toy))
    history = attacker.fit(own_data(toy, name="mean-phase"))
    assert [row["part"] for row in history] == ["decoder"]
    draws = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 5, 4, 8, 8, generator=draws)
    # As large on average, as the guide says that they are.
    b = b * a.sum((1, 2, 3), keepdim=True) / b.sum((1, 2, 3), keepdim=True)
    angles = torch.tensor([0.1, 1.0, 3.0, 4.5, 6.2])
    guess = attacker.guess(Intercepted(rotate(stack(a, b), angles), rotated=True))
    assert guess.images.shape == (5, 3, 8, 8)
    assert float(circular.error(guess.angles, angles).max()) < 1e-4


def test_the_attack_of_the_guide_is_a_plugin_as_it_stands(tmp_path: Path) -> None:
    decorator = '@attack("mean-phase", study="cvnn")'
    assert f"`{decorator}`" in " ".join(GUIDE.read_text().split())
    code = block("MeanPhase").replace("def make(", f"{decorator}\ndef make(")
    use(tmp_path, code)
    try:
        content = {
            "plugins": [str(tmp_path / "mine.py")],
            "studies": {"cvnn": {"attacks": ["inversion1", "mean-phase"]}},
        }
        papers = config.read_yaml(ROOT / "config.yaml")
        assert config.check(config.merge(papers, content), ROOT) == []
        toy, preset = Toy(), config.resolve_feature_attack(content, ROOT, "mean-phase")
        preset |= {"decoder": "plain", "width": 2, "max_epochs": 1, "batch_size": 8}
        given = Known("mean-phase", preset, toy, None, (3, 8, 8), 0, torch.device("cpu"))
        attacker = plugged.make(plugins.find(plugins.ATTACK, given.name, plugins.CVNN), given)
        history = attacker.fit(own_data(toy, name=given.name))
        assert [row["part"] for row in history] == ["decoder"]
        seen = Intercepted(torch.rand(6, 4, 8, 8), rotated=True)
        assert attacker.guess(seen).images.shape == (3, 3, 8, 8)
    finally:
        forget()


@pytest.mark.parametrize("kind", ["rotation", "original"])
def test_the_network_of_the_guide_fits_every_protection(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(private.FAMILIES, "plainnet", example("sections"))
    shape = PrivateArchitecture("plainnet", "report", width=4)
    monkeypatch.setattr(private, "parse", lambda name: shape)
    changes = {} if kind == "rotation" else {"kind": kind, "generator": "none", "end": "relu"}
    built = network("plainnet", **changes).eval()
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    features = built.encode(images)
    assert tuple(features.shape[1:]) == built.feature_shape == (4, 16, 16)
    if kind == "original":
        assert built(images).shape == (6, 10)
        return
    x = rotate(torch.cat([features, features.flip(0)]), torch.arange(6.0))
    assert equivariance_error(built.processor, x) < 1e-5
    hidden = built.process(x)
    own, _ = built.reveal(hidden, torch.arange(6.0), torch.zeros(6, dtype=torch.bool))
    assert built.classify(own).shape == (6, 10)


def test_the_guide_names_what_there_is() -> None:
    text = GUIDE.read_text()
    modules = {"MODULES": methods, "FAMILIES": private, "CHOICES": protections}
    modules["relation_problems"] = protections
    modules |= dict.fromkeys(("USED_BY", "INNER"), feature_attack_checks)
    for name, module in modules.items():
        assert f"`{name}`" in text and hasattr(module, name)
