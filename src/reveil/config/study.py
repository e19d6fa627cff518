"""What the checks look at: a configuration and its presets, as far as their form is right."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from reveil import datasets, policies
from reveil.aliases import Searched, parse_searched
from reveil.config.presets import DEFAULT, Presets
from reveil.config.resolve import (
    architecture,
    attack_of,
    operator_of,
    protection_of,
    protocol_of,
    recipe_of,
    reconstruction_of,
)
from reveil.config.schema import key_name
from reveil.cvnn import names as private
from reveil.cvnn.protections import Protection
from reveil.errors import ReveilError
from reveil.models import names as networks
from reveil.unir import names as generators
from reveil.unir.methods import MethodSettings
from reveil.unir.operators.settings import OperatorSettings

NAME = "ats"
# What raises a ``ReveilError`` unless a name is that of a network of the study.
CHECK_MODEL: Mapping[str, Callable[[str], Any]] = {
    NAME: networks.check_name,
    "cvnn": private.parse,
    "unir": generators.parse,
}


@dataclass(frozen=True)
class Place:
    """Where policies are used: a protocol, a dataset and a model.

    Attributes:
        protocol: name of the protocol.
        switches: the protocol with every key.
        dataset: name of the dataset.
        model: name of the model in the study.
        network: name of the network that the protocol means by it.
    """

    protocol: str
    switches: Mapping[str, Any]
    dataset: str
    model: str
    network: str


@dataclass(frozen=True)
class Study:
    """A configuration whose wrong values are taken out.

    Attributes:
        config: the rest of the configuration.
        root: folder of the repository.
        presets: the rest of the presets and of their changes, by kind.
        broken: (kind, name) of what had a wrong value, (kind,) where the whole section had. What
            stands on it is not what the user meant, so its values are not related to others.
        name: of the study.
        kept: what was resolved before, by kind and names: hundreds of rows ask for the same few
            presets. Whoever gets it only reads it.
    """

    config: Mapping[str, Any]
    root: str | os.PathLike[str]
    presets: Mapping[str, Presets]
    broken: frozenset[tuple[str, ...]]
    name: str = NAME
    kept: dict[tuple[str, ...], Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def section(self) -> Mapping[str, Any]:
        """The keys of the study."""
        return self.config.get("studies", {}).get(self.name, {})

    def entries(self, key: str) -> list[tuple[str, Any]]:
        """Return (name of the entry, value) for the valid entries of a list of the study."""
        return [
            (key_name(("studies", self.name, key, index)), value)
            for index, value in enumerate(self.section.get(key) or [])
            if value is not None
        ]

    def existing(self, key: str) -> list[tuple[str, str]]:
        """Return the entries of ``datasets`` or ``models`` that exist."""
        look_up = datasets.get if key == "datasets" else self.check_model
        return [(entry, name) for entry, name in self.entries(key) if _succeeds(look_up, name)]

    def check_model(self, name: str) -> None:
        """Raise a ``ReveilError`` unless ``name`` is the name of a network of this study."""
        CHECK_MODEL[self.name](name)

    def known(self, kind: str, name: str) -> bool:
        """Return whether ``name`` can be used; where its section is lost, it may have been."""
        return name in self.presets[kind].names or (kind,) in self.broken

    def protocol(self, name: str) -> dict[str, Any] | None:
        """Return a protocol, or None where something it stands on is told to be wrong."""
        return self._resolved("protocols", (name,), protocol_of)

    def attack(self, name: str) -> dict[str, Any] | None:
        """Return an attack, or None where something it stands on is told to be wrong."""
        return self._resolved("attacks", (name,), attack_of)

    def feature_attack(self, name: str) -> dict[str, Any] | None:
        """Return an attack on features, or None where something it stands on is told wrong."""
        return self._resolved("feature_attacks", (name,), attack_of)

    def protection(self, name: str) -> Protection | None:
        """Return a protection, or None where it is told to be wrong."""
        return self._complete("protections", name, protection_of)

    def operator(self, name: str) -> OperatorSettings | None:
        """Return a measurement operator, or None where it is told to be wrong."""
        return self._complete("operators", name, operator_of)

    def reconstruction(self, name: str) -> MethodSettings | None:
        """Return a reconstruction, or None where it is told to be wrong."""
        return self._complete("reconstructions", name, reconstruction_of)

    def recipe(self, name: str, dataset: str, network: str) -> dict[str, Any] | None:
        """Return a recipe, or None where something it stands on is told to be wrong."""
        return self._resolved("recipes", (name, dataset, network), recipe_of)

    def sound(self, kind: str, name: str) -> bool:
        """Return whether a name exists, and nothing that it stands on had a wrong value."""
        try:
            chain = self.presets[kind].chain(name)
        except ReveilError:
            return False
        return self.broken.isdisjoint({(kind,), *((kind, link) for link in chain)})

    def _resolved(self, kind: str, names: tuple[str, ...], resolve: Callable[..., Any]) -> Any:
        key = (kind, *names)
        if key not in self.kept:
            presets = self.presets[kind]
            self.kept[key] = resolve(presets, *names) if self.sound(kind, names[0]) else None
        return self.kept[key]

    def _complete(self, kind: str, name: str, resolve: Callable[..., Any]) -> Any:
        try:
            return self._resolved(kind, (name,), resolve)
        except ReveilError:
            return None

    def protocols(self) -> dict[str, dict[str, Any]]:
        """Return the protocols of the study, but for those told to be wrong."""
        listed = [name for _, name in self.entries("protocols") if name != DEFAULT]
        return {name: switches for name in listed if (switches := self.protocol(name))}

    def places(self) -> list[Place]:
        """Return where the study uses its policies."""
        data = [name for _, name in self.existing("datasets")]
        models = [name for _, name in self.existing("models")]
        return list(_places(self.protocols(), data, models))

    def any_places(self) -> list[Place]:
        """Return ``places``, with stand-ins for protocols, datasets or models that are not left."""
        data = [name for _, name in self.existing("datasets")] or list(datasets.DATASETS)[:1]
        models = [name for _, name in self.existing("models")] or list(networks.EXAMPLES)[:1]
        default = {DEFAULT: protocol_of(self.presets["protocols"], DEFAULT)}
        return list(_places(self.protocols() or default, data, models))

    def searches(self, place: Place) -> dict[str, dict[str, Any]]:
        """Return the protocols whose searches ``place`` may use: its own, and those named."""
        names = [place.protocol]
        for _, value in self.entries("policies"):
            names += [searched.protocol for searched in found_members(str(value), place)]
        return {name: switches for name in names if (switches := self.protocol(name))}


def canonical(policy: str, place: Place) -> str:
    """Return the canonical name of a policy of the study at a place, for the seed 0.

    Raises:
        ReveilError: neither an alias nor a policy.
    """
    return policies.resolve_alias(policy, place.dataset, place.model, place.protocol, seed=0)


def found_members(policy: str, place: Place) -> list[Searched]:
    """Return the members of a policy that a search gives; none if it has no meaning."""
    try:
        members = policies.member_names(canonical(policy, place))
    except ReveilError:
        return []
    return [searched for searched in map(parse_searched, members) if searched]


def _places(
    protocols: Mapping[str, Mapping[str, Any]], data: list[str], models: list[str]
) -> Iterator[Place]:
    for (name, switches), dataset, model in product(protocols.items(), data, models):
        yield Place(name, switches, dataset, model, architecture(switches, dataset, model))


def _succeeds(call: Any, *arguments: Any) -> bool:
    try:
        call(*arguments)
    except ReveilError:
        return False
    return True
