"""Train one private network by its recipe, under its protection."""

from dataclasses import dataclass
from typing import Any

from reveil import datasets, indices
from reveil.cvnn import protections, tasks
from reveil.cvnn.targets import load
from reveil.cvnn.training import TrainedPrivate, train_private
from reveil.job import State
from reveil.splits import Splits
from reveil.stages.work import Work, dataset_folder
from reveil.training_data import TrainingData
from reveil.views import view_for


@dataclass(frozen=True)
class TrainedPrivateModel:
    """A trained private network, its facts, what it depends on, and its state."""

    trained: TrainedPrivate
    facts: dict[str, Any]
    identity: dict[str, Any]
    state: State


def train_private_model(work: Work, *, prepared: str, policy: str) -> TrainedPrivateModel:
    """Train, going on from an earlier state of the same job.

    The network learns the task of its dataset (see :mod:`reveil.cvnn.tasks`); which images it
    trains on follows from ``labels.npy``, as for every other training.

    Args:
        work: ``named`` holds dataset, model and seed, ``switches`` the recipe.
        prepared: path of an array of the prepared dataset.
        policy: path of the file of the protection.

    Raises:
        ReveilError: a file is missing or damaged, or the training cannot be done.
    """
    recipe = work.switches["recipe"]
    dataset = datasets.get(work.named["dataset"])
    protection = protections.read(policy)
    view = view_for(dataset, recipe)
    folder = dataset_folder(prepared)
    splits = Splits.open(folder)
    chosen = indices.training_indices(
        splits.labels["train"], recipe["subset"], recipe["holdout"], work.seed
    )
    task = tasks.task(dataset)
    data = TrainingData(
        splits.images["train"],
        load(folder / "train", task),
        chosen,
        splits.images["test"],
        load(folder / "test", task),
    )
    identity = work.identity(policy_file=protections.to_json(protection))
    state = work.state(identity)
    trained = train_private(
        data,
        view,
        protection,
        recipe,
        work.named["model"],
        classes=task.outputs,
        seed=work.seed,
        device=work.job.device,
        state=state,
        chunk=work.items,
    )
    return TrainedPrivateModel(trained, dict(work.named), identity, state)
