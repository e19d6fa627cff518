"""Mistakes in the study of reconstructions are told once, before anything runs."""

import pytest

from reveil.config import (
    check,
    load_schema,
    merge,
    read_yaml,
    resolve_operator,
    resolve_protocol,
    resolve_recipe,
    resolve_reconstruction,
    training_recipe,
)
from reveil.config.presets import preset_paths
from reveil.config.resolve import RECONSTRUCTION_KEYS
from reveil.errors import ReveilError
from reveil.precision import PRECISIONS
from reveil.unir import losses, methods, variants
from reveil.unir.networks.settings import CHOICES, NetworkSettings
from reveil.unir.operators import settings as operators
from reveil.unir.operators.measurements import CORRUPTIONS
from tests.reconstructing import RECONSTRUCTION
from tests.workflow import ROOT

PAPER = read_yaml(ROOT / "config.yaml")
# Where no experiment tells the same, checks take a third of the time.
NO_TARGETS = {"experiments": {"targets": []}}
FEW = merge(PAPER, {"studies": dict.fromkeys(("ats", "cvnn", "unir"), NO_TARGETS)})
STUDY = "studies.unir."
ROW = "experiments.unir-own.rows[0]."
RUN = "experiments.unir-own.runs.ours."


def unir(**keys) -> dict:
    return {"studies": {"unir": keys}}


def recipe(name: str, **keys) -> dict:
    return {"recipes": {name: {"reconstruction": keys}}}


def own(row=(), *, place="fashion-mnist/unet", protocol="fixed-unir", **more) -> dict:
    """An experiment of one's own, with one row and one place."""
    runs = {"ours": {"protocol": protocol, "places": [place]}}
    row = {"policies": ["remove-pixel-dark-50"], **dict(row)}
    experiment = {"base": "default", "runs": runs, "rows": [row], **more}
    targets = unir(experiments={"targets": ["unir-own"]})
    return {"experiments": {"unir-own": experiment}, **targets}


def mistakes(changes: dict, config: dict = FEW) -> list[str]:
    return check(merge(config, changes), ROOT)


