"""Targets as arrays: what is read of a prepared split, and what a guess of nothing would score."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reveil.cvnn.tasks import Target, hidden, task
from reveil.datasets import Dataset
from reveil.datasets.arrays import load_array
from reveil.errors import ReveilError


def load(folder: str | Path, target: Target) -> np.ndarray:
    """Return a target of every image of a prepared split.

    Args:
        folder: of the split, which holds ``images.npy``.

    Returns:
        int64 (N,) below ``target.outputs``, or bool (N, ``target.outputs``) for attributes.

    Raises:
        ReveilError: the array is missing or damaged, or does not hold what the target needs.
    """
    path = Path(folder, target.file)
    return choose(load_array(path), target, str(path))


def choose(array: np.ndarray, target: Target, name: str = "targets") -> np.ndarray:
    """Return a target out of the array that holds it (see :func:`load`).

    Args:
        array: int64 (N,), or bool (N, columns).
        name: of the array, for messages.

    Raises:
        ReveilError: the array does not hold what the target needs.
    """
    if target.multilabel:
        if array.dtype != np.bool_ or array.ndim != 2 or array.shape[1] <= max(target.columns):
            raise ReveilError(
                f"{name}: holds {array.dtype} {array.shape}, not one true or false value for each "
                f"of at least {max(target.columns) + 1} attributes; prepare the dataset again"
            )
        return np.ascontiguousarray(array[:, list(target.columns)])
    if array.dtype != np.int64 or array.ndim != 1:
        raise ReveilError(
            f"{name}: holds {array.dtype} {array.shape}, not one int64 class for each image; "
            "prepare the dataset again"
        )
    if array.size and not 0 <= array.min() <= array.max() < target.outputs:
        raise ReveilError(
            f"{name}: holds classes {array.min()} to {array.max()}; allowed: 0 to "
            f"{target.outputs - 1}"
        )
    return array


def task_labels(dataset: str | Dataset, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what the private network learns of every image, from the arrays by file name.

    Raises:
        ReveilError: an array is missing, or does not hold what the task needs.
    """
    return _from(arrays, task(dataset), dataset)


def hidden_labels(dataset: str | Dataset, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what inference attacks want to know of every image, from the arrays by file name.

    Raises:
        ReveilError: the dataset holds nothing beyond its task, an array is missing, or it does not
            hold what the attacks need.
    """
    target = hidden(dataset)
    if target is None:
        raise ReveilError(
            f"dataset: {_name(dataset)!r} is not allowed for inference attacks, because it has no "
            "labels beyond the task's; allowed: datasets of superclasses or of attributes"
        )
    return _from(arrays, target, dataset)


def commonest(targets: Tensor) -> Tensor:
    """Return what an attacker says who saw no features: the commonest value of his own images.

    Args:
        targets: int64 (N,), or bool (N, attributes).

    Returns:
        () int64, the lowest of the commonest classes; or (attributes,) bool, True where more than
        half are.

    Raises:
        ReveilError: there are no targets.
    """
    if not len(targets):
        raise ReveilError("targets: none are given; allowed: one or more")
    if targets.dtype == torch.bool:
        return 2 * targets.sum(0) > len(targets)
    return torch.bincount(targets).argmax()


def commonest_given(task_labels: Tensor, targets: Tensor) -> Tensor:
    """Return the commonest class behind each superclass.

    What an attacker says who knows the network's prediction and nothing else: inferring a class
    only tells of the features where it is done better than so.

    Args:
        task_labels: int64 (N,), superclasses.
        targets: int64 (N,), classes.

    Returns:
        (highest superclass + 1,) int64; the lowest of the commonest classes, -1 for a superclass
        without images.

    Raises:
        ReveilError: there are no targets.
    """
    if not len(targets):
        raise ReveilError("targets: none are given; allowed: one or more")
    rows, columns = int(task_labels.max()) + 1, int(targets.max()) + 1
    counts = torch.bincount(task_labels * columns + targets, minlength=rows * columns)
    table = counts.view(rows, columns)
    return torch.where(table.sum(1) > 0, table.argmax(1), -1)


def _from(arrays: Mapping[str, np.ndarray], target: Target, dataset: str | Dataset) -> np.ndarray:
    if target.file not in arrays:
        raise ReveilError(f"dataset {_name(dataset)}: {target.file} is missing; prepare it again")
    return choose(arrays[target.file], target, f"dataset {_name(dataset)}: {target.file}")


def _name(dataset: str | Dataset) -> str:
    return dataset if isinstance(dataset, str) else dataset.name
