"""Keys that do not go together are refused at planning, and no mistake is told twice."""

import copy
from pathlib import Path

import numpy as np
import pytest

from reveil import indices
from reveil.config import check, merge, read_yaml
from reveil.config.image_checks import training_count

ROOT = Path(__file__).resolve().parents[2]
PAPER = read_yaml(ROOT / "config.yaml")


def ats(**keys) -> dict:
    return {"studies": {"ats": keys}}


def mistakes(changes: dict) -> list[str]:
    return check(merge(PAPER, changes), ROOT)


def only(messages: list[str]) -> str:
    assert len(messages) == 1, messages
    return messages[0]


def test_a_mistake_at_every_place_is_told_once():
    changes = ats(policies=["random", "19-1-18"], datasets=["cifar10", "cifar100"])
    assert "policies[0], 'random'" in only(mistakes(changes))
    changes = ats(policies=["found-1", "found-fixed-s9-1"], datasets=["cifar10", "cifar100"])
    assert "policies[0], 'found-1'" in only(mistakes(changes))
    assert "nesterov" in only(mistakes({"recipes": {"full": {"momentum": 0}}}))


def test_policies_that_meet_at_some_place_only_are_refused():
    message = only(mistakes(ats(policies=["published-1", "3-1-7"])))
    assert "policies[0], 'published-1', for resnet20-4 on cifar100" in message


def test_found_policies_of_different_rows_are_fine():
    policies = [
        "found-1",
        "found-orig2021-s7-2",
        "only-found-1",
        "found-hybrid",
        "only-found-hybrid",
    ]
    assert mistakes(ats(policies=policies)) == []


@pytest.mark.parametrize(
    ("protocol", "dataset", "models", "network"),
    [
        ("warmerdam2022", "fashion-mnist", ["resnet20-4", "resnet20-1"], "resnet20-1"),
        ("drabent2022", "cifar100", ["convnet", "convnet-9"], "convnet-9"),
        ("drabent2022", "cifar100", ["convnet-9-w8", "convnet-w8"], "convnet-9-w8"),
    ],
)
def test_two_names_of_one_network_are_refused(protocol, dataset, models, network):
    changes = ats(protocols=["fixed", protocol], datasets=[dataset], models=models)
    message = only(mistakes(changes))
    assert message.startswith(f"studies.ats.models[1]: {models[1]!r} ")
    for part in (f"models[0], {models[0]!r}", f"{protocol!r} means {network}", dataset):
        assert part in message
    assert mistakes(ats(protocols=["fixed"], datasets=[dataset], models=models)) == []


def test_the_search_behind_a_found_name_must_fit_the_dataset():
    demo = ats(datasets=["fashion-mnist-demo"], models=["lenetzhu"])
    demo["recipes"] = {"default": {"holdout": 1000}}
    listed = merge(demo, ats(policies=["none", "found-fixed-s0-1"]))
    assert mistakes(listed) == []
    messages = mistakes(merge(demo, ats(policies=["none", "found-orig2021-s3-1"])))
    assert [m.split(" on ")[0] for m in messages] == [
        "protocols.orig2021.search.s_pri.images",
        "protocols.orig2021.search.s_acc.images",
    ]
    few = {"protocols": {"orig2021": {"search": {"candidates": 1}}}}
    message = only(mistakes(merge(few, ats(policies=["none", "found-orig2021-s3-1"]))))
    assert message.startswith("protocols.orig2021.search.final: 2 ")
    assert mistakes(few) == []


def test_only_recipes_in_use_are_held_against_the_datasets():
    changes = {"recipes": {"full-drabent2022": {"batch_size": 60001, "momentum": 0}}}
    changes |= ats(experiments={"targets": []})
    assert mistakes(changes) == []
    messages = mistakes(merge(changes, ats(protocols=["drabent2022"])))
    keys = {message.split(":")[0].split(" on ")[0] for message in messages}
    assert keys == {"recipes.full-drabent2022.batch_size", "recipes.full-drabent2022.nesterov"}


def test_adam_has_no_momentum_to_miss():
    assert mistakes({"recipes": {"full": {"optimizer": "adam", "momentum": 0}}}) == []


@pytest.mark.parametrize("rule", indices.SUBSET_RULES)
@pytest.mark.parametrize("fraction", [0.05, 0.125, 0.8, 1.0])
def test_training_images_are_counted_as_training_counts_them(rule, fraction):
    recipe = {"holdout": 7, "subset": {"rule": rule, "fraction": fraction}}
    labels = np.arange(60) % 3
    chosen = indices.training_indices(labels, recipe["subset"], recipe["holdout"], seed=0)
    assert training_count(recipe, len(labels)) == len(chosen)


# The index rules of the presets do not fit tiny's data; what tiny changes about them is lost here.
TINY = merge(PAPER, read_yaml(ROOT / "config/tiny.yaml"))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("protocols", None, "protocols"),
        ("protocols", 3, "protocols"),
        ("protocols.fixed", None, "protocols.fixed"),
        ("protocols.fixed", [], "protocols.fixed"),
        ("protocols.fixed.search", None, "protocols.fixed.search"),
        ("protocols.fixed.search", "all", "protocols.fixed.search"),
        ("protocols.fixed.scene", {"image": {"count": 4}}, "protocols.fixed.scene.image"),
        (
            "protocols.fixed.search.s_pri.images",
            {"cuont": 4},
            "protocols.fixed.search.s_pri.images.cuont",
        ),
        ("recipes", None, "recipes"),
        ("recipes.default", None, "recipes.default"),
        ("recipes.default", {"holdout": "40"}, "recipes.default.holdout"),
        ("recipes.default", {"hold_out": 40}, "recipes.default.hold_out"),
    ],
)
def test_a_value_taken_out_is_all_that_is_told(key, value, told):
    *parents, last = key.split(".")
    config = copy.deepcopy(TINY)
    holder = config
    for part in parents:
        holder = holder[part]
    holder[last] = value
    assert only(check(config, ROOT)).startswith(f"{told}: ")


def test_a_name_that_is_a_number_is_told_once():
    assert "lower case" in only(mistakes({"recipes": {3: {"epochs": 1}}}))


@pytest.mark.parametrize("own", [None, 3, {"base": None}, {"base": "fixed", "judge": None}])
def test_a_broken_name_of_ones_own_is_not_also_unknown(own):
    changes = merge({"protocols": {"mine": own}}, ats(protocols=["mine"]))
    assert only(mistakes(changes)).startswith("protocols.mine")
    other = {"protocols": {"other": {"base": "mine"}}}
    assert only(mistakes(merge(changes, other))).startswith("protocols.mine")


def test_a_broken_recipe_of_ones_own_is_not_also_unknown():
    for recipes in ({"mine": None}, None):
        changes = {"recipes": recipes, "protocols": {"fixed": {"recipes": {"full": "mine"}}}}
        assert only(mistakes(changes)).startswith("recipes")


def test_one_broken_protocol_does_not_hide_the_mistakes_of_another():
    changes = {"protocols": {"fixed": {"judge": None}, "orig2021": {"search": {"final": 1601}}}}
    keys = [m.split(":")[0] for m in mistakes(merge(changes, ats(protocols=["fixed", "orig2021"])))]
    assert keys == ["protocols.fixed.judge", "protocols.orig2021.search.final"]
