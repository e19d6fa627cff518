"""Complete protocols, recipes and attacks: presets, what they stand on, and the user's changes."""

import os
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from reveil import datasets, policies
from reveil.config.presets import Presets, merge
from reveil.cvnn.names import is_private
from reveil.cvnn.protections import Protection, from_values
from reveil.models.names import parse
from reveil.plugins import known
from reveil.unir import methods
from reveil.unir.methods import MethodSettings
from reveil.unir.names import is_reconstructor
from reveil.unir.operators import settings as operators
from reveil.unir.operators.settings import OperatorSettings

Config = Mapping[str, Any]
Root = str | os.PathLike[str]

# What a training of reconstructions reads of its recipe; its steps are in the last.
RECONSTRUCTION_KEYS = (
    "batch_size",
    "learning_rate",
    "gamma",
    "precision",
    "subset",
    "holdout",
    "fmnist_pipeline",
    "reconstruction",
)
# The part of a layer that is not a value of its own.
_STRUCTURE = ("base", "datasets")


def resolve_protocol(config: Config, root: Root, name: str) -> dict[str, Any]:
    """Return the protocol ``name`` with every key.

    Raises:
        ReveilError: there is no such protocol, or its bases go in a circle.
    """
    return protocol_of(Presets.load(config, root, "protocols"), name)


def resolve_recipe(
    config: Config, root: Root, name: str, dataset: str, model: str
) -> dict[str, Any]:
    """Return the recipe ``name`` for a dataset and a model, with every key.

    Each layer's own values for the dataset follow its general ones, so that a change by the user
    wins over a preset's special case. ``{recipe}-with-{defence}`` and ``{recipe}-after-{steps}``
    are recipes wherever ``{recipe}`` is one.

    Raises:
        ReveilError: there is no such recipe or dataset, or its bases go in a circle.
    """
    return recipe_of(Presets.load(config, root, "recipes"), name, dataset, model)


def training_recipe(
    config: Config, root: Root, name: str, dataset: str, model: str
) -> dict[str, Any]:
    """Return the part of a resolved recipe that the training of such a model depends on.

    For reconstructions ``assumed`` is the content of the operator that it names, so that a change
    of that one is a change of the recipe, too.

    Raises:
        ReveilError: there is no such recipe, dataset or operator, or bases go in a circle.
    """
    recipe = resolve_recipe(config, root, name, dataset, model)
    if is_reconstructor(model):
        settings = dict(recipe["reconstruction"])
        if settings["assumed"]:
            assumed = resolve_operator(config, root, settings["assumed"])
            settings["assumed"] = operators.to_json(assumed)["operator"]
        return {**{key: recipe[key] for key in RECONSTRUCTION_KEYS}, "reconstruction": settings}
    others = ("reconstruction",) if is_private(model) else ("adversary", "reconstruction")
    return {key: value for key, value in recipe.items() if key not in others}


def resolve_attack(config: Config, root: Root, name: str) -> dict[str, Any]:
    """Return the parameters of the attack ``name``, with every key.

    Raises:
        ReveilError: there is no such attack, or its bases go in a circle.
    """
    return attack_of(Presets.load(config, root, "attacks"), name)


def resolve_protection(config: Config, root: Root, name: str) -> Protection:
    """Return the protection ``name``.

    Raises:
        ReveilError: there is no such protection, its bases go in a circle, or its keys do not go
            together.
    """
    return protection_of(Presets.load(config, root, "protections"), name)


def resolve_feature_attack(config: Config, root: Root, name: str) -> dict[str, Any]:
    """Return the parameters of the attack ``name`` on features, with every key.

    Raises:
        ReveilError: there is no such attack, or its bases go in a circle.
    """
    return attack_of(Presets.load(config, root, "feature_attacks"), name)


def resolve_operator(config: Config, root: Root, name: str) -> OperatorSettings:
    """Return the measurement operator ``name``.

    Raises:
        ReveilError: there is no such operator, its bases go in a circle, or its keys do not go
            together.
    """
    return operator_of(Presets.load(config, root, "operators"), name)


def resolve_reconstruction(config: Config, root: Root, name: str) -> MethodSettings:
    """Return the reconstruction ``name``: a method and its settings.

    Raises:
        ReveilError: there is no such reconstruction, or its bases go in a circle.
    """
    return reconstruction_of(Presets.load(config, root, "reconstructions"), name)


def values_of(presets: Presets, name: str) -> dict[str, Any]:
    """Return every key of ``name`` of loaded presets, whether they go together or not."""
    values = reduce(merge, map(_values, presets.layers(name)), {})
    return known.completed(presets.kind, values)


def protocol_of(presets: Presets, name: str) -> dict[str, Any]:
    """Return the protocol ``name`` of loaded presets."""
    return values_of(presets, name)


def attack_of(presets: Presets, name: str) -> dict[str, Any]:
    """Return the attack ``name``, on gradients or on features, of loaded presets."""
    return values_of(presets, name)


def protection_of(presets: Presets, name: str) -> Protection:
    """Return the protection ``name`` of loaded presets."""
    return from_values(name, values_of(presets, name))


def operator_of(presets: Presets, name: str) -> OperatorSettings:
    """Return the operator ``name`` of loaded presets."""
    return operators.from_values(name, values_of(presets, name))


def reconstruction_of(presets: Presets, name: str) -> MethodSettings:
    """Return the reconstruction ``name`` of loaded presets."""
    return methods.from_values(name, values_of(presets, name))


def recipe_of(presets: Presets, name: str, dataset: str, model: str) -> dict[str, Any]:
    """Return the recipe ``name`` of loaded presets for a dataset and a model."""
    recipe: dict[str, Any] = {}
    for layer in presets.layers(name):
        recipe = merge(recipe, _values(layer))
        special = layer.get("datasets") or {}
        for place in _places(dataset, model):
            recipe = merge(recipe, special.get(place) or {})
    return recipe


def architecture(protocol: Mapping[str, Any], dataset: str, model: str) -> str:
    """Return the name of the network that a protocol means by ``model`` on ``dataset``.

    Drabent et al. (2022) trained a ConvNet of 9 convolutions, and Warmerdam et al. (2022) a
    ResNet20 of width 16 on Fashion-MNIST, under the names of the original networks.

    Raises:
        ReveilError: an unknown model or dataset.
    """
    if is_private(model) or is_reconstructor(model):
        return model
    network = parse(model)
    if network.family == "convnet" and network.layers == 8 and protocol["convnet_layers"] == 9:
        return model.replace("convnet", "convnet-9", 1)
    width = protocol["fashion_mnist_resnet_width"]
    if model == "resnet20-4" and datasets.get(dataset).family == "fashion-mnist":
        return f"resnet20-{width // 16}"
    return model


def policy_names(
    config: Config, study: str, protocol: str, dataset: str, model: str, seed: int
) -> list[str]:
    """Return the canonical names of a study's policies, aliases resolved, in their order.

    Raises:
        ReveilError: a name that means nothing, or an alias without a published policy.
    """
    names = config["studies"][study]["policies"]
    return [policies.resolve_alias(str(name), dataset, model, protocol, seed) for name in names]


def _values(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in layer.items() if key not in _STRUCTURE}


def _places(dataset: str, model: str) -> Iterator[str]:
    """Yield the keys of a recipe's ``datasets`` that hold here, the least specific first."""
    homes = dict.fromkeys((datasets.get(dataset).family, dataset))
    parts = model.split("-")
    kinds = ["-".join(parts[:end]) for end in range(1, len(parts) + 1)]
    yield from homes
    for kind in kinds:
        yield from (f"{home}/{kind}" for home in homes)
