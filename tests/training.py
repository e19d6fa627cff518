"""Small trainings on made-up images, watched, and runs that are killed on the way."""

import numpy as np
import torch

from reveil.datasets import Dataset
from reveil.job import State
from reveil.policies import parse
from reveil.training import TrainingData, train
from reveil.views import view_for

SIZE, CLASSES = 12, 4
RECIPE = {
    "epochs": 3,
    "batch_size": 8,
    "drop_last": False,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 5e-4,
    "milestones": [2.667, 1.6, 1.142],
    "gamma": 0.1,
    "loss_factor": 1.0,
    "subset": {"rule": "all", "fraction": 1.0},
    "holdout": 0,
    "augment": "crop_flip",
    "normalisation": "dataset",
    "fmnist_pipeline": "pad32",
    "policy_channels": 1,
    "precision": "fp32",
    "defence": "none",
    "stop_after": None,
}


DATASET = Dataset(
    name="made",
    title="Made",
    family="made",
    format="idx",
    channels=1,
    size=SIZE,
    classes=CLASSES,
    counts={"train": 60, "test": 20},
    mean=(0.5,),
    std=(0.25,),
    archives=(),
)
VIEW = view_for(DATASET, RECIPE)


class WatchedView:
    """A view of the made data that keeps what it was asked for."""

    def __init__(self):
        self.view = view_for(DATASET, RECIPE)
        self.shape, self.evaluate = self.view.shape, self.view.evaluate
        self.asked, self.splits, self.shown, self.drawn, self.inputs = [], [], [], [], []

    def draw_epoch(self, policy, count, seed, epoch, augment):
        self.asked.append((count, seed, epoch, augment))
        return self.view.draw_epoch(policy, count, seed, epoch, augment)

    def draw(self, policy, images, seed, *, purpose, augment):
        self.asked.append((purpose, list(images), seed, augment))
        return self.view.draw(policy, images, seed, purpose=purpose, augment=augment)

    def victim(self, raw, draws, policy):
        self.shown.append(raw.clone())
        self.drawn.append(draws)
        return self.view.victim(raw, draws, policy)

    def normalise(self, images, split):
        self.splits.append(split)
        self.inputs.append(images)
        return self.view.normalise(images, split)


def make_data():
    """Return 60 training and 20 test images: dark, bright, striped across, striped down."""
    stream = np.random.default_rng(0)
    stripes = np.arange(SIZE) % 2 * 160
    patterns = [np.zeros((SIZE, SIZE)), np.full((SIZE, SIZE), 160)]
    patterns += [np.tile(stripes, (SIZE, 1)).T, np.tile(stripes, (SIZE, 1))]

    def split(count):
        labels = np.arange(count) % CLASSES
        noise = stream.integers(0, 80, (count, 1, SIZE, SIZE))
        return (np.array(patterns)[labels][:, None] + noise).astype(np.uint8), labels

    return TrainingData(*split(60), np.arange(60), *split(20))


def run(data, model="convnet-w2", policy=None, view=None, seed=0, state=None, chunk="auto", **keys):
    return train(
        data,
        view or WatchedView(),
        policy or parse("none"),
        {**RECIPE, **keys},
        model,
        classes=CLASSES,
        seed=seed,
        state=state,
        chunk=chunk,
    )


def weights(trained):
    return trained.model.state_dict()


def same(first, second):
    return all(torch.equal(weights(first)[k], weights(second)[k]) for k in weights(first))


def timeless(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


class KilledError(Exception):
    """Stands for the signal that ends a run."""


class MortalState(State):
    """Saves at every ``period``-th step and kills the run at step ``death``."""

    def __init__(self, folder, period, death=None):
        super().__init__(folder, {"recipe": "test"}, interval=0)
        self.period, self.death, self.steps, self.saved = period, death, 0, 0

    def due(self):
        self.steps += 1
        if self.steps == self.death:
            raise KilledError
        return super().due() and self.steps % self.period == 0

    def save(self, tensors, facts):
        super().save(tensors, facts)
        self.saved += 1
