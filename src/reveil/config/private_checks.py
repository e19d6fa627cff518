"""Checks of the study of private networks: its names exist, and what it combines goes together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reveil import datasets
from reveil.config import (
    feature_attack_checks,
    image_checks,
    protection_checks,
    section_checks,
)
from reveil.config.experiments import ATTACK, Page, recipe_name
from reveil.config.image_sizes import LEAST_OF_CRITIC, feature_side, input_size, least_size
from reveil.config.study import Place, Study
from reveil.cvnn import tasks
from reveil.cvnn.methods import INFERENCE
from reveil.cvnn.protections import Protection
from reveil.errors import ReveilError

Values = Mapping[str, Any]
Entries = Sequence[tuple[str, str]]

PRESETS = {"policies": "protections", "attacks": "feature_attacks"}
REPORTS_LENET = "lenet-report"


@dataclass(frozen=True)
class Combined:
    """What is done at one place, each name with the key that gives it.

    Attributes:
        place: where; its network is the private one.
        model: key that names the network.
        recipes: of the networks.
        policies, attacks: (key, name of the preset).
    """

    place: Place
    model: str
    recipes: Sequence[str]
    policies: Entries
    attacks: Entries


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    yield from protection_checks.check(study)
    yield from feature_attack_checks.check(study)
    yield from section_checks.check(study, PRESETS)
    yield from image_checks.check_shared(study)
    keys = {name: key for key, name in study.existing("models")}
    policies, attacks = study.entries("policies"), study.entries("attacks")
    for place in study.places():
        recipes = [place.switches["recipes"]["full"]]
        yield from _problems(study, Combined(place, keys[place.model], recipes, policies, attacks))


def row_problems(study: Study, key: str, page: Page, row: Values) -> Iterator[str]:
    """Yield what is wrong with a row of an experiment on private networks.

    Args:
        study: of private networks.
        key: of the row.
        page: where it is done.
        row: policies and attacks, and what else a row may have.
    """
    if row.get("defences", ["none"]) != ["none"]:
        yield (
            f"{key}.defences: {row['defences']!r} is not allowed in this study, as no gradient is "
            "shared; allowed: none"
        )
    policies = [(f"{key}.policies", name) for name in row["policies"]]
    attacks = [(f"{key}.attacks", name) for name in row.get("attacks", [ATTACK[study.name]])]
    yield from section_checks.unknown(study, "policies", PRESETS["policies"], policies)
    yield from section_checks.unknown(study, "attacks", PRESETS["attacks"], attacks)
    trained, attacked = study.protocol(page.protocol), study.protocol(page.attacked)
    if trained is None or attacked is None:
        return
    place = Place(page.attacked, attacked, page.dataset, page.origin[1], page.model)
    recipes = [recipe_name(role, trained, "none") for role in row.get("recipes", ["full"])]
    places = f"{key.rpartition('.')[0]}.runs.{page.run}.places"
    yield from _problems(study, Combined(place, places, recipes, policies, attacks))


def _problems(study: Study, at: Combined) -> Iterator[str]:
    """Yield what does not go together at one place."""
    dataset = datasets.get(at.place.dataset)
    for name in at.recipes:
        recipe = _recipe(study, name, at.place)
        if recipe is None:
            continue
        yield from _training(name, recipe)
        if at.attacks:
            yield from _own_images(study, at.place, name, recipe)
        size, least = input_size(dataset, recipe), least_size(at.place.network)
        if size < least:
            yield (
                f"{at.model}: {at.place.network!r} is not allowed on {dataset.name}, whose images "
                f"are of {size} pixels a side; allowed: {least} or more"
            )
            continue
        side = feature_side(at.place.network, size)
        for policy in at.policies:
            protection = study.protection(policy[1])
            if protection is None:
                continue
            yield from _critic(policy[0], protection, at.place, side)
            for key, attack in at.attacks:
                settings = study.feature_attack(attack)
                if settings is not None:
                    yield from _pair(key, attack, settings, protection)
                    yield from _attacked_size(key, attack, settings, protection, at.place, side)
    for key, attack in at.attacks:
        yield from _inference(study, key, attack, at.place.dataset)


def _recipe(study: Study, name: str, place: Place) -> Values | None:
    try:
        return study.recipe(name, place.dataset, place.network)
    except ReveilError:
        return None  # told by name_checks


def _training(name: str, recipe: Values) -> Iterator[str]:
    """What is a matter of shared gradients, or of early models, private networks do not have."""
    if recipe["defence"] != "none":
        yield (
            f"recipes.{name}: defence {recipe['defence']!r} is not allowed for private networks, "
            "whose features are protected and not their gradients; allowed: none"
        )
    if recipe["stop_after"] is not None:
        yield (
            f"recipes.{name}: stop_after {recipe['stop_after']} is not allowed for private "
            "networks; allowed: null"
        )


def _own_images(study: Study, place: Place, name: str, recipe: Values) -> Iterator[str]:
    """An attacker needs his images: with held-out ones, a recipe that holds some out."""
    dataset, features = datasets.get(place.dataset), place.switches["features"]
    which, count = features["attacker_images"], features["attacker_count"]
    key = f"protocols.{place.protocol}.features"
    least = 2 * dataset.classes
    if which == "heldout" and recipe["holdout"] < least:
        yield (
            f"{key}.attacker_images: 'heldout' needs held-out images, but recipes.{name}.holdout "
            f"on {dataset.name} is {recipe['holdout']}; allowed: train, all, or a holdout from "
            f"{least}"
        )
        return
    split = place.switches["scene"]["images"]["split"]
    if split != "test" and (split, which) != ("heldout", "train"):
        yield (
            f"protocols.{place.protocol}.scene.images.split: {split!r} is not allowed with "
            f"features.attacker_images {which!r}, as the attacker would learn from his victims; "
            "allowed: test, or heldout with attacker_images train"
        )
    images = dataset.counts["train"]
    known = {
        "heldout": recipe["holdout"],
        "train": image_checks.training_count(recipe, images),
        "all": images,
    }[which]
    if count is not None and count > known:
        yield (
            f"{key}.attacker_count on {dataset.name}: {count} is not allowed; allowed: up to "
            f"{known}, the images of attacker_images {which}, or null"
        )


def _pair(key: str, attack: str, settings: Values, protection: Protection) -> Iterator[str]:
    """An attack must find in the features of a protection what it builds on."""
    if not protection.rotates:
        return
    scored = settings["method"] == "angle_search" and settings["scored_by"] == "wgan"
    if scored and protection.adversary == "none":
        yield (
            f"{key}: {attack!r} is not allowed on {protection.name!r}, whose features were hidden "
            "without a critic that could score them; allowed: scored_by own, or a protection with "
            "an adversary"
        )
    apart = settings["method"] == "decode" and settings["parts"] == "separate"
    if protection.counterpart == "noise" and (apart or settings["method"] == "two_image"):
        joint = "parts joint, or " if apart else ""
        yield (
            f"{key}: {attack!r} is not allowed on {protection.name!r}, as it is after the images "
            f"of both a and b, and b is noise there; allowed: {joint}another counterpart"
        )


def _critic(key: str, protection: Protection, place: Place, side: int) -> Iterator[str]:
    """The critic of a training must be able to take the features."""
    trained = protection.rotates and protection.adversary != "none"
    if trained and _too_small(protection, place, side):
        yield (
            f"{key}: {protection.name!r} is not allowed with {place.network} on {place.dataset}, "
            f"whose features are {side} by {side}: critic 'report' takes {LEAST_OF_CRITIC} or "
            "more; allowed: critic narrow or wide"
        )


def _attacked_size(
    key: str, attack: str, settings: Values, protection: Protection, place: Place, side: int
) -> Iterator[str]:
    """So must the networks that an attacker trains with layers of the report's critic."""
    if not protection.rotates:
        return
    here = (
        f"{place.network} on {place.dataset}, whose features are {side} by {side}: the layers of "
        f"the report's critic take {LEAST_OF_CRITIC} or more"
    )
    if settings["method"] == "angle_regression" and side < LEAST_OF_CRITIC:
        yield f"{key}: {attack!r} is not allowed with {here}"
    own = settings["method"] == "angle_search" and settings["scored_by"] == "own"
    if own and protection.adversary == "none" and _too_small(protection, place, side):
        yield f"{key}: {attack!r} is not allowed on {protection.name!r} with {here}"


def _too_small(protection: Protection, place: Place, side: int) -> bool:
    # The report's LeNet has a critic of its own, for maps of any size.
    reports = protection.critic == "report" and place.network != REPORTS_LENET
    return reports and side < LEAST_OF_CRITIC


def _inference(study: Study, key: str, attack: str, dataset: str) -> Iterator[str]:
    """There must be something to infer."""
    settings = study.feature_attack(attack)
    if settings and settings["method"] in INFERENCE and tasks.hidden(dataset) is None:
        known = [name for name in datasets.DATASETS if tasks.hidden(name)]
        yield (
            f"{key}: {attack!r} is not allowed on {dataset}, of whose images nothing is known "
            f"beyond the task; allowed: {', '.join(known)}"
        )
