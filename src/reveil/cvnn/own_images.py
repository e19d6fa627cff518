"""Which images an attacker on features has of his own."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reveil import indices
from reveil.errors import ReveilError, not_allowed

OWN_IMAGES = ("heldout", "train", "all")


def own_indices(
    labels: np.ndarray, features: Mapping[str, Any], recipe: Mapping[str, Any], seed: int
) -> np.ndarray:
    """Return the training images that are the attacker's own, ascending.

    Args:
        labels: of the whole training set.
        features: ``attacker_images``: those ``heldout`` from the model, those it was trained on
            (``train``), or ``all``; ``attacker_count``: how many of them, spread over the classes,
            or None for all.
        recipe: of the model: ``holdout`` and ``subset``.
        seed: of the model.

    Raises:
        ReveilError: another value, or fewer images than are wanted.
    """
    which, count = features["attacker_images"], features["attacker_count"]
    if which not in OWN_IMAGES:
        raise ReveilError(not_allowed("features.attacker_images", which, OWN_IMAGES))
    pool = np.arange(len(labels))
    if which == "heldout":
        pool = indices.holdout_indices(labels, recipe["holdout"])
    elif which == "train":
        pool = indices.training_indices(labels, recipe["subset"], recipe["holdout"], seed)
    if count is None:
        return pool
    if count > len(pool):
        raise ReveilError(
            f"features.attacker_count: {count} is not allowed; allowed: up to {len(pool)}, the "
            f"images of attacker_images {which}, or null"
        )
    return np.sort(pool[indices.interleaved(labels[pool])[:count]])
