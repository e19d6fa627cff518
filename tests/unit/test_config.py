"""The configuration: presets, resolution, and one clear message for every mistake."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reveil import attacks, config_docs, optimizers, precision, views
from reveil.attacks.objectives import OBJECTIVES
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import INITS
from reveil.config import (
    architecture,
    check,
    load_schema,
    merge,
    policy_names,
    read_yaml,
    resolve_attack,
    resolve_protocol,
    resolve_recipe,
)
from reveil.config.presets import KINDS, Presets, preset_paths
from reveil.config.schema import DEFINITIONS, missing_keys
from reveil.cvnn import contest, loops
from reveil.cvnn.attackers import angles, blind, decode, decoders, inference, two_image
from reveil.cvnn.methods import MODULES
from reveil.cvnn.protections import CHOICES
from reveil.errors import ReveilError

ROOT = Path(__file__).resolve().parents[2]
PAPER = read_yaml(ROOT / "config.yaml")
SMALLER = ("demo", "tiny", "fashion", "fashion-core")
HELDOUT_100 = {"split": "heldout", "start": 0, "step": 1, "count": 100, "balanced": True}


def load(name: str) -> dict:
    return merge(PAPER, read_yaml(ROOT / "config" / f"{name}.yaml"))


def ats(**keys) -> dict:
    return {"studies": {"ats": keys}}


@pytest.fixture
def copied(tmp_path) -> Path:
    """A repository with just the configuration, to break."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "workflow" / "schemas", tmp_path / "workflow" / "schemas")
    return tmp_path


# The shipped files


def test_papers_settings_are_valid():
    assert check(PAPER, ROOT) == []


@pytest.mark.parametrize("name", SMALLER)
def test_smaller_configs_are_valid(name):
    assert check(load(name), ROOT) == []


@pytest.mark.parametrize("name", SMALLER)
def test_smaller_configs_state_only_differences(name):
    def repeated(small, large, key=""):
        for part, value in small.items():
            if part not in large:
                continue
            if isinstance(value, dict):
                yield from repeated(value, large[part], f"{key}.{part}")
            elif value == large[part]:
                yield f"{key}.{part}"

    small = read_yaml(ROOT / "config" / f"{name}.yaml")
    assert list(repeated(small, PAPER)) == []
    assert small["run"] == name


