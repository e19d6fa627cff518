"""Checks of attacks that learn shifts: their limits must mean something for every policy."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil import policies
from reveil.bounds import bounds_problem
from reveil.config.study import Place, Study, canonical
from reveil.errors import ReveilError

Values = Mapping[str, Any]


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    names = [name for _, name in study.entries("attacks") if study.known("attacks", name)]
    attacks = {name: attack for name in names if (attack := study.attack(name))}
    for place in study.places():
        for name, attack in attacks.items():
            for policy in _policies(study, place):
                yield from shift_problems(name, attack, policy, place.switches["scene"])


def shift_problems(name: str, attack: Values, policy: str, scene: Values) -> Iterator[str]:
    """Yield why an attack cannot be done on the victims of a policy.

    Args:
        name: of the attack.
        attack: with every key.
        policy: its canonical name.
        scene: of the protocol, with every key.
    """
    idle = policies.member_names(policy) == (policies.NONE,)
    augment = policies.augment_of(policy) or scene["augment"]["none" if idle else "policy"]
    if problem := bounds_problem(policy, attack, augment):
        yield f"attacks.{name}.{problem}"


def _policies(study: Study, place: Place) -> Iterator[str]:
    for _, value in study.entries("policies"):
        try:
            yield canonical(str(value), place)
        except ReveilError:
            continue  # told by policy_checks
