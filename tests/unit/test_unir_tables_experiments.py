"""The sweeps of unir hold the rows of the experiments, with the recipes as they are resolved."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from reveil import config
from reveil.config.presets import read_yaml
from reveil.unir import tables
from reveil.unir.operators.settings import to_json
from tests import unir_tables as made_up
from tests.workflow import ROOT

FOUR = np.array([18.0, 19.0, 20.0, 21.0])
# Sweep -> its experiment, the recipe that others are compared with, and who else may stand there.
EXPERIMENTS = {
    "lambda": ("unir-exp06", "unir", set()),
    "switches": ("unir-exp07", "unir", {"keep"}),
    "stabilisers": ("unir-exp08", "unir", set()),
    "corruption": ("unir-exp12", "unir", set()),
    "assumed": ("unir-exp13", "unir-assumed-50", set()),
    "size": ("unir-exp14", "unir-60k", set()),
    "likelihood": ("unir-exp17", "cond-ambient", set()),
}
# Where noise may be shared, and where most sweeps are.
POLICIES = {"switches": "convolve-noise"}
COUNTS = {"unir-1k": 1_000, "unir-5k": 5_000, "unir-20k": 20_000, "unir-60k": 60_000}


@cache
def cells(experiment: str, policy: str) -> list[tuple[str, str]]:
    """Return the recipes and reconstructions of an experiment under one operator."""
    rows = read_yaml(ROOT / f"config/experiments/{experiment}.yaml")["rows"]
    return list(
        dict.fromkeys(
            (attack if attack == "keep" else recipe, attack)
            for row in rows
            if policy in row["policies"]
            for recipe in row["recipes"]
            for attack in row["attacks"]
        )
    )


@pytest.mark.parametrize("sweep", EXPERIMENTS)
def test_an_experiment_is_its_sweep_with_one_row_to_compare_with(sweep):
    experiment, compared, others = EXPERIMENTS[sweep]
    subject = made_up.SUBJECT | {"model": "variational" if sweep == "likelihood" else "unet"}
    policy = POLICIES.get(sweep, made_up.OPERATOR)
    found = cells(experiment, policy)
    trained = sorted({recipe for recipe, _ in found if recipe != "keep"})
    images, models, recipes = [], [], []
    whole = read_yaml(ROOT / "config.yaml")
    for number, (recipe, attack) in enumerate(found):
        psnr = FOUR + 0.1 * number
        images.append(
            made_up.reconstructed(recipe, psnr, attack=attack, subject=subject, policy=policy)
        )
    for recipe in trained:
        count = COUNTS.get(recipe, 55_000)
        models.append(made_up.network(recipe, subject=subject, n_train=count, policy=policy))
        settings = config.training_recipe(whole, ROOT, recipe, *subject.values())
        recipes.append(subject | {"recipe": recipe, "settings": settings})
    operator = to_json(config.resolve_operator(whole, ROOT, policy))["operator"]
    table = tables.sweep_table(
        pd.concat(images), pd.concat(models), sweep=sweep, recipes=recipes,
        operators={policy: operator},
    )  # fmt: skip
    untrained = table["recipe"] == "none"
    assert set(table.loc[untrained, "attack"]) == others
    networks = table[~untrained]
    reached = set(zip(networks["recipe"], networks["attack"], strict=True))
    assert reached == {cell for cell in found if cell[0] != "keep"}
    alone = networks[networks["reference"] == ""]
    assert alone["recipe"].tolist() == [compared]
    assert (networks.drop(alone.index)["reference_n"] == 4).all()
