"""The prepared splits of a dataset, and the images that a rule picks from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reveil import indices
from reveil.datasets import SPLITS, load_split


@dataclass(frozen=True)
class Picked:
    """Images in memory: (N, c, h, w) uint8, their labels (N,) and their numbers in the split."""

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray


@dataclass(frozen=True)
class Splits:
    """Memory-mapped images, (N, c, h, w) uint8, and labels, (N,) int64, of each split."""

    images: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]

    @classmethod
    def open(cls, folder: str | Path) -> "Splits":
        """Open what ``prepare_dataset`` wrote.

        Raises:
            ReveilError: a file is missing or damaged, or images and labels do not match.
        """
        loaded = {
            split: load_split(Path(folder, split, "images.npy"), Path(folder, split, "labels.npy"))
            for split in SPLITS
        }
        images = {split: pair[0] for split, pair in loaded.items()}
        return cls(images, {split: pair[1] for split, pair in loaded.items()})

    def pick(
        self, rule: Mapping[str, Any], holdout: int, positions: Sequence[int] | None = None
    ) -> Picked:
        """Return the images of an index rule, or those at some positions of its list.

        Args:
            rule: see :mod:`reveil.indices`.
            holdout: how many training images the recipe holds out.

        Raises:
            ReveilError: the rule does not fit the splits.
        """
        chosen = indices.resolve(rule, self.labels, holdout)
        chosen = chosen.reshape(-1)
        if positions is not None:
            chosen = chosen[np.asarray(positions)]
        split = "test" if rule["split"] == "test" else "train"
        return Picked(
            np.ascontiguousarray(self.images[split][chosen]), self.labels[split][chosen], chosen
        )
