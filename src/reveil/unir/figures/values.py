"""Where recipes and operators stand in a sweep, read from their settings and not their names."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reveil.unir.operators.settings import USED_BY
from reveil.unir.variants import VARIANTS

Resolved = Mapping[str, Mapping[str, Any]]


def shares(operators: Resolved) -> dict[str, float]:
    """Return what share of the values each operator removes; without those that remove none.

    Args:
        operators: Policy -> all values of its operator.
    """
    counted = USED_BY["share"]
    return {name: float(own["share"]) for name, own in operators.items() if own["kind"] in counted}


def weights(recipes: Resolved) -> dict[str, float]:
    """Return lambda of each recipe: 0 where its variant has no likelihood term.

    Args:
        recipes: Name -> resolved recipe, of those that differ in lambda alone.
    """
    found = {}
    for name, recipe in recipes.items():
        own = recipe["reconstruction"]
        found[name] = float(own["weight"]) if VARIANTS[own["variant"]].term else 0.0
    return found


def sizes(models: pd.DataFrame) -> dict[str, float]:
    """Return how many measurements each recipe learned from.

    Args:
        models: Rows of models.csv of one dataset and model.
    """
    counts = models.groupby("recipe")["n_train"].max()
    return {str(recipe): float(count) for recipe, count in counts.items()}


def assumed(
    recipes: Resolved, operator: Mapping[str, Any], operators: Resolved
) -> dict[str, float | str]:
    """Return the operator that each recipe simulates, as it stands on the axis.

    Args:
        recipes: Name -> resolved recipe, whose ``assumed`` is a preset or all its values.
        operator: All values of the operator that made the measurements, which a recipe simulates
            that assumes no other.
        operators: Preset -> all values of an operator, of those that are assumed by name.
    """
    found = {}
    for name, recipe in recipes.items():
        said = recipe["reconstruction"]["assumed"]
        found[name] = place(operators[said] if said and isinstance(said, str) else said or operator)
    return found


def place(operator: Mapping[str, Any]) -> float | str:
    """Return the share that an operator removes, or its kind if it removes none."""
    return float(operator["share"]) if operator["kind"] in USED_BY["share"] else operator["kind"]
