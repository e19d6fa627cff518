"""What the jobs on reconstructions share: the images that are measured, and their measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reveil import datasets, indices
from reveil.datasets import Dataset
from reveil.splits import Splits
from reveil.stages.work import Work, dataset_folder
from reveil.unir.operators import settings
from reveil.unir.operators.interface import make
from reveil.unir.operators.measurements import Measurements
from reveil.views import View

Recipe = Mapping[str, Any]


@dataclass(frozen=True)
class Measuring:
    """An operator, and the images of a dataset that it measures.

    Attributes:
        dataset: whose images.
        splits: its prepared images.
        operator: with the shape of the images that are measured.
        recipe: ``fmnist_pipeline``, ``subset`` and ``holdout`` of it are used.
        seed: of the measurements.
    """

    dataset: Dataset
    splits: Splits
    operator: Any
    recipe: Recipe
    seed: int

    @classmethod
    def open(cls, work: Work, prepared: str, policy: str) -> "Measuring":
        """Open what a job measures.

        Args:
            work: ``named`` holds dataset and seed, ``switches`` the recipe.
            prepared: path of an array of the prepared dataset.
            policy: path of the file of the operator.

        Raises:
            ReveilError: a file is missing or damaged, or the images cannot be measured so.
        """
        dataset, recipe = datasets.get(work.named["dataset"]), work.switches["recipe"]
        operator = make(settings.read(policy), image_view(dataset, recipe).shape)
        return cls(dataset, Splits.open(dataset_folder(prepared)), operator, recipe, work.seed)

    @property
    def facts(self) -> dict[str, Any]:
        """What a result depends on beside names, switches and images."""
        return {"policy_file": settings.to_json(self.operator.settings)}

    def training(self) -> np.ndarray:
        """Return the numbers of the training images."""
        labels, recipe = self.splits.labels["train"], self.recipe
        return indices.training_indices(labels, recipe["subset"], recipe["holdout"], self.seed)

    def held_out(self) -> np.ndarray:
        """Return the numbers of the training images that nothing is learnt from."""
        return indices.holdout_indices(self.splits.labels["train"], self.recipe["holdout"])

    def measurements(
        self, split: str, chosen: Sequence[int] | np.ndarray, corruption: str = "fixed"
    ) -> Measurements:
        """Return the measurements of images of a split.

        Args:
            split: ``train`` or ``test``.
            chosen: numbers of the images in it.
            corruption: ``fixed`` or ``fresh``.
        """
        images = pixels(self.splits.images[split], image_view(self.dataset, self.recipe))
        return Measurements(self.operator, images, chosen, self.seed, split, corruption)


def image_view(dataset: Dataset, recipe: Recipe) -> View:
    """Return how images look when they are measured: all of them, padded on Fashion-MNIST."""
    fashion = dataset.family == "fashion-mnist"
    pipeline = recipe["fmnist_pipeline"] if fashion else "native"
    return View(dataset, pipeline, dataset.channels, "symmetric")


def pixels(images: np.ndarray, view: View) -> np.ndarray:
    """Return images of a split as they are measured, uint8 (N, C, H, W); mapped where unchanged."""
    if images.shape[1:] == view.shape:
        return images
    return view.evaluate(torch.from_numpy(np.array(images))).numpy()


def as_bytes(images: Tensor) -> np.ndarray:
    """Return images in [-1, 1] as uint8; what is not finite is grey."""
    levels = (images.nan_to_num(0).clamp(-1, 1) + 1) * 127.5
    return levels.round().to(torch.uint8).numpy()


def evenly(total: int, count: int) -> np.ndarray:
    """Return ``count`` numbers below ``total``, evenly spaced; all of them if there are fewer."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.int64)
