"""The images a model is trained on, what they go through, and the recipes that fit them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reveil import defence_names
from reveil.errors import ReveilError, not_allowed
from reveil.precision import PRECISIONS
from reveil.schedule import steps_per_epoch

if TYPE_CHECKING:
    from reveil.policies import Policy

AUGMENTATIONS = ("crop_flip", "none")


@dataclass(frozen=True)
class TrainingData:
    """What a model is trained and tested on.

    Attributes:
        images, labels: the training split, (N, c, h, w) uint8 (may be memory-mapped) and (N,)
            classes, or bool (N, attributes), which private networks alone can be trained for.
        indices: the rows of it to train on.
        test_images, test_labels: the test split in the same form.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def augmentation(recipe: Mapping[str, Any], policy: "Policy") -> str:
    """Return what a training image goes through: ``crop_flip+policy``, one of both, or ``none``."""
    steps = ["crop_flip"] if recipe["augment"] == "crop_flip" else []
    steps += ["policy"] if any(policy.members) else []
    return "+".join(steps) or "none"


def check(data: TrainingData, recipe: Mapping[str, Any], classes: int) -> None:
    """Raise a ``ReveilError`` for a recipe that cannot be run on ``data``."""
    for key, allowed in (("precision", PRECISIONS), ("augment", AUGMENTATIONS)):
        if recipe[key] not in allowed:
            raise ReveilError(not_allowed(f"recipe.{key}", recipe[key], allowed))
    count, batch = len(data.indices), recipe["batch_size"]
    if not count:
        raise ReveilError("training: the recipe's subset and holdout leave no training images")
    if not len(data.test_labels):
        raise ReveilError("training: there are no test images")
    defence_names.parse(recipe["defence"])
    if recipe["drop_last"] and count < batch:
        raise ReveilError(
            f"recipe.batch_size: {batch} with drop_last leaves no batch of {count} training "
            f"images; allowed: up to {count}"
        )
    planned = recipe["epochs"] * steps_per_epoch(count, batch, recipe["drop_last"])
    if (recipe["stop_after"] or 0) > planned:
        raise ReveilError(
            f"recipe.stop_after: {recipe['stop_after']} is not allowed; the whole training has "
            f"{planned} steps; allowed: up to that, or null"
        )
    if data.labels.ndim == 2 and data.labels.shape[1] != classes:
        raise ReveilError(
            f"labels: {data.labels.shape[1]} attributes are not allowed for a network of {classes} "
            f"outputs; allowed: {classes}"
        )
    highest = int(max(np.max(data.labels[data.indices]), np.max(data.test_labels, initial=0)))
    if highest >= classes:
        raise ReveilError(f"labels: {highest} is not allowed; allowed: 0 to {classes - 1}")
