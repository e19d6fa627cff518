"""Names of one study that were given to another: what is told of them is where they belong."""

import re

from reveil import policies
from reveil.config.experiments import study_of
from reveil.config.study import NAME, Study
from reveil.cvnn.names import is_private
from reveil.errors import ReveilError
from reveil.models.names import check_name

# Presets of either study by the part of its section that names them.
THEIRS = {
    "policies": ("protections", "a protection of the study cvnn"),
    "attacks": ("feature_attacks", "an attack on features, of the study cvnn"),
}


def with_home(study: Study, part: str, name: object, message: str) -> str:
    """Return a message about a name, its hint replaced where the name is one of another study.

    Args:
        study: that the name was given to.
        part: ``models``, ``policies``, ``attacks`` or ``targets``.
        name: that is none there.
        message: that says so.
    """
    home = _home(study, part, str(name))
    if home is None:
        return message
    return re.sub(r"; did you mean .*", "", message) + f"; {name!r} is {home}"


def _home(study: Study, part: str, name: str) -> str | None:
    """Return what a name is elsewhere, or None."""
    if part == "targets":
        known = name in study.presets["experiments"].names
        return f"an experiment of the study {study_of(name)}" if known else None
    if study.name == NAME:
        if part == "models":
            return "a network of the study cvnn" if is_private(name) else None
        kind, home = THEIRS[part]
        return home if name in study.presets[kind].names else None
    if part == "models":
        return "a network of the study ats" if _is_network(name) else None
    if part == "attacks":
        known = name in study.presets["attacks"].names
        return "an attack on gradients, of the study ats" if known else None
    return "a policy of the study ats" if _is_policy(name) else None


def _is_network(name: str) -> bool:
    try:
        check_name(name)
    except ReveilError:
        return False
    return True


def _is_policy(name: str) -> bool:
    try:
        policies.resolve_alias(name, "cifar100", "resnet20-4", "fixed", 0)
    except ReveilError:
        return False
    return True
