"""Names of one study that were given to another: what is told of them is where they belong."""

import re
from collections.abc import Callable, Mapping

from reveil import policies
from reveil.config.experiments import study_of
from reveil.config.study import Study
from reveil.cvnn.names import is_private
from reveil.errors import ReveilError
from reveil.models.names import check_name
from reveil.unir.names import is_reconstructor

Knows = Callable[[Study, str], bool]


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
    for home, (what, knows) in HOMES[part].items():
        if home != study.name and knows(study, name):
            return f"{what} the study {home}"
    return None


def _is_network(study: Study, name: str) -> bool:
    try:
        check_name(name)
    except ReveilError:
        return False
    return True


def _is_policy(study: Study, name: str) -> bool:
    try:
        policies.resolve_alias(name, "cifar100", "resnet20-4", "fixed", 0)
    except ReveilError:
        return False
    return True


def _preset(kind: str) -> Knows:
    return lambda study, name: name in study.presets[kind].names


# By part of a study's section and study: what its names are, and what knows them.
HOMES: Mapping[str, Mapping[str, tuple[str, Knows]]] = {
    "models": {
        "ats": ("a network of", _is_network),
        "cvnn": ("a network of", lambda study, name: is_private(name)),
        "unir": ("a network of", lambda study, name: is_reconstructor(name)),
    },
    "policies": {
        "ats": ("a policy of", _is_policy),
        "cvnn": ("a protection of", _preset("protections")),
        "unir": ("an operator of", _preset("operators")),
    },
    "attacks": {
        "ats": ("an attack on gradients, of", _preset("attacks")),
        "cvnn": ("an attack on features, of", _preset("feature_attacks")),
        "unir": ("a reconstruction of", _preset("reconstructions")),
    },
}
