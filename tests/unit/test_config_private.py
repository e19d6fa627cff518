"""Mistakes in the study of private networks are told once, before anything runs."""

import re

import pytest

from reveil.config import (
    check,
    merge,
    read_yaml,
    require_experiment,
    resolve_feature_attack,
    resolve_protection,
)
from reveil.config.feature_attack_checks import INNER, USED_BY
from reveil.cvnn.methods import MODULES
from reveil.errors import ReveilError
from tests.workflow import ROOT

PAPER = read_yaml(ROOT / "config.yaml")
# Where no other experiment tells the same, checks take half the time.
NO_TARGETS = {"experiments": {"targets": []}}
FEW = merge(PAPER, {"studies": {"ats": NO_TARGETS, "cvnn": NO_TARGETS}})
STUDY = "studies.cvnn."
ROW = "experiments.cvnn-own.rows[0]."
RUN = "experiments.cvnn-own.runs.ours."


def cvnn(**keys) -> dict:
    return {"studies": {"cvnn": keys}}


def own(row=(), *, place="cifar10/resnet20-alpha", protocol="fixed-cvnn", **more) -> dict:
    """An experiment of one's own, with one row and one place."""
    runs = {"ours": {"protocol": protocol, "places": [place]}}
    row = {"policies": ["none"], **dict(row)}
    experiment = {"base": "default", "runs": runs, "rows": [row], **more}
    targets = cvnn(experiments={"targets": ["cvnn-own"]})
    return {"experiments": {"cvnn-own": experiment}, **targets}


def mistakes(changes: dict, config: dict = FEW) -> list[str]:
    return check(merge(config, changes), ROOT)


