"""How much work an experiment is: what its trainings, searches and attacks count."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from reveil import datasets, indices, policies
from reveil.config.experiments import (
    UNTRAINED,
    Cell,
    cells,
    list_policies,
    pages,
    resolve_experiment,
    study_of,
)
from reveil.config.image_checks import training_count
from reveil.config.resolve import (
    resolve_attack,
    resolve_feature_attack,
    resolve_protocol,
    resolve_recipe,
)
from reveil.cvnn.methods import INFERENCE
from reveil.schedule import steps_per_epoch
from reveil.unir import names as generators
from reveil.unir import variants

Config = Mapping[str, Any]
Root = str | os.PathLike[str]

# What L-BFGS evaluates in one of its steps, at most (PyTorch's default).
INNER_STEPS = 20
# Their tables count the layers of networks, which nobody trains for that.
COUNTED_ONLY = ("cvnn-exp11", "cvnn-ext13")


@dataclass(frozen=True)
class Workload:
    """The work of one experiment, what it shares with others included.

    Attributes:
        units: (dataset, model, stage, of) -> how much: epochs of a recipe (stage ``training``),
            parts of one where it is stopped early, candidates of a protocol (``search``), and
            images times iterations times restarts of an attack on gradients (``attack``). Attacks
            on features have no iterations.
        epoch_images: (dataset, model, recipe) -> images that an epoch sees.
        trainings: number of trained models.
        training_images: images that these trainings see, all epochs.
        attacked_images: reconstructed images, restarts not counted.
        scored_policies: policies of the lists, repeats counted.
        attackers: number of trained attackers on features, those that others build on included.
        samples: images drawn from generators of noise.
    """

    units: Mapping[tuple[str, str, str, str], float]
    epoch_images: Mapping[tuple[str, str, str], int]
    trainings: int
    training_images: int
    attacked_images: int
    scored_policies: int
    attackers: int
    samples: int

    @property
    def image_iterations(self) -> float:
        """Iterations of the attacks, summed over images."""
        return sum(count for (_, _, stage, _), count in self.units.items() if stage == "attack")


def workload(config: Config, root: Root, name: str) -> Workload:
    """Return the work of the experiment ``name`` under a configuration, for all its seeds."""
    units: dict[tuple[str, str, str, str], float] = defaultdict(int)
    epoch_images: dict[tuple[str, str, str], int] = {}
    trainings: dict[tuple[Any, ...], int] = {}
    attackers: set[tuple[Any, ...]] = set()
    attacked = scored = samples = 0
    study = study_of(name)
    private = study == "cvnn"
    # Hundreds of cells share a few presets, and resolving one reads and merges files.
    recipe_of = cache(partial(resolve_recipe, config, root))
    switches_of = cache(partial(resolve_protocol, config, root))
    steps_of = cache(partial(_steps, config, root))
    chain_of = cache(partial(_attackers, config, root))
    for seed in [] if name in COUNTED_ONLY else config["seeds"]:
        for cell in cells(config, root, name, seed):
            place = cell.page.dataset, cell.page.model
            key = (*place, _trained(cell, study), cell.recipe, seed)
            if cell.recipe != UNTRAINED and key not in trainings:
                recipe = recipe_of(cell.recipe, *place)
                images = training_count(recipe, datasets.get(place[0]).counts["train"])
                epochs = trained_epochs(recipe, images, study)
                trainings[key] = round(epochs * images)
                units[(*place, "training", cell.recipe)] += epochs
                epoch_images[(*place, cell.recipe)] = images
            if cell.attack:
                count = indices.size(switches_of(cell.protocol)["scene"]["images"])
                attacked += count
                if private:
                    attackers |= {(cell.protocol, *key, attack) for attack in chain_of(cell.attack)}
                elif study == "ats":
                    units[(*place, "attack", cell.attack)] += count * steps_of(cell.attack)
            elif study == "unir" and not generators.reconstructs(cell.page.model):
                samples += switches_of(cell.protocol)["reconstruction"]["samples"]
    experiment = resolve_experiment(config, root, name)
    for page in pages(config, root, name):
        switches = resolve_protocol(config, root, page.protocol)
        for listed in experiment["lists"]:
            count = len(list_policies(listed, switches)) * len(config["seeds"])
            scored += count * experiment["repeats"]
            units[page.dataset, page.model, "search", page.protocol] += (
                count * experiment["repeats"]
            )
    images = sum(trainings.values())
    return Workload(
        units, epoch_images, len(trainings), images, attacked, scored, len(attackers), samples
    )


def _trained(cell: Cell, study: str) -> str:
    """Return the policy that the model of a cell is trained under."""
    return policies.trained_name(cell.policy) if study == "ats" else cell.policy


def trained_epochs(recipe: Config, images: int, study: str) -> float:
    """Return the epochs of ``images`` images that a training of this recipe takes."""
    if study == "unir":
        settings = recipe["reconstruction"]
        judged = variants.get(settings["variant"]).real is not None
        critic = settings["critic_steps"] if judged else 0
        # As reveil.unir.training: the two steps that meet share a batch.
        batches = max(1, critic + settings["generator_steps"] - 1)
        return settings["steps"] * batches * recipe["batch_size"] / images
    if recipe["stop_after"] is None:
        return recipe["epochs"]
    return recipe["stop_after"] / steps_per_epoch(images, recipe["batch_size"], recipe["drop_last"])


def _steps(config: Config, root: Root, name: str) -> int:
    attack = resolve_attack(config, root, name)
    inner = INNER_STEPS if attack["method"] == "lbfgs" else 1
    return attack["iterations"] * attack["restarts"] * inner


def _attackers(config: Config, root: Root, name: str) -> tuple[str, ...]:
    """Return an attack on features and the one that it builds on, if it does."""
    attack = resolve_feature_attack(config, root, name)
    return (name, attack["inner"]) if attack["method"] in INFERENCE else (name,)
