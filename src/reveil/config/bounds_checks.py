"""Checks of attacks that learn shifts: their limits must mean something for every policy."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil import datasets, policies
from reveil.bounds import bounds_problem
from reveil.config.study import Place, Study, canonical
from reveil.errors import ReveilError
from reveil.policy_names import is_plugged

Values = Mapping[str, Any]


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    names = [name for _, name in study.entries("attacks") if study.known("attacks", name)]
    attacks = {name: attack for name in names if (attack := study.attack(name))}
    for place in study.places():
        recipe = place.switches["recipes"]["full"]
        stretched = is_stretched(study, recipe, place.dataset, place.network)
        for name, attack in attacks.items():
            for policy in _policies(study, place):
                scene = place.switches["scene"]
                yield from shift_problems(name, attack, policy, scene, stretched=stretched)


def is_stretched(study: Study, recipe_name: str, dataset: str, network: str) -> bool:
    """Return whether images are stretched after a policy where there is no crop."""
    recipe = study.recipe(recipe_name, dataset, network)
    fashion = datasets.get(dataset).family == "fashion-mnist"
    return bool(recipe) and fashion and recipe["fmnist_pipeline"] == "orig"


def shift_problems(
    name: str, attack: Values, policy: str, scene: Values, *, stretched: bool = False
) -> Iterator[str]:
    """Yield why an attack cannot be done on the victims of a policy.

    Args:
        name: of the attack.
        attack: with every key.
        policy: its canonical name.
        scene: of the protocol, with every key.
        stretched: see :func:`is_stretched`.
    """
    idle = policies.member_names(policy) == (policies.NONE,)
    augment = policies.augment_of(policy) or scene["augment"]["none" if idle else "policy"]
    if problem := bounds_problem(policy, attack, augment):
        yield f"attacks.{name}.{problem}"
    elif stretched and augment == "policy" and _is_told(policy, attack):
        yield (
            f"attacks.{name} is not allowed for the policy {policy!r} under fmnist_pipeline: "
            "'orig' without a crop, which stretches images after the policy, so that what its "
            "plug-in tells of pixels does not hold; allowed: pad32, resize32 or native28"
        )


def _is_told(policy: str, attack: Values) -> bool:
    """Return whether an attack goes by what a plug-in tells of a policy."""
    method = attack["method"]
    asked = method == "aware" or (method == "translation" and attack["bounds"] == "policy")
    return asked and any(map(is_plugged, policies.member_names(policy)))


def _policies(study: Study, place: Place) -> Iterator[str]:
    for _, value in study.entries("policies"):
        try:
            yield canonical(str(value), place)
        except ReveilError:
            continue  # told by policy_checks
