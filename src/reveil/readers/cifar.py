"""The archives of CIFAR-10 and CIFAR-100: pickles in a compressed tar archive."""

import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reveil.datasets import FINE, LABELS, Dataset
from reveil.errors import ReveilError
from reveil.readers import pickles
from reveil.readers.blocks import Block, Blocks
from reveil.readers.tars import LONGEST_READ, opened, wanted_members
from reveil.torchvision_guard import import_torchvision


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the batches of a split, in the order that torchvision reads them."""
    path = archives / dataset.archives[0]
    members = cifar_members(dataset.format, split)
    batches = _batches(path, members, _label_keys(dataset))
    for member in members:
        if member not in batches:
            raise ReveilError(f"{path}: has no member {member}")
        yield batches[member]


def _label_keys(dataset: Dataset) -> dict[str, str]:
    """Return file name -> key of the batches for what is said of each image."""
    if FINE in dataset.extras:
        return {LABELS: "coarse_labels", FINE: "fine_labels"}
    return {LABELS: {"cifar10": "labels", "cifar100": "fine_labels"}[dataset.format]}


def cifar_members(format: str, split: str) -> list[str]:
    """Return the members that hold a split of ``cifar10`` or ``cifar100``, in order."""
    datasets = import_torchvision().datasets
    layout = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[format]
    files = layout.train_list if split == "train" else layout.test_list
    return [f"{layout.base_folder}/{name}" for name, _ in files]


def _batches(path: Path, members: list[str], keys: Mapping[str, str]) -> dict[str, Block]:
    # One pass in the archive's order: going back in a compressed stream means starting over.
    batches = {}
    with opened(path) as archive:
        for name, stream in wanted_members(path, archive, members, LONGEST_READ):
            batches[name] = _batch(stream, f"{path}: {name}", keys)
    return batches


def _batch(stream: BinaryIO, where: str, keys: Mapping[str, str]) -> Block:
    try:
        batch = pickles.load(stream)
    except (EOFError, OSError, zlib.error, tarfile.TarError):
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise ReveilError(f"{where}: not a batch of CIFAR images: {error}") from error
    rows = batch.get("data")
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2:
        raise ReveilError(f"{where}: 'data' is no uint8 array of two dimensions")
    if rows.shape[1] != 3 * 32 * 32:
        raise ReveilError(f"{where}: its images have {rows.shape[1]} bytes instead of 3072")
    arrays = {}
    for file, key in keys.items():
        labels = batch.get(key)
        if not isinstance(labels, list) or not all(type(label) is int for label in labels):
            raise ReveilError(f"{where}: {key!r} is no list of integers")
        arrays[file] = np.array(labels, dtype=np.int64)
    return Block(rows.reshape(-1, 3, 32, 32), arrays)
