"""Small trainings of private networks on made-up images, which take a second each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml

from reveil.cvnn.protections import from_values
from reveil.cvnn.training import train_private
from reveil.training_data import TrainingData
from reveil.views import view_for
from tests import training
from tests.hidden import PRESETS, protection

SIZE, CLASSES, MODEL = 12, 4, "resnet20-alpha-w4"
VIEW = view_for(replace(training.DATASET, size=SIZE), training.RECIPE)
ADVERSARY = yaml.safe_load((PRESETS / "recipes" / "default.yaml").read_text())["adversary"]
RECIPE = {
    **training.RECIPE,
    **{"epochs": 2, "batch_size": 16, "augment": "none", "milestones": [], "learning_rate": 0.1},
}


def preset(name):
    """The protection of a preset file and of those it builds on."""
    folder, values, base = Path(PRESETS, "protections"), {}, name
    while base:
        found = yaml.safe_load((folder / f"{base}.yaml").read_text())
        base = found.pop("base", None)
        values = found | values
    return from_values(name, yaml.safe_load((folder / "default.yaml").read_text()) | values)


def make_blobs(count=64, tests=32):
    """Return images of a bright blob in one of four corners: the corner is the class."""
    stream = np.random.default_rng(0)
    half = SIZE // 2

    def split(n):
        labels = np.arange(n) % CLASSES
        images = stream.integers(0, 60, (n, 1, SIZE, SIZE)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            y, x = (half * (label // 2) + 1, half * (label % 2) + 1)
            image[:, y : y + half - 2, x : x + half - 2] += 150
        return images, labels

    return TrainingData(*split(count), np.arange(count), *split(tests))


def run(data, chosen=None, model=MODEL, *, seed=0, state=None, chunk="auto", view=VIEW, **keys):
    """Train; keys of the recipe or of its adversary may be changed."""
    recipe = {**RECIPE, "adversary": {**ADVERSARY, **keys.pop("adversary", {})}, **keys}
    chosen = protection() if chosen is None else chosen
    return train_private(
        data, view, chosen, recipe, model, classes=CLASSES, seed=seed, state=state, chunk=chunk
    )


def same(first, second):
    """Whether two trainings ended in the same bits, critics included."""
    pairs = [(first.network, second.network)]
    if first.critic is not None:
        pairs.append((first.critic, second.critic))
    return all(
        torch.equal(value, theirs.state_dict()[name])
        for ours, theirs in pairs
        for name, value in ours.state_dict().items()
    )
