"""Checks of the study of private networks: its names exist, and what it combines goes together."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reveil import datasets
from reveil.config import image_checks
from reveil.config.experiments import ATTACK, Page
from reveil.config.name_checks import caught
from reveil.config.presets import DEFAULT
from reveil.config.resolve import protection_of
from reveil.config.study import Study
from reveil.errors import ReveilError, not_allowed

Values = Mapping[str, Any]

# Keys of an attack on features that only some methods use. Elsewhere they are as in the default.
USED_BY: dict[str, tuple[str, ...]] = {
    "scored_by": ("angle_search",),
    "candidates": ("angle_search",),
    "refine": ("angle_search",),
    "consistent": ("angle_search", "angle_regression"),
    "parts": ("decode",),
    "align": ("blind", "two_image"),
    "decoder": ("angle_search", "angle_regression", "blind", "decode", "two_image"),
    "infer": ("infer",),
    "inner": ("infer", "knn"),
    "neighbours": ("knn",),
}
# What an inference attack can build on: attacks that find an angle and decode what it gives.
INNER = ("angle_search", "blind")


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    yield from _protections(study)
    yield from _attacks(study)
    for kind, key in (
        ("protocols", "protocols"),
        ("protections", "policies"),
        ("feature_attacks", "attacks"),
    ):
        for entry, name in study.entries(key):
            if not study.known(kind, name):
                yield not_allowed(entry, name, study.presets[kind].names)
    for entry, name in study.entries("datasets"):
        if name not in datasets.DATASETS:
            yield not_allowed(entry, name, datasets.DATASETS)
    for entry, name in study.entries("models"):
        yield from caught(partial(study.check_model, name), entry)
    yield from image_checks.check_shared(study)
    for place in study.places():
        yield from _own_images(study, place.protocol, place.dataset, place.network)
        for entry, policy in study.entries("policies"):
            for _, attack in study.entries("attacks"):
                yield from pair_problems(study, entry, str(policy), str(attack))


def row_problems(study: Study, key: str, page: Page, row: Values) -> Iterator[str]:
    """Yield what is wrong with a row of an experiment on private networks.

    Args:
        study: of private networks.
        key: of the row.
        page: where it is done.
        row: policies and attacks, and what else a row may have.
    """
    if row.get("defences", ["none"]) != ["none"]:
        yield f"{key}.defences: {row['defences']!r} is not allowed in this study; allowed: none"
    attacks = row.get("attacks", [ATTACK[study.name]])
    for kind, part, names in (
        ("protections", "policies", row["policies"]),
        ("feature_attacks", "attacks", attacks),
    ):
        for name in names:
            if not study.known(kind, name):
                yield not_allowed(f"{key}.{part}", name, study.presets[kind].names)
    if attacks:
        yield from _own_images(study, page.attacked, page.dataset, page.model)
    for policy in row["policies"]:
        for attack in attacks:
            yield from pair_problems(study, f"{key}.attacks", policy, attack)


def pair_problems(study: Study, key: str, policy: str, attack: str) -> Iterator[str]:
    """Yield why an attack cannot be done on the features of a protection.

    Args:
        study: of private networks.
        key: that combines them.
        policy: name of the protection.
        attack: name of the attack.
    """
    settings = study.feature_attack(attack) if study.known("feature_attacks", attack) else None
    try:
        protection = protection_of(study.presets["protections"], policy)
    except ReveilError:
        return  # told by _protections
    if settings is None:
        return
    if settings["scored_by"] == "wgan" and protection.adversary == "none" and protection.rotates:
        yield (
            f"{key}: {attack!r} is not allowed on {policy!r}, whose features were hidden without a "
            "critic that could score them; allowed: scored_by own, or a protection with an "
            "adversary"
        )


def _own_images(study: Study, protocol: str, dataset: str, model: str) -> Iterator[str]:
    """An attacker with held-out images needs a recipe that holds some out."""
    switches = study.protocol(protocol) if study.known("protocols", protocol) else None
    if switches is None or switches["features"]["attacker_images"] != "heldout":
        return
    name = switches["recipes"]["full"]
    recipe = study.recipe(name, dataset, model)
    if recipe and recipe["holdout"] < 2 * datasets.get(dataset).classes:
        yield (
            f"protocols.{protocol}.features.attacker_images: 'heldout' needs held-out images, but "
            f"recipes.{name}.holdout on {dataset} is {recipe['holdout']}; allowed: train, all, or "
            f"a holdout from {2 * datasets.get(dataset).classes}"
        )


def _protections(study: Study) -> Iterator[str]:
    presets = study.presets["protections"]
    for name in (DEFAULT, *presets.names):
        try:
            links = presets.chain(name)
        except ReveilError:
            continue  # told by name_checks
        if not study.broken & {("protections",), *(("protections", link) for link in links)}:
            yield from caught(partial(protection_of, presets, name))


def _attacks(study: Study) -> Iterator[str]:
    """What an attack on features sets must have an effect, and what it builds on must exist."""
    default = study.feature_attack(DEFAULT)
    for name in study.presets["feature_attacks"].names:
        attack = study.feature_attack(name)
        if attack is None or default is None:
            continue
        key = f"feature_attacks.{name}"
        for part, methods in USED_BY.items():
            if attack["method"] not in methods and attack[part] != default[part]:
                yield (
                    f"{key}.{part}: {attack[part]!r} has no effect with method "
                    f"{attack['method']!r}; allowed: {default[part]!r}, which is the default, or "
                    f"method {' or '.join(methods)}"
                )
        if attack["method"] == "blind" and attack["align"] == "none":
            yield (
                f"{key}.align: 'none' is not allowed with method 'blind'; allowed: quadrant, "
                "matched, ica"
            )
        if attack["min_epochs"] > attack["max_epochs"]:
            yield (
                f"{key}.min_epochs: {attack['min_epochs']} is not allowed; allowed: 0 to "
                f"max_epochs, {attack['max_epochs']}"
            )
        if attack["method"] in ("infer", "knn"):
            yield from _inner(study, key, attack["inner"])


def _inner(study: Study, key: str, name: str) -> Iterator[str]:
    if not study.known("feature_attacks", name):
        yield not_allowed(f"{key}.inner", name, study.presets["feature_attacks"].names)
    elif (inner := study.feature_attack(name)) and inner["method"] not in INNER:
        yield (
            f"{key}.inner: {name!r} is not allowed, as its method is {inner['method']!r}; allowed: "
            f"attacks whose method is {' or '.join(INNER)}"
        )
