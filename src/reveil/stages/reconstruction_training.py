"""Train one generator by its recipe, on what its operator measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reveil.job import State
from reveil.models.weights import tensors_digest
from reveil.records import Records
from reveil.stages.measuring import Measuring
from reveil.stages.summaries import MODEL_KEYS
from reveil.stages.work import Work
from reveil.unir import weights
from reveil.unir.training import TrainedReconstruction, train_reconstruction

LOSSES = ("loss_d", "loss_g", "loss_adversarial", "loss_likelihood", "loss_supervised")


@dataclass(frozen=True)
class TrainedGenerator:
    """A trained generator, its facts, what it depends on, and its state.

    Attributes:
        count: measurements that it learnt from.
    """

    trained: TrainedReconstruction
    count: int
    facts: dict[str, Any]
    identity: dict[str, Any]
    state: State


def train_generator(work: Work, *, prepared: str, policy: str) -> TrainedGenerator:
    """Train, going on from an earlier state of the same job.

    Held-out images are measured, too, and tell how well reconstructions explain measurements; none
    of them is learnt from.

    Args:
        work: ``named`` holds dataset, model and seed, ``switches`` the recipe.
        prepared: path of an array of the prepared dataset.
        policy: path of the file of the operator.

    Raises:
        ReveilError: a file is missing or damaged, or the training cannot be done.
    """
    measuring = Measuring.open(work, prepared, policy)
    recipe, operator = work.switches["recipe"], measuring.operator
    corruption = recipe["reconstruction"]["corruption"]
    measurements = measuring.measurements("train", measuring.training(), corruption)
    identity = work.identity(**measuring.facts)
    state = work.state(identity)
    trained = train_reconstruction(
        measurements,
        operator,
        work.named["model"],
        recipe,
        seed=work.seed,
        device=work.job.device,
        state=state,
        held_out=measuring.measurements("train", measuring.held_out()),
    )
    return TrainedGenerator(trained, len(measurements), dict(work.named), identity, state)


def generator_summary(done: TrainedGenerator, keys: Mapping[str, str]) -> Records:
    """Return the one row of a trained generator; what its variant has not is left out (NaN).

    Losses are those of the last row of its history; ``weights_digest`` is over all networks.
    """
    trained, last = done.trained, done.trained.history[-1]
    networks = weights.tensors(trained.generator, trained.discriminator, trained.averaged)
    row: dict[str, Any] = {key: keys[key] for key in MODEL_KEYS}
    row["steps"] = last["step"]
    row["parameters_generator"] = _parameters(trained.generator)
    row["parameters_discriminator"] = _parameters(trained.discriminator)
    row["n_train"] = done.count
    row["train_seconds"] = trained.seconds
    row |= {name: last[name] for name in LOSSES}
    row["weights_digest"] = tensors_digest(networks)
    return Records([row])


def _parameters(network: Any) -> float:
    if network is None:
        return math.nan
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
