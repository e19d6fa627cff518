"""What the main table of the study unir is made of: all that goes together of its section's lists.

Used while the graph is planned, so it imports no torch.
"""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

from reveil.config import unir_fit
from reveil.config.experiments import NETWORK, Cell, Page, networks_of, recipe_name, untrained
from reveil.config.presets import Presets
from reveil.config.resolve import (
    operator_of,
    protocol_of,
    recipe_of,
    reconstruction_of,
)
from reveil.unir import names
from reveil.unir.methods import MethodSettings
from reveil.unir.operators.settings import OperatorSettings

STUDY = "unir"


def study_cells(config: Mapping[str, Any], root: str | os.PathLike[str]) -> list[Cell]:
    """Return what ``studies.unir`` trains and reconstructs, each once, for any seed.

    What does not apply is left out: a recipe that does not fit a network or an operator, a method
    that cannot reconstruct what an operator measures. A generator that makes images of noise is in
    cells without an attack; a method that needs no network in cells whose model and recipe are
    ``none``.

    Args:
        config: a valid configuration.
        root: folder of the repository.
    """
    section = config["studies"][STUDY]
    load = partial(Presets.load, config, root)
    protocols, recipes = load("protocols"), load("recipes")
    operators = {name: operator_of(load("operators"), name) for name in section["policies"]}
    presets = load("reconstructions")
    methods = {name: reconstruction_of(presets, name) for name in section["attacks"]}
    trains = networks_of(STUDY, presets)

    def found() -> Iterator[Cell]:
        for protocol, dataset, model in product(
            section["protocols"], section["datasets"], section["models"]
        ):
            switches = protocol_of(protocols, protocol)
            page = Page("", protocol, protocol, dataset, model, (dataset, model))
            known = [recipe_name(role, switches, "none") for role in section["recipes"]]
            for policy, name in product(operators, known):
                recipe = recipe_of(recipes, name, dataset, model)
                operator = operators[policy]
                for attack in fitting(operator, methods, name, recipe, model):
                    cell = Cell(page, protocol, policy, name, attack, "none")
                    yield cell if trains(attack) else untrained(cell)
                samples = not names.reconstructs(model)
                if samples and not unir_fit.training_problem(recipe, model, operator):
                    yield Cell(page, protocol, policy, name, None, "none")

    return list(dict.fromkeys(found()))


def fitting(
    operator: OperatorSettings,
    methods: Mapping[str, MethodSettings],
    name: str,
    recipe: Mapping[str, Any],
    model: str,
) -> list[str]:
    """Return the reconstructions that a network trained by a recipe, or no network, can make.

    Args:
        operator: how images are measured.
        methods: reconstructions by name.
        name: of the recipe.
        recipe: with every key.
        model: name of the network.
    """
    trained = unir_fit.training_problem(recipe, model, operator) is None
    return [
        attack
        for attack, method in methods.items()
        if unir_fit.method_problem(method, operator) is None
        and unir_fit.network_problem(method, name, recipe, model) is None
        and (trained or method.method != NETWORK)
    ]