def told(changes: dict, key: str, *parts: str, config: dict = FEW) -> str:
    """Return the one message, which names the key, then everything else."""
    messages = mistakes(changes, config)
    assert len(messages) == 1, messages
    message = messages[0]
    assert message.startswith(f"{key}: "), message
    assert [part for part in parts if part not in message] == [], message
    return message


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "key", "name", "hint"),
    [
        (cvnn(policies=["none", "rotationn"]), STUDY + "policies[1]", "rotationn", "'rotation'"),
        (cvnn(attacks=["inversion-1"]), STUDY + "attacks[0]", "inversion-1", "'inversion1'"),
        (cvnn(protocols=["fixed-cvn"]), STUDY + "protocols[0]", "fixed-cvn", "'fixed-cvnn'"),
        (cvnn(datasets=["cifar-10"]), STUDY + "datasets[0]", "cifar-10", "'cifar10'"),
        (cvnn(models=["resnet20-alfa"]), STUDY + "models[0]", "resnet20-alfa", "'resnet20-alpha'"),
        (
            cvnn(experiments={"targets": ["cvnn-exp2"]}),
            *(STUDY + "experiments.targets[0]", "cvnn-exp2", "'cvnn-exp02'"),
        ),
        (
            cvnn(experiments={"datasets": ["cifar-10"]}),
            *(STUDY + "experiments.datasets[0]", "cifar-10", "'cifar10'"),
        ),
        (
            cvnn(experiments={"models": ["alexnett"]}),
            *(STUDY + "experiments.models[0]", "alexnett", "'alexnet'"),
        ),
        (
            cvnn(experiments={"stand_ins": {"vgg16": "vg16"}}),
            *(STUDY + "experiments.stand_ins.vgg16", "vg16", "'vgg16'"),
        ),
        (own({"policies": ["rotationn"]}), ROW + "policies", "rotationn", "'rotation'"),
        (own({"attacks": ["two-images"]}), ROW + "attacks", "two-images", "'two-image'"),
        (own({"recipes": ["cvn"]}), ROW + "recipes", "cvn", "'cvnn'"),
        (own(protocol="xiang22"), RUN + "protocol", "xiang22", "'xiang2022'"),
        (own(place="cifar11/vgg16"), RUN + "places", "cifar11", "'cifar10'"),
        (own(place="cifar10/vgg"), RUN + "places, cifar10/vgg", "vgg", "'vgg16'"),
        (
            {"feature_attacks": {"knn-1": {"inner": "inversion"}}},
            *("feature_attacks.knn-1.inner", "inversion", "'inversion1'"),
        ),
        (
            {"protections": {"mine": {"base": "rotationx"}}},
            *("protections.mine.base", "rotationx", "'rotation'"),
        ),
        (
            {"feature_attacks": {"mine": {"base": "knn1"}}},
            *("feature_attacks.mine.base", "knn1", "'knn-1'"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_an_unknown_name_is_told_with_the_nearest(changes, key, name, hint):
    told(changes, key, repr(name), "allowed: ", f"did you mean {hint}?", config=PAPER)


@pytest.mark.parametrize(
    ("changes", "key", "home"),
    [
        (cvnn(policies=["crop-flip"]), STUDY + "policies[0]", "a policy of the study ats"),
        (cvnn(policies=["3-1-7"]), STUDY + "policies[0]", "a policy of the study ats"),
        (cvnn(attacks=["inversed"]), STUDY + "attacks[0]", "an attack on gradients, of the"),
        (cvnn(models=["resnet20-4"]), STUDY + "models[0]", "a network of the study ats"),
        (
            cvnn(experiments={"targets": ["ats-exp03"]}),
            *(STUDY + "experiments.targets[0]", "an experiment of the study ats"),
        ),
        (
            cvnn(experiments={"models": ["convnet"]}),
            *(STUDY + "experiments.models[0]", "a network of the study ats"),
        ),
        (
            {"studies": {"ats": {"policies": ["none", "rotation"]}}},
            *("studies.ats.policies[1]", "a protection of the study cvnn"),
        ),
        (
            {"studies": {"ats": {"attacks": ["two-image"]}}},
            *("studies.ats.attacks[0]", "an attack on features, of the study cvnn"),
        ),
        (
            {"studies": {"ats": {"models": ["resnet20-alpha"]}}},
            *("studies.ats.models[0]", "a network of the study cvnn"),
        ),
        (own({"policies": ["crop-flip"]}), ROW + "policies", "a policy of the study ats"),
        (own({"attacks": ["inversed"]}), ROW + "attacks", "an attack on gradients, of the"),
        (own(place="cifar10/convnet"), RUN + "places, cifar10/convnet", "a network of the study"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_a_name_of_the_other_study_is_told_where_it_belongs(changes, key, home):
    assert "did you mean" not in told(changes, key, "allowed: ", f"is {home}")


def test_the_default_is_no_name_to_use():
    told(cvnn(policies=["default"]), STUDY + "policies[0]", "'default' is not allowed")
    told(cvnn(attacks=["default"]), STUDY + "attacks[0]", "'default' is not allowed")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"protections": {"rotation": {"kind": "rotate"}}}, "protections.rotation.kind"),
        ({"protections": {"mine": {"base": "rotation", "k": 1}}}, "protections.mine.k"),
        ({"feature_attacks": {"knn-1": {"method": "nearest"}}}, "feature_attacks.knn-1.method"),
        ({"recipes": {"cvnn": {"adversary": {"loop": "jointt"}}}}, "recipes.cvnn.adversary.loop"),
        ({"protections": 3}, "protections"),
        ({"feature_attacks": None}, "feature_attacks"),
        (cvnn(items=["table_protecton"]), STUDY + "items[0]"),
        (cvnn(pictures={"images": [500]}), STUDY + "pictures.images[0]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_is_not_allowed_is_all_that_is_told(changes, key):
    used = merge(changes, cvnn(policies=["none", "mine"])) if "mine" in str(changes) else changes
    told(used, key, "allowed: ")


# Protections ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("rotation", {"gamma": 0.5}, "gamma: 0.5 is not allowed with kind 'rotation'; allowed: 0,"),
        ("noisy-20", {"gamma": 0}, "gamma: 0 is not allowed with kind 'noisy'; allowed: above 0"),
        ("default", {"gamma": 0.5}, "gamma: 0.5 is not allowed with kind 'rotation'"),
        ("none", {"adversary": "wgan-gp"}, "adversary: 'wgan-gp' has no effect with kind"),
        ("additional", {"generator": "none"}, "generator: 'none' is not allowed with kind"),
        ("additional", {"swap": "sample"}, "swap: 'sample' has no effect with kind 'additional'"),
        ("noisy-20", {"k": 4}, "k: 4 has no effect with kind 'noisy'; allowed: 2, which is the"),
        ("additional", {"critic": "wide"}, "critic: 'wide' has no effect with kind 'additional'"),
        ("rotation", {"noise": "shared"}, "noise: 'shared' has no effect with kind 'rotation'"),
        ("none", {"generator": "wide"}, "generator: 'wide' is not allowed with kind 'original'"),
        ("none", {"end": "norm"}, "end: 'norm' is not allowed with kind 'original', which is the"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_keys_of_a_protection_go_together(name, keys, message):
    """Those that stand on it do not tell it again."""
    key = f"protections.{name}.{message.partition(':')[0]}"
    told({"protections": {name: keys}}, key, message, config=PAPER)


def test_a_change_of_the_default_is_no_mistake_of_those_who_leave_it():
    assert mistakes({"protections": {"default": {"k": 4, "critic": "wide"}}}) == []


# Attacks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("inversion1", {"parts": "separate"}, "parts: 'separate' has no effect with method"),
        ("inversion2-joint", {"refine": False}, "refine: False has no effect with method 'decode'"),
        ("inversion2-joint", {"consistent": False}, "consistent: False has no effect with method"),
        ("inversion1", {"align": "ica"}, "align: 'ica' has no effect with method 'angle_search'"),
        ("two-image", {"neighbours": 3}, "neighbours: 3 has no effect with method 'two_image'"),
        ("two-image", {"inner": "inversion1-plain"}, "inner: 'inversion1-plain' has no effect"),
        ("infer-images", {"decoder": "plain"}, "decoder: 'plain' has no effect with method"),
        ("knn-1", {"patience": 3}, "patience: 3 has no effect with method 'knn'; allowed: 20,"),
        ("knn-1", {"infer": "features"}, "infer: 'features' has no effect with method 'knn'"),
        ("inversion2-joint", {"scored_by": "wgan"}, "scored_by: 'wgan' has no effect with method"),
        ("blind-ica", {"align": "none"}, "align: 'none' is not allowed with method 'blind'"),
        ("inversion1", {"min_epochs": 2001}, "min_epochs: 2001 is not allowed; allowed: 0 to max_"),
        ("knn-1", {"inner": "two-image"}, "inner: 'two-image' is not allowed, as its method is"),
        ("default", {"inner": "knn-1"}, "inner: 'knn-1' is not allowed, as its method is 'knn'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_an_attack_sets_has_an_effect(name, keys, message):
    key = f"feature_attacks.{name}.{message.partition(':')[0]}"
    told({"feature_attacks": {name: keys}}, key, message, config=PAPER)


def test_every_method_of_an_attack_has_its_keys_checked():
    assert {method for users in USED_BY.values() for method in users} == set(MODULES)
    unchecked = {"method"}
    default = read_yaml(ROOT / "config/feature_attacks/default.yaml")
    assert set(default) - unchecked == set(USED_BY)
    assert set(INNER) < set(MODULES)


# What goes together -----------------------------------------------------------------------------

NOISE = {"protections": {"mine": {"base": "rotation", "counterpart": "noise"}}}


@pytest.mark.parametrize("attack", ["inversion2-separate", "two-image", "two-image-ica"])
def test_two_images_are_not_hunted_for_where_one_is_noise(attack):
    changes = NOISE | cvnn(policies=["mine"], attacks=["inversion2-joint", attack])
    told(changes, STUDY + "attacks[1]", f"{attack!r} is not allowed on 'mine'", "allowed: ")
    row = {"policies": ["rotation", "mine"], "attacks": [attack]}
    told(merge(NOISE, own(row)), ROW + "attacks", "b is noise there")


def test_a_critic_scores_only_where_there_is_one():
    """Features that are not rotated have no angle to score."""
    attacks = ["inversion1-released"]
    message = f"{attacks[0]!r} is not allowed on 'core-linear-off-keep', whose features"
    changes = cvnn(policies=["none", "rotation", "core-linear-off-keep"], attacks=attacks)
    told(changes, STUDY + "attacks[0]", message, "allowed: scored_by own")
    assert mistakes(cvnn(policies=["none", "rotation"], attacks=attacks)) == []
    told(own({"policies": ["core-linear-off-keep"], "attacks": attacks}), ROW + "attacks", message)


@pytest.mark.parametrize("attack", ["infer-images", "infer-features", "knn-3"])
def test_nothing_is_inferred_where_nothing_is_hidden(attack):
    here = {"datasets": ["cifar10"], "models": ["resnet20-alpha"], "attacks": [attack]}
    message = f"{attack!r} is not allowed on cifar10, of whose images nothing is known beyond"
    told(cvnn(**here), STUDY + "attacks[0]", message, "allowed: cifar100-coarse, ")
    assert mistakes(cvnn(**here | {"datasets": ["cifar100-coarse"]})) == []
    told(own({"attacks": [attack]}), ROW + "attacks", message)
    assert mistakes(own({"attacks": [attack]}, place="fashion-mnist-coarse/resnet20-alpha")) == []


@pytest.mark.parametrize(
    ("row", "key", "message"),
    [
        ({"defences": ["prune-70"]}, ROW + "defences", "['prune-70'] is not allowed in this study"),
        ({"recipes": ["full-after-10"]}, "recipes.cvnn-after-10", "stop_after 10 is not allowed"),
        (
            {"recipes": ["cvnn-with-prune-70"]},
            *("recipes.cvnn-with-prune-70", "defence 'prune-70' is not allowed for private"),
        ),
        ({"variants": ["batch-2"]}, ROW + "variants", "'fixed-cvnn-batch-2' is not allowed"),
        ({"runs": ["theirs"]}, ROW + "runs[0]", "'theirs' is not allowed"),
    ],
)
def test_a_row_asks_for_what_private_networks_have(row, key, message):
    told(own(row), key, message, "allowed: ")


def test_no_policies_are_scored_here():
    told(own(lists=["singles"]), "experiments.cvnn-own.lists", "['singles'] has no effect")
    told(own(repeats=2), "experiments.cvnn-own.repeats", "2 has no effect")


# Images -----------------------------------------------------------------------------------------

HERE = {"datasets": ["cifar10"], "models": ["resnet20-alpha"], "experiments": {"targets": []}}
FEATURES = "protocols.fixed-cvnn.features."


def at(**protocol) -> dict:
    return {"protocols": {"fixed-cvnn": protocol}, **cvnn(**HERE)}


def test_held_out_images_of_the_attacker_must_be_held_out():
    changes = {"recipes": {"cvnn": {"holdout": 19}}, **cvnn(**HERE)}
    told(changes, FEATURES + "attacker_images", "'heldout'", "is 19", "a holdout from 20")
    assert mistakes(merge(changes, {"recipes": {"cvnn": {"holdout": 20}}})) == []
    assert mistakes(merge(changes, at(features={"attacker_images": "train"}))) == []


@pytest.mark.parametrize(("which", "most"), [("heldout", 25000), ("train", 25000), ("all", 50000)])
def test_an_attacker_has_no_more_images_than_there_are(which, most):
    features = {"attacker_images": which, "attacker_count": most}
    assert mistakes(at(features=features)) == []
    more = at(features=features | {"attacker_count": most + 1})
    told(more, FEATURES + "attacker_count on cifar10", f"{most + 1}", f"allowed: up to {most}, ")


@pytest.mark.parametrize(
    ("split", "which", "right"),
    [
        *(("test", which, True) for which in ("heldout", "train", "all")),
        *(("heldout", which, which == "train") for which in ("heldout", "train", "all")),
        *(("train", which, False) for which in ("heldout", "train", "all")),
    ],
)
def test_an_attacker_does_not_learn_from_his_victims(split, which, right):
    changes = at(features={"attacker_images": which}, scene={"images": {"split": split}})
    if right:
        assert mistakes(changes) == []
    else:
        told(changes, "protocols.fixed-cvnn.scene.images.split", repr(split), repr(which))


def test_a_network_says_which_images_are_too_small():
    native = {"recipes": {"cvnn": {"fmnist_pipeline": "native28"}}}
    here = HERE | {"datasets": ["fashion-mnist"], "models": ["lenet-authors", "lenet-report"]}
    message = "'lenet-report' is not allowed on fashion-mnist, whose images are of 28 pixels a side"
    told(native | cvnn(**here), STUDY + "models[1]", message, "allowed: 32 or more")
    assert mistakes(cvnn(**here)) == []
    told(merge(native, own(place="fashion-mnist/vgg16")), RUN + "places", "28 pixels")


def test_the_reports_critic_says_which_features_are_too_small():
    here = HERE | {"models": ["alexnet"], "attacks": ["inversion2-joint"]}
    message = "'report-old' is not allowed with alexnet on cifar10, whose features are 5 by 5"
    told(cvnn(**here, policies=["report-old"]), STUDY + "policies[0]", message)
    # Without an adversary it is the attacker who builds it, if he does.
    here["policies"] = ["report-swap"]
    assert mistakes(cvnn(**here)) == []
    told(cvnn(**here | {"attacks": ["inversion1"]}), STUDY + "attacks[0]", "5 by 5")
    # The regression has its layers whatever the protection, where features are rotated.
    here |= {"policies": ["none", "rotation"], "attacks": ["inversion1-regressed"]}
    told(cvnn(**here), STUDY + "attacks[0]", "5 by 5")
    assert mistakes(cvnn(**here | {"policies": ["none"]})) == []
    # The report's LeNet has another critic.
    assert mistakes(cvnn(**here | {"models": ["lenet-report"], "policies": ["report-old"]})) == []


# Presets and places -----------------------------------------------------------------------------


def test_a_preset_of_ones_own_starts_from_its_base():
    changes = {
        "protections": {"mine": {"base": "report-swap", "swap": "sample"}},
        "feature_attacks": {"mine": {"base": "two-image-ica", "width": 8}},
    }
    config = merge(PAPER, changes)
    kept = resolve_protection(config, ROOT, "mine")
    assert (kept.name, kept.swap, kept.end, kept.weights) == ("mine", "sample", "linear", "complex")
    attack = resolve_feature_attack(config, ROOT, "mine")
    assert (attack["method"], attack["align"], attack["width"]) == ("two_image", "ica", 8)
    assert mistakes(merge(changes, cvnn(policies=["mine"], attacks=["mine"]))) == []


def test_presets_that_do_not_exist_are_named_where_they_are_asked_for():
    with pytest.raises(ReveilError, match="did you mean 'rotation'"):
        resolve_protection(PAPER, ROOT, "rotationn")
    with pytest.raises(ReveilError, match="did you mean 'two-image'"):
        resolve_feature_attack(PAPER, ROOT, "two-imag")


def test_an_experiment_without_its_data_says_so_when_asked_for():
    config = merge(PAPER, cvnn(experiments={"datasets": ["cifar10"]}))
    with pytest.raises(ReveilError, match=re.escape("none of its places (cub-200/vgg16)")):
        require_experiment(config, ROOT, "cvnn-ext06")
    require_experiment(config, ROOT, "cvnn-ext03")
