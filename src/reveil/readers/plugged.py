"""The images that a plug-in gives, checked before anything is made of them."""

from pathlib import Path
from typing import Any

import numpy as np

from reveil.datasets import LABELS, Dataset
from reveil.plugins import calling, known
from reveil.readers.blocks import Block, Blocks


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the one block of a split.

    Raises:
        PluginError: the plug-in fails, or returns something else than it has declared.
    """
    one = known.find(known.DATASET, dataset.name)
    found = calling.call(one, split)
    if not isinstance(found, tuple | list) or len(found) != 2:
        calling.refuse(
            one, f"returned {type(found).__name__} for {split!r}, expected (images, labels)"
        )
    images, labels = map(_array, found)
    count = dataset.counts[split]
    shape = (count, dataset.channels, dataset.size, dataset.size)
    if images.dtype != np.uint8 or images.shape != shape:
        said = f"{images.dtype} images {images.shape}"
        calling.refuse(one, f"returned {said} for {split!r}, expected uint8 {shape}")
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        said = f"{labels.dtype} labels {labels.shape}"
        calling.refuse(one, f"returned {said} for {split!r}, expected whole numbers ({count},)")
    if labels.min() < 0 or labels.max() >= dataset.classes:
        said = f"labels from {labels.min()} to {labels.max()}"
        calling.refuse(one, f"returned {said} for {split!r}, expected 0 to {dataset.classes - 1}")
    yield Block(images, {LABELS: labels.astype(np.int64)})


def _array(values: Any) -> np.ndarray:
    # Tensors too, without importing PyTorch for them.
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)
