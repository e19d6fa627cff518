"""Keys that do not go together are refused at planning, and no mistake is told twice."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest

from reveil import indices
from reveil.config import check, merge, read_yaml, resolve_protocol, resolve_recipe
from reveil.config.image_checks import training_count
from reveil.errors import ReveilError

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


# Defences, derived recipes and batches


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("full-with-prune-70", {"defence": "prune-70", "stop_after": None, "epochs": 60}),
        ("full-after-100", {"defence": "none", "stop_after": 100, "epochs": 60}),
        ("full-orig2021-after-0", {"stop_after": 0, "epochs": 200, "loss_factor": 0.5}),
        ("tiny-with-gaussian-rel-1e-1-after-7", {"defence": "gaussian-rel-1e-1", "stop_after": 7}),
        ("mine-with-x-after-2", {"stop_after": 2, "epochs": 3}),
        ("mine-with-x-with-prune-5", {"defence": "prune-5", "epochs": 3}),
        ("full-after-5", {"stop_after": None, "epochs": 7}),
    ],
)
def test_derived_recipes(name, keys):
    own = {
        "mine-with-x": {"base": "full", "epochs": 3},
        "full-after-5": {"base": "full", "epochs": 7},
    }
    recipe = resolve_recipe(merge(PAPER, {"recipes": own}), ROOT, name, "cifar100", "resnet20-4")
    assert {key: recipe[key] for key in keys} == keys


def test_a_derived_recipe_wins_over_special_cases():
    case = {"full": {"datasets": {"cifar100": {"defence": "prune-10", "stop_after": 3}}}}
    config = merge(PAPER, {"recipes": case})
    found = [
        resolve_recipe(config, ROOT, name, "cifar100", "resnet20-4")
        for name in ("full", "full-with-prune-70", "full-after-9")
    ]
    assert [(r["defence"], r["stop_after"]) for r in found] == [
        ("prune-10", 3),
        ("prune-70", 3),
        ("prune-10", 9),
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("full-with-prun-70", "defence: 'prun-70' is not allowed"),
        ("full-with-prune-100", "100 in 'prune-100' is not allowed; allowed: above 0 and below"),
        ("full-with-gaussian-0-after-3", "0 in 'gaussian-0' is not allowed"),
        ("full-with-none", "'full' without a defence; did you mean 'full'?"),
        ("full-after-010", "leading zero; did you mean 'full-after-10'?"),
        ("full-with-prune-70-after-01", "did you mean 'full-with-prune-70-after-1'?"),
        ("default-after-3", "'default-after-3' is not allowed"),
        ("ful-after-3", "'ful-after-3' is not allowed; allowed: "),
        ("full-after-3-with-prune-70", "'full-after-3-with-prune-70' is not allowed"),
    ],
)
def test_derived_names_that_mean_nothing_are_refused_where_they_stand(name, problem):
    with pytest.raises(ReveilError, match=re.escape(problem)):
        resolve_recipe(PAPER, ROOT, name, "cifar100", "resnet20-4")
    message = only(mistakes({"protocols": {"fixed": {"recipes": {"full": name}}}}))
    assert message.startswith("protocols.fixed.recipes.full: ")
    assert problem in message


def test_a_training_cannot_stop_after_its_end():
    """1,000 of 50,000 images are held out: 383 batches of 128, 60 times."""
    there = ats(datasets=["cifar100"], models=["resnet20-4"], experiments={"targets": []})

    def after(steps):
        own = {"protocols": {"fixed": {"recipes": {"full": f"full-after-{steps}"}}}}
        return mistakes(merge(there, own))

    assert after(22980) == []
    message = only(after(22981))
    assert message.startswith("recipes.full-after-22981 on cifar100: stop_after 22981 ")
    assert message.endswith("allowed: 0 to 22980")


def test_defences_must_exist_wherever_they_are_named():
    changes = ats(defences=["none", "prune-70", "prune-0", "gausian-1e-3"])
    first, second = mistakes(changes)
    assert first.startswith("studies.ats.defences[2]: 0 in 'prune-0' is not allowed")
    assert second.startswith("studies.ats.defences[3]: 'gausian-1e-3' is not allowed")
    own = {"full": {"defence": "prune-70p0", "datasets": {"cifar100": {"defence": "prune"}}}}
    messages = mistakes({"recipes": own})
    assert [m.split(": ")[0] for m in messages] == [
        "recipes.full.defence",
        "recipes.full.datasets.cifar100.defence",
    ]
    assert "did you mean 'prune-70'?" in messages[0]
    assert "must be" not in only(mistakes({"recipes": {"full": {"stop_after": -1}}}))


@pytest.mark.parametrize(
    ("count", "block", "key"),
    [
        (112, 28, None),
        (112, 200, None),
        (110, 200, "protocols.mine.scene.images.count: 110"),
        (112, 26, "studies.ats.block: 26"),
        (3, 200, "protocols.mine.scene.images.count: 3"),
    ],
)
def test_blocks_hold_whole_batches(count, block, key):
    own = {"mine": {"base": "fixed", "scene": {"batch": 4, "images": {"count": count}}}}
    section = ats(
        protocols=["mine"], block=block, experiments={"targets": []}, pictures={"images": [0]}
    )
    messages = mistakes(merge({"protocols": own}, section))
    if key is None:
        assert messages == []
    else:
        assert only(messages).startswith(key)


@pytest.mark.parametrize(
    ("name", "switches"),
    [
        ("fixed-bn-train", {"bn_mode": "train", "batch": 1, "gradients": 1}),
        *((f"fixed-batch-{b}", {"batch": b, "bn_mode": "eval"}) for b in (1, 2, 4, 8, 16)),
        *((f"fixed-draws-{k}", {"gradients": k, "batch": 1}) for k in (1, 2, 4, 8)),
        ("drabent2022", {"defend_gradient": False}),
        ("orig2021", {"defend_gradient": True}),
    ],
)
def test_protocols_of_what_victims_share(name, switches):
    protocol = resolve_protocol(PAPER, ROOT, name)
    assert {key: protocol["scene"][key] for key in switches} == switches
    reference = "original" if "draws" in name else "transformed"
    assert protocol["judge"]["psnr_reference"] == reference
    assert protocol["scene"]["images"]["count"] % protocol["scene"]["batch"] == 0


@pytest.mark.parametrize(
    ("name", "images", "full"),
    [
        ("drabent2022-exp01", list(range(6)), "full-drabent2022"),
        ("drabent2022-exp02", [0, 1, 2], "full-drabent2022"),
        ("drabent2022-exp08", [5], "full-drabent2022"),
        ("drabent2022-exp10", [0], "tiny-drabent2022"),
        ("warmerdam2022-claim1", list(range(20)), "tiny-warmerdam2022"),
    ],
)
def test_protocols_of_single_experiments_attack_the_images_of_the_reports(name, images, full):
    protocol = resolve_protocol(PAPER, ROOT, name)
    labels = {"test": np.arange(10_000) % 100}
    chosen = indices.resolve(protocol["scene"]["images"], labels, holdout=0)
    assert chosen.tolist() == images
    assert protocol["recipes"]["full"] == full
