"""The settings behind the rows of a table: recipes, variants and operators by their names."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from reveil.errors import ReveilError, not_allowed
from reveil.unir import names, variants
from reveil.unir.labels import UNTRAINED
from reveil.unir.operators.settings import OperatorSettings, from_values
from reveil.unir.variants import Variant

# What the recommended recipe is called; that of a report's protocol has the protocol behind it.
PLAIN = "unir"

# One mapping per dataset, model and recipe with these three names, and the resolved recipe as
# ``settings``.
Recipes = Sequence[Mapping[str, Any]]
# Policy -> the complete values of its operator.
Operators = Mapping[str, Mapping[str, Any]]


def settings_of(recipes: Recipes, named: Mapping[str, Hashable]) -> Mapping[str, Any] | None:
    """Return the resolved recipe of a row; None of a method without a network.

    Raises:
        ReveilError: it is not among ``recipes``.
    """
    if named["recipe"] == UNTRAINED:
        return None
    for entry in recipes:
        if all(entry[key] == named[key] for key in ("dataset", "model", "recipe")):
            return entry["settings"]
    where = ", ".join(str(named[key]) for key in ("dataset", "model", "recipe"))
    raise ReveilError(f"recipes: {where} is missing; allowed: one of each recipe of the rows")


def variant_of(settings: Mapping[str, Any]) -> Variant:
    """Return what a recipe trains."""
    return variants.get(settings["reconstruction"]["variant"])


def operator_of(operators: Operators, policy: str) -> OperatorSettings:
    """Return the operator of a row.

    Raises:
        ReveilError: it is not among ``operators``, or is none.
    """
    if policy not in operators:
        raise ReveilError(not_allowed("operators", policy, operators))
    return from_values(policy, operators[policy])


def assumed_by(
    settings: Mapping[str, Any] | None, operator: OperatorSettings, operators: Operators
) -> OperatorSettings:
    """Return the operator that a training simulates, under the name of the true one.

    Args:
        settings: The resolved recipe, with the preset that is assumed or its values; None of a
            method without a network.
        operator: The true one.
        operators: Policy -> all values of its operator, those of assumed presets, too.

    Raises:
        ReveilError: a preset that is not among ``operators``, or values of none.
    """
    said = settings["reconstruction"]["assumed"] if settings is not None else ""
    if not said:
        return operator
    if isinstance(said, str):
        return replace(operator_of(operators, said), name=operator.name)
    return from_values(operator.name, said)


def is_plain(recipe: str, protocol: str) -> bool:
    """Return whether a recipe is the plain ``unir`` of a protocol."""
    return recipe in (PLAIN, f"{PLAIN}-{protocol}")


def refuse_samples(images: pd.DataFrame, recipes: Recipes) -> None:
    """Refuse rows of generators that reconstruct nothing.

    A generator of images from noise takes no measurement, so that an error against a hidden image
    says nothing of it (section 3.5 of the methods document).

    Raises:
        ReveilError: a row is of one, by its model or its recipe; or of no generator of this study.
    """
    keys = ["dataset", "model", "recipe"]
    for named in images[keys].drop_duplicates().to_dict("records"):
        model, recipe = str(named["model"]), str(named["recipe"])
        if (model == UNTRAINED) != (recipe == UNTRAINED):
            raise ReveilError(
                f"images: model {model!r} with recipe {recipe!r} is not allowed; allowed: a "
                "network and its recipe, or none of both"
            )
        if model == UNTRAINED:
            continue
        if not names.reconstructs(model):
            raise ReveilError(
                f"images: model {model!r} is not allowed in a table of reconstructions, as it "
                f"makes images from noise; allowed: {', '.join(names.RECONSTRUCTORS)}, none"
            )
        settings = settings_of(recipes, named)
        if settings is not None and variant_of(settings).samples:
            allowed = [name for name, variant in variants.VARIANTS.items() if not variant.samples]
            raise ReveilError(
                f"images: recipe {recipe!r} is not allowed in a table of reconstructions, as its "
                f"variant makes images from noise; allowed: {', '.join(allowed)}"
            )


def changes(
    recipes: Recipes, named: Mapping[str, Hashable], settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return what a recipe does otherwise than the plain ``unir`` of its protocol.

    Returns:
        Key -> value, those of ``reconstruction`` and of the recipe itself; None if there is no
        plain recipe of the dataset and model among ``recipes``.
    """
    for entry in recipes:
        same = entry["dataset"] == named["dataset"] and entry["model"] == named["model"]
        if same and is_plain(entry["recipe"], str(named["protocol"])):
            plain, own = _flat(entry["settings"]), _flat(settings)
            return {key: own[key] for key in own if plain.get(key) != own[key]}
    return None


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in settings.items() if key != "reconstruction"}
    # How often a training is noted changes nothing of it.
    return flat | {k: v for k, v in settings["reconstruction"].items() if k != "log_every"}