def test_config_has_every_key_of_the_schema():
    schema = load_schema(ROOT)
    assert list(missing_keys(PAPER, schema, schema)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_default_presets_have_every_key_of_the_schema(kind):
    schema = load_schema(ROOT)
    default = read_yaml(ROOT / "config" / kind / "default.yaml")
    assert list(missing_keys(default, schema["$defs"][DEFINITIONS[kind]], schema)) == []


def test_every_key_of_the_schema_is_described():
    def bare(schema, key):
        for name, below in schema.get("properties", {}).items():
            target = below
            while "$ref" in target and "description" not in target:
                target = root["$defs"][target["$ref"].removeprefix("#/$defs/")]
            if not target.get("description", "").endswith("."):
                yield f"{key}.{name}"
            yield from bare(below, f"{key}.{name}")

    root = load_schema(ROOT)
    found = [*bare(root, ""), *(b for name, d in root["$defs"].items() for b in bare(d, name))]
    assert found == []


def test_the_schema_allows_what_is_implemented():
    def offered(section, key):
        return sorted(load_schema(ROOT)["$defs"][section]["properties"][key]["enum"])

    assert offered("attack", "method") == sorted(attacks.METHODS)
    assert offered("attack", "objective") == sorted(OBJECTIVES)
    assert offered("attack", "optimizer") == sorted(OPTIMIZERS)
    assert offered("attack", "init") == sorted(INITS)
    assert offered("recipe", "optimizer") == sorted(optimizers.RULES)
    assert offered("recipe", "precision") == sorted(precision.PRECISIONS)
    assert offered("recipe", "fmnist_pipeline") == sorted(views.PIPELINES)
    assert offered("recipe", "normalisation") == sorted(views.NORMALISATIONS)
    assert "rmsprop" in offered("recipe", "optimizer")


def test_the_schema_allows_what_private_networks_implement():
    rules = load_schema(ROOT)["$defs"]

    def offered(section):
        keys = rules[section]["properties"]
        return {key: sorted(value["enum"]) for key, value in keys.items() if "enum" in value}

    assert offered("protection") == {key: sorted(values) for key, values in CHOICES.items()}
    assert offered("feature_attack") == {
        "method": sorted(MODULES),
        "scored_by": sorted(angles.SCORED_BY),
        "scored_parts": sorted(angles.SCORED_PARTS),
        "parts": sorted(decode.PARTS),
        "align": sorted([two_image.NOT_ALIGNED, *blind.METHODS]),
        "decoder": sorted(decoders.DECODERS),
        "infer": sorted(inference.TRAINED_ON),
        "optimizer": sorted(optimizer for optimizer in optimizers.RULES if optimizer != "rmsprop"),
        "precision": sorted(precision.PRECISIONS),
    }
    adversary = rules["recipe"]["properties"]["adversary"]["properties"]
    assert sorted(adversary["loop"]["enum"]) == sorted(loops.LOOPS)
    assert sorted(adversary["optimizer"]["enum"]) == sorted(contest.OPTIMIZERS)


def test_readme_is_up_to_date():
    written = (ROOT / config_docs.README).read_text(encoding="utf-8")
    assert written == config_docs.document(ROOT)


def test_readme_check_sees_a_change_of_the_schema(copied, monkeypatch):
    shutil.copy(ROOT / "config.yaml", copied)
    monkeypatch.setattr(sys, "argv", ["config_docs", "--check", "--root", str(copied)])
    config_docs.main()
    path = copied / "workflow" / "schemas" / "config.schema.yaml"
    path.write_text(path.read_text().replace("Images per step.", "Images in a step."))
    with pytest.raises(SystemExit, match="out of date"):
        config_docs.main()


def test_planning_imports_no_torch():
    code = "import sys, reveil.config; print({'torch', 'pandas', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


# Protocols, recipes and attacks


@pytest.mark.parametrize(
    ("key", "values"),
    {
        "recipes.full": ("full-orig2021", "full-drabent2022", "full-orig2021", "full"),
        "convnet_layers": (8, 9, 8, 8),
        "fashion_mnist_resnet_width": (64, 64, 16, 64),
        "search.slot_max": (50, 49, 49, 49),
        "search.candidates": (1600, 1600, 1500, 1500),
        "search.s_pri.images.split": ("test", "test", "test", "heldout"),
        "search.s_pri.images.start": (200, 200, 200, 0),
        "search.s_pri.images.step": (5, 5, 5, 1),
        "search.s_pri.images.count": (100,) * 4,
        "search.s_pri.points": (20,) * 4,
        "search.s_acc.images.split": ("test", "test", "test", "heldout"),
        "search.s_acc.images.batches": (10,) * 4,
        "search.s_acc.inits": ("one", "per_policy", "per_policy", "averaged"),
        "search.s_acc.dedup": (True, True, True, False),
        "search.s_acc.per_image": (False, False, False, True),
        "search.s_acc.threshold": (-85,) * 4,
        "scene.images.count": (100, 6, 100, 100),
        "scene.images.balanced": (False, False, False, True),
        "scene.draws": ("per_image", "shared", "per_image", "per_image"),
        "scene.hybrid_draw": ("per_image", "first", "per_image", "per_image"),
        "scene.victim_loss_factor": (0.5, 1.0, 0.5, 1.0),
        "attacker.loss_factor": (1.0,) * 4,
        "judge.accuracy_on": ("clean", "clean", "transformed", "both"),
        "judge.std_ddof": (1, 0, 1, 1),
        "judge.baseline": ("none", "none", "none", "crop-flip"),
    }.items(),
)
def test_named_protocols(key, values):
    names = ("orig2021", "drabent2022", "warmerdam2022", "fixed")
    for name, expected in zip(names, values, strict=True):
        value = resolve_protocol(PAPER, ROOT, name)
        for part in key.split("."):
            value = value[part]
        assert value == expected, name


@pytest.mark.parametrize(
    ("name", "dataset", "model", "expected"),
    [
        ("full", "cifar100", "resnet20-4", {"epochs": 60, "loss_factor": 1.0, "holdout": 1000}),
        ("full", "fashion-mnist", "convnet", {"epochs": 60, "fmnist_pipeline": "pad32"}),
        (
            "tiny",
            "cifar100",
            "convnet",
            {"epochs": 50, "subset": {"rule": "stratified", "fraction": 0.1}},
        ),
        ("full-orig2021", "cifar100", "convnet", {"epochs": 200, "normalisation": "orig_mismatch"}),
        ("tiny-orig2021", "cifar100", "convnet", {"epochs": 50, "loss_factor": 0.5, "holdout": 0}),
        ("full-drabent2022", "cifar100", "convnet-9", {"epochs": 60, "drop_last": True}),
        ("full-drabent2022", "fashion-mnist", "resnet20-4", {"epochs": 50, "policy_channels": 1}),
        ("full-drabent2022", "fashion-mnist", "convnet-9", {"epochs": 60}),
        ("full-drabent2022", "fashion-mnist-demo", "convnet-9-w8", {"epochs": 60}),
        ("full-drabent2022", "tiny-imagenet-200", "resnet20-4", {"epochs": 40}),
        ("tiny-warmerdam2022", "cifar100", "resnet20-4", {"epochs": 100, "optimizer": "sgd"}),
        (
            "tiny-warmerdam2022",
            "fashion-mnist",
            "resnet20-1",
            {"epochs": 50, "optimizer": "adam", "batch_size": 64, "augment": "none"},
        ),
    ],
)
def test_named_recipes(name, dataset, model, expected):
    recipe = resolve_recipe(PAPER, ROOT, name, dataset, model)
    assert {key: recipe[key] for key in expected} == expected


def test_a_resolved_recipe_is_complete_and_plain():
    default = read_yaml(ROOT / "config" / "recipes" / "default.yaml")
    for name in preset_paths(ROOT, "recipes"):
        recipe = resolve_recipe(PAPER, ROOT, name, "fashion-mnist", "convnet")
        assert set(recipe) == set(default) - {"datasets"}, name


def test_a_change_wins_over_the_special_case_of_a_preset():
    config = merge(PAPER, {"recipes": {"full-drabent2022": {"epochs": 3}}})
    assert (
        resolve_recipe(config, ROOT, "full-drabent2022", "fashion-mnist", "resnet20-4")["epochs"]
        == 3
    )


def test_a_change_of_the_default_reaches_every_preset_that_leaves_it():
    config = merge(PAPER, {"recipes": {"default": {"holdout": 7, "epochs": 2}}})
    tiny = resolve_recipe(config, ROOT, "tiny", "cifar100", "convnet")
    assert (tiny["holdout"], tiny["epochs"]) == (7, 50)


def test_a_change_of_one_switch_leaves_the_others():
    config = merge(PAPER, {"protocols": {"fixed": {"search": {"s_pri": {"images": {"count": 3}}}}}})
    protocol = resolve_protocol(config, ROOT, "fixed")
    assert protocol["search"]["s_pri"]["images"] == {**HELDOUT_100, "count": 3}
    assert resolve_protocol(PAPER, ROOT, "fixed")["search"]["s_pri"]["images"] == HELDOUT_100


def test_a_name_of_ones_own_starts_from_its_base():
    own = {
        "quick": {"base": "inversed", "iterations": 9},
        "quicker": {"base": "quick", "boxed": False},
    }
    attack = resolve_attack(merge(PAPER, {"attacks": own}), ROOT, "quicker")
    assert (attack["iterations"], attack["boxed"], attack["learning_rate"]) == (9, False, 0.1)


def test_attack_inversed():
    assert resolve_attack(PAPER, ROOT, "inversed") == {
        "method": "optimise",
        "optimizer": "adam",
        "learning_rate": 0.1,
        "objective": "cosine",
        "signed": "hard",
        "boxed": True,
        "total_variation": 1e-4,
        "init": "randn",
        "restarts": 1,
        "iterations": 4800,
        "objective_weight": 1.0,
        "tv_form": "plain",
        "bn_statistics": 0.0,
        "features": 0.0,
        "image_norm": 0.0,
        "langevin": 0.0,
        "decay": "step",
        "warmup": 0,
        "label": "known",
        "knows": "nothing",
        "trace": False,
        "bounds": "policy",
        "padding": "black",
        "factors": "signs",
        "prune_at": 0.1,
        "keep": 2,
        "max_hypotheses": 16,
        "reduction": "sum",
    }


def test_resolution_names_the_nearest():
    with pytest.raises(ReveilError, match="did you mean 'fixed'"):
        resolve_protocol(PAPER, ROOT, "fixd")
    with pytest.raises(ReveilError, match="did you mean 'inversed'"):
        resolve_attack(PAPER, ROOT, "inverse")


@pytest.mark.parametrize(
    ("protocol", "dataset", "model", "actual"),
    [
        ("fixed", "fashion-mnist", "resnet20-4", "resnet20-4"),
        ("warmerdam2022", "fashion-mnist", "resnet20-4", "resnet20-1"),
        ("warmerdam2022", "fashion-mnist-demo", "resnet20-4", "resnet20-1"),
        ("warmerdam2022", "cifar100", "resnet20-4", "resnet20-4"),
        ("warmerdam2022", "fashion-mnist", "resnet20-2", "resnet20-2"),
        ("drabent2022", "cifar100", "convnet", "convnet-9"),
        ("drabent2022", "cifar100", "convnet-w8", "convnet-9-w8"),
        ("drabent2022", "cifar100", "convnet-9", "convnet-9"),
        ("drabent2022", "cifar100", "lenetzhu", "lenetzhu"),
        ("fixed", "cifar100", "convnet", "convnet"),
    ],
)
def test_architecture(protocol, dataset, model, actual):
    assert architecture(resolve_protocol(PAPER, ROOT, protocol), dataset, model) == actual


def test_policy_names_are_canonical():
    config = merge(PAPER, ats(policies=["random", "43-18-18+3-1-7", "found-1", 3]))
    names = policy_names(config, "ats", "fixed", "cifar100", "convnet", 2)
    assert names == ["19-1-18", "3-1-7+43-18-18", "found-fixed-s2-1", "3"]


def test_presets_written_edited_or_removed_count_at_once(copied) -> None:
    folder = copied / "config" / "attacks"
    before = Presets.load(PAPER, copied, "attacks").names
    (folder / "own.yaml").write_text("{iterations: 7}\n")
    assert Presets.load(PAPER, copied, "attacks").files["own"] == {"iterations": 7}
    (folder / "own.yaml").write_text("{iterations: 77}\n")
    assert Presets.load(PAPER, copied, "attacks").files["own"] == {"iterations": 77}
    (folder / "own.yaml").unlink()
    assert Presets.load(PAPER, copied, "attacks").names == before
    assert Presets.load(PAPER, copied / "nowhere", "attacks").names == []


def test_a_preset_that_links_to_nothing_is_named(copied) -> None:
    (copied / "config" / "attacks" / "own.yaml").symlink_to(copied / "nothing.yaml")
    with pytest.raises(ReveilError, match="own.yaml: cannot be read"):
        Presets.load(PAPER, copied, "attacks")


def test_without_celeba_all_is_asked_for_that_is_not_of_celeba_alone():
    papers = read_yaml(ROOT / "config.yaml")
    without = merge(papers, read_yaml(ROOT / "config/no-celeba.yaml"))
    assert check(without, ROOT) == []
    for study, left_out in (("cvnn", ["cvnn-ext05", "cvnn-ext07"]), ("unir", ["unir-exp16"])):
        both = [made["studies"][study]["experiments"] for made in (papers, without)]
        targets, fewer = (made["targets"] for made in both)
        assert fewer == [name for name in targets if name not in left_out]
        data, rest = (made["datasets"] for made in both)
        assert rest == [name for name in data if not name.startswith("celeba")]
        assert not any("celeba" in name for name in without["studies"][study]["datasets"])
