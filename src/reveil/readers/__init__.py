"""From verified archives to ``{split}/images.npy``, ``{split}/labels.npy`` and what is beside them.

Every reader yields blocks of one split, so that no more than a block has to be in memory; an image
keeps the row it gets here as its number. Nothing is extracted to disk.
"""

from pathlib import Path

import numpy as np

from reveil.datasets import FINE, LABELS, SPLITS, Dataset, get
from reveil.disk import reserve
from reveil.errors import ReveilError
from reveil.files import atomic, write_npy
from reveil.progress import Progress
from reveil.readers import birds, cifar, faces, folder, idx, plugged, tiny_imagenet
from reveil.readers.blocks import Block, check_classes
from reveil.readers.cifar import cifar_members
from reveil.readers.idx import read_idx

__all__ = ["cifar_members", "prepare", "read_idx", "write_split"]

READERS = {
    "idx": idx.blocks,
    "cifar10": cifar.blocks,
    "cifar100": cifar.blocks,
    "tiny-imagenet": tiny_imagenet.blocks,
    "birds": birds.blocks,
    "faces": faces.blocks,
    "folder": folder.blocks,
    "plug-in": plugged.blocks,
}


def prepare(dataset: Dataset, archives: str | Path, destination: str | Path) -> None:
    """Write both splits below ``destination``, each file whole or not at all.

    ``{split}/images.npy`` is uint8 (N, C, H, W), ``{split}/labels.npy`` int64 (N,); the files of
    ``dataset.extras`` have the types named there.

    Args:
        dataset: layout, counts and ranges that the archives must agree with.
        archives: folder of the files named in ``dataset.archives``, or of one's own images.
        destination: folder of the dataset.

    Raises:
        ReveilError: an archive is missing, damaged or not of this dataset; it is named.
    """
    for split in SPLITS:
        write_split(dataset, split, Path(archives), Path(destination) / split)


def write_split(dataset: Dataset, split: str, archives: Path, folder: Path) -> None:
    """Write one split; see :func:`prepare`."""
    count = dataset.counts[split]
    shape = (count, dataset.channels, dataset.size, dataset.size)
    arrays = {
        file: np.empty((count, width) if width else count, dtype=dtype)
        for file, (dtype, width) in dataset.arrays.items()
    }
    progress = Progress(f"prepare {dataset.name} {split}, images", count)
    with atomic(folder / "images.npy") as temporary:
        images = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        with temporary.open("r+b") as stream:
            reserve(stream, temporary.stat().st_size)
        done = 0
        for block in READERS[dataset.format](dataset, archives, split):
            _check_block(dataset, split, archives, block, done)
            following = np.arange(done, done + len(block.images))
            rows = following if block.rows is None else block.rows
            images[rows] = block.images
            for file, array in arrays.items():
                array[rows] = block.arrays[file]
            done += len(rows)
            progress.step(len(rows))
        if done != count:
            raise ReveilError(
                f"{_named(dataset, archives)}: holds {done} {split} images instead of {count}"
            )
        images.flush()
        del images
        for file, array in arrays.items():
            write_npy(folder / file, array)


def _check_block(dataset: Dataset, split: str, archives: Path, block: Block, done: int) -> None:
    where, shape = _named(dataset, archives), (dataset.channels, dataset.size, dataset.size)
    images, labels = block.images, block.arrays[LABELS]
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise ReveilError(
            f"{where}: holds {images.dtype} images {images.shape[1:]} instead of uint8 {shape}"
        )
    if len(images) != len(labels):
        raise ReveilError(f"{where}: holds {len(images)} images but {len(labels)} labels ({split})")
    for file in dataset.extras:
        if len(block.arrays[file]) != len(images):
            raise ReveilError(
                f"{where}: holds {len(images)} images but {len(block.arrays[file])} values of "
                f"{file} ({split})"
            )
    if done + len(images) > dataset.counts[split]:
        raise ReveilError(f"{where}: holds more than {dataset.counts[split]} {split} images")
    check_classes(where, split, labels, dataset.classes)
    if FINE in dataset.extras:
        check_classes(where, split, block.arrays[FINE], get(dataset.family).classes)


def _named(dataset: Dataset, archives: Path) -> Path:
    return archives / dataset.archives[0] if len(dataset.archives) == 1 else archives
