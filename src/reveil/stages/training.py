"""Train one model by its recipe, under its policy."""

from dataclasses import dataclass
from typing import Any

from reveil import datasets, indices, policies
from reveil.job import State
from reveil.splits import Splits
from reveil.stages.work import Work, dataset_folder
from reveil.training import Trained, TrainingData, train
from reveil.views import view_for


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, the facts its checkpoint carries, what it depends on, and its state."""

    trained: Trained
    facts: dict[str, Any]
    identity: dict[str, Any]
    state: State


def train_model(work: Work, *, prepared: str, policy: str) -> TrainedModel:
    """Train, going on from an earlier state of the same job.

    Args:
        work: ``named`` holds dataset, model and seed, ``switches`` the recipe.
        prepared: path of an array of the prepared dataset.
        policy: path of the policy file.

    Raises:
        ReveilError: a file is missing or damaged, or the training cannot be done.
    """
    recipe = work.switches["recipe"]
    dataset = datasets.get(work.named["dataset"])
    chosen_policy = policies.read(policy)
    view = view_for(dataset, recipe)
    splits = Splits.open(dataset_folder(prepared))
    chosen = indices.training_indices(
        splits.labels["train"], recipe["subset"], recipe["holdout"], work.seed
    )
    data = TrainingData(
        splits.images["train"],
        splits.labels["train"],
        chosen,
        splits.images["test"],
        splits.labels["test"],
    )
    identity = work.identity(policy_file=policies.to_json(chosen_policy))
    state = work.state(identity)
    trained = train(
        data,
        view,
        chosen_policy,
        recipe,
        work.named["model"],
        classes=dataset.classes,
        seed=work.seed,
        device=work.job.device,
        state=state,
        chunk=work.items,
    )
    size = {"channels": view.shape[0], "size": view.size, "classes": dataset.classes}
    return TrainedModel(trained, {**work.named, **size}, identity, state)