def told(changes: dict, key: str, *parts: str) -> str:
    """Return the one message, which names the key, then everything else."""
    messages = mistakes(changes)
    assert len(messages) == 1, messages
    message = messages[0]
    assert message.startswith(f"{key}: "), message
    assert [part for part in parts if part not in message] == [], message
    return message


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "key", "name", "hint"),
    [
        (unir(policies=["patch-bands"]), STUDY + "policies[0]", "patch-bands", "'patch-band'"),
        (unir(recipes=["unir", "pared"]), STUDY + "recipes[1]", "pared", "'paired'"),
        (unir(attacks=["network", "meanfill"]), STUDY + "attacks[1]", "meanfill", "'mean-fill'"),
        (unir(protocols=["fixed-uni"]), STUDY + "protocols[0]", "fixed-uni", "'fixed-unir'"),
        (unir(models=["unnet"]), STUDY + "models[0]", "unnet", "'unet'"),
        (
            unir(experiments={"targets": ["unir-exp-04"]}),
            *(STUDY + "experiments.targets[0]", "unir-exp-04", "'unir-exp04'"),
        ),
        (own({"policies": ["patch-bands"]}), ROW + "policies", "patch-bands", "'patch-band'"),
        (own({"attacks": ["wienerr"]}), ROW + "attacks", "wienerr", "'wiener'"),
        (own({"recipes": ["unirr"]}), ROW + "recipes", "unirr", "'unir'"),
        (own(place="fashion-mnist/unett"), RUN + "places, fashion-mnist/unett", "unett", "'unet'"),
        (
            recipe("unir-fresh", assumed="remove-pixel-51"),
            *("recipes.unir-fresh.reconstruction.assumed", "remove-pixel-51", "'remove-pixel-50'"),
        ),
        (
            {"protocols": {"fixed-unir": {"reconstruction": {"classifier": "convnett"}}}},
            *("protocols.fixed-unir.reconstruction.classifier", "convnett", "'convnet'"),
        ),
        (
            {"operators": {"mine": {"base": "patch-bnd"}}},
            *("operators.mine.base", "patch-bnd", "'patch-band'"),
        ),
        (
            {"reconstructions": {"mine": {"base": "medain"}}},
            *("reconstructions.mine.base", "medain", "'median'"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_an_unknown_name_is_told_with_the_nearest(changes, key, name, hint):
    told(changes, key, repr(name), "allowed: ", f"did you mean {hint}?")


@pytest.mark.parametrize(
    ("study", "part", "name", "home"),
    [
        ("unir", "policies", "crop-flip", "a policy of the study ats"),
        ("unir", "policies", "rotation", "a protection of the study cvnn"),
        ("unir", "attacks", "inversed", "an attack on gradients, of the study ats"),
        ("unir", "attacks", "two-image", "an attack on features, of the study cvnn"),
        ("unir", "models", "resnet20-4", "a network of the study ats"),
        ("unir", "models", "resnet20-alpha", "a network of the study cvnn"),
        ("ats", "policies", "patch-band", "an operator of the study unir"),
        ("ats", "attacks", "mean-fill", "a reconstruction of the study unir"),
        ("ats", "models", "dcgan-unet", "a network of the study unir"),
        ("cvnn", "policies", "convolve-noise", "an operator of the study unir"),
        ("cvnn", "attacks", "network", "a reconstruction of the study unir"),
        ("cvnn", "models", "pajot", "a network of the study unir"),
    ],
)
def test_a_name_of_another_study_is_told_where_it_belongs(study, part, name, home):
    changes = {"studies": {study: {part: [name]}}}
    key = f"studies.{study}.{part}[0]"
    assert "did you mean" not in told(changes, key, "allowed: ", f"{name!r} is {home}")


# Operators, reconstructions and recipes ---------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "key", "parts"),
    [
        (
            {"operators": {"convolve-noise": {"share": 0.5}}},
            "operators.convolve-noise.share",
            ("0.5 has no effect with kind 'blur'", "0.9, which is the default", "pixels or row"),
        ),
        (
            {"operators": {"block-pixels-50": {"rescale": True, "fill": -1}}},
            "operators.block-pixels-50.fill",
            ("-1 is not allowed with rescale",),
        ),
        ({"operators": {"default": {"share": 1.0}}}, "operators.default.share", ("below 1",)),
        (
            {"operators": {"convolve-noise": {"kernel_size": 4}}},
            "operators.convolve-noise.kernel_size",
            ("4 is not allowed; allowed: an odd integer from 1",),
        ),
        (
            {"reconstructions": {"tv": {"sigma": 2.0}}},
            "reconstructions.tv.sigma",
            ("2.0 has no effect with method 'tv'", "1.5, which is the default", "normalised"),
        ),
        (
            recipe("unir", gan_loss="lsgan"),
            "recipes.unir.reconstruction.gan_loss",
            ("'lsgan' is not allowed", "bce, least-squares, hinge, wgan-gp"),
        ),
        (
            recipe("unir-fresh", d_input="reconstruction"),
            "recipes.unir-fresh.reconstruction.d_input",
            ("variant 'unir'", "allowed: remeasured, or variant unir-released"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_go_together(changes, key, parts):
    told(changes, key, *parts)


def test_those_that_stand_on_a_recipe_do_not_tell_its_mistake_again():
    told(
        recipe("unir", d_input="reconstruction"),
        "recipes.unir.reconstruction.d_input",
        "variant 'unir'",
    )


def test_what_has_no_effect_on_generators_is_refused():
    told(
        {"recipes": {"unir": {"optimizer": "sgd"}}},
        "recipes.unir.optimizer",
        "'sgd' has no effect on generators",
        "allowed: 'adam', as in recipe unir",
    )
    told(
        {"recipes": {"regress-pajot2019": {"epochs": 3}}},
        "recipes.regress-pajot2019.epochs",
        "reconstruction.steps",
        "allowed: 60",
    )


# What goes together -----------------------------------------------------------------------------


def test_what_fits_nothing_is_told_and_the_rest_is_left_out():
    mask = {"policies": ["patch-band"]}
    told(unir(**mask, attacks=["network", "keep", "wiener"]), STUDY + "attacks[2]", "'patch-band'")
    noise = {"policies": ["convolve-noise"], "attacks": ["network"]}
    told(unir(**noise, recipes=["unir", "splitting"]), STUDY + "recipes[1]", "splitting")
    both = {"policies": ["patch-band", "convolve-noise"], "attacks": ["network", "wiener"]}
    assert mistakes(unir(**both, recipes=["unir", "splitting"])) == []


@pytest.mark.parametrize(
    ("row", "key", "message"),
    [
        ({"attacks": ["wiener"]}, ROW + "attacks", "'wiener' is not applicable to operator"),
        (
            {"policies": ["convolve-noise"], "attacks": ["median"]},
            *(ROW + "attacks", "'median' is not applicable to operator 'convolve-noise'"),
        ),
        (
            {"policies": ["convolve-noise"], "recipes": ["splitting"]},
            *(ROW + "recipes", "'splitting' is not allowed for the operator"),
        ),
        ({"recipes": ["ambientgan"]}, ROW + "recipes", "not allowed for the model 'unet'"),
        (
            {"attacks": ["network-averaged"]},
            *(ROW + "attacks", "recipe 'unir', whose reconstruction.ema is 0"),
        ),
        ({"defences": ["prune-70"]}, ROW + "defences", "['prune-70'] is not allowed in this study"),
        (
            {"recipes": ["unir-after-10"]},
            *("recipes.unir-after-10", "stop_after 10 is not allowed for reconstructions"),
        ),
    ],
)
def test_all_that_a_row_lists_goes_together(row, key, message):
    told(own(row), key, message, "allowed: ")


def test_a_generator_of_noise_reconstructs_nothing():
    row = {"recipes": ["ambientgan"], "attacks": ["network"]}
    message = "'network' is not allowed for 'dcgan', which makes images of noise"
    told(own(row, place="fashion-mnist/dcgan"), ROW + "attacks", message)
    assert mistakes(own(row | {"attacks": []}, place="fashion-mnist/dcgan")) == []


def test_images_must_be_such_as_operators_and_batches_take():
    large = {"operators": {"mine": {"base": "patch-band", "side": 33}}}
    changes = merge(large, own({"policies": ["mine"]}))
    told(changes, ROW + "policies", "'mine' is not allowed on fashion-mnist", "32 x 32", "0 to 32")
    few = {"recipes": {"unpaired": {"batch_size": 27501}}}
    changes = merge(few, merge(unir(datasets=["fashion-mnist"]), own({"recipes": ["unpaired"]})))
    told(changes, "recipes.unpaired.batch_size on fashion-mnist", "55000", "1 to 27500")


# Presets and places -----------------------------------------------------------------------------


def test_every_preset_resolves():
    for name in preset_paths(ROOT, "operators"):
        assert resolve_operator(PAPER, ROOT, name).name == name
    for name in preset_paths(ROOT, "reconstructions"):
        assert resolve_reconstruction(PAPER, ROOT, name).name == name
    with pytest.raises(ReveilError, match="did you mean 'patch-band'"):
        resolve_operator(PAPER, ROOT, "patch-bandd")
    with pytest.raises(ReveilError, match="did you mean 'median'"):
        resolve_reconstruction(PAPER, ROOT, "mediann")


def test_the_schema_allows_what_is_implemented():
    rules = load_schema(ROOT)["$defs"]

    def offered(properties):
        return {key: sorted(value["enum"]) for key, value in properties.items() if "enum" in value}

    def known(choices):
        return {key: sorted(values) for key, values in choices.items()}

    own = {"base", "parameters"}
    assert set(rules["operator"]["properties"]) == {*own, *operators.KEYS}
    assert offered(rules["operator"]["properties"]) == known(operators.CHOICES)
    assert set(rules["reconstruction"]["properties"]) == {*own, *methods.KEYS}
    assert offered(rules["reconstruction"]["properties"]) == known(methods.CHOICES)
    keys = rules["recipe"]["properties"]["reconstruction"]["properties"]
    assert set(keys) == set(RECONSTRUCTION)
    named = {name: values for name, values in CHOICES.items() if "enum" in keys[name]}
    assert set(CHOICES) - set(named) == {"residual_output", "attention"}
    assert offered(keys) == known(
        {
            **named,
            "variant": variants.VARIANTS,
            "reduction": losses.REDUCTIONS,
            "d_input": variants.D_INPUTS,
            "lik_detach": losses.DETACH,
            "order": variants.ORDERS,
            "corruption": CORRUPTIONS,
            "unmeasure": variants.UNMEASURES,
        }
    )
    tested = rules["protocol"]["properties"]["reconstruction"]["properties"]
    assert offered(tested) == {"test_corruption": sorted(CORRUPTIONS)}
    assert sorted(rules["recipe"]["properties"]["precision"]["enum"]) == sorted(PRECISIONS)


@pytest.mark.parametrize(
    ("model", "without"),
    [("convnet", {"adversary", "reconstruction"}), ("resnet20-alpha", {"reconstruction"})],
)
def test_recipes_of_other_studies_do_not_carry_what_is_of_this_one(model, without):
    complete = resolve_recipe(PAPER, ROOT, "full", "cifar10", model)
    kept = training_recipe(PAPER, ROOT, "full", "cifar10", model)
    assert set(complete) - set(kept) == without
    assert all(kept[key] == complete[key] for key in kept)


def test_a_training_of_reconstructions_depends_on_the_operator_that_it_assumes():
    place = ("fashion-mnist", "unet")
    plain = training_recipe(PAPER, ROOT, "unir", *place)
    assert tuple(plain) == RECONSTRUCTION_KEYS
    assert plain["reconstruction"]["assumed"] == ""
    assumed = training_recipe(PAPER, ROOT, "unir-assumed-30", *place)["reconstruction"]["assumed"]
    assert operators.from_values("assumed", assumed).share == 0.3
    changed = merge(PAPER, {"operators": {"remove-pixel-dark-30": {"share": 0.31}}})
    again = training_recipe(changed, ROOT, "unir-assumed-30", *place)["reconstruction"]["assumed"]
    assert again == {**assumed, "share": 0.31}


def test_the_networks_of_a_recipe_can_be_made():
    for name in preset_paths(ROOT, "recipes"):
        settings = resolve_recipe(PAPER, ROOT, name, "fashion-mnist", "unet")["reconstruction"]
        NetworkSettings.from_recipe(settings)


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("unir", ("fashion-mnist", "unet"), {"weight": 2.0, "steps": 20000, "gan_loss": "bce"}),
        (
            "unir-pajot2019",
            ("celeba-64", "pajot"),
            {"order": "generator-first", "steps": 320000, "beta1": 0.0, "init": "orthogonal"},
        ),
        ("unir-released-pajot2019", ("celeba-64", "pajot"), {"d_input": "reconstruction"}),
        ("guo2020-code", ("celeba-64-guo2020", "dcgan"), {"steps": 7915, "beta1": 0.5}),
        (
            "ambientgan-bora2018",
            ("celeba-64", "ambient-celeba"),
            {"generator_steps": 2, "critic_steps": 1, "steps": 70000, "corruption": "fresh"},
        ),
        (
            "ambientgan-bora2018",
            ("fashion-mnist", "ambient-mnist"),
            {"gan_loss": "wgan-gp", "critic_steps": 5, "steps": 27000, "latent": "uniform"},
        ),
        ("unmeasure-tv-bora2018", ("fashion-mnist", "ambient-mnist"), {"steps": 1000}),
    ],
)
def test_recipes_of_the_reports(name, place, expected):
    """Section 4.1 of the methods."""
    settings = resolve_recipe(PAPER, ROOT, name, *place)["reconstruction"]
    assert {key: settings[key] for key in expected} == expected


def test_each_report_has_its_protocol():
    full = {"fixed-unir": "unir", "pajot2019": "unir-pajot2019", "guo2020": "guo2020-intended"}
    for name, named in (full | {"bora2018": "ambientgan-bora2018"}).items():
        protocol = resolve_protocol(PAPER, ROOT, name)
        assert protocol["recipes"]["full"] == named
        assert protocol["reconstruction"]["samples"] == 10000
