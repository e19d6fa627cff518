"""What plug-in files give, by name, without a line of them being run.

The configuration names the files, :mod:`reveil.plugins.reading` reads their names, and other
processes learn of both from the environment. Used while the graph is planned, so it does not import
torch.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from os import environ
from pathlib import Path
from typing import Any

DATASET, MODEL, POLICY, ATTACK, DEFENCE = "dataset", "model", "policy", "attack", "defence"
KINDS = (DATASET, MODEL, POLICY, ATTACK, DEFENCE)
ATS, CVNN, UNIR = STUDIES = ("ats", "cvnn", "unir")
# Kinds that are another thing in each study.
OF_STUDY = (MODEL, POLICY, ATTACK)
# Of a transformation that is a class: what victims do, and what it tells attackers.
METHODS = ("apply", "draws", "seen", "reach")
# What other processes learn of plug-ins from; they do not read the configuration.
VARIABLE = "REVEIL_PLUGINS"

# Kind, study (empty where it is the same in all) and name.
Key = tuple[str, str, str]

# Kind of presets -> kind and study of plug-ins, and the key of a preset that names one.
PRESETS: Mapping[str, tuple[str, str, str]] = {
    "attacks": (ATTACK, ATS, "method"),
    "feature_attacks": (ATTACK, CVNN, "method"),
    "reconstructions": (ATTACK, UNIR, "method"),
    "protections": (POLICY, CVNN, "kind"),
    "operators": (POLICY, UNIR, "kind"),
}
# What a preset that a plug-in gives says beside its name: its features leave without a rotation.
_BESIDE: Mapping[str, Mapping[str, Any]] = {
    "protections": {"generator": "none", "adversary": "none", "end": "relu"}
}


@dataclass(frozen=True)
class Declared:
    """One name that a plug-in file gives.

    Attributes:
        kind: one of ``KINDS``.
        study: that it is for; empty where it is for all.
        name: in the configuration and in paths.
        path: of the file, absolute.
        line: of the decorator.
        digest: of the syntax of the file and of what it imports from beside it.
        parameters: the values that it takes, as far as nobody changes them.
        facts: what else is said: of a dataset by its decorator; of a transformation ``methods``,
            those of ``METHODS`` that it has, none for a function.
    """

    kind: str
    study: str
    name: str
    path: str
    line: int
    digest: str
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> Key:
        """Kind, study and name, which no other one has."""
        return self.kind, self.study, self.name

    def has(self, method: str) -> bool:
        """Return whether a transformation has a method of ``METHODS``."""
        return method in self.facts.get("methods", ())

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{Path(self.path).name}, line {self.line}"


_KNOWN: dict[Key, Declared] = {}


def register(declared: Iterable[Declared]) -> None:
    """Make the names of plug-ins known, in place of all that were before."""
    found = list(declared)
    _KNOWN.clear()
    _KNOWN.update({one.key: one for one in found})


def find(kind: str, name: object, study: str = "") -> Declared | None:
    """Return what a plug-in gives under a name, or None."""
    return _KNOWN.get((kind, study, str(name)))


def network(name: object) -> Declared | None:
    """Return the network that a plug-in gives under a name, of whatever study, or None.

    No two studies have a network of one name, as it is part of the path of its weights.
    """
    found = (find(MODEL, name, study) for study in STUDIES)
    return next((one for one in found if one), None)


def every(kind: str | None = None, study: str = "") -> list[Declared]:
    """Return all that plug-ins give, or what is of one kind and study."""
    return [one for one in _KNOWN.values() if kind is None or one.key[:2] == (kind, study)]


def names(kind: str, study: str = "") -> tuple[str, ...]:
    """Return the names of what plug-ins give of one kind."""
    return tuple(one.name for one in every(kind, study))


def presets(kind: str) -> dict[str, dict[str, Any]]:
    """Return the presets of a kind that are there because a plug-in gives what they build on."""
    if not _KNOWN or kind not in PRESETS:
        return {}
    *what, key = PRESETS[kind]
    return {name: {key: name, **_BESIDE.get(kind, {})} for name in names(*what)}


def built_on(kind: str, values: Mapping[str, Any]) -> Declared | None:
    """Return what a plug-in gives to a preset, or None where it builds on nothing of one.

    Args:
        kind: of the presets.
        values: of the preset.
    """
    if not _KNOWN or kind not in PRESETS:
        return None
    plugin, study, key = PRESETS[kind]
    return find(plugin, values.get(key), study)


def completed(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a preset with all parameters of the plug-in that it builds on; any other as it is."""
    one = built_on(kind, values)
    if one is None:
        return dict(values)
    return {**values, "parameters": {**one.parameters, **(values.get("parameters") or {})}}


def environment() -> dict[str, str]:
    """Return the variable from which another process learns of plug-ins."""
    return {VARIABLE: json.dumps([asdict(one) for one in _KNOWN.values()])}


register(Declared(**facts) for facts in json.loads(environ.get(VARIABLE) or "[]"))
