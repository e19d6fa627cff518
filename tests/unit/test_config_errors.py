"""Bad configurations: one message for every mistake, with key, value, allowed and nearest."""

import copy
import shutil
from pathlib import Path

import pytest
import yaml

from reveil.config import check, merge, read_yaml, resolve_protocol, validate
from reveil.errors import ReveilError

ROOT = Path(__file__).resolve().parents[2]
PAPER = read_yaml(ROOT / "config.yaml")
ATS = "studies.ats."
FIXED = "protocols.fixed."


def ats(**keys) -> dict:
    return {"studies": {"ats": keys}}


def at(key: str, value) -> dict:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def mistakes(changes: dict, root: Path = ROOT) -> list[str]:
    return check(merge(PAPER, changes), root)


def only(messages: list[str]) -> str:
    assert len(messages) == 1, messages
    return messages[0]


@pytest.fixture
def copied(tmp_path) -> Path:
    """A repository with just the configuration, to break."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "workflow" / "schemas", tmp_path / "workflow" / "schemas")
    return tmp_path


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        (ATS + "datasets", ["fashion-mnis"], "[0]: 'fashion-mnis'; cifar10,; mean 'fashion-mnist'"),
        (ATS + "datasets", "cifar100", ": 'cifar100'; a list of"),
        (ATS + "models", ["convnett"], "[0]: 'convnett'; resnet20-{k}; mean 'convnet'"),
        (ATS + "models", [], ": []; a list of"),
        (ATS + "models", None, ": an empty value; a list of"),
        (ATS + "policies", ["none", 50], "[1]: ; '50'; 0 to 49"),
        (ATS + "policies", ["50"], "[0]: ; '50'; 0 to 49"),
        (ATS + "policies", ["3--1"], "[0]: ; '3--1'; i-j-k; mean '3-1'"),
        (ATS + "policies", ["3-1-"], "[0]: ; '3-1-'; i-j-k; mean '3-1'"),
        (ATS + "policies", ["3-1-7+"], "[0]: ; '3-1-7+'; a+b; mean '3-1-7'"),
        (ATS + "policies", ["pubished-1"], "[0]: ; 'pubished-1'; mean 'published-1'"),
        (
            ATS + "policies",
            ["random", "19-1-18"],
            "[1]: '19-1-18'; same policy as studies.ats.policies[0]",
        ),
        (
            ATS + "policies",
            ["found-1", "found-orig2021-s0-1"],
            "[1]: 'found-orig2021-s0-1'; policies[0], 'found-1'; averaged as one; name one",
        ),
        (
            ATS + "policies",
            ["found-hybrid", "found-fixed-s1-1+found-fixed-s2-1"],
            "[1]: 'found-fixed-s1-1+found-fixed-s2-1'; 'found-hybrid'; averaged as one",
        ),
        (ATS + "policies", ["only-found-2", "only-found-fixed-s7-2"], "[1]: ; policies[0]; row"),
        (
            ATS + "policies",
            ["found-fixed-s0-1+3-1-7"],
            "[0]: 'found-fixed-s0-1+3-1-7'; the found found-fixed-s0-1; 3-1-7; one kind",
        ),
        (
            ATS + "policies",
            ["found-orig2021-s0-3"],
            "[0]: 'found-orig2021-s0-3'; orig2021.search.final is 2; ranks 1 to 2",
        ),
        (ATS + "policies", ["found-default-s0-1"], "[0]: 'found-default-s0-1'; 'default'; fixed"),
        (ATS + "policies", ["found-lost-s0-1"], "[0]: 'found-lost-s0-1'; 'lost'; fixed"),
        (ATS + "protocols", ["orig2012"], "[0]: 'orig2012'; drabent2022; mean 'orig2021'"),
        (ATS + "attacks", ["inverzed"], "[0]: 'inverzed'; allowed: br-; mean 'inversed'"),
        (ATS + "defences", ["nonne"], "[0]: 'nonne'; allowed: none; mean 'none'"),
        (ATS + "items", ["figure_gird"], "[0]: 'figure_gird'; mean 'figure_grid'"),
        (ATS + "items", ["figure_grid"] * 2, "[1]: 'figure_grid'; twice"),
        (ATS + "block", "ten", ": 'ten'; an integer from 1"),
        (ATS + "block", 0, ": 0; an integer from 1"),
        (ATS + "block", 25.0, ": 25.0; an integer from 1"),
        (ATS + "block", True, ": True; an integer from 1"),
        (ATS + "pictures.images", [0, 100], "[1]: 100; 0 to 99"),
        ("run", "My_Run", ": 'My_Run'; lower case"),
        ("seeds", [0, -1], "[1]: -1; an integer from 0"),
        ("seeds", [1, 1], "[1]: 1; twice"),
        ("seeds", [0, "1"], "[1]: '1'; an integer from 0; is text; without quotes, in a file"),
        ("compute.device", "gpu", ": 'gpu'; cuda:N; mean 'cpu'"),
        ("compute.chunk", "automatic", ": 'automatic'; auto or an integer from 1; mean 'auto'"),
        ("datasets.registry", "config/data.csv", ": 'config/data.csv'; not a file"),
        ("attacks.inversed.total_variation", "1e-4", ": '1e-4'; a number from 0; 1.0e-4"),
        ("attacks.inversed.base", "default", ": ; 'inversed' is a preset"),
        ("recipes.full.optimizer", "sdg", ": 'sdg'; sgd, adam; mean 'sgd'"),
        ("recipes.full.nesterov", "yes", ": 'yes'; true or false"),
        ("recipes.full.learning_rate", float("inf"), ": inf; a number above 0, and finite"),
        ("recipes.full.weight_decay", float("nan"), ": nan; a number from 0, and finite"),
        ("recipes.full.epochs", float("inf"), ": inf; allowed: an integer from 1"),
        ("recipes.full.milestones", [float("inf")], "[0]: inf; a number above 1, and finite"),
        ("recipes.full.gamma", 10**400, ": 1000; a number above 0 up to 1"),
        ("compute.state_seconds", float("nan"), ": nan; a number from 0, and finite"),
        (FIXED + "search.s_acc.threshold", -float("inf"), ": -inf; a number, and finite"),
        (FIXED + "fashion_mnist_resnet_width", 16.0, ": 16.0; 16, 64"),
        ("recipes.full.momentum", 0, "; recipes.full.nesterov; true; momentum 0; above 0"),
        (
            "recipes.full",
            {"drop_last": True, "batch_size": 59001},
            "; recipes.full.batch_size on fashion-mnist: 59001; 1 to 59000; drop_last: false",
        ),
        ("recipes.tiny.subset.fraction", 1e-9, "; recipes.tiny.subset.fraction on cifar100; is 0"),
        ("recipes.tiny.subset.fraction", 0.0015, "; fraction on cifar100: 0.0015; is 75; 100 or"),
        ("recipes.full.holdout", 49901, "; full.holdout on cifar100: 49901; 0 to 49900"),
        ("recipes.default.holdout", 60000, "; recipes.full.holdout on fashion-mnist; 59990"),
        ("recipes.full.datasets.cifar101", {"epochs": 1}, ": 'cifar101'; mean 'cifar10'"),
        ("recipes.full.datasets.cifar100/convnot", {}, ": 'convnot'; mean 'convnet'"),
        ("recipes.tinny", {"epochs": 1}, ": ; 'tinny'; base; mean 'tiny'"),
        ("recipes.mine.base", "ful", ": 'ful'; mean 'full'"),
        ("recipes.mine", {"base": "mine"}, ".base: ; mine -> mine"),
        (FIXED + "recipes.tiny", "tinny", ": 'tinny'; tiny-orig2021; mean 'tiny'"),
        (FIXED + "recipes.tiny", "tiny-orig2021", "; 'full' (1000) and 'tiny-orig2021' (0)"),
        (FIXED + "scene.images.count", 20000, "; fixed.scene.images on cifar100; 10000"),
        (FIXED + "search.s_acc.images.batches", 11, "; search.s_acc.images on cifar100; 1000"),
        (FIXED + "search.final", 1, "; [9]: 'found-2'; search.final is 1"),
        (FIXED + "search.candidates", 1, "; fixed.search.final: 2; candidates is 1"),
    ],
)
def test_bad_values(key, value, parts):
    """The key begins the message, unless the parts begin with a separator."""
    first, *others = parts.split("; ")
    start = key + first if first else ""
    messages = mistakes(at(key, value))
    told = [m for m in messages if m.startswith(start) and all(part in m for part in others)]
    assert told, messages


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("sedes", "seeds"),
        ("datasets.local_folder", "local_folders"),
        ("studies.atss", "ats"),
        (ATS + "polices", "policies"),
        (ATS + "pictures.image", "images"),
        ("compute.devise", "device"),
        ("attacks.inversed.iteration", "iterations"),
        ("recipes.full.epoch", "epochs"),
        ("recipes.full.subset.fractoin", "fraction"),
        ("recipes.full.datasets.cifar100.epoch", "epochs"),
        (FIXED + "search.s_pri.image", "images"),
        (FIXED + "search.s_pri.images.cuont", "count"),
        ("protocols.fixd", "fixed"),
    ],
)
def test_typos_at_every_level(key, nearest):
    message = only(mistakes(at(key, {})))
    assert message.startswith(f"{key}: ")
    assert f"did you mean {nearest!r}" in message
    assert "allowed" in message


def test_all_errors_at_once_and_a_bad_value_beside_an_unknown_key():
    changes = {
        "sedes": [0],
        "studies": {"ats": {"bloc": 3, "block": "ten", "datasets": ["mnist"], "policies": ["50"]}},
        "recipes": {"full": {"epochs": "many", "epoch": 1}},
        "attacks": {"inversed": "fast"},
    }
    messages = mistakes(changes)
    keys = sorted(message.split(":")[0] for message in messages)
    assert keys == [
        "attacks.inversed",
        "recipes.full.epoch",
        "recipes.full.epochs",
        "sedes",
        "studies.ats.bloc",
        "studies.ats.block",
        "studies.ats.datasets[0]",
        "studies.ats.policies[0]",
    ]
    with pytest.raises(ReveilError) as raised:
        validate(merge(PAPER, changes), ROOT)
    assert all(message in str(raised.value) for message in messages)
    assert "8 errors" in str(raised.value)


def test_positions_in_a_list_are_those_of_the_file():
    message = mistakes(ats(policies=[None, "none", "3--1"]))
    assert [m.split(":")[0] for m in message] == [
        "studies.ats.policies[0]",
        "studies.ats.policies[2]",
    ]


def test_one_mistake_is_told_once_however_many_models_meet_it():
    changes = ats(
        policies=["3--1"], datasets=["cifar10", "cifar100"], protocols=["fixed", "orig2021"]
    )
    only(mistakes(changes))


@pytest.mark.parametrize("value", [None, 3, True])
@pytest.mark.parametrize("key", list(PAPER))
def test_a_section_of_the_wrong_type_ends_in_a_message(key, value):
    assert any(m.startswith(f"{key}: ") for m in check({**PAPER, key: value}, ROOT))


@pytest.mark.parametrize("key", list(PAPER))
def test_a_missing_section_is_named(key):
    config = {k: v for k, v in copy.deepcopy(PAPER).items() if k != key}
    assert f"{key}: is missing" in check(config, ROOT)


def test_index_rules_of_the_papers_do_not_fit_the_embedded_data():
    changes = ats(datasets=["fashion-mnist-demo"], protocols=["orig2021"])
    messages = mistakes(changes)
    assert any("protocols.orig2021.search.s_pri.images" in m and "500" in m for m in messages)


# Preset files


def test_mistakes_in_preset_files_name_the_file(copied):
    (copied / "config/recipes/tiny.yaml").write_text("epochs: many\nepohcs: 3\n")
    (copied / "config/protocols/mine.yaml").write_text("recipes: {full: fulll}\n")
    messages = mistakes({}, copied)
    assert [m for m in messages if m.startswith("config/recipes/tiny.yaml: epochs: 'many'")]
    assert [m for m in messages if m.startswith("config/recipes/tiny.yaml: epohcs: unknown key")]
    assert [m for m in messages if m.startswith("protocols.mine.recipes.full: 'fulll'")]
    assert len(messages) == 3


def test_a_default_preset_must_have_every_key(copied):
    path = copied / "config/attacks/default.yaml"
    content = yaml.safe_load(path.read_text())
    del content["boxed"]
    path.write_text(yaml.safe_dump(content))
    assert only(mistakes({}, copied)).startswith("config/attacks/default.yaml: boxed: is missing")


def test_a_missing_default_preset_is_named(copied):
    (copied / "config/recipes/default.yaml").unlink()
    assert only(mistakes({}, copied)).startswith("config/recipes/default.yaml: is missing")


@pytest.mark.parametrize("content", ["epochs: [1", "- 1\n- 2\n", "just text\n"])
def test_a_broken_preset_file_ends_in_a_message(copied, content):
    (copied / "config/recipes/tiny.yaml").write_text(content)
    assert any("recipes/tiny.yaml" in m for m in mistakes({}, copied))


def test_a_preset_of_ones_own_is_a_file(copied):
    (copied / "config/protocols/mine.yaml").write_text("base: orig2021\njudge: {std_ddof: 0}\n")
    config = merge(PAPER, ats(protocols=["mine"]))
    assert check(config, copied) == []
    protocol = resolve_protocol(config, copied, "mine")
    assert (protocol["judge"]["std_ddof"], protocol["search"]["slot_max"]) == (0, 50)
